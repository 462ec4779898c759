"""The attribution explorer: choose a sample, an answer, a method and a way of being absent, and see what carried it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from emolab.attribution.explain import Effort, explain
from emolab.attribution.game import MASKERS as ABSENCES
from emolab.attribution.game import MEASURES, asked_labels
from emolab.attribution.measure import Settings
from emolab.attribution.methods import METHODS
from emolab.attribution.players import WordTimes
from emolab.plots.explanation import explanation_html

if TYPE_CHECKING:
    from ipywidgets import Widget

    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

OWN = "the model's own answer"


def explanation(
    lalm: LALM,
    prompt: Prompt,
    donors: Sequence[EmotionSample],
    times: Mapping[str, WordTimes],
    sample: EmotionSample,
    label: str | None,
    method: str,
    absence: str,
    measure: str,
    fine: bool,
) -> Mapping[str, Any]:
    """What the explorer shows for one choice: `emolab.attribution.explain.explain` with few samples, so that it is
    quick.
    """
    settings = Settings(measure=measure, versions=2)
    effort = Effort(max_pairs=3, target_error=0.1, versions=1)
    return explain(lalm, sample, prompt, donors, label, absence, settings, fine, method, effort, times.get(sample.id))


def attribution_explorer(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    donors: Sequence[EmotionSample],
    times: Mapping[str, WordTimes] | None = None,
) -> Widget:
    """An ipywidgets view over `samples` (with absolute paths); what was computed once is kept.

    `times` gives, for each sample's id, when its words are said; others are guessed. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("the explorer needs at least one sample")
    return explorer_of(samples, asked_labels(prompt), partial(explanation, lalm, prompt, donors, times or {}))


def explorer_of(
    samples: Sequence[EmotionSample], labels: Sequence[str], compute: Callable[..., Mapping[str, Any]]
) -> Widget:
    """The view alone: `compute(sample, label, method, absence, measure, fine)` gives what `explanation_html` draws."""
    import ipywidgets as w

    by_id = {s.id: s for s in samples}
    names = [(f"{s.id}  {s.emotion or ''} {s.extra.get('condition', '')}", s.id) for s in samples]
    inputs = {
        "sample": w.Dropdown(options=names, description="sample"),
        "label": w.Dropdown(options=[OWN, *labels], description="answer"),
        "method": w.Dropdown(options=list(METHODS), description="method"),
        "absence": w.Dropdown(options=list(ABSENCES), description="absent"),
        "measure": w.Dropdown(options=list(MEASURES), description="value"),
        "fine": w.Checkbox(value=True, description="words, moments, face"),
    }
    shown, seen = w.HTML(), {}

    def update(_: Any = None) -> None:
        key = tuple(widget.value for widget in inputs.values())
        if key not in seen:
            name, label, *rest = key
            shown.value = "<i>computing …</i>"
            chosen = by_id[str(name)]
            seen[key] = explanation_html(chosen, compute(chosen, None if label == OWN else label, *rest))
        shown.value = seen[key]

    for widget in inputs.values():
        widget.observe(update, names="value")
    update()
    first, second = list(inputs.values())[:3], list(inputs.values())[3:]
    return w.VBox([w.HBox(first), w.HBox(second), shown])
