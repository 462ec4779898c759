"""Training in bfloat16 beside float32: the committed runs, their plot, and one short run."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np

from benchmarks import precision


def test_the_committed_runs_are_whole_and_alike(tmp_path, capsys):
    result = json.loads(precision.RESULT.read_text())
    assert result["sizes"] == precision.SIZES
    for full, half in precision.pairs(result):
        assert len(full["reward"]) == len(half["reward"]) == 100 and full["n"] == half["n"] == len(half["answers"])
        assert abs(full["after"] - half["after"]) < 0.1 and half["after"] > half["before"] + 0.1
        assert np.corrcoef(full["reward"], half["reward"])[0, 1] > 0.9
    precision.draw(result, tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_bytes() == precision.RESULT.with_suffix(".svg").read_bytes()
    notebook = {"figure.dpi": 144, "savefig.dpi": 144, "axes.grid": True, "text.parse_math": True}
    with mpl.rc_context(notebook | {"axes.prop_cycle": mpl.cycler(color=["red", "blue"])}):
        precision.draw(result, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "curves.svg").read_bytes(), "a notebook's settings"
    precision.render(result)
    assert "final answers agree" in capsys.readouterr().out


def test_one_short_run(tmp_path, monkeypatch):
    """One step in bfloat16, from the cold start to the scored answers; a finished run is not run again."""
    monkeypatch.setattr(precision, "SIZES", {"cold_per_label": 1, "cold_epochs": 1.0, "steps": 1, "test_per_label": 1})
    run = precision.trained("bfloat16", 0, 1, tmp_path)
    assert run["arm"] == "bfloat16" and len(run["reward"]) == 1 and run["n"] == len(run["answers"]) == 7
    assert all(np.isfinite([*run["reward"], run["before"], run["after"], *run["after_ci"]]))
    monkeypatch.setattr("emolab.recipes.emo_rl.EmoRL.cold_start", lambda *_, **__: 1 / 0)
    assert precision.trained("bfloat16", 0, 1, tmp_path) == run
