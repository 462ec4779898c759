"""The claims of the four papers, one file a recipe, and the shorter settings that the ledger runs them with."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from benchmarks.claims.declare import Claim
from emolab.errors import EvaluationError

FILES = ("emo_rl", "affectgpt_rl", "mecap_r1", "r1_omni")


def all_claims() -> list[Claim]:
    """Every claim, in the order of the page."""
    return [claim for name in FILES for claim in _module(name).CLAIMS]


def budget() -> dict[str, dict[str, Any]]:
    """The ledger's settings of each recipe, where they differ from the recipe's own cpu settings."""
    return {_module(name).RECIPE: dict(_module(name).BUDGET) for name in FILES}


def chosen(names: Iterable[str]) -> list[Claim]:
    """The claims of these names, or of the recipes of these names; all, where none is given.

    Raises EvaluationError with the known names for one that is neither.
    """
    wanted, claims = set(names), all_claims()
    known = {claim.name for claim in claims} | {claim.recipe for claim in claims}
    if unknown := wanted - known:
        raise EvaluationError(f"no claim or recipe {sorted(unknown)[0]!r}; there are {', '.join(sorted(known))}")
    return [claim for claim in claims if not wanted or wanted & {claim.name, claim.recipe}]


def _module(name: str) -> Any:
    return import_module(f"benchmarks.claims.papers.{name}")
