"""Earlier names of what the recipes share. # deprecated alias"""

from emolab.lalm.checkpoint import INFO, load_checkpoint, save_checkpoint
from emolab.prompts import Prompt, get_prompt
from emolab.recipes.data import Splits, in_domain, take_per_label
from emolab.recipes.run import CONTROLS
from emolab.training.callbacks import read_metrics
from emolab.training.runs import METRICS, SCORES, resolved, slim

__all__ = [
    "CONTROLS",
    "INFO",
    "METRICS",
    "SCORES",
    "Splits",
    "in_domain",
    "load_checkpoint",
    "measure",
    "prompt_named",
    "read_metrics",
    "resolved",
    "save_checkpoint",
    "slim",
    "take_per_label",
]


def prompt_named(name, modalities) -> Prompt:  # type: ignore[no-untyped-def]
    """The prompt called `name`, presenting `modalities`."""
    return get_prompt(name).using(*modalities)


def measure(lalm, corpus, prompt, *, seed, max_new_tokens, controls=(), progress=True):  # type: ignore[no-untyped-def]
    """Greedy answers on `corpus`, and the same under each control."""
    from emolab.recipes.emo_rl import EmoRL

    return EmoRL(seed=seed, max_new_tokens=max_new_tokens).measure(lalm, corpus, prompt, controls, progress)
