"""The one set-up cell of every notebook: `lab = setup("03")`."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import CorpusError, EmolabError
from emolab.paths import CHECKOUT, build_folder
from emolab.profiles import Profile, profile
from emolab_course.missing import missing

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.recipes.run import Recipe
    from emolab.samples import Corpus, EmotionSample

SEED = 0
WIDEST_CELL = 240
"""Letters that a cell of a table shows before it is cut."""
NOISY_LOGGERS = ("transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "matplotlib", "numba", "jax")


@dataclass(frozen=True)
class Lab:
    """What a notebook works with: the machine's profile, the corpus, the model, and a folder for what it makes.

    `spec` says which corpus it is, as `load_corpus` takes it; `options` are its labels, protocol and fold.
    """

    notebook: str
    profile: Profile
    folder: Path
    spec: str
    options: Mapping[str, Any] = field(default_factory=dict)
    model_name: str = ""
    seed: int = SEED

    @property
    def embedded(self) -> bool:
        """Whether the corpus is the embedded one, which knows what carries each emotion."""
        return self.spec.split(":")[0] == "synthetic"

    @cached_property
    def corpus(self) -> Corpus:
        """The learner's corpus, with its labels and splits; the embedded one is made on first use.

        What was left out, and how the splits came about, is printed once.
        """
        return self._load(self.spec) if self.spec != "synthetic" else load_embedded(self.profile.corpus_size)

    def corpus_for(self, recipe: Recipe) -> Corpus:
        """The corpus that a recipe is about: the learner's own, or the embedded corpus of the size that it needs.

        Where the learner's corpus lacks what the recipe needs (words, captions), a sentence says so, and the embedded
        corpus is used.
        """
        if not self.embedded:
            try:
                recipe.select(self.corpus)
            except CorpusError as error:
                print(f"{error}. This notebook uses the embedded corpus instead.")  # noqa: T201
            else:
                return self.corpus
        elif ":" in self.spec or recipe.corpus_size == self.profile.corpus_size:
            return self.corpus
        return load_embedded(recipe.corpus_size)

    def _load(self, spec: str) -> Corpus:
        from emolab.corpora import load_corpus

        corpus = load_corpus(spec, **self.options)
        if not self.embedded and corpus.report is not None:
            for reason, items in corpus.report.skipped.items():
                print(f"left out, {reason}: {len(items)}")  # noqa: T201
            for note in corpus.report.notes:
                print(note)  # noqa: T201
        return corpus

    def voices(self, split: str = "test") -> Corpus:
        """The samples of a split that only the voice tells apart; of another corpus, those that have a voice."""
        kept = self.recipe("emo-rl").select(self.corpus).where(split=split)
        return kept.where(domain="a") if self.embedded else kept.where(lambda sample: sample.audio is not None)

    def model(self, **options: Any) -> LALM:
        """The profile's model, loaded anew; `options` override what the profile chooses (`quantise="none"`)."""
        return self.profile.load(self.model_name or None, **options)

    def recipe(self, name: str, **changes: Any) -> Recipe:
        """A recipe with the profile's values, the sizes of this lesson, and `changes`."""
        from emolab.recipes import recipe
        from emolab_course.lessons import sizes

        chosen = {"model": self.model_name} if self.model_name else {}
        return recipe(name, **{**chosen, **sizes(self.notebook, name, self.profile.name), **changes})

    def trained(self, stage: str = "grpo", recipe: str = "r1-omni") -> tuple[LALM, Prompt]:
        """The model that is shipped as a recipe's `stage` ("cold_start" or "grpo") left it, and what it is asked.

        The shipped adapters belong to tiny-omni. Another model is returned as it comes, and a sentence says so.
        """
        from emolab.lalm.tiny import shipped_adapter
        from emolab.prompts import get_prompt

        if self.model_name or self.profile.model != "tiny-omni":
            lalm = self.model()
            print(f"{lalm.name} is used untrained: adapters are shipped for tiny-omni only")  # noqa: T201
            return lalm, get_prompt("free", self.corpus.labels)
        from emolab.lalm.checkpoint import load_checkpoint

        lalm, info = load_checkpoint(shipped_adapter(recipe, stage))
        return lalm, get_prompt(info["prompt"], self.corpus.labels).using(*info["modalities"])

    def truth(self, instead: str, corpus: Corpus | None = None) -> dict[str, dict[str, Any]]:
        """What the generator knows of each sample, by its id; `{}` for a corpus of which nothing is known.

        `instead` is the sentence that is printed then: what this cell shows on the embedded corpus.
        """
        if not self.knows("carriers", instead, corpus):
            return {}
        from emolab_synth.corpus import read_truth

        return read_truth((corpus or self.corpus).root)

    def knows(self, what: str, instead: str, corpus: Corpus | None = None) -> bool:
        """Whether the samples state `what` (a field, or a key of `extra`); where not, `instead` is printed."""
        held = corpus if corpus is not None else self.corpus
        if any(what in sample.extra or getattr(sample, what, None) for sample in held):
            return True
        print(f"{held.name or self.spec} does not state {what!r}. {instead}")  # noqa: T201
        return False

    def to_explain(self, n: int) -> list[EmotionSample]:
        """About `n` held-out samples with absolute paths whose answers are worth explaining.

        Of a corpus that states its carriers, most have their evidence in one modality; of another, all labels occur.
        """
        from emolab.recipes.run import take_per_label
        from emolab.training.runs import resolved
        from emolab_course.lessons import at_most
        from emolab_course.measure import choose

        count = at_most(n, 4)
        if any("carriers" in sample.extra for sample in self.corpus):
            return choose(self.corpus, count, single_turns=4)
        each = -(-count // len(self.corpus.labels))
        return resolved(take_per_label(self.corpus.where(split="test"), each, 0))[:count]

    def masker(self) -> str:
        """What replaces a masked modality: that of neutral clips where there are some, else that of any other clip."""
        return "neutral" if any(sample.emotion == "neutral" for sample in self.corpus) else "swap"

    def maskers(self) -> tuple[str, ...]:
        """Every masker that this corpus allows: "neutral" needs clips with that label."""
        from emolab.attribution.game import MASKERS

        return tuple(m for m in MASKERS if m != "neutral" or self.masker() == "neutral")

    def stage_keys(self, saved: Mapping[str, Any]) -> tuple[str, str]:
        """The names under which a saved result holds the cold start and GRPO; older results say before and after."""
        return ("cold_start", "grpo") if "grpo" in saved else ("before", "after")

    def result(self, name: str) -> dict[str, Any]:
        """A saved result of the checkout, `benchmarks/results/NAME.json`. Raises EmolabError where there is none."""
        path = CHECKOUT / "benchmarks" / "results" / f"{name}.json"
        if not path.is_file():
            raise EmolabError(f"{path}: no such result; make it with: emolab bench {name}")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def __repr__(self) -> str:
        model = self.model_name or self.profile.model
        machine = f"notebook {self.notebook}, profile {self.profile.name}"
        return f"{machine}, model {model}, corpus {self.spec}, seed {self.seed}"


def load_embedded(size: str) -> Corpus:
    """The embedded corpus of a size; the smallest one where the notebooks run at their smallest size."""
    from emolab.corpora import load_corpus
    from emolab_course.lessons import smoke

    return load_corpus("synthetic:smoke" if smoke() else f"synthetic:{size}")


def setup(
    notebook: str,
    threads: int | None = None,
    *,
    corpus: str | None = None,
    labels: str | Sequence[str] | None = None,
    protocol: str | None = None,
    fold: str | int | None = None,
    model: str | None = None,
) -> Lab:
    """Make a notebook repeatable and quiet: threads, seeds, logging, plot style; and return what it works with.

    `notebook` is its number ("03"), `threads` the number of cores to compute with (default: all it may use). `corpus`,
    `labels`, `protocol` and `fold` are those of `load_corpus`; `model` is a name or a folder. What is not given comes
    from the variables EMOLAB_CORPUS, EMOLAB_LABELS and EMOLAB_MODEL, else from the profile (EMOLAB_PROFILE). What the
    machine lacks is printed, with what to do about it.

    Example: `lab = setup("04", corpus="ravdess:/data/RAVDESS")`
    """
    quiet()
    chosen = profile()
    spec = corpus or os.environ.get("EMOLAB_CORPUS") or "synthetic"
    model = model or os.environ.get("EMOLAB_MODEL") or ""
    for sentence in missing(chosen, spec, model):
        print(sentence)  # noqa: T201
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    _seed_everything(SEED, threads or cores)
    _display_style()
    folder = build_folder() / "notebooks" / notebook
    folder.mkdir(parents=True, exist_ok=True)
    given = {"labels": labels or os.environ.get("EMOLAB_LABELS"), "protocol": protocol, "fold": fold}
    options = {name: value for name, value in given.items() if value is not None}
    return Lab(notebook, chosen, folder, spec, options, model)


def quiet() -> None:
    """Keep libraries from printing what a learner can do nothing about; what this package reports is not touched."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave the core to others on a busy machine
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("BITSANDBYTES_NOWELCOME", "1")
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    for category in (FutureWarning, DeprecationWarning, UserWarning):
        warnings.filterwarnings(
            "ignore", category=category, module=r"(torch|transformers|trl|peft|bitsandbytes|librosa)(\..*)?"
        )


def _seed_everything(seed: int, threads: int) -> None:
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)


def _display_style() -> None:
    import matplotlib.pyplot as plt
    import pandas as pd
    from IPython import get_ipython

    from emolab.plots.style import CYCLE, RC
    from emolab_course.alt_text import install

    if (shell := get_ipython()) is not None:
        shell.run_line_magic("matplotlib", "inline")  # so that figures made without pyplot are shown as pictures too
        install(shell)
    mine = {
        "figure.figsize": (7, 3.5),
        "figure.dpi": 144,
        "savefig.dpi": 144,
        "axes.grid": True,
        "text.parse_math": True,
    }
    pd.set_option("display.max_colwidth", WIDEST_CELL)
    plt.rcParams.update(RC | mine | {"axes.prop_cycle": plt.cycler(color=CYCLE)})
