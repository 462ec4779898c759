"""The four systems as recipes, by name. `get_recipe` imports one when it is wanted."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from emolab.errors import TrainingError
from emolab.profiles import profile
from emolab.registry import Registry

if TYPE_CHECKING:
    from emolab.recipes.run import Recipe

RECIPES: Registry[type[Recipe]] = Registry(
    "recipe",
    {
        "emo-rl": "emolab.recipes.emo_rl:EmoRL",
        "affectgpt-rl": "emolab.recipes.affectgpt_rl:AffectGPTRL",
        "mecap-r1": "emolab.recipes.mecap_r1:MECapR1",
        "r1-omni": "emolab.recipes.r1_omni:R1Omni",
    },
    TrainingError,
)
"""The classes of the recipes by name. `emolab.registry.register("recipe", NAME)` adds one."""


def get_recipe(name: str) -> type[Recipe]:
    """The class of the recipe called `name`. Raises TrainingError with the known names.

    Example: `get_recipe("emo-rl").metric` is "ua".
    """
    return RECIPES.find(name)


def recipe(name: str, **settings: Any) -> Recipe:
    """The recipe called `name` with the values of the machine's profile, which `settings` override.

    Raises TrainingError for an unknown recipe or setting, or a value of another type.

    Example: `recipe("emo-rl", steps=20).run(corpus, "build/mine")`.
    """
    found = get_recipe(name)
    known = [f.name for f in fields(found)]
    if unknown := sorted(set(settings) - set(known)):
        raise TrainingError(f"{name} has no setting {unknown[0]!r}; it has {', '.join(known)}")
    return found.for_profile(profile(), **settings)
