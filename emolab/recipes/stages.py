"""The stages of one run in its folder: what is finished is read, what is not is done, and each is measured. And every
fold of a protocol, as papers report them: the mean over folds, their spread, and each fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from emolab.files import write_json
from emolab.lalm import LALM
from emolab.lalm.checkpoint import is_checkpoint, load_checkpoint, save_checkpoint
from emolab.lalm.export import write_processor
from emolab.lalm.likeness import FEWEST, Likeness
from emolab.profiles import profile
from emolab.prompts import Prompt
from emolab.recipes.data import Source, corpus_of, default_folder, scores_key
from emolab.recipes.share import write_cards
from emolab.samples import Corpus
from emolab.training.launch import is_main, wait_for_all
from emolab.training.runs import RESULT, STAGES, Run, resolved, slim

LIKENESS_CLIPS = 400
"""Training clips that a checkpoint's likeness is fitted to, at most."""


class Stages:
    """The stages of one run of a recipe: each is read where it is finished, else done, and measured."""

    def __init__(
        self,
        recipe: Any,
        run: Run,
        test: Corpus,
        other: Corpus | None,
        lalm: LALM,
        long_clips: str = "window",
        progress: bool = True,
        train: Corpus | None = None,
    ):
        self.recipe, self.run, self.train, self.test, self.other = recipe, run, train, test, other
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
            usual = type(self.recipe).for_profile(profile()).settings_dict()
            write_cards(self.run.out, usual)

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


def run_folds(
    name: str,
    run: Callable[..., dict[str, Any]],
    folds: Sequence[Corpus],
    out: str | Path | None = None,
    *,
    test: Source = None,
    say: Callable[[str], None] = lambda text: None,
    **options: Any,
) -> dict[str, Any]:
    """The recipe `name` on every fold, each in a folder of its own under `out`. `run` is its `Recipe.run`.

    Returns each stage's mean over folds of every figure, with its standard deviation under NAME_sd and n summed;
    `folds` holds the result of each fold by its name. Folds that are finished are read.
    """
    folder = Path(out) if out is not None else default_folder(name, replace(folds[0], fold=None))
    elsewhere = None if test is None else corpus_of(test, labels=folds[0].labels)
    results = {}
    for i, fold in enumerate(folds, 1):
        part = str(fold.fold)
        say(f"fold {i} of {len(folds)}: {part}")
        results[part] = run(fold, folder / part.replace("/", "-"), test=elsewhere, say=say, **options)
    result = mean_of(results) | {"out": str(folder)}
    if is_main():
        write_json(folder / RESULT, result)
    return result


def mean_of(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The mean of the results of folds by name, as `run_folds` returns it.

    >>> found = {"a": {"grpo": {"ua": 0.25, "n": 4}}, "b": {"grpo": {"ua": 0.75, "n": 6}}}
    >>> mean_of(found)["grpo"]["ua"], mean_of(found)["grpo"]["n"]
    (0.5, 10)
    """
    each = list(results.values())
    same = ("recipe", "metric", "labels", "chance", "prompt", "rewards", "seed", "settings")
    found: dict[str, Any] = {key: each[0][key] for key in same if key in each[0]}
    found |= {stage: _mean([r[stage] for r in each]) if each[0].get(stage) else None for stage in STAGES}
    controls = each[0].get("controls", {})
    found["controls"] = {name: _mean([r["controls"][name] for r in each]) for name in controls}
    away = each[0].get("elsewhere", {})
    found["elsewhere"] = {name: _mean([r["elsewhere"][name] for r in each]) for name in away}
    found["corpus"] = {**each[0].get("corpus", {}), "fold": "all"}
    return found | {"folds": results}


def _mean(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over folds of what is a number in all of them; n is summed."""
    found: dict[str, Any] = {}
    for key in parts[0]:
        values = [part.get(key) for part in parts]
        if key == "n":
            found[key] = sum(int(value or 0) for value in values)
        elif key != "seed" and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            figures = [value for value in values if isinstance(value, int | float)]
            found |= {key: fmean(figures), f"{key}_sd": stdev(figures) if len(figures) > 1 else None}
    return found
