"""How large the training runs of each notebook are: long enough to see something, short enough for a lesson.

`EMOLAB_COURSE=smoke` shrinks every run to two steps; the test that executes the notebooks on several corpora and models
uses it.
"""

from __future__ import annotations

import os
from typing import Any

VARIABLE = "EMOLAB_COURSE"

ON_TINY: dict[tuple[str, str], dict[str, Any]] = {
    ("03", "emo-rl"): {"cold_per_label": 5, "cold_epochs": 5.0, "quantise": None, "test_per_label": 10},
    ("04", "emo-rl"): {"cold_per_label": 4, "cold_epochs": 3.0, "steps": 100, "test_per_label": 10},
    ("04b", "emo-rl"): {
        "cold_per_label": 6,
        "cold_epochs": 6.0,
        "quantise": None,
        "steps": 60,
        "prompts_per_step": 12,
        "learning_rate": 1e-3,
        "test_per_label": 14,
    },
    ("06", "emo-rl"): {"cold_per_label": 5, "cold_epochs": 5.0, "quantise": None, "steps": 60, "test_per_label": 10},
    ("07", "affectgpt-rl"): {"steps": 70, "test_per_label": 12},
    ("08", "mecap-r1"): {"steps": 45, "test_per_label": 10},
    ("09", "r1-omni"): {"quantise": None, "cold_per_label": 32, "cold_epochs": 4.0, "steps": 80, "test_per_label": 16},
    ("11", "emo-rl"): {"cold_per_label": 8, "cold_epochs": 4.0, "steps": 15, "prompts_per_step": 8},
}
"""Settings by (notebook, recipe) for the tiny model on a CPU."""
FOR_ALL = {"save_steps": 0}
ON_GPU = {"steps": 50, "test_per_label": 20}
SMOKE: dict[str, Any] = {
    "cold_per_label": 2,
    "cold_epochs": 1.0,
    "sft_epochs": 1.0,
    "steps": 2,
    "prompts_per_step": 2,
    "group_size": 2,
    "max_new_tokens": 12,
    "test_per_label": 2,
    "save_steps": 0,
}


def smoke() -> bool:
    """Whether the notebooks run at their smallest size."""
    return os.environ.get(VARIABLE) == "smoke"


def sizes(notebook: str, recipe: str, profile: str) -> dict[str, Any]:
    """The settings that a lesson changes of a recipe's values for a profile."""
    chosen = ON_TINY.get((notebook, recipe), {}) if profile == "cpu" else ON_GPU
    if recipe == "emo-rl" and profile == "cpu":
        chosen = {"max_new_tokens": 12, **chosen}
    return {**FOR_ALL, **chosen, **(SMOKE if smoke() else {})}


def at_most(count: int, smallest: int = 2) -> int:
    """`count` items for a lesson, or the `smallest` number where the notebooks run at their smallest size."""
    return smallest if smoke() else count
