"""The benchmark runs, compares the two paths before timing them, and prints one object."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from emolab.cli.bench import load_benchmark

FOLDER = Path(__file__).parents[2] / "benchmarks"
BENCH, REPORT, GPU = (load_benchmark(FOLDER / f"{name}.py") for name in ("grpo", "_grpo_report", "grpo_gpu"))
KINDS = ("update", "rollout", "step", "memory")


def test_quick_rows(tmp_path: Path) -> None:
    app = typer.Typer()
    BENCH.register(app)
    call = ["--quick", "--runs", "1", "--only", "/40m-audio", "--json", "--out", str(tmp_path / "rows.json")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["name"] for row in rows] == [f"{what}/40m-audio" for what in KINDS]
    assert all(row["ratio"] > 0 and row["limit"] > 1 and row["load"] >= 0 for row in rows)
    assert all(row["difference"] < 1e-4 and row["unit"] == "s" for row in rows[:-1]) and rows[-1]["unit"] == "MB"
    assert rows[-1]["ratio"] > 1.5, "the plain path keeps more for its backward, whatever the processor"
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == rows


def test_the_rows_that_are_promised_and_the_limit() -> None:
    names = [name for name, _ in BENCH.plan(1, True, growth=True)]
    promised = {"update/tiny", "update/40m", "rollout/40m", "step/40m", "memory/40m"}
    assert promised | {"update/40m/G32", "update/40m/P1200"} <= set(names)
    assert BENCH.Sizes(300, 64, 8).limit == pytest.approx(8 * 364 / (300 + 512))


def test_paths_that_disagree_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = BENCH.Bench.our_logprobs
    monkeypatch.setattr(BENCH.Bench, "our_logprobs", lambda self, every=False: real(self, every) + 1.0)
    with pytest.raises(AssertionError, match="differ by"):
        BENCH.compare(BENCH.random_bench("tiny", "omni", BENCH.Sizes(60, 4, 2, 0.5), quick=True), "update", 1)


@pytest.mark.parametrize("recipe", ["mecap-r1", "r1-omni"])
def test_a_real_step_of_a_recipe(recipe: str) -> None:
    """With sound alone, and with films: the plain path is transformers' own, from the processor's features."""
    rows = {name: make() for name, make in BENCH.plan(1, quick=True, growth=False) if name.endswith(f"/{recipe}")}
    assert set(rows) == {f"{what}/{recipe}" for what in KINDS}
    assert all(rows[f"{what}/{recipe}"]["difference"] < 1e-4 for what in KINDS[:3])
    assert all(row["limit"] > 1 and row["ratio"] > 0 and row["prompts"] == 4 for row in rows.values())
    assert rows[f"memory/{recipe}"]["ratio"] > 1.5, "the plain path keeps more for its backward"
    assert all(rows[f"{what}/{recipe}"]["again"] > 0 for what in ("rollout", "step"))


def test_towers_run_once_for_a_clip_that_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first rollout pays for them, and a later one does not; the plain path pays for every row."""
    bench = load_benchmark(FOLDER / "_grpo_steps.py").step_bench("mecap-r1", quick=True)
    kind, seen = type(bench.lalm), []
    real = kind.audio_embeddings
    monkeypatch.setattr(kind, "audio_embeddings", lambda self, waves: seen.append(len(waves)) or real(self, waves))
    for known, clips in ((False, 4), (True, 0)):
        seen.clear()
        done = bench.our_rollout(known)
        assert sum(seen) == clips and done.ids.shape[-1] == bench.length
    assert bench.features_of(slice(None))["input_features"].shape[0] == 4 * bench.sizes.group
    assert sum(part.stop - part.start for part in bench.plain_parts()) >= len(bench.ids) > 0


def test_stock_trl_runs_beside_ours() -> None:
    (make,) = (make for name, make in BENCH.plan(1, quick=True, growth=False) if name == "stock/40m")
    found = make()
    assert found["ratio"] > 0 and found["group"] == 3


def row(name: str, **changes: Any) -> dict[str, Any]:
    values = {
        "ratio": 4.0,
        "ours": 0.5,
        "plain": 2.0,
        "limit": 3.6,
        "unit": "s",
        "prompt": 301,
        "completion": 64,
        "group": 8,
        "runs": 5,
        "load": 0.3,
    }
    return {"name": name, **values, **changes}


def test_publishing_replaces_rows_by_name_and_says_what_was_not_measured(tmp_path: Path) -> None:
    readme, path = tmp_path / "README.md", tmp_path / "grpo.json"
    readme.write_text("# x\n<!-- speed:begin -->\n<!-- speed:end -->\n")
    grown = [row("update/40m/G2", group=2), row("update/40m/P150", prompt=150)]
    REPORT.publish({"device": "cpu", "rows": [row("update/40m"), *grown]}, path, readme)
    again = [row("update/40m", ratio=5.0), row("memory/40m", unit="MB"), row("stock/40m", runs=2)]
    spent = {"update": {"matrix products": 0.8, "attention": 0.196, "python": 0.004}}
    REPORT.publish({"device": "cpu", "rows": again, "profile": spent}, path, readme)
    rows = {r["name"]: r for r in json.loads(path.read_text())["rows"]}
    assert rows["update/40m"]["ratio"] == 5.0 and "update/40m/G2" in rows
    assert path.with_name("grpo-growth.svg").is_file()
    assert rows["gpu/step/7b"]["ratio"] is None and rows["gpu/step/7b"]["note"].startswith("not measured")
    text = readme.read_text()
    assert "| update, 40 M | 2.00 s | 0.50 s | 5.00× | 3.60× |" in text and "2 MB | 0 MB" in text
    assert "| whole step, 40 M; plain: stock TRL on text, one after the other (2 runs) | 2.00 s" in text
    assert "EMO-RL" not in text, "a recipe's line needs all four parts"
    real = [row(f"{what}/emo-rl", prompts=24, unit="MB" if what == "memory" else "s") for what in KINDS]
    REPORT.publish({"device": "cpu", "rows": real}, path, readme)
    assert path.with_name("grpo-steps.svg").is_file()
    whole = " | 2.00 → 0.50 s (**4.00×**)" * 3 + " | 2 → 0 MB (**4.00×**) |"
    assert f"| EMO-RL | 24 × 8 | 3.6×{whole}" in readme.read_text()
    REPORT.publish({"device": "cpu", "rows": [row("step/emo-rl", prompts=24, again=0.25)]}, path, readme)
    assert " | 2.00 → 0.50 s (**4.00×**), then 0.25 s (8.00×) | 2 → 0 MB" in readme.read_text()
    assert "Of our update at 40 M, 80% is matrix products, 20% is attention." in text
    assert "| whole step, 7 B in 4 bits, on a GPU | not measured | not measured |  |  |" in text


@pytest.mark.parametrize("size", ["7b", "3b", "2b"])
def test_the_gpu_benchmark_on_a_small_model_and_the_planners_error(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    app = typer.Typer()
    GPU.register(app)
    for more, name in ("", f"{size}-small"), (" --prompts 2", f"{size}-small/x2"):
        call = f"--size {size} --small --runs 1 --prompt 100 --completion 24 --group 4 --seconds 1 --json{more}"
        done = CliRunner().invoke(app, call.split())
        assert done.exit_code == 0, done.stderr
        rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
        assert set(rows) == {f"gpu/{what}/{name}" for what in ("update", "rollout", "step", "memory")}
        assert all(rows[f"gpu/{what}/{name}"]["tokens_per_second"] > 0 for what in ("update", "rollout", "step"))
        memory = rows[f"gpu/memory/{name}"]
        assert memory["ratio"] > 2 and abs(memory["planner_error"]) < 0.15, memory


def test_the_gpu_benchmark_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    app = typer.Typer()
    GPU.register(app)
    for call, told in ((["--runs", "1"], "needs a CUDA device"), (["--size", "1b"], "expected 7b or 3b")):
        done = CliRunner().invoke(app, call)
        assert done.exit_code != 0 and told in done.stderr


def test_a_plain_path_without_room_is_a_row_that_says_so() -> None:
    import torch

    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    class Full:
        @staticmethod
        def actions(what: str) -> tuple[Callable[[], None], Callable[[], None]]:
            return (lambda: None), (full if what == "update" else lambda: None)

    ours, plain = (GPU.timed(BENCH, Full, which, 1) for which in (0, 1))
    assert set(ours) == {"rollout", "update", "step"} and ours["step"] >= ours["update"] >= 0 and plain == {}
