"""The benchmark runs, compares the two paths before timing them, and prints one object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from emolab.cli.bench import load

BENCH = load(Path(__file__).parents[2] / "benchmarks" / "grpo.py")


def test_quick_rows(tmp_path: Path) -> None:
    app = typer.Typer()
    BENCH.register(app)
    call = ["--quick", "--runs", "1", "--only", "/40m-audio", "--json", "--out", str(tmp_path / "rows.json")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["name"] for row in rows] == ["update/40m-audio", "rollout/40m-audio", "step/40m-audio"]
    assert all(row["ratio"] > 0 and row["difference"] < 1e-4 and row["unit"] == "s" for row in rows)
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == rows


def test_the_rows_that_are_promised_and_the_limit() -> None:
    names = [name for name, _ in BENCH.plan(1, True, growth=True)]
    assert {
        "update/tiny",
        "update/40m",
        "rollout/40m",
        "step/40m",
        "memory/40m",
        "update/40m/G32",
        "update/40m/P1200",
    } <= set(names)
    assert BENCH.Sizes(300, 64, 8).limit == pytest.approx(8 * 364 / (300 + 512))


def test_paths_that_disagree_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = BENCH.Bench.our_logprobs
    monkeypatch.setattr(BENCH.Bench, "our_logprobs", lambda self: real(self) + 1.0)
    with pytest.raises(AssertionError, match="differ by"):
        BENCH.compare("update", "tiny", "omni", BENCH.Sizes(60, 4, 2, 0.5), 1, quick=True)
