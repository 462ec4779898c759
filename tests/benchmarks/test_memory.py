"""The memory benchmark runs, and its page says what its rows say."""

from __future__ import annotations

from benchmarks import memory


def test_a_small_table_is_measured() -> None:
    row = memory.measure(6, 1.0, 2)
    assert row["steps"] == 3 and [point["step"] for point in row["points"]] == [1, 2, 3]
    assert 0 < row["first_step_seconds"] < row["seconds"] and row["features_on_disk_mb"] > 0
    assert all(point["rss_mb"] > point["tensors_mb"] > 8 for point in row["points"]), "the model has 8.6 MB"
    assert "| 6 | 3 |" in memory.table({"rows": [row]})
