"""The reward lab: turn a rubric's weights, gates and parameters, and watch a group's rewards, advantages and
ranking."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.rewards.lab import Control, apply, controls, ranking, summary
from emolab.rewards.rollouts import group
from emolab.rewards.rubric import Rubric

if TYPE_CHECKING:
    from ipywidgets import Widget

_SHOWN = 160


def reward_lab(rubric: Rubric, rollouts: Mapping[str, Sequence[Any]]) -> Widget:
    """An ipywidgets view of `rubric` over saved rollouts; every change re-scores them, without a model.

    Rollouts without a column "row" count as one group.
    """
    import ipywidgets as w

    rollouts = {"row": [0] * len(rollouts["completion"]), **rollouts}
    rows = list(dict.fromkeys(rollouts["row"]))
    inputs = {control.key: _input(control) for control in controls(rubric)}
    chosen = w.Dropdown(options=rows, description="group")
    progress = w.FloatSlider(value=0.0, min=0.0, max=1.0, step=0.05, description="progress", continuous_update=False)
    table, overall = w.HTML(), w.HTML()

    def update(_: Any = None) -> None:
        current = apply(rubric, {key: widget.value for key, widget in inputs.items()})
        table.value = ranking_html(ranking(current, group(rollouts, chosen.value), progress.value))
        overall.value = summary_html(summary(current, rollouts, progress.value))

    for widget in (*inputs.values(), chosen, progress):
        widget.observe(update, names="value")
    update()
    panels = [w.VBox([inputs[c.key] for c in controls(rubric) if c.part == part.name]) for part in rubric.parts]
    tabs = w.Tab(children=panels, titles=[part.name for part in rubric.parts])
    return w.VBox([w.HBox([chosen, progress]), tabs, overall, table])


def _input(control: Control) -> Widget:
    import ipywidgets as w

    style = {"description_width": "8em"}
    if control.kind == "switch":
        return w.Checkbox(value=control.value, description=control.field, style=style)
    if control.kind == "choice":
        options = [("none" if option is None else str(option), option) for option in control.options]
        return w.Dropdown(options=options, value=control.value, description=control.field, style=style)
    if isinstance(control.value, int):
        return w.IntText(value=control.value, description=control.field, style=style)
    return w.BoundedFloatText(
        value=control.value, min=-1.0, max=10.0, step=0.05, description=control.field, style=style
    )


def ranking_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """A ranking as an HTML table: numbers to two places, completions escaped and cut."""
    if not rows:
        return "<p>no completions</p>"
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    return f"<table style='text-align:left'><tr>{head}</tr>{body}</table>"


def summary_html(numbers: Mapping[str, float]) -> str:
    """The summary over all rollouts as one line of HTML."""
    return "<p>over all rollouts: " + ", ".join(f"{html.escape(k)} <b>{v:.3f}</b>" for k, v in numbers.items()) + "</p>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
