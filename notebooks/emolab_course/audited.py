"""A learner's reward under the red team's audit: what the exercises on rewards share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Reward = Callable[..., list[float | None]]
LABELS = ("happy", "sad", "angry")


def audited(reward: Reward) -> tuple[dict[str, Any], str]:
    """The audit's findings on a reward with three labels, and a clause on what right and wrong answers earn.

    The reward is called once before, because what it raises should reach the learner; the audit would guard it.
    """
    from emolab.rewards.redteam import audit

    reward(["<answer>happy</answer>"], solution=["happy"])
    found = audit(reward, style="direct", labels=LABELS)
    return found, f"A right answer earns {found['right']:.2f} on average, a wrong one {found['wrong']:.2f}"
