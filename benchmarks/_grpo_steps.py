"""A real step of each recipe, as the course trains it on two CPU cores, against the plain path.

The model is the shipped one after the recipe's cold start, with its adapters, in float32 on both sides. The step is the
recipe's first: its prompts, its group size, what the model writes there, and what the recipe's reward pays. So lengths
are ragged, answers repeat, and some groups teach nothing, which the plain path pays for: it pads, and runs every row.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from benchmarks.grpo import Bench

RECIPES = {
    "emo-rl": {},
    "emo-rl/structured": {"reasoning": "structured"},
    "affectgpt-rl": {},
    "mecap-r1": {},
    "r1-omni": {},
}


class StepBench(Bench):
    """The first GRPO step of a recipe, and both ways through it. `small` takes the smallest corpus and a short cold
    start: a check that it runs."""

    def __init__(self, name: str, small: bool = False):
        import torch

        from emolab.corpora import embedded_corpus
        from emolab.media.usable import resolve
        from emolab.recipes import get_recipe

        kind = get_recipe(name.partition("/")[0])
        short = {"cold_per_label": 2, "cold_epochs": 1.0, "prompts_per_step": 3, "group_size": 4} if small else {}
        self.recipe = kind.cpu(quantise=None, **RECIPES[name] | short)
        corpus = embedded_corpus("smoke" if small else kind.corpus_size)
        parts = self.recipe.splits(corpus)
        self.lalm, labels = self.recipe.load(), corpus.labels
        self.prompt = self.recipe.prompt(labels)
        self.recipe.cold_start(self.lalm, parts.cold, progress=False)
        self.lalm.model.eval()
        draw = torch.randperm(len(parts.train), generator=torch.Generator().manual_seed(0)).tolist()
        every = list(parts.train)
        self.samples = [resolve(every[i], corpus.root) for i in draw[: self.recipe.prompts_per_step]]
        self.batch = self.lalm.encode(self.samples, self.prompt)
        self.done = self.our_rollout()
