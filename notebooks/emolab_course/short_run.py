"""A model with a little practice, its answers, and short GRPO runs from there: what the reward lab works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from emolab.lalm.base import LALM
    from emolab.recipes.run import Recipe, Splits
    from emolab.rewards.rubric import Rubric
    from emolab.samples import EmotionSample
    from emolab_course.start import Lab

GROUP = 8
CLIPS_PER_LABEL = 6
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Practice:
    """A model after its cold start, and what a reward can be tried on: answers, sounds, a few steps of training.

    Every run of `train` begins at the same cold start, so two runs differ in their rubric alone.
    """

    lalm: LALM
    recipe: Recipe
    parts: Splits
    clips: list[EmotionSample]
    folder: Any

    @cached_property
    def rollouts(self) -> dict[str, list[Any]]:
        """Several answers to each clip, sampled as GRPO samples them, with the columns that rewards read."""
        from emolab.rewards.rollouts import from_rows

        prompt = self.recipe.prompt(self.parts.train.labels)
        size, rows = min(GROUP, self.recipe.group_size), []
        for start in range(0, len(self.clips), 16):
            some = self.clips[start : start + 16]
            batch = self.lalm.encode(some, prompt)
            made = self.lalm.generate(batch, n=size, seed=start, max_new_tokens=self.recipe.max_new_tokens).texts
            for i, (clip, texts) in enumerate(zip(some, made, strict=True), start):
                columns = {"id": clip.id, "row": i, "prompt": prompt.text(clip), "solution": clip.emotion}
                more = {"words": list(clip.words) or None, "caption": clip.caption, "text": clip.text}
                rows += [{**columns, "completion": text, **more} for text in texts]
        return from_rows(rows)

    def sound(self, row: int) -> np.ndarray:
        """The 16 kHz wave (n,) of the clip of a group of `rollouts`."""
        from emolab.media import audio_of

        return audio_of(self.clips[row])

    def train(self, rubric: Rubric, steps: int, on_step: Callable[[Rows], bool]) -> dict[str, Any]:
        """GRPO of `rubric` for `steps` from the cold start. Returns the rows of metrics and the held-out score.

        `on_step` gets the rows so far after each step; where it returns False, training ends.
        """
        recipe = replace(self.recipe, steps=steps, save_steps=0)
        self.reset()
        watch = _watcher(on_step)
        rows = recipe.grpo(
            self.lalm, self.parts.train, self.folder, rubric, progress=False, resume=False, callbacks=[watch]
        )
        labels = self.parts.test.labels
        found = recipe.measure(self.lalm, self.parts.test, recipe.prompt(labels), progress=False)
        return {"rows": rows, "ua": found["ua"], "ua_ci": found["ua_ci"], "chance": labels.chance}

    def reset(self) -> None:
        """Put the weights back to where the cold start left them."""
        import torch

        with torch.no_grad():
            for name, parameter in self.lalm.model.named_parameters():
                if name in self._start:
                    parameter.copy_(self._start[name])

    @cached_property
    def _start(self) -> Mapping[str, Any]:
        return {n: p.detach().clone() for n, p in self.lalm.model.named_parameters() if p.requires_grad}


def practice(lab: Lab, name: str = "emo-rl", **changes: Any) -> Practice:
    """A model of the lab after the short cold start of a recipe, with a few clips of each label to answer."""
    from emolab.recipes.run import take_per_label
    from emolab.training.runs import resolved
    from emolab_course.lessons import at_most

    recipe = lab.recipe(name, **changes)
    parts = recipe.splits(lab.corpus_for(recipe))
    lalm = recipe.load()
    recipe.cold_start(lalm, parts.cold, progress=False)
    clips = resolved(take_per_label(parts.train, at_most(CLIPS_PER_LABEL, 1), 0))
    made = Practice(lalm, recipe, parts, clips, lab.folder / "short-run")
    _ = made._start  # kept before anything trains
    return made


def _watcher(on_step: Callable[[Rows], bool]) -> Any:
    from transformers import TrainerCallback

    from emolab.training.callbacks import tidy

    class Watcher(TrainerCallback):
        def __init__(self) -> None:
            self.rows: Rows = []

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "train_runtime" not in logs:
                self.rows.append(tidy(logs, state.global_step))
                if not on_step(self.rows):
                    control.should_training_stop = True

    return Watcher()
