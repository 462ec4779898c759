"""What the memory meter counts."""

from __future__ import annotations

import pytest
import torch

from benchmarks.meter import peak_bytes

MB = 1 << 20


def test_the_most_that_is_held_at_one_time() -> None:
    kept = torch.zeros(MB)  # held before: not counted

    def work() -> None:
        first = torch.ones(MB)
        second = first + kept
        del first
        third = second * 2
        del second, third
        torch.ones(MB // 4)

    assert peak_bytes(work) == pytest.approx(2 * 4 * MB, rel=1e-4)  # and some bytes for the numbers
