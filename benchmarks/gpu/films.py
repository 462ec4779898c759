"""Which films a profile takes in a step, by the planner: the table of docs/large_runs.md.

`python -m benchmarks.gpu.page` writes it. Nothing of it is measured.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from emolab.errors import TrainingError
from emolab.lalm.contract import Family
from emolab.profiles import PROFILES, Profile
from emolab.training.planner import Choice, Workload, choose, size_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "large_runs.md"
SECONDS = (4, 8, 16)
FRAME = (720, 1280)
PATCHES = SimpleNamespace(patch_size=14, spatial_merge_size=2, temporal_patch_size=2)
"""Of the published Qwen2.5-Omni's vision tower."""
SOUND = 25
"""Tokens of a second of sound."""
WORDS = 100
"""Tokens of the question and its frame, about."""


def film_tokens(seconds: float, frame: tuple[int, int] = FRAME) -> int:
    """Prompt tokens of a film with its sound: two frames a second, at most 32, and a grid of cells for each pair."""
    from emolab.lalm.qwen2_5_omni import patchify

    _, (_, height, width) = patchify(np.zeros((2, *frame, 3), np.uint8), PATCHES)
    frames = min(round(seconds * Family.frames_per_second), Family.max_frames)
    cells = height * width // PATCHES.spatial_merge_size**2
    return -(-frames // PATCHES.temporal_patch_size) * cells + round(SOUND * seconds) + WORDS


def sees(profile: Profile) -> bool:
    """Whether a profile's model takes films."""
    return "Omni" in profile.model


def film_step(profile: Profile, seconds: float, recipe: str = "r1-omni") -> Workload:
    """A prompt's step of GRPO as the profile has it, with a film of so many seconds."""
    from emolab.recipes import get_recipe

    settings = get_recipe(recipe).for_profile(profile)
    return Workload(
        group=settings.group_size,
        prompt_tokens=film_tokens(seconds),
        completion_tokens=settings.max_new_tokens,
        quantise=settings.quantise,
        lora_rank=settings.lora_rank,
        extra_adapter=settings.beta > 0,
    )


def chosen(profile: Profile, seconds: float) -> Choice:
    """How the planner splits the profile's step with such films. Raises TrainingError where it refuses it."""
    return choose(size_of(profile.model), film_step(profile, seconds), profile.memory_gb, profile.prompts_per_step)


def cell(profile: Profile, seconds: float) -> str:
    """What the planner says of the profile's step with such films."""
    try:
        found = chosen(profile, seconds)
    except TrainingError as error:
        return f"refused: {str(error).partition(': the update needs ')[2].partition(',')[0]}"
    assert found.plan is not None
    again = ", layers again" if found.gradient_checkpointing else ""
    return f"{found.plan.total:.1f} GB{again}"


def longest(profile: Profile) -> int:
    """The longest of the table's films that a profile takes, 0 where it takes none."""
    taken = 0
    for seconds in SECONDS if sees(profile) else ():
        with suppress(TrainingError):
            chosen(profile, seconds)
            taken = seconds
    return taken


def sentence() -> str:
    """Which films the profiles take, for README."""
    lengths: dict[int, list[str]] = {}
    for profile in PROFILES.values():
        if profile.device == "cuda" and sees(profile):
            lengths.setdefault(longest(profile), []).append(f"`{profile.name}`")
    said = [
        f"{' and '.join(names)} {'take' if len(names) > 1 else 'takes'} films of up to {seconds} s"
        for seconds, names in lengths.items()
    ]
    told = f"By the planner, {', and '.join(said)}, with frames of {FRAME[1]} × {FRAME[0]} pixels and their sound"
    return f"{told} ([each length](docs/large_runs.md#films))."


def table() -> str:
    """The table in Markdown."""
    titles = [f"{seconds} s: {film_tokens(seconds):,} tokens" for seconds in SECONDS]
    lines = [f"| profile | may take | {' | '.join(titles)} |", f"|---|---:|{'---|' * len(titles)}"]
    for profile in PROFILES.values():
        if profile.device == "cuda":
            found = [cell(profile, seconds) if sees(profile) else "hears only" for seconds in SECONDS]
            lines.append(f"| `{profile.name}` | {profile.memory_gb:g} GB | {' | '.join(found)} |")
    return "\n".join(lines)


def write(page: Path = PAGE) -> None:
    """Put the table between the page's markers `films`."""
    from emolab_course.readme import replace_section

    replace_section(page, "films", table())
