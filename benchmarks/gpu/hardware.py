"""README's table of profiles: what each is planned to need, and what was measured of it, from the committed rows alone.

`python -m benchmarks.gpu.page` writes it, and so do `make rehearse` and `make gpu`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.gpu import films
from emolab.profiles import PROFILES, Profile

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
NOT_MEASURED = "not measured"
SMALL = "peak of a small step on a CPU"
HEADS = ("profile", "model", "weights", "needs (planned)", "peak on a card", SMALL, "downloads")


def write(readme: Path = ROOT / "README.md", results: Path = RESULTS) -> None:
    """Put the table and its sentences between README's markers `hardware`."""
    from emolab_course.readme import replace_section

    replace_section(readme, "hardware", section(results))


def section(results: Path = RESULTS) -> str:
    """The table of profiles in Markdown, and how far the planner was off in what was measured."""
    cards, cpus = list(on_cards(results)), list(on_cpus(results))
    lines = [f"| {' | '.join(HEADS)} |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {' | '.join(cells(profile, cards, cpus))} |" for profile in PROFILES.values()]
    told = steps(cpus), f"{errors(cards, cpus)} {films.sentence()}"
    return "\n".join([*lines, *(f"\n{wrapped(text)}" for text in told)])


def on_cards(results: Path) -> Iterator[dict[str, Any]]:
    """The rehearsals that a card walked, each with the card's name."""
    for path in sorted(results.glob("gpu/*/rehearse*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        if row["card"] != "cpu" and row.get("result") and whole(row["result"]):
            yield {**row["result"], "on": row["card"]}


def on_cpus(results: Path) -> Iterator[dict[str, Any]]:
    """The rehearsals at full size on a CPU."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("rehearse/*.json")))
    return ({**row, "on": "a CPU"} for row in found if whole(row))


def whole(rehearsal: dict[str, Any]) -> bool:
    """Whether it was of the whole model."""
    return rehearsal["config"]["layers"] is None and not rehearsal["config"]["narrow"]


def cells(profile: Profile, cards: list[dict[str, Any]], cpus: list[dict[str, Any]]) -> tuple[str, ...]:
    """A profile's line."""
    from emolab.recipes import get_recipe

    bits = get_recipe("emo-rl").for_profile(profile).quantise
    weights = "4-bit NF4 + LoRA" if bits == "nf4" else "16 bits + LoRA"
    if profile.device == "cpu":
        peaks = ("each notebook's [above](#the-course)", "the same")
        return f"`{profile.name}` (default)", f"{profile.model}, shipped", weights, needs(profile), *peaks, "none"
    measured = (peak(profile, rows) for rows in (cards, cpus))
    model = profile.model.partition("/")[2]
    return f"`{profile.name}`", model, weights, needs(profile), *measured, f"{profile.download_gb:g} GB"


def needs(profile: Profile) -> str:
    """What the planner allows a profile to take, and of which card."""
    if profile.device == "cpu":
        return f"{profile.memory_gb:g} GB of RAM"
    card = profile.name.removeprefix("gpu-").removesuffix("gb")
    return f"{profile.memory_gb:g} GB (card of {card} GB)"


def peak(profile: Profile, rehearsals: list[dict[str, Any]]) -> str:
    """The most memory of any phase of a profile's rehearsals, with the card's name."""
    found = [row for row in rehearsals if row["config"]["profile"] == profile.name]
    most = [max(phase["peak_gb"] for phase in row["phases"] if phase["peak_gb"] is not None) for row in found]
    where = [f" ({row['on']})" if row["on"] != "a CPU" else "" for row in found]
    return "; ".join(f"{gb:.1f} GB{on}" for gb, on in zip(most, where, strict=True)) or NOT_MEASURED


def steps(cpus: list[dict[str, Any]]) -> str:
    """What the two columns of measured memory are of."""
    small = cpus[0]["config"] if cpus else {"prompts": 1, "group": 2, "tokens": 6}
    sizes = f"{small['prompts']} prompt × {small['group']} completions × {small['tokens']} tokens"
    return (
        "A peak is the most memory of any phase of a rehearsal with random weights, the model included: loading, "
        "scoring, a step of fine-tuning, a step of GRPO, prediction, attribution. On a card the step of GRPO has the "
        f"profile's own sizes; on a CPU it has {sizes}. Both updates go prompt by prompt, and compute layers again in "
        "the backward. What a profile needs is planned: a step is split until it fits."
    )


def errors(cards: list[dict[str, Any]], cpus: list[dict[str, Any]]) -> str:
    """How far the planner was off in the rehearsals."""
    said = []
    if cpus:
        most = f"{within(cpus)} of the counted ones, and {within(cpus, 'attribute')} in all phases but attribution"
        said.append(f"In the rehearsals on a CPU the planner's figures were {most}.")
    for card in dict.fromkeys(row["on"] for row in cards):
        mine = [row for row in cards if row["on"] == card]
        models = " and ".join(row["model"].partition("/")[2] for row in mine)
        said.append(
            f"On the card {card} they were {within(mine)} for {models} ([rows](benchmarks/results/gpu/README.md))."
        )
    said.append("No other card has been measured yet." if cards else "No card has been measured yet.")
    return " ".join(said)


def within(rehearsals: list[dict[str, Any]], but: str = "") -> str:
    """ "within 5%": the planner's largest error in any phase but one, rounded up."""
    phases = (phase for row in rehearsals for phase in row["phases"] if phase["phase"] != but)
    return f"within {ceil(100 * max(abs(p['error']) for p in phases if p['error'] is not None))}%"


def wrapped(text: str) -> str:
    """A paragraph in lines as README's are."""
    from textwrap import fill

    return fill(text, 125, break_long_words=False, break_on_hyphens=False)
