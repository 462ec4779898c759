"""The one dial, `EMOLAB_PROFILE`: which model, quantisation, batch and steps fit the machine.

Training, evaluation and prediction load by `profile().load()`, which picks device, dtype and bits; `load_model` alone
does not ask it. A profile gives starting values, which options override.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolab.errors import EmolabError
from emolab.files import read_toml

if TYPE_CHECKING:
    import torch

    from emolab.lalm import LALM

VARIABLE, DEVICE = "EMOLAB_PROFILE", "EMOLAB_DEVICE"


@dataclass(frozen=True)
class Profile:
    """Settings for one size of machine.

    `prompts_per_step` x `group_size` completions are sampled and scored in each GRPO step. `memory_gb` is what the
    profile needs, of RAM for `cpu` and of GPU memory otherwise (in 10⁹ bytes), by `emolab.training.planner`, which
    splits a step until it fits; `download_gb` is what a first use fetches from the hub. Settings named in
    `not_measured` are choices without a run behind them: nobody has trained with them yet.
    """

    name: str
    model: str
    quantise: str | None
    device: str
    dtype: str
    corpus_size: str
    prompts_per_step: int
    group_size: int
    max_new_tokens: int
    steps: int
    learning_rate: float
    memory_gb: float
    download_gb: float
    beta: float = 0.0
    not_measured: tuple[str, ...] = ()

    def load(
        self,
        model: str | Path | None = None,
        *,
        quantise: str | None = None,
        device: str | None = None,
        dtype: str | torch.dtype | None = None,
        adapter: str | Path | None = None,
        **settings: Any,
    ) -> LALM:
        """The profile's model, or another one, on the profile's device, in its dtype and bits.

        `device` comes from the variable EMOLAB_DEVICE where it is not given, so that a GPU profile's settings can be
        tried on a CPU with a small model. `quantise` "none" switches 4 bits off where the profile has them on. bfloat16
        becomes float16 on a card that does not compute in it (T4, V100). On a GPU profile, what was chosen is told once
        on stderr. Raises EmolabError where the profile needs a GPU and none can be used.
        """
        import torch

        from emolab.lalm.load import load_model

        device = device or os.environ.get(DEVICE)
        chosen = torch.device(device or self.device)
        if device is None and chosen.type == "cuda" and not torch.cuda.is_available():
            found = "no card was found" if torch.version.cuda else "this PyTorch is built for the CPU alone"
            raise EmolabError(
                f"{VARIABLE}={self.name} needs a GPU, and {found} (torch {torch.__version__}); use {VARIABLE}=cpu, or "
                "see `emolab doctor`"
            )
        wanted = dtype or (self.dtype if chosen.type == torch.device(self.device).type else "float32")
        kind: torch.dtype = getattr(torch, wanted) if isinstance(wanted, str) else wanted
        if dtype is None and chosen.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            kind = torch.float16 if kind is torch.bfloat16 else kind
        bits = None if quantise == "none" else quantise or self.quantise
        name = str(model or self.model)
        lalm = load_model(name, quantise=bits, device=chosen, dtype=kind, adapter=adapter, **settings)
        if self.device != "cpu":
            _tell(f"{name}: {'4 bits and ' if bits else ''}{str(kind).removeprefix('torch.')} on {lalm.device}", self)
        return lalm


_told: set[str] = set()


def _tell(what: str, chosen: Profile) -> None:
    """Say once on stderr what a profile chose."""
    if what not in _told:
        _told.add(what)
        sys.stderr.write(f"emolab: {what} (profile {chosen.name})\n")


def _read() -> dict[str, Profile]:
    """The profiles of `profiles.toml`."""
    tables = read_toml(__file__, "profiles.toml")
    rows = {name: {"name": name, "quantise": None, **row} for name, row in tables.items()}
    return {name: Profile(**row | {"not_measured": tuple(row.get("not_measured", ()))}) for name, row in rows.items()}


PROFILES: dict[str, Profile] = _read()


def profile(name: str | None = None) -> Profile:
    """The profile called `name`, or the one that `EMOLAB_PROFILE` names, or `cpu`.

    Raises EmolabError for a name that is not in `PROFILES`.

    Example: `profile().model` is "tiny-omni" unless the variable says otherwise.
    """
    wanted = name or os.environ.get(VARIABLE) or "cpu"
    if wanted not in PROFILES:
        raise EmolabError(f"{VARIABLE}={wanted} is no profile; choose one of {', '.join(PROFILES)}")
    return PROFILES[wanted]


def profile_for(memory_gb: float) -> str | None:
    """The name of the largest GPU profile that a card with so many 10⁹ bytes takes; None where none fits."""
    fitting = [found for found in PROFILES.values() if found.device == "cuda" and found.memory_gb <= memory_gb]
    return max(fitting, key=lambda found: found.memory_gb).name if fitting else None


def profile_table() -> Any:
    """The profiles as a pandas table: model, bits, group size, the memory that each needs, and what it downloads."""
    import pandas as pd

    columns = ["model", "quantise", "group_size", "memory_gb", "download_gb"]
    return pd.DataFrame([asdict(found) for found in PROFILES.values()]).set_index("name")[columns]
