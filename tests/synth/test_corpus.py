"""Making a corpus: same bytes however it is made, resumable, and nothing of the truth in the table."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from emolab_synth import corpus as making
from emolab_synth import plan as planning
from emolab_synth import prosody
from emolab_synth.commands import register
from emolab_synth.plan import CONDITIONS
from PIL import Image
from typer.testing import CliRunner

from emolab.emotions import EMOTIONS
from emolab.errors import CorpusError
from emolab.samples import Corpus

TINY = {("a", "train"): (6, 0, 0, 0), ("a", "test"): (0, 0, 0, 1)}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size of fourteen samples, for this process and any it starts (a spec carries all that a worker needs)."""
    monkeypatch.setitem(planning.SIZES, "tiny", TINY)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus") / "one"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(planning.SIZES, "tiny", TINY)
        making.make(root, "tiny", seed=5, workers=1)
    return root


def digests(root: Path) -> dict[str, str]:
    files = [p for p in sorted(root.rglob("*")) if p.is_file()]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_layout_and_media(made: Path) -> None:
    corpus = Corpus.read(made / "table.parquet")
    assert corpus.samples == Corpus.read(made / "table.jsonl").samples and len(corpus) == 14
    for sample in corpus:
        info = soundfile.info(corpus.path(sample))
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16") and 0.9 < info.duration < 5
        wave, _ = soundfile.read(corpus.path(sample))
        assert 0.01 < np.abs(wave).max() <= 1.0
        with Image.open(corpus.path(sample, "video")) as strip:
            assert strip.size == (8 * 64, 64) and np.asarray(strip).std() > 10
        assert sample.split and sample.speaker and sample.text and sample.caption and len(sample.words) >= 2
        assert sample.emotion in EMOTIONS and sample.extra["condition"] in CONDITIONS
        assert -1 <= min(sample.valence, sample.arousal, sample.dominance) <= max(sample.valence, sample.arousal) <= 1
    info = json.loads((made / "corpus.json").read_text())
    assert info["complete"] and (info["size"], info["seed"], info["samples"]) == ("tiny", 5, 14)
    listed = dict(reversed(line.split("  ")) for line in (made / "checksums.txt").read_text().splitlines())
    assert listed == {k: v for k, v in digests(made).items() if k not in ("corpus.json", "checksums.txt")}


def test_same_bytes_with_more_workers(made: Path, tmp_path: Path) -> None:
    making.make(tmp_path / "two", "tiny", seed=5, workers=2)
    assert digests(tmp_path / "two") == digests(made)


def test_interrupted_run_is_finished_with_the_same_bytes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, whole, calls = tmp_path / "cut", making.render, []

    def dies(spec: planning.Spec) -> tuple[np.ndarray, np.ndarray]:
        calls.append(spec.id)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(spec)

    monkeypatch.setattr(making, "render", dies)
    with pytest.raises(KeyboardInterrupt):
        making.make(root, "tiny", seed=5, workers=1)
    assert len(list((root / "video").iterdir())) == 3 and not json.loads((root / "corpus.json").read_text())["complete"]
    (root / "audio" / ".syn00000.flac.1.part").write_bytes(b"left by a killed process")
    (sorted((root / "video").glob("*.jpg"))[0]).unlink()
    making.make(root, "tiny", seed=5, workers=1)
    assert digests(root) == digests(made)
    assert len(calls) == 4 + 12, "samples that were there are not made again"


def test_a_clip_cut_by_a_power_failure_is_made_again(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root)
    for name in ("checksums.txt", "table.parquet"):
        (root / name).unlink()
    (root / "corpus.json").write_text((root / "corpus.json").read_text().replace("true", "false"))
    audio, video = (sorted((root / kind).iterdir()) for kind in ("audio", "video"))
    audio[2].write_bytes(audio[2].read_bytes()[:2000])
    audio[3].write_bytes(b"")
    video[4].write_bytes(video[4].read_bytes()[:700])
    making.make(root, "tiny", seed=5, workers=1)
    assert digests(root) == digests(made)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "import os, signal, sys\n"
        "from emolab_synth.corpus import end_with_parent\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, mp_context=get_context('spawn'), initializer=end_with_parent)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    worker = int(subprocess.run([sys.executable, tmp_path / "parent.py"], capture_output=True, text=True).stdout)
    for _ in range(100):
        if not alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_damaged_file_is_made_again(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root)
    victim = sorted((root / "audio").iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:100])
    (root / "table.parquet").unlink()
    making.make(root, "tiny", seed=5, workers=1)
    assert digests(root) == digests(made)


def test_media_of_another_version_are_not_mixed_in(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made, root)
    monkeypatch.setitem(prosody.PROFILES, "sad", prosody.Prosody())
    with pytest.raises(CorpusError, match="another version"):
        making.make(root, "tiny", seed=5, workers=1)
    assert digests(root) == digests(made)


def test_another_seed_is_another_corpus(made: Path, tmp_path: Path) -> None:
    making.make(tmp_path / "other", "tiny", seed=6, workers=1)
    mine, theirs = digests(made), digests(tmp_path / "other")
    assert all(theirs[name] != digest for name, digest in mine.items())


def test_folder_of_another_corpus_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"another corpus .*seed 5.*asked for .*seed 6"):
        making.make(made, "tiny", seed=6)
    with pytest.raises(CorpusError, match="another corpus"):
        making.make(made, "smoke", seed=5)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CorpusError, match="not empty"):
        making.make(tmp_path, "tiny")
    with pytest.raises(CorpusError, match="is a file"):
        making.make(tmp_path / "notes.txt", "tiny")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match="not readable"):
        making.make(broken, "tiny")
    assert (tmp_path / "notes.txt").read_text() == "mine" and not (tmp_path / "audio").exists()


def test_what_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match=r"file/below: cannot be made"):
        making.make(tmp_path / "file" / "below", "tiny")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CorpusError, match=r"corpus\.json: cannot be written \(No space left"):
        making.make(tmp_path / "out", "tiny")


def test_truth_is_apart_from_the_table(made: Path) -> None:
    truth, table = making.read_truth(made), (made / "table.jsonl").read_text()
    corpus = Corpus.read(made / "table.parquet")
    assert set(truth) == {s.id for s in corpus}
    for sample in corpus:
        row = truth[sample.id]
        assert set(row) == {"id", "shown", "intensity", "prosody", "aus", "room"}
        for name in sample.extra["carriers"]:
            assert row["shown"][name] == sample.emotion
    for key in ("prosody", "intensity", "AU12", "jitter", "shown", "rt60"):
        assert f'"{key}"' not in table
    with pytest.raises(CorpusError, match=r"truth\.jsonl"):
        making.read_truth(made / "audio")


def test_audio_core_is_balanced_and_neutral_elsewhere() -> None:
    specs = planning.plan("course", 0)
    from emolab_synth.realise import realise, to_sample

    corpus = Corpus(Path(), [to_sample(s, realise(s)) for s in specs], "synthetic")
    for split, least in (("train", 1140), ("val", 100), ("test", 420)):
        core = making.audio_core(corpus, split)
        counts = Counter(s.emotion for s in core)
        assert len(core) >= least and set(counts) == set(EMOTIONS) and len(set(counts.values())) == 1
        assert {s.extra["condition"] for s in core} == {"A", "neutral"} and {s.extra["domain"] for s in core} == {"a"}
        assert all("-neu-" in s.extra["sentence"] for s in core)
    assert len(making.audio_core(corpus, "test", None)) > len(making.audio_core(corpus, "test"))
    result = making.summary(corpus)
    assert result["n"] == len(corpus) == sum(result["split"].values()) and result["audio_core"]["test"] == 420


def test_command(tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    run = CliRunner().invoke(
        app,
        [
            "make",
            "synthetic",
            "--size",
            "tiny",
            "--seed",
            "5",
            "--out",
            str(tmp_path / "c"),
            "--workers",
            "1",
            "--json",
        ],
    )
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    assert result["n"] == 14 and result["size"] == "tiny" and result["emotion"]["neutral"] == 2
    for wrong in (["make", "iemocap"], ["make", "synthetic", "--size", "huge", "--out", str(tmp_path / "d")]):
        failed = CliRunner().invoke(app, wrong)
        assert failed.exit_code == 1 and "there" in failed.stderr and not (tmp_path / "d").exists()
