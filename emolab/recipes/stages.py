"""The stages of one run in its folder: what is finished is read, what is not is done, and each is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from emolab.lalm.checkpoint import is_checkpoint, load_checkpoint, save_checkpoint
from emolab.lalm.export import write_processor
from emolab.lalm.likeness import FEWEST, Likeness
from emolab.prompts import Prompt
from emolab.recipes.data import scores_key
from emolab.recipes.share import write_cards
from emolab.samples import Corpus
from emolab.training.launch import is_main, wait_for_all
from emolab.training.runs import Run, resolved, slim

if TYPE_CHECKING:
    from emolab.lalm import LALM

LIKENESS_CLIPS = 400
"""Training clips that a checkpoint's likeness is fitted to, at most."""


class Trainable(Protocol):
    """What `Stages` asks of a recipe."""

    def load(self) -> LALM:
        """The model with fresh adapters."""

    def note(self, prompt: Prompt) -> dict[str, Any]:
        """What a checkpoint says of itself."""

    def measure(
        self, lalm: LALM, corpus: Corpus, prompt: Prompt, controls: Sequence[str], progress: bool, long_clips: str
    ) -> dict[str, Any]:
        """Answers on a corpus and their scores, also under controls."""


class Stages:
    """The stages of one run: each is read where it is finished, else done, and measured."""

    def __init__(
        self,
        recipe: Trainable,
        run: Run,
        test: Corpus,
        other: Corpus | None,
        lalm: LALM,
        long_clips: str = "window",
        progress: bool = True,
        train: Corpus | None = None,
    ):
        self.train = train
        self.recipe, self.run, self.test, self.other = recipe, run, test, other
        self.long_clips, self.progress = long_clips, progress
        self.cache = lalm.cache if lalm.frozen else None  # what frozen towers computed is kept from stage to stage

    def model_of(self, *folders: Path) -> LALM:
        """The model of the first folder that holds a checkpoint, else one with fresh adapters."""
        found = next((folder for folder in folders if is_checkpoint(folder)), None)
        made = self.recipe.load() if found is None else load_checkpoint(found)[0]
        if self.cache is not None:
            made.cache = self.cache
        wait_for_all()  # every process has looked before one writes
        return made

    def trained(self, stage: str, prompt: Prompt, train: Callable[[LALM], Any], begin: Path | None = None) -> LALM:
        """The model after a stage: read from its folder, or trained from `begin`, else from fresh adapters."""
        folder = self.run.out / stage
        done, model = is_checkpoint(folder), self.model_of(folder, *([begin] if begin else []))
        if not done:
            self.run.timed(stage, lambda: train(model))
            if is_main():
                self.note_likeness(folder, model)
                write_processor(model, folder)
                corpus = self.train.name if self.train else ""
                save_checkpoint(folder, model, self.recipe.note(prompt) | {"corpus": corpus})
            wait_for_all()
        return model

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result of the run, and the card of each of its checkpoints."""
        self.run.finish(result)
        if is_main():
            write_cards(self.run.out)

    def note_likeness(self, folder: Path, model: LALM) -> None:
        """Write beside a checkpoint how far clips lie from its training clips: `emolab predict` reads it."""
        every = [] if self.train is None else [s for s in resolved(self.train) if s.audio is not None]
        clips = every[:: -(-len(every) // LIKENESS_CLIPS)] if every else []
        if len(clips) >= FEWEST:
            folder.mkdir(parents=True, exist_ok=True)
            Likeness.fit(model, clips, f"{self.train.name if self.train else ''}, {len(clips)} clips").save(folder)

    def scored(
        self, stage: str, prompt: Prompt, model: LALM, checks: Sequence[str] = (), read: Path | None = None
    ) -> dict[str, Any]:
        """What a model scores, here and in the other domain; read (from `read`, if given) where it was measured."""

        def measure() -> dict[str, Any]:
            found: dict[str, Any] = self.run.timed(
                f"{stage} evaluation", lambda: self._measure(model, self.test, prompt, checks)
            )
            if (other := self.other) is not None:
                away = self.run.timed(f"{stage} elsewhere", lambda: self._measure(model, other, prompt))
                found["rows"] += [row | {"elsewhere": True} for row in away["rows"]]
                found["elsewhere"] = slim(away)
            return found

        key = scores_key(prompt, self.test, self.other, checks, self.long_clips)
        return self.run.scores(stage, key, measure, read)

    def _measure(self, model: LALM, corpus: Corpus, prompt: Prompt, checks: Sequence[str] = ()) -> dict[str, Any]:
        return self.recipe.measure(model, corpus, prompt, checks, self.progress, self.long_clips)
