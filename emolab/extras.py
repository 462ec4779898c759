"""Packages beyond the light core: which extra brings them, and whether the installed versions are supported.

`pip install emolab` installs no torch, trl or transformers. `require` turns their absence into one line that names the
extra to install, and an unsupported version into one line that names the supported range.
"""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from emolab.errors import EmolabError

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

# bitsandbytes warns on import that optional CPU kernels are missing; it computes the same without them. The filter
# stands here because this module is imported before any package that imports bitsandbytes.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(lambda record: "kernels" not in record.getMessage())

_MODULES = {
    "train": "torch transformers trl peft bitsandbytes accelerate librosa matplotlib",
    "hub": "datasets huggingface_hub",
    "course": "IPython ipywidgets anywidget traitlets jupytext nbclient nbconvert nbformat seaborn",
    "voices": "espeakng_loader",
    "embeddings": "sentence_transformers",
    "bench": "shap captum",
    "serve": "vllm",
    "gpu": "deepspeed",
    "track": "trackio wandb",
}
EXTRA_OF = {module: extra for extra, modules in _MODULES.items() for module in modules.split()}
"""Top-level module -> the extra of this package that installs it."""
BESIDE = {
    "emolab_corpora": "pip install ./data_scripts/corpora, in a checkout of emolab",
    "emolab_synth": "pip install ./data_scripts/corpora, in a checkout of emolab",
    "emolab_course": "pip install ./notebooks, in a checkout of emolab",
    "benchmarks": "run it in a checkout of emolab",
}
"""Top-level module -> how to have what lies beside this package in its repository."""


class MissingExtra(EmolabError, ImportError):
    """A package that is not installed, or whose version is not supported."""


def require(*modules: str) -> None:
    """Raise MissingExtra, saying what to install, where a module is absent or its version is not supported.

    Example: `require("torch", "trl")`.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtra(advice(module))
        needed, installed = _range(module) or ("", "")
        if installed not in needed:
            raise MissingExtra(
                f"{module} {installed} is not supported: pip install '{module}{needed}' "
                "(emolab's light core works beside any version)"
            )


def tell_nobody() -> None:
    """Let TRL and the hub report no use, unless HF_HUB_DISABLE_TELEMETRY allows it; also where the hub's client, which
    reads that variable once, was imported before."""
    read = sys.modules.get("huggingface_hub.constants")
    if os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1") == "1" and read is not None:
        vars(read)["HF_HUB_DISABLE_TELEMETRY"] = True


def advice(module: str) -> str:
    """What to do about a module that is not installed."""
    extra = EXTRA_OF.get(module)
    wanted = BESIDE.get(module) or (f"pip install 'emolab[{extra}]'" if extra else f"pip install {module}")
    return f"{module} is not installed, and this needs it: {wanted}"


def missing(error: ModuleNotFoundError) -> str | None:
    """The advice for an import that failed, where an extra would have brought the module; else None."""
    module = (error.name or "").partition(".")[0]
    return advice(module) if module in EXTRA_OF or module in BESIDE else None


@cache
def _range(module: str) -> tuple[SpecifierSet, str] | None:
    """(Supported versions, installed version) of a module of an extra; None where either is not known."""
    from packaging.requirements import Requirement

    try:
        installed = metadata.version(module).partition("+")[0]
        wanted = map(Requirement, metadata.requires("emolab") or [])
    except metadata.PackageNotFoundError:  # run from a folder that was never installed, or a stand-in for the module
        return None
    found = (r.specifier for r in wanted if r.name.replace("-", "_") == module and r.specifier)
    return next(((specifier, installed) for specifier in found), None)
