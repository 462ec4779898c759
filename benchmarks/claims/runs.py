"""Trainings of the ledger: each is made once, kept in a folder named by the hash of what it depends on, and measured.

A folder holds `run.json` (recipe, stage, settings, versions), the checkpoint, for GRPO `grpo/metrics.jsonl`, and a file
of raw outputs for each place where it was measured. A training that was killed continues from its last checkpoint.
"""

from __future__ import annotations

import gc
import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.claims.declare import Arm
from emolab.errors import EvaluationError
from emolab.evaluate.results import provenance
from emolab.files import write_bytes, write_json
from emolab.lalm.checkpoint import is_checkpoint, load_checkpoint, save_checkpoint
from emolab.paths import build_folder
from emolab.recipes import get_recipe
from emolab.training.callbacks import read_metrics
from emolab.training.runs import METRICS

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.recipes.run import Recipe
    from emolab.samples import Corpus

Budget = Mapping[str, Mapping[str, Any]]
KEPT = ("id", "speaker", "gold", "predicted", "reference", "emotion", "sentiment", "text")
_caches: dict[str, Any] = {}
_corpora: dict[str, Any] = {}


@dataclass(frozen=True)
class Training:
    """One training of one seed: a recipe's whole settings at a stage; for GRPO, the cold start that it continues."""

    recipe: str
    stage: str
    settings: str  # canonical JSON, so that a training can be hashed and compared
    start: Training | None = None

    @property
    def key(self) -> str:
        """Hash of everything that the training depends on but the code: its folder's name."""
        return _key(self)

    @property
    def values(self) -> dict[str, Any]:
        """The settings, as a recipe takes them."""
        found: dict[str, Any] = json.loads(self.settings)
        return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}

    @property
    def seed(self) -> int:
        return int(self.values["seed"])


@cache
def _key(training: Training) -> str:
    begin = training.start.key if training.start else None
    config = {"recipe": training.recipe, "stage": training.stage, "settings": training.values, "start": begin}
    return str(provenance(config, training.seed)["config_hash"])


def training_of(arm: Arm, seed: int, budget: Budget) -> Training:
    """The training that an arm needs for a seed: its `changes` over the `budget`'s settings of its recipe."""
    own = Training(arm.recipe, arm.stage, _settings(arm.recipe, arm.changes, seed, budget))
    if arm.stage != "after":
        return own
    return replace(own, start=Training(arm.recipe, "before", _settings(arm.recipe, arm.cold, seed, budget)))


def _settings(recipe: str, changes: Mapping[str, Any], seed: int, budget: Budget) -> str:
    made = get_recipe(recipe).cpu(**{**budget.get(recipe, {}), **changes, "seed": seed})
    return json.dumps(made.settings_dict(), sort_keys=True)


def folder_of(training: Training, out: Path | None = None) -> Path:
    """Where a training is kept."""
    return (out or build_folder() / "claims") / training.recipe / f"{training.stage}-{training.key}"


def rows_file(training: Training, place: str, out: Path | None = None) -> Path:
    """The raw outputs of a training at a place; the file is there when they were measured."""
    return folder_of(training, out) / f"{place}.json.gz"


def read_rows(training: Training, place: str, out: Path | None = None) -> list[dict[str, Any]]:
    """Raw outputs as `ensure` wrote them. Raises EvaluationError where there are none."""
    path = rows_file(training, place, out)
    if not path.is_file():
        raise EvaluationError(f"{path}: not measured yet; run emolab bench claims without --page-only")
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def read_history(training: Training, out: Path | None = None) -> list[dict[str, Any]]:
    """Rows of metrics of a GRPO training, one a step; none for another stage."""
    return read_metrics(folder_of(training, out) / "grpo" / METRICS)


def is_done(training: Training, places: frozenset[str], out: Path | None = None) -> bool:
    """Whether it was trained and measured at all `places`."""
    trained = is_checkpoint(folder_of(training, out))
    return trained and all(rows_file(training, place, out).is_file() for place in places)


def ensure(training: Training, places: frozenset[str], out: Path | None = None) -> Path:
    """Train and measure what is not there yet. The cold start that it continues must be there. Returns its folder."""
    folder = folder_of(training, out)
    if is_done(training, places, out):
        return folder
    recipe = get_recipe(training.recipe)(**training.values)
    started = time.perf_counter()
    lalm = _train(recipe, training, folder, out)
    trained = time.perf_counter()
    for place in sorted(places):
        if not rows_file(training, place, out).is_file():
            _measure(recipe, lalm, training, place, out)
    seconds = {"train": round(trained - started, 1), "measure": round(time.perf_counter() - trained, 1)}
    note = {"recipe": training.recipe, "stage": training.stage, "start": training.start and training.start.key}
    write_json(folder / "run.json", note | provenance(training.values, training.seed) | {"seconds": seconds})
    del lalm
    gc.collect()  # a trainer and its model refer to each other, and a worker makes many
    return folder


def _train(recipe: Recipe, training: Training, folder: Path, out: Path | None) -> LALM:
    if is_checkpoint(folder):
        return shared_cache(load_checkpoint(folder)[0])
    parts = recipe.splits(corpus_of(recipe))
    if training.start is not None:
        lalm = shared_cache(load_checkpoint(folder_of(training.start, out))[0])
        recipe.grpo(lalm, parts.train, folder / "grpo", progress=False)
    elif training.stage == "sft":
        lalm = shared_cache(recipe.load())
        recipe.sft(lalm, parts.train, progress=False)
    else:
        lalm = shared_cache(recipe.load())
        recipe.cold_start(lalm, parts.cold, progress=False)
    save_checkpoint(folder, lalm, recipe.note(_prompt(recipe, training.stage)))
    return lalm


def _prompt(recipe: Recipe, stage: str) -> Any:
    return recipe.direct_prompt() if stage == "sft" else recipe.prompt()


def _measure(recipe: Recipe, lalm: LALM, training: Training, place: str, out: Path | None) -> None:
    corpus = corpus_of(recipe)
    split = "val" if place == "val" else "test"
    if place == "elsewhere":
        test = recipe.other_domain(corpus, split)
        if test is None:
            raise EvaluationError(f"{corpus.root}: has no domain but {recipe.domain!r} to measure on")
    else:
        test = recipe.splits(corpus, split).test
    found = recipe.measure(lalm, test, _prompt(recipe, training.stage), progress=False)["rows"]
    carriers = {sample.id: sample.extra.get("carriers") for sample in test}
    rows = [_slim(row) | {"carriers": carriers[row["id"]]} for row in found]
    write_bytes(rows_file(training, place, out), gzip.compress(json.dumps(rows).encode(), mtime=0))


def _slim(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in KEPT if name in row}


def corpus_of(recipe: Recipe) -> Corpus:
    """The embedded corpus of a recipe; read once a process."""
    from emolab_synth.embedded import embedded_corpus

    if recipe.corpus_size not in _corpora:
        _corpora[recipe.corpus_size] = embedded_corpus(recipe.corpus_size)
    found: Corpus = _corpora[recipe.corpus_size]
    return found


def shared_cache(lalm: LALM) -> LALM:
    """Let models of one name share what their towers computed: adapters and quantisation leave towers alone."""
    if lalm.frozen:
        lalm.cache = _caches.setdefault(lalm.name, lalm.cache)
    return lalm
