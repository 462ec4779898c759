"""The one set-up cell of every notebook: `lab = setup("03")`."""

from __future__ import annotations

import json
import logging
import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab.paths import CHECKOUT, build_folder
from emolab.profiles import Profile, profile
from emolab.synth.embedded import embedded_corpus

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.samples import Corpus

SEED = 0
NOISY_LOGGERS = ("transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "matplotlib", "numba", "jax")


@dataclass(frozen=True)
class Lab:
    """What a notebook works with: the machine's profile, the corpus, the model, and a folder for what it makes."""

    notebook: str
    profile: Profile
    folder: Path
    seed: int = SEED

    @cached_property
    def corpus(self) -> Corpus:
        """The embedded corpus; made on first use, read back afterwards."""
        return embedded_corpus(self.profile.corpus_size)

    def model(self, **options: Any) -> LALM:
        """The profile's model, loaded anew: `lab.model(quantise="nf4")`, with options of `Profile.load`."""
        return self.profile.load(**options)

    def result(self, name: str) -> dict[str, Any]:
        """A saved result of the checkout, `benchmarks/results/NAME.json`. Raises EmolabError where there is none."""
        path = CHECKOUT / "benchmarks" / "results" / f"{name}.json"
        if not path.is_file():
            raise EmolabError(f"{path}: no such result; make it with: emolab bench {name}")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def __repr__(self) -> str:
        return f"notebook {self.notebook}, profile {self.profile.name}, model {self.profile.model}, seed {self.seed}"


def setup(notebook: str, threads: int | None = None) -> Lab:
    """Make a notebook repeatable and quiet: threads, seeds, logging, plot style; and return what it works with.

    `notebook` is its number ("03"), `threads` the number of cores to compute with (default: all it may use).
    """
    quiet()
    chosen = profile()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    _seed_everything(SEED, threads or cores)
    _plot_style()
    folder = build_folder() / "notebooks" / notebook
    folder.mkdir(parents=True, exist_ok=True)
    return Lab(notebook, chosen, folder)


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


def _plot_style() -> None:
    import matplotlib.pyplot as plt
    from IPython import get_ipython

    from emolab.plots.style import CYCLE, RC

    if (shell := get_ipython()) is not None:
        shell.run_line_magic("matplotlib", "inline")  # so that figures made without pyplot are shown as pictures too
    mine = {"figure.figsize": (7, 3.5), "figure.dpi": 72, "savefig.dpi": 72, "axes.grid": True}
    plt.rcParams.update(RC | mine | {"axes.prop_cycle": plt.cycler(color=CYCLE)})
