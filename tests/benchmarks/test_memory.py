"""The memory benchmark runs, and its page says what its rows say."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import memory

RESULTS = Path(memory.__file__).parent / "results"


def test_a_small_table_is_measured() -> None:
    row = memory.measure(6, 1.0, 2)
    assert row["steps"] == 3 and [point["step"] for point in row["points"]] == [1, 2, 3]
    assert 0 < row["first_step_seconds"] < row["seconds"] and row["features_on_disk_mb"] > 0
    assert all(point["rss_mb"] > point["tensors_mb"] > 8 for point in row["points"]), "the model has 8.6 MB"
    assert "| 6 | 3 |" in memory.table({"rows": [row]})


def test_the_committed_result_shows_flat_memory() -> None:
    result = json.loads((RESULTS / "memory.json").read_text(encoding="utf-8"))
    small, large = result["rows"]
    assert (small["clips"], large["clips"]) == (200, 20_000)
    points = large["points"]
    start, end = points[len(points) // 2], points[-1]
    assert end["rss_mb"] - start["rss_mb"] < 60 and end["tensors_mb"] - start["tensors_mb"] < 8
    assert end["rss_mb"] - large["model_mb"] < 2000
    assert memory.table(result) in (RESULTS / "memory.md").read_text(encoding="utf-8")
