"""The attribution explorer: choose a clip, an answer, a method and a masker, and see what carried the answer.

The modalities are shown at once. Words, moments and parts of the face follow while the view stays usable; a bar shows
how far they are, and a button stops them.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.attribution.explain import Effort, Explainer
from emolab.attribution.game import MASKERS, MEASURES, asked_labels
from emolab.attribution.methods import METHODS
from emolab.attribution.players import WordTimes
from emolab.plots.explanation import explanation_html
from emolab_course.measure import Settings

if TYPE_CHECKING:
    from ipywidgets import Widget

    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

Steps = Callable[..., Iterator[Mapping[str, Any]]]
OWN = "the model's own answer"
QUICK = Effort(max_pairs=6, target_error=0.1, versions=1, face_grid=(2, 2, 2))


def attribution_explorer(
    model: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    background: Sequence[EmotionSample],
    times: Mapping[str, WordTimes] | None = None,
) -> Widget:
    """An ipywidgets view over `samples` (with absolute paths). `times` says for sample ids when each word is spoken;
    where it is not known, it is guessed. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("the explorer needs at least one sample")
    explainer = Explainer(model, prompt, background, times)

    def steps(
        sample: EmotionSample, label: str | None, method: str, masker: str, measure: str, fine: bool
    ) -> Iterator[Mapping[str, Any]]:
        options = {"method": method, "masker": masker, "settings": Settings(measure=measure), "fine": fine}
        return explainer.steps(sample, label, effort=QUICK, pairs_per_step=1, **options)  # type: ignore[arg-type]

    return explorer_of(samples, asked_labels(prompt), steps)


def explorer_of(samples: Sequence[EmotionSample], labels: Sequence[str], steps: Steps) -> Widget:
    """The view alone. `steps(sample, label, method, masker, measure, fine)` yields what `explanation_html` draws, each
    with how much is `done`; the view's `explorer` attribute is its `Explorer`.
    """
    return Explorer(samples, labels, steps).view


class Explorer:
    """The parts of the view and what happens between them. Results are kept, also unfinished ones."""

    def __init__(self, samples: Sequence[EmotionSample], labels: Sequence[str], steps: Steps) -> None:
        import ipywidgets as w

        self.samples, self.steps = {s.id: s for s in samples}, steps
        names = [(f"{s.id}  {s.emotion or ''} {s.extra.get('condition', '')}", s.id) for s in samples]
        self.inputs = {
            "sample": w.Dropdown(options=names, description="clip"),
            "label": w.Dropdown(options=[OWN, *labels], description="answer"),
            "method": w.Dropdown(options=list(METHODS), description="method"),
            "masker": w.Dropdown(options=list(MASKERS), description="masker"),
            "measure": w.Dropdown(options=list(MEASURES), description="value"),
            "fine": w.Checkbox(value=True, description="words, moments, face"),
        }
        self.bar = w.FloatProgress(min=0.0, max=1.0, description="done")
        self.refine = w.Button(description="refine", tooltip="Add words, moments and the face, and make errors smaller")
        self.stop = w.Button(description="stop", tooltip="Keep what is shown, and compute nothing more", disabled=True)
        self.status, self.shown = w.HTML(), w.HTML()
        self.known: dict[tuple[Any, ...], tuple[Iterator[Mapping[str, Any]], str, float]] = {}
        self.running: asyncio.Task[None] | None = None
        rows = [list(self.inputs.values())[:3], list(self.inputs.values())[3:], [self.refine, self.stop, self.bar]]
        self.view = w.VBox([*(w.HBox(row) for row in rows), self.status, self.shown])
        self.view.explorer = self
        for widget in self.inputs.values():
            widget.observe(lambda _: self.choose(), names="value")
        self.refine.on_click(lambda _: self.go_on())
        self.stop.on_click(lambda _: self.cancel())
        self.choose(go_on=False)

    @property
    def key(self) -> tuple[Any, ...]:
        """What is chosen."""
        return tuple(widget.value for widget in self.inputs.values())

    def choose(self, go_on: bool = True) -> None:
        """Show what is chosen, at least its modalities, and go on with its parts."""
        self.cancel()
        if self.key not in self.known:
            name, label, *rest = self.key
            self.status.value = "<i role='status'>computing …</i>"
            self._draw(self.key, self.steps(self.samples[str(name)], None if label == OWN else label, *rest))
        self._show()
        if go_on:
            self.go_on()

    def go_on(self) -> None:
        """Refine what is chosen: in the loop of the kernel, so that the view stays usable, or else at once."""
        if self.running is not None or self.known[self.key][2] >= 1.0:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            while self.known[self.key][2] < 1.0:
                self._draw(self.key, self.known[self.key][0])
            self._show()
            return
        self.running = loop.create_task(self._rest(self.key))
        self._tell()

    def cancel(self) -> None:
        """Compute nothing more; what is shown stays, and `go_on` continues from there."""
        if self.running is not None:
            self.running.cancel()
            self.running = None
        self._tell()

    async def _rest(self, key: tuple[Any, ...]) -> None:
        try:
            while self.known[key][2] < 1.0:
                await asyncio.sleep(0.02)  # messages of the browser are read here
                self._draw(key, self.known[key][0])
                self._show()
        finally:
            if self.running is asyncio.current_task():
                self.running = None
                self._tell()

    def _draw(self, key: tuple[Any, ...], steps: Iterator[Mapping[str, Any]]) -> None:
        """Take one step and keep its picture; an error is shown in its place."""
        from emolab.errors import EmolabError

        try:
            found = next(steps)
            self.known[key] = steps, explanation_html(self.samples[str(key[0])], found), float(found["done"])
        except EmolabError as error:
            self.known[key] = steps, f"<p role='alert'>{html.escape(str(error))}</p>", 1.0

    def _show(self) -> None:
        self.shown.value = self.known[self.key][1]
        self._tell()

    def _tell(self) -> None:
        done = self.known[self.key][2] if self.key in self.known else 0.0
        self.bar.value, self.refine.disabled = done, done >= 1.0 or self.running is not None
        self.stop.disabled = self.running is None
        told = "" if done >= 1.0 else "refining …" if self.running else "modalities only, or with large errors: refine"
        self.status.value = f"<i role='status'>{told}</i>"
