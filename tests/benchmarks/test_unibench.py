"""MER-UniBench by hand."""

import pytest

from benchmarks._unibench import UNIBENCH, unibench_table


def test_unibench_table():
    rows = unibench_table(
        {
            "MELD": (["sad", "joy"], [["unhappy"], ["angry"]]),
            "MOSI": ([1.0, -1.0], [["happy"], ["sad"]]),
            "OV-MERD+": ([["sad"]], [["sad", "happy"]]),
        }
    )
    assert [row["score"] for row in rows] == pytest.approx([0.5, 1.0, 2 / 3, (0.5 + 1 + 2 / 3) / 3])
    assert [row["metric"] for row in rows[:3]] == ["hit rate", "weighted F1", "wheel F"]
    assert len(UNIBENCH) == 9
    with pytest.raises(ValueError, match="not in MER-UniBench"):
        unibench_table({"CREMA-D": ([], [])})
