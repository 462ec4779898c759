"""The one dial, `EMOLAB_PROFILE`: which model, quantisation, batch and steps fit the machine.

Nothing else in the package asks what machine it is on. A profile gives starting values, which options override.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from emolab.errors import EmolabError

VARIABLE = "EMOLAB_PROFILE"


@dataclass(frozen=True)
class Profile:
    """Settings for one size of machine.

    `prompts_per_step` x `group_size` completions are sampled and scored in each GRPO step. `memory_gb` is what the
    profile needs, of RAM for `cpu` and of GPU memory otherwise; `download_gb` is what a first use fetches from the hub.
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


PROFILES: dict[str, Profile] = {
    "cpu": Profile(
        name="cpu",
        model="tiny-omni",
        quantise="nf4",
        device="cpu",
        dtype="float32",
        corpus_size="course",
        prompts_per_step=12,
        group_size=8,
        max_new_tokens=48,
        steps=250,
        learning_rate=1e-3,
        memory_gb=4,
        download_gb=0,
    ),
    "gpu-16gb": Profile(
        name="gpu-16gb",
        model="Qwen/Qwen2.5-Omni-3B",
        quantise="nf4",
        device="cuda",
        dtype="bfloat16",
        corpus_size="full",
        prompts_per_step=2,
        group_size=6,
        max_new_tokens=256,
        steps=500,
        learning_rate=1e-5,
        memory_gb=15,
        download_gb=12,
    ),
    "gpu-24gb": Profile(
        name="gpu-24gb",
        model="Qwen/Qwen2-Audio-7B-Instruct",
        quantise="nf4",
        device="cuda",
        dtype="bfloat16",
        corpus_size="full",
        prompts_per_step=4,
        group_size=6,
        max_new_tokens=256,
        steps=500,
        learning_rate=1e-5,
        memory_gb=22,
        download_gb=17,
    ),
    "gpu-80gb": Profile(
        name="gpu-80gb",
        model="Qwen/Qwen2.5-Omni-7B",
        quantise=None,
        device="cuda",
        dtype="bfloat16",
        corpus_size="full",
        prompts_per_step=8,
        group_size=8,
        max_new_tokens=512,
        steps=1000,
        learning_rate=1e-6,
        memory_gb=75,
        download_gb=23,
    ),
}


def profile(name: str | None = None) -> Profile:
    """The profile called `name`, or the one that `EMOLAB_PROFILE` names, or `cpu`.

    Raises EmolabError for a name that is not in `PROFILES`.

    Example: `profile().model` is "tiny-omni" unless the variable says otherwise.
    """
    wanted = name or os.environ.get(VARIABLE) or "cpu"
    if wanted not in PROFILES:
        raise EmolabError(f"{VARIABLE}={wanted} is no profile; choose one of {', '.join(PROFILES)}")
    return PROFILES[wanted]
