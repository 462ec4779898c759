"""emolab: learn and do emotion recognition with large audio-language models and reinforcement learning.

`import emolab as el` is the front door: the names below cover the way from data to attribution. Each is imported when
it is first used, so `import emolab` itself loads nothing heavy. `docs/api.md` is the page about them.

    corpus = el.load_corpus("ravdess:/data/RAVDESS")
    model = el.load_model("tiny-omni")
    el.evaluate(model, corpus.where(split="test"), "direct")
    el.recipe("emo-rl").run(corpus, "build/mine", rewards=[el.ESWR(corpus.labels)])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    import emolab.plots as plot
    from emolab.attribution.explain import explain as explain
    from emolab.attribution.game import Game as Game
    from emolab.attribution.game import Masker as Masker
    from emolab.attribution.shapley import shapley as shapley
    from emolab.corpora import load_corpus as load_corpus
    from emolab.emotions import label_set as label_set
    from emolab.evaluate.predict import predict as predict
    from emolab.evaluate.run import evaluate as evaluate
    from emolab.evaluate.zero_shot import zero_shot as zero_shot
    from emolab.lalm import load_model as load_model
    from emolab.profiles import profile as profile
    from emolab.recipes import recipe as recipe
    from emolab.registry import register as register
    from emolab.rewards import ESWR as ESWR
    from emolab.rewards import Accuracy as Accuracy
    from emolab.rewards import Rubric as Rubric
    from emolab.rewards.redteam import audit as audit

_HOMES = {
    "corpora": "load_corpus",
    "emotions": "label_set",
    "lalm": "load_model",
    "profiles": "profile",
    "evaluate.zero_shot": "zero_shot",
    "evaluate.run": "evaluate",
    "evaluate.predict": "predict",
    "rewards": "Accuracy ESWR Rubric",
    "rewards.redteam": "audit",
    "recipes": "recipe",
    "attribution.game": "Game Masker",
    "attribution.shapley": "shapley",
    "attribution.explain": "explain",
    "registry": "register",
}
_MODULES = {name: f"emolab.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", "plot", *_MODULES]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used; an absent package is named with the extra that installs it."""
    if name not in __all__:
        raise AttributeError(f"module 'emolab' has no attribute {name!r}")
    try:
        return import_module("emolab.plots") if name == "plot" else getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        from emolab.extras import MissingExtra, missing

        if (advice := missing(error)) is None:
            raise
        raise MissingExtra(advice) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
