"""The reward lab: change a rubric by hand, see what moves, attack it, and train a few steps with it."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emolab.errors import RewardError
from emolab.rewards.rollouts import Rollouts, summary
from emolab.rewards.rubric import Part, Rubric
from emolab_course.widgets.rubric_controls import Control, apply, as_python, controls, ranking

if TYPE_CHECKING:
    import numpy as np
    from ipywidgets import Widget

    from emolab.rewards.base import Reward

Rows = list[dict[str, Any]]
Train = Callable[[Rubric, int, Callable[[Rows], bool]], Mapping[str, Any]]
"""`train(rubric, steps, on_step)`: `on_step(rows)` gets the metrics so far and says whether to go on; the result holds
`rows` and the held-out `ua` (`ua_ci`, `chance` where known)."""
NONE = "none"
"""What a menu shows for no gate: a menu whose value is None looks empty."""
_SHOWN = 160
_STYLE = {"description_width": "9em"}


def group(rollouts: Mapping[str, Sequence[Any]], row: Any) -> Rollouts:
    """The rollouts of one prompt, by its value in the column "row". Raises RewardError where there is none."""
    kept = [i for i, value in enumerate(rollouts.get("row", ())) if value == row]
    if not kept:
        raise RewardError(f"no rollouts with row {row!r}")
    return {name: [values[i] for i in kept] for name, values in rollouts.items()}


class RewardLab:
    """A view of `rubric` over saved rollouts; every change scores them again, without a model.

    `rewards` are those that can be added to the rubric. `sound` gives the 16 kHz wave (n,) of a group by its value in
    the column "row", to be played beside the group. `attack` gives the rows of an audit, with "hack", "pay" and
    "margin"; by default `emolab.rewards.redteam.audit`. `train` starts a short run from the view (see `Train`).
    Rollouts without a column "row" count as one group.

    In a notebook the view shows itself. `rubric` is the rubric as it stands now.
    """

    def __init__(
        self,
        rubric: Rubric,
        rollouts: Mapping[str, Sequence[Any]],
        *,
        rewards: Sequence[Reward] = (),
        sound: Callable[[Any], np.ndarray] | None = None,
        attack: Callable[[Rubric], Sequence[Mapping[str, Any]]] | None = None,
        train: Train | None = None,
    ):
        import ipywidgets as w

        self.rollouts = {"row": [0] * len(rollouts["completion"]), **rollouts}
        self._base, self._sound, self._attack, self._train = rubric, sound, attack or _audit, train
        self._rewards = {Part(reward).name: reward for reward in rewards}
        rows = [(_group_name(self.rollouts, row), row) for row in dict.fromkeys(self.rollouts["row"])]
        self.group = w.Dropdown(options=rows, description="group", style=_STYLE)
        self.progress = w.FloatSlider(
            min=0, max=1, step=0.05, description="progress", continuous_update=False, style=_STYLE
        )
        self.inputs: dict[str, Any] = {}
        self.panels = w.Tab()
        self.to_add = w.Dropdown(description="add a part", style=_STYLE)
        self.add = w.Button(description="add", tooltip="Add this reward to the rubric with weight 1")
        self.remove = w.Button(description="remove this part", tooltip="Remove the part whose tab is open")
        self.player, self.table, self.overall = w.HTML(), w.HTML(), w.HTML()
        self.hacks, self.code = w.HTML(), w.HTML()
        self.training = _Training(self, train) if train is not None else None
        self.add.on_click(lambda _: self._add(str(self.to_add.value)))
        self.remove.on_click(lambda _: self._remove(self.panels.selected_index))
        self.group.observe(lambda _: self._play(), names="value")
        self.group.observe(lambda _: self._show(), names="value")
        self.progress.observe(lambda _: self._show(), names="value")
        self._rebuild()
        self._play()
        notes = w.Accordion([self.hacks, self.code], titles=("attacks on this rubric", "as Python"), selected_index=0)
        children = [
            w.HBox([self.group, self.progress]),
            self.player,
            self.panels,
            w.HBox([self.to_add, self.add, self.remove]),
            self.overall,
            self.table,
            notes,
        ]
        self.widget: Widget = w.VBox([*children, *([self.training.widget] if self.training else [])])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)

    @property
    def rubric(self) -> Rubric:
        """The rubric with every control as it is set now."""
        values = {key: None if widget.value == NONE else widget.value for key, widget in self.inputs.items()}
        return apply(self._base, values)

    def _rebuild(self) -> None:
        """Make the controls anew, after a part came or went."""
        import ipywidgets as w

        found = controls(self._base)
        self.inputs = {control.key: _input(control) for control in found}
        for widget in self.inputs.values():
            widget.observe(lambda _: self._show(), names="value")
        names = [part.name for part in self._base.parts]
        boxes = [w.VBox([self.inputs[c.key] for c in found if c.part == name]) for name in names]
        self.panels.children, self.panels.titles, self.panels.selected_index = boxes, names, 0
        free = [name for name in self._rewards if name not in names]
        self.to_add.options, self.to_add.value = free, free[0] if free else None
        self.add.disabled = not free
        self.remove.disabled = len(names) < 2
        self._show()

    def _add(self, name: str) -> None:
        if name in self._rewards:
            base = self.rubric
            self._base = replace(base, parts=(*base.parts, Part(self._rewards[name])))
            self._rebuild()
            self.panels.selected_index = len(self._base.parts) - 1

    def _remove(self, index: int | None) -> None:
        base = self.rubric
        if index is None or len(base.parts) < 2:
            return
        gone = base.parts[index].name
        self._rewards.setdefault(gone, base.parts[index].reward)
        kept = tuple(replace(p, gate=None) if p.gate == gone else p for p in base.parts if p.name != gone)
        self._base = replace(base, parts=kept)
        self._rebuild()

    def _show(self) -> None:
        current = self.rubric
        self.table.value = ranking_html(ranking(current, group(self.rollouts, self.group.value), self.progress.value))
        self.overall.value = summary_html(summary(current, self.rollouts, self.progress.value))
        self.hacks.value = hacks_html(self._attack(current))
        self.code.value = f"<pre>{html.escape(as_python(current))}</pre>"

    def _play(self) -> None:
        if self._sound is not None:
            from emolab_course.widgets.own_voice import player_html

            self.player.value = player_html(self._sound(self.group.value))


reward_lab = RewardLab
"""The view, as notebooks call it."""


class _Training:
    """The part of the lab that trains: steps, start and stop, live curves, and this run beside the one before it."""

    def __init__(self, lab: RewardLab, train: Train):
        import ipywidgets as w

        self._lab, self._train = lab, train
        self.steps = w.IntSlider(value=10, min=2, max=60, description="steps", style=_STYLE)
        self.start = w.Button(description="train with this", button_style="primary")
        self.stop = w.Button(description="stop", disabled=True)
        self.note = w.HTML()
        self.curves = w.Image(format="png", value=b"")
        self.curves.layout.display = "none"
        self.runs: list[dict[str, Any]] = []
        self._wanted = True
        self._thread: threading.Thread | None = None
        self.start.on_click(lambda _: self.run())
        self.stop.on_click(lambda _: self.cancel())
        self.widget = w.VBox([w.HBox([self.steps, self.start, self.stop]), self.note, self.curves])

    def run(self, wait: bool = False) -> None:
        """Start a run in the background; with `wait`, return when it has ended."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._wanted = True
        self.start.disabled, self.stop.disabled = True, False
        self._thread = threading.Thread(target=self._work, args=(self._lab.rubric, self.steps.value), daemon=True)
        self._thread.start()
        if wait:
            self._thread.join()

    def cancel(self) -> None:
        """Stop after the step that is running."""
        self._wanted = False

    def _work(self, rubric: Rubric, steps: int) -> None:
        self.note.value = "<i>starting …</i>"

        def on_step(rows: Rows) -> bool:
            self.note.value = f"step {len(rows)} of {steps}"
            self._draw([*self.runs, {"name": f"run {len(self.runs) + 1}", "rows": rows}])
            return self._wanted

        try:
            found = self._train(rubric, steps, on_step)
        except Exception as error:  # noqa: BLE001 - a thread's exception would be lost; the reader is told instead
            self.note.value = f"<b>{html.escape(type(error).__name__)}: {html.escape(str(error))}</b>"
        else:
            self.runs.append({"name": f"run {len(self.runs) + 1}", "code": as_python(rubric), **found})
            self._draw(self.runs)
            self.note.value = runs_html(self.runs[-2:])
        finally:
            self.start.disabled, self.stop.disabled = False, True

    def _draw(self, runs: Sequence[Mapping[str, Any]]) -> None:
        import io

        from emolab_course.figures import live_runs

        if not runs or not runs[-1]["rows"]:
            return
        buffer = io.BytesIO()
        live_runs({run["name"]: run["rows"] for run in runs[-2:]}).savefig(buffer, format="png", facecolor="white")
        self.curves.value = buffer.getvalue()
        self.curves.layout.display = None


def _audit(rubric: Rubric) -> Sequence[Mapping[str, Any]]:
    """The package's audit, over the labels that the rubric's own parts know."""
    from emolab.emotions import EMOLAB_7
    from emolab.rewards.redteam import audit

    labels = next((part.reward.labels for part in rubric.parts if hasattr(part.reward, "labels")), EMOLAB_7)
    rows: Sequence[Mapping[str, Any]] = audit(rubric, labels=labels)["rows"]
    return rows


def _group_name(rollouts: Mapping[str, Sequence[Any]], row: Any) -> str:
    first = list(rollouts["row"]).index(row)
    gold = rollouts["solution"][first] if rollouts.get("solution") else ""
    return f"clip {row}{f', gold {gold}' if gold else ''}"


def _input(control: Control) -> Widget:
    import ipywidgets as w

    common = {"description": control.field, "style": _STYLE}
    if control.kind == "switch":
        return w.Checkbox(value=control.value, **common)
    if control.kind == "choice":
        options = [NONE if option is None else option for option in control.options]
        return w.Dropdown(options=options, value=NONE if control.value is None else control.value, **common)
    if isinstance(control.value, int) and control.range is None:
        return w.IntText(value=control.value, **common)
    if control.range is None:
        return w.FloatText(value=control.value, step=0.05, **common)
    low, high = min(control.range[0], control.value), max(control.range[1], control.value)
    return w.FloatSlider(
        value=control.value, min=low, max=high, step=0.05, continuous_update=False, readout_format=".2f", **common
    )


def ranking_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """A ranking as an HTML table with a bar for each advantage; completions are escaped and cut."""
    if not rows:
        return "<p>no completions</p>"
    largest = max((abs(row["advantage"]) for row in rows), default=0.0) or 1.0
    names = [name for name in rows[0] if name != "advantage"]
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in ("advantage", *names))
    body = "".join(
        f"<tr><td>{_bar(row['advantage'], largest)}</td>"
        + "".join(f"<td>{_cell(row[name])}</td>" for name in names)
        + "</tr>"
        for row in rows
    )
    return f"<table class='emolab-ranking' style='text-align:left'><tr>{head}</tr>{body}</table>"


def _bar(value: float, largest: float) -> str:
    """A bar that grows to the right where an answer is reinforced, and to the left where it is discouraged."""
    width = 4 * abs(value) / largest
    colour, side = ("#c8383c", f"left:4em;width:{width:.2f}em") if value > 0 else ("#3d7ea6", _left(width))
    return (
        f"<div role='img' aria-label='advantage {value:+.2f}' style='position:relative;width:11.5em;height:1.1em'>"
        f"<div style='position:absolute;top:.2em;height:.7em;{side};background:{colour}'></div>"
        "<div style='position:absolute;left:4em;height:1.1em;border-left:1px solid currentColor'></div>"
        f"<span style='position:absolute;left:8.6em'>{value:+.2f}</span></div>"
    )


def _left(width: float) -> str:
    return f"left:{4 - width:.2f}em;width:{width:.2f}em"


def summary_html(numbers: Mapping[str, float]) -> str:
    """The summary over all rollouts as one line of HTML."""
    return "<p>over all rollouts: " + ", ".join(f"{html.escape(k)} <b>{v:.3f}</b>" for k, v in numbers.items()) + "</p>"


def hacks_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """The attacks that pay more than an honest wrong answer, the best first, or the sentence that none does."""
    paying = sorted((row for row in rows if row["margin"] > 1e-9), key=lambda row: -row["margin"])
    if not paying:
        return f"<p>None of {len(rows)} attacks pays more than an honest wrong answer.</p>"
    body = "".join(
        f"<tr><td>{html.escape(row['hack'])}</td><td>{row['pay']:.2f}</td><td>{row['margin']:+.2f}</td></tr>"
        for row in paying
    )
    head = "<tr><th>attack</th><th>it earns</th><th>above an honest wrong answer</th></tr>"
    return f"<p>{len(paying)} of {len(rows)} attacks pay.</p><table style='text-align:left'>{head}{body}</table>"


def runs_html(runs: Sequence[Mapping[str, Any]]) -> str:
    """The last runs side by side: held-out UA with its interval, reward at the start and the end, and the rubric."""
    body = ""
    for run in runs:
        rows, interval = run["rows"], run.get("ua_ci")
        spread = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
        body += (
            f"<tr><td>{html.escape(run['name'])}</td><td>{len(rows)}</td>"
            f"<td>{rows[0]['reward']:.2f} → {rows[-1]['reward']:.2f}</td>"
            f"<td>{run['ua']:.2f}{spread}</td><td><code>{html.escape(run['code'])}</code></td></tr>"
        )
    head = "<tr><th>run</th><th>steps</th><th>reward</th><th>held-out UA</th><th>rubric</th></tr>"
    chance = f"<p>Chance is {runs[-1]['chance']:.2f}.</p>" if runs and runs[-1].get("chance") else ""
    return f"<table style='text-align:left'>{head}{body}</table>{chance}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
