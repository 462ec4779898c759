"""The four systems as recipes, by name. `get_recipe` imports one when it is wanted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from emolab.errors import TrainingError

if TYPE_CHECKING:
    from emolab.recipes.engine import Recipe

RECIPES = {
    "emo-rl": ("emo_rl", "EmoRL"),
    "affectgpt-rl": ("affectgpt_rl", "AffectGPTRL"),
    "mecap-r1": ("mecap_r1", "MECapR1"),
    "r1-omni": ("r1_omni", "R1Omni"),
}


def get_recipe(name: str) -> type[Recipe[Any]]:
    """The recipe called `name`. Raises TrainingError with the known names.

    Example: `get_recipe("emo-rl").metric` is "ua".
    """
    if name not in RECIPES:
        raise TrainingError(f"unknown recipe {name!r}; expected one of {', '.join(RECIPES)}")
    module, recipe = RECIPES[name]
    found: type[Recipe[Any]] = getattr(import_module(f"emolab.recipes.{module}"), recipe)
    return found
