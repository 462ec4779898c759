"""What the first cell of a notebook says of a machine that lacks something: what is missing, and what to do."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from emolab.extras import advice
from emolab.profiles import DEVICE, VARIABLE

if TYPE_CHECKING:
    from emolab.profiles import Profile

PACKAGES = ("torch", "transformers", "trl", "peft", "matplotlib", "IPython", "ipywidgets", "anywidget", "jupytext")


def missing(profile: Profile, spec: str, model: str = "") -> list[str]:
    """A sentence for each thing that this machine lacks for a notebook: packages, the shipped weights, a card, the
    corpus `spec`, the folder `model`. Nothing is loaded for it but torch, where a profile wants a card.
    """
    found = [advice(module) + "." for module in PACKAGES if find_spec(module) is None]
    return [*found, *_of_model(profile, model), *_of_card(profile), *_of_corpus(profile, spec)]


def _of_model(profile: Profile, model: str) -> list[str]:
    import emolab

    weights = Path(emolab.__file__).parent / "lalm" / "tiny_data"
    if model and (os.sep in model or model.startswith(".")) and not Path(model).is_dir():
        return [
            f"EMOLAB_MODEL names {model}, and there is no such folder: correct it, or unset it for the shipped model."
        ]
    if not model and profile.model == "tiny-omni" and not any(weights.glob("*.safetensors")):
        return [f"The weights of the shipped model are not in {weights}: install emolab again, or clone it again."]
    return []


def _of_card(profile: Profile) -> list[str]:
    if profile.device == "cpu" or os.environ.get(DEVICE) == "cpu" or find_spec("torch") is None:
        return []
    import torch

    if torch.cuda.is_available():
        return []
    return [
        f"{VARIABLE}={profile.name} needs a GPU, and PyTorch finds none: set {VARIABLE}=cpu, or see `emolab doctor`."
    ]


def _of_corpus(profile: Profile, spec: str) -> list[str]:
    kind, _, rest = spec.partition(":")
    if kind not in ("synthetic", "embedded"):
        place = Path(rest or kind).expanduser()
        if kind == "hub" or place.exists():
            return []
        return [
            f"EMOLAB_CORPUS names {spec}, and {place} is not there: correct it, or unset it for the embedded corpus."
        ]
    if find_spec("emolab_synth") is None:
        return [advice("emolab_synth") + "."]
    from emolab_synth.embedded import INFO, corpus_folder

    from emolab_course.lessons import smoke

    folder = corpus_folder(rest or ("smoke" if smoke() else profile.corpus_size))
    shared = Path(os.environ.get("EMOLAB_SHARED") or folder.parents[1]) / "corpora" / folder.name
    if any((place / INFO).is_file() for place in (folder, shared)):
        return []
    return [
        "The embedded corpus is not made yet: the first cell that asks for it makes it, once, and a bar shows how far."
    ]
