"""Training in bfloat16 beside float32: the committed runs, their plot, and one short run."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from benchmarks import precision


def test_the_committed_runs_are_whole_and_alike(tmp_path, capsys):
    result = json.loads(precision.RESULT.read_text())
    assert result["sizes"] == precision.SIZES
    for full, half in precision.pairs(result):
        assert len(full["reward"]) == len(half["reward"]) == 100 and full["n"] == half["n"] == len(half["answers"])
        assert abs(full["after"] - half["after"]) < 0.1 and half["after"] > half["before"] + 0.1
        assert np.corrcoef(full["reward"], half["reward"])[0, 1] > 0.9
    precision.draw(result, tmp_path / "curves.svg")
    now, kept = (
        re.split(r"(-?\d+\.\d+)", path.read_text(encoding="utf-8"))
        for path in (tmp_path / "curves.svg", precision.RESULT.with_suffix(".svg"))
    )
    assert now[::2] == kept[::2], "the same picture, up to where matplotlib places it"
    assert [float(n) for n in now[1::2]] == pytest.approx([float(n) for n in kept[1::2]], abs=1.0)
    precision.render(result)
    assert "final answers agree" in capsys.readouterr().out
