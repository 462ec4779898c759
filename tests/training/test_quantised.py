"""The comparison of 4 bits with float32: what it makes of runs, and what it says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from emolab.cli.bench import load_benchmark

BENCH = load_benchmark(Path(__file__).parents[2] / "benchmarks" / "quantised.py")
LABELS = ("happy", "sad")


def run(right: float, reward: float, seed: int) -> dict[str, Any]:
    """A run that answers a share of 80 clips of four talkers right, with a noisy flat reward curve."""
    rng = random.Random(seed)
    rows = [{"id": str(i), "speaker": f"s{i % 4}", "gold": LABELS[i // 4 % 2]} for i in range(80)]
    for i, row in enumerate(rows):
        wrong = LABELS[1 - LABELS.index(row["gold"])]
        row["predicted"] = row["gold"] if (i * 37 + seed) % 80 < 80 * right else wrong
    curve = [reward + rng.uniform(-0.1, 0.1) for _ in range(100)]
    return {"before": 0.4, "after": right, "seed": seed, "settings": {}, "rows": rows, "reward": curve}


def test_equal_arms_differ_by_nothing_and_a_worse_one_is_seen(tmp_path: Path) -> None:
    same = BENCH.summary([{"nf4": run(0.7, 1.0, s), "fp32": run(0.7, 1.0, s)} for s in range(3)])
    assert all(d["value"] == pytest.approx(0, abs=1e-9) for d in same["differences"])
    assert "zero lies in every interval" in BENCH.sentence(same) and "(3 seeds, 100 steps, 80 test clips)" in (
        BENCH.sentence(same)
    )
    worse = BENCH.summary([{"nf4": run(0.5, 0.8, s), "fp32": run(0.8, 1.0, s)} for s in range(3)])
    found = {d["name"]: d for d in worse["differences"]}
    assert found["final UA"]["value"] == pytest.approx(-0.3, abs=0.02) and found["final UA"]["interval"][1] < 0
    assert found["reward, all steps"]["value"] == pytest.approx(-0.2, abs=0.02)
    assert "zero lies outside of an interval" in BENCH.sentence(worse) and "-30.0 [" in BENCH.sentence(worse)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- quantised:begin -->\n<!-- quantised:end -->\n")
    BENCH.publish(worse, tmp_path / "quantised.json", readme)
    assert (tmp_path / "quantised.svg").is_file() and "final UA 50.0% and 80.0%" in readme.read_text()
