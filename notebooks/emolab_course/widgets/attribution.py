"""The attribution explorer: choose a clip, an answer, a method and a masker, and see what carried the answer.

The modalities are shown at once. Words, moments and parts of the face follow while the view stays usable; a bar shows
how far they are, and a button stops them. What was computed is kept: another answer, value or method of the same clip
and masker asks the model little or nothing.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emolab.attribution.explain import Effort, Explainer
from emolab.attribution.game import MASKERS, MEASURES, asked_labels
from emolab.attribution.methods import METHODS
from emolab.attribution.players import WordTimes
from emolab.errors import EmolabError
from emolab.plots.explanation import Clip, explanation_html
from emolab_course.measure import Settings

if TYPE_CHECKING:
    from ipywidgets import Widget

    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

Steps = Callable[..., Iterator[Mapping[str, Any]]]
OWN = "the model's own answer"
GRID = (2, 2, 2)
FIRST = Effort(4, 0.1, versions=1, face_grid=GRID, kinds=("word", "window", "cell"))
EFFORTS = (FIRST, Effort(16, 0.02, versions=1, face_grid=GRID))
"""What a choice spends at first, and what "refine" spends; only that shares the voice out to the spoken words."""


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
        sample: EmotionSample, label: str | None, method: str, masker: str, measure: str, fine: bool, effort: Effort
    ) -> Iterator[Mapping[str, Any]]:
        options = {"method": method, "masker": masker, "settings": Settings(measure=measure), "fine": fine}
        return explainer.steps(sample, label, effort=effort, pairs_per_step=2, **options)  # type: ignore[arg-type]

    return explorer_of(samples, asked_labels(prompt), steps)


def explorer_of(samples: Sequence[EmotionSample], labels: Sequence[str], steps: Steps) -> Widget:
    """The view alone. `steps(sample, label, method, masker, measure, fine, effort)` yields what `explanation_html`
    draws, each with how much is `done`; the view's `explorer` attribute is its `Explorer`.
    """
    return Explorer(samples, labels, steps).view


@dataclass
class Held:
    """What is known of one choice: what is shown of it, and the steps that would tell more."""

    steps: Iterator[Mapping[str, Any]]
    effort: int = 0
    done: float = 0.0
    shown: str = ""
    players: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to compute, at any effort."""
        return self.failed or (self.done >= 1.0 and self.effort == len(EFFORTS) - 1)


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
        self.refine = w.Button(description="refine", tooltip="Smaller errors, and which spoken word it was")
        self.stop = w.Button(description="stop", tooltip="Keep what is shown, and compute nothing more", disabled=True)
        self.status, self.sound, self.shown = w.HTML(), w.HTML(), w.HTML()
        self.known: dict[tuple[Any, ...], Held] = {}
        self.clips: dict[str, Clip] = {}
        self.running: asyncio.Task[None] | None = None
        rows = [list(self.inputs.values())[:3], list(self.inputs.values())[3:], [self.refine, self.stop, self.bar]]
        wrapped = w.Layout(flex_flow="row wrap")
        boxes = [w.Box(row, layout=wrapped) for row in rows]
        self.view = w.VBox([*boxes, self.status, self.sound, self.shown])
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

    @property
    def held(self) -> Held:
        """What is known of what is chosen."""
        return self.known[self.key]

    def choose(self, go_on: bool = True) -> None:
        """Show what is chosen, at least its modalities, and go on with its parts."""
        self.cancel()
        if self.key not in self.known:
            self.status.value = "<i role='status'>computing …</i>"
            self.known[self.key] = Held(self._asked(self.key, 0))
            self._draw(self.key)
        self._show()
        if go_on and self.held.done < 1.0:
            self.go_on()

    def go_on(self) -> None:
        """Compute more of what is chosen: in the loop of the kernel, so that the view stays usable, or else at once."""
        held = self.held
        if self.running is not None or held.finished:
            return
        if held.done >= 1.0:
            held.effort, held.done = held.effort + 1, 0.0
            held.steps = self._asked(self.key, held.effort)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            while held.done < 1.0:
                self._draw(self.key)
            self._show()
            return
        self.running = loop.create_task(self._rest(self.key))
        self._tell()

    def cancel(self) -> None:
        """Compute nothing more; what is shown stays, and `go_on` continues from there."""
        if self.running is not None:
            self.running.cancel()
            self.running = None
        if self.key in self.known:
            self._tell()

    def _asked(self, key: tuple[Any, ...], effort: int) -> Iterator[Mapping[str, Any]]:
        name, label, *rest = key
        return self.steps(self.samples[str(name)], None if label == OWN else label, *rest, EFFORTS[effort])

    async def _rest(self, key: tuple[Any, ...]) -> None:
        try:
            while self.known[key].done < 1.0:
                await asyncio.sleep(0.02)  # messages of the browser are read here
                self._draw(key)
                self._show()
        finally:
            if self.running is asyncio.current_task():
                self.running = None
                self._tell()

    def _draw(self, key: tuple[Any, ...]) -> None:
        """Take one step and keep its picture; an error is shown in its place. Parts that a later effort has not
        reached yet stay as an earlier one left them."""
        held, sample = self.known[key], self.samples[str(key[0])]
        try:
            found = next(held.steps)
        except EmolabError as error:
            held.shown, held.done, held.failed = f"<p role='alert'>{html.escape(str(error))}</p>", 1.0, True
            return
        clip = self.clips.setdefault(sample.id, Clip(sample, found.get("video_sampling", ())))
        held.players |= found["players"]
        held.shown, held.done = explanation_html(sample, {**found, "players": held.players}, clip), float(found["done"])
        sampled = key[5] and key[2] in ("Shapley", "Banzhaf")
        if held.done >= 1.0 and not sampled:
            held.effort = len(EFFORTS) - 1

    def _show(self) -> None:
        sample, clip = self.samples[str(self.key[0])], self.clips.get(str(self.key[0]))
        heard = clip is not None and (sample.audio is not None or "waveform" in sample.extra)
        self.sound.value = clip.player if clip is not None and heard else ""
        self.shown.value = self.held.shown
        self._tell()

    def _tell(self) -> None:
        held = self.held
        self.bar.value, self.refine.disabled = held.done, held.finished or self.running is not None
        self.stop.disabled = self.running is None
        short = (
            "refine makes errors smaller, and finds the spoken word"
            if held.done >= 1.0
            else "stopped before the end: refine goes on"
        )
        told = "refining …" if self.running else "" if held.finished else short
        self.status.value = f"<i role='status'>{told}</i>"
