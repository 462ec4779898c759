"""A run's folder: whose it is, what it depends on, what is read again, and what damage says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emolab.errors import TrainingError
from emolab.samples import EmotionSample
from emolab.training import runs
from emolab.training.runs import Run, corpus_identity, differences, free_folder

IDENTITY: dict[str, Any] = {"recipe": "x", "settings": {"seed": 0, "steps": 2}, "corpus": {"name": "a", "hash": "1"}}


def test_the_shipped_adapters_are_found_by_the_stages_names() -> None:
    from emolab.lalm.checkpoint import is_checkpoint
    from emolab.lalm.tiny import TINY_FOLDER, shipped_adapter

    assert all(is_checkpoint(shipped_adapter("r1-omni", stage)) for stage in ("cold_start", "grpo"))
    assert shipped_adapter("r1-omni", "grpo") == TINY_FOLDER / "r1-omni" / "grpo"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"seed": 1, "steps": 2}}, r"other settings \(seed: 1 here, 0 there\)"),
        ({"corpus": {"name": "b", "hash": "2"}}, r"other corpus \(name: b here, a there; hash differs\)"),
        ({"rewards": {"name": "loud"}}, "other rewards"),
    ],
)
def test_a_folder_holds_runs_of_one_identity(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    out = tmp_path / "run"
    with Run(out, IDENTITY):
        pass
    with Run(out, IDENTITY):
        pass
    (tmp_path / "run-2").mkdir()
    with pytest.raises(TrainingError, match=told) as error, Run(out, IDENTITY | change):
        pass
    assert f"use --out {tmp_path / 'run-3'}" in str(error.value)
    with Run(out, IDENTITY):
        pass


def test_differences_name_what_and_how() -> None:
    part = {"weight": 1.0, "reward": {"name": "eswr", "source": "a"}}
    other = {"weight": 0.5, "reward": {"name": "eswr", "source": "b"}}
    extra = {"weight": 1.0, "reward": {"name": "loud", "source": "a"}}

    def told(*theirs: dict[str, Any]) -> list[str]:
        return differences({"rewards": {"parts": [part]}}, {"rewards": {"parts": list(theirs)}})

    assert told(other) == ["rewards (eswr: weight: 1.0 here, 0.5 there; eswr: reward source differs)"]
    assert told(part, extra) == ["rewards (eswr here, eswr, loud there)"] and told(part) == []
    assert differences(IDENTITY, IDENTITY) == []
    assert free_folder(Path("nowhere/run-7")) == Path("nowhere/run-2")


def test_two_trainings_in_one_folder_are_refused(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom emolab.training.runs import Run\n"
        "with Run(sys.argv[1], {}):\n    print('in', flush=True)\n    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "in\n"
        with pytest.raises(TrainingError, match="another process trains in this folder"), Run(tmp_path, {}):
            pass
    finally:
        other.kill()
        other.wait()
        if other.stdout is not None:
            other.stdout.close()
    with Run(tmp_path, {}):  # a killed one leaves no lock behind
        pass


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"file: cannot be written .*another --out"), Run(tmp_path / "file", {}):
        pass


@pytest.mark.parametrize("name", ["run.json", "seconds.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "\udcff"])
def test_damaged_notes(tmp_path: Path, name: str, content: str) -> None:
    with Run(tmp_path, IDENTITY) as run:
        run.timed("load", lambda: None)
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    if name == "seconds.json":  # times are no result: they are counted anew
        with Run(tmp_path, IDENTITY) as run:
            assert run.seconds == {}
    else:
        with pytest.raises(TrainingError, match=r"run.json: .*run again"), Run(tmp_path, IDENTITY):
            pass


def measured(n: int) -> dict[str, Any]:
    return {"ua": n, "rows": [{"id": str(i)} for i in range(n)], "info": {}}


def test_scores_are_kept_for_their_key_with_their_outputs(tmp_path: Path) -> None:
    with Run(tmp_path, {}) as run:
        assert run.scores("grpo", {"a": (1,)}, lambda: measured(1)) == {"ua": 1}
        assert run.scores("grpo", {"a": (1,)}, lambda: measured(2)) == {"ua": 1}
        assert run.scores("grpo", {"a": (2,)}, lambda: measured(2)) == {"ua": 2}
        (tmp_path / "grpo" / "scores.parquet").unlink()
        assert run.scores("grpo", {"a": (2,)}, lambda: measured(3)) == {"ua": 3}, "raw outputs are lost"
        (tmp_path / "grpo" / "scores.json").write_text("{")
        with pytest.raises(TrainingError, match=r"scores.json: .*damaged"):
            run.scores("grpo", {"a": (2,)}, lambda: measured(3))


def test_a_signal_outside_grpo_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="give the same command again"), Run(tmp_path, {}):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with pytest.raises(TrainingError, match="finished stages are kept"), Run(tmp_path, {}):
        raise KeyboardInterrupt


def test_what_a_corpus_is(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x" * 200_000)
    one = EmotionSample("1", audio="a.wav", text="t", emotion="sad", caption="c", words=("w",), parts={"voice": "v"})
    two = EmotionSample("2", text="t", emotion="sad")

    def found(*samples: EmotionSample) -> str:
        return str(corpus_identity(samples, tmp_path)["hash"])

    same = found(one, two)
    assert found(two, one) == same, "the order is the seed's"
    for change in ({"text": "u"}, {"emotion": "happy"}, {"caption": None}, {"words": ()}, {"parts": {}}, {"id": "3"}):
        assert found(replace(one, **change), two) != same, change
    (tmp_path / "b.wav").write_bytes(b"x" * 200_000)
    os.utime(tmp_path / "a.wav", (1, 1))
    assert found(one, two) == same, "a copied file is the same file"
    data = bytearray(b"x" * 200_000)
    data[-3] = 0
    (tmp_path / "a.wav").write_bytes(data)
    assert found(one, two) != same
    assert runs.corpus_identity([one], tmp_path, "n")["samples"] == 1


def test_a_folder_without_a_result_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no result.json"):
        runs.read_run(tmp_path)
    (tmp_path / "result.json").write_text(json.dumps({"grpo": {"ua": 1}}))
    assert runs.read_run(tmp_path) == {"grpo": {"ua": 1}}
