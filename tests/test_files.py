"""A file is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from emolab.cli.main import build
from emolab.errors import EmolabError, EvaluationError
from emolab.evaluate import read_result, write_result
from emolab.files import check_place, read_json, write_bytes, write_json, write_table

WRITES = """
import sys
from emolab.evaluate import write_result
for i in range(10**6):
    rows = [{"id": str(i), "text": "x" * 100}] * 2000
    write_result({"i": i, "rows": rows}, sys.argv[1])
    print(i, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_result_or_none(tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITES, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(rng.random() * 0.1)
        process.kill()
        process.wait()
        process.stdout.close()
        if (tmp_path / "r.json").is_file():
            found = read_result(tmp_path / "r")
            assert len(found["rows"]) == 2000 and {row["id"] for row in found["rows"]} == {str(found["i"])}
        elif (tmp_path / "r.parquet").is_file():
            assert len(pd.read_parquet(tmp_path / "r.parquet")) == 2000


def test_the_numbers_are_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emolab import files

    def fails(*_: object) -> None:
        raise RuntimeError

    write_result({"n": 1, "rows": [{"id": "old"}]}, tmp_path / "r")
    monkeypatch.setattr(files, "write_json", fails)
    with pytest.raises(RuntimeError):
        write_result({"n": 2, "rows": [{"id": "new"}]}, tmp_path / "r")
    assert not (tmp_path / "r.json").exists() and read_table(tmp_path / "r.parquet") == [{"id": "new"}]


def read_table(path: Path) -> list[dict[str, object]]:
    return pd.read_parquet(path).to_dict("records")  # type: ignore[return-value]


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_json(tmp_path / "deep" / "a.json", {"a": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emolab.files.os.fsync", full)
    with pytest.raises(EmolabError, match=r"a.json: cannot be written .No space left"):
        write_json(path, {"a": 2})
    assert [p.name for p in path.parent.iterdir()] == ["a.json"] and json.loads(path.read_text()) == {"a": 1}


@pytest.mark.parametrize("name", ["file/under", "x" * 300])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmolabError, match="choose another place"):
        write_bytes(tmp_path / name, b"")
    with pytest.raises(EmolabError, match="choose another place"):
        check_place(tmp_path / name)


def test_a_place_is_tried_before_anything_is_computed(tmp_path: Path) -> None:
    assert check_place(tmp_path / "new" / "a.json").parent.is_dir() and not list((tmp_path / "new").iterdir())
    assert check_place(tmp_path / "run", folder=True).is_dir()
    with pytest.raises(EmolabError, match=r"run: cannot be written .it is a folder.; choose another place"):
        check_place(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(EmolabError, match="File exists"):
        check_place(tmp_path / "file", folder=True)
    for arguments in (["evaluate"], ["zeroshot"], ["train", "emo-rl"]):
        found = CliRunner().invoke(build(), [*arguments, "--out", str(tmp_path / "file" / "under"), "--json"])
        assert found.exit_code == 1 and "cannot be written" in json.loads(found.stdout)["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_damaged_file_is_one_line_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=r"a.json: .*run again"):
        read_json(path, "a result", EvaluationError)


def test_text_that_utf8_cannot_hold_is_escaped(tmp_path: Path) -> None:
    rows = [{"id": "caf\udce9"}]
    assert read_json(write_json(tmp_path / "a.json", {"rows": rows})) == {"rows": rows}
    assert read_table(write_table(tmp_path / "a.parquet", rows)) == [{"id": "caf\\udce9"}]
