"""What stops a run, and what only warns: deaf models, numbers that are not numbers, rewards that raise, drifting
metrics."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from emolab.errors import MediaError, TrainingError
from emolab.lalm import LALM
from emolab.prompts import Prompt
from emolab.rewards.guard import excerpt
from emolab.samples import EmotionSample

log = logging.getLogger("emolab.training")


class Unreadable:
    """Clips that turn out to be unreadable while a run goes on: each is left out, counted, and named once.

    Before a run, only the headers of most coded files are read (`emolab.media.usable`).
    """

    def __init__(self, lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt) -> None:
        self.lalm, self.samples, self.prompt = lalm, samples, prompt
        self.found: set[int] = set()

    def reads(self, i: int) -> bool:
        """Whether clip `i` can be shown."""
        if i not in self.found:
            try:
                self.lalm.encode([self.samples[i]], self.prompt)
            except MediaError as error:
                self.found.add(i)
                log.warning("a clip is left out of the training (%d by now): %s", len(self.found), error)
        return i not in self.found


def require_finite(value: float, what: str, step: int, rows: Sequence[int] = (), texts: Sequence[str] = ()) -> None:
    """Raise TrainingError with the step, the rows and the first text when `value` is NaN or infinite."""
    if math.isfinite(value):
        return
    where = f", rows {sorted(set(rows))[:8]}" if rows else ""
    text = f", e.g. completion {excerpt(texts[0])!r}" if texts else ""
    raise TrainingError(
        f"{what} is {value} at step {step}{where}{text}; resume from the last checkpoint with a lower learning "
        "rate, or in fp32 if this was half precision"
    )


def require_finite_weights(model: Any, step: int) -> None:
    """Raise TrainingError with the name of a trained weight that is NaN or infinite."""
    trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    if not trained or bool(torch.isfinite(torch.stack([p.float().sum() for p in trained.values()])).all()):
        return
    name = next((name for name, p in trained.items() if not bool(torch.isfinite(p).all())), "some adapter")
    raise TrainingError(
        f"weights of {name} are not finite before step {step}: resume from an earlier checkpoint with a lower learning "
        "rate"
    )


def require_finite_gradients(model: Any, step: int, rows: Sequence[int] = (), texts: Sequence[str] = ()) -> None:
    """Raise TrainingError before the optimiser moves on a gradient that is NaN or infinite."""
    sums = [p.grad.detach().float().abs().sum() for p in model.parameters() if p.grad is not None]
    if sums:
        require_finite(float(torch.stack(sums).sum()), "the gradient", step, rows, texts)


def require_hearing(moved: float, modality: str, row: int, tolerance: float = 1e-6) -> None:
    """Refuse to train when exchanging a row's media did not change the log-probabilities of the loss forward.

    `moved` is the largest absolute change. This is the failure that stock trainers have: prompts are sampled with
    the audio, and the loss is computed without it.
    """
    if not math.isfinite(moved) or moved <= tolerance:
        raise TrainingError(
            f"the loss forward does not depend on the {modality} of row {row}: exchanging it moved the "
            f"log-probabilities by {moved:.1e}. Training would be deaf to it. Check that the model's tower is "
            f"connected (embeddings not zero, placeholders filled) and that the prompt has a place for {modality}; "
            "`check_hearing=False` trains regardless."
        )


@contextmanager
def naming_the_knobs(what: str = "the step") -> Iterator[None]:
    """Turn a card's out-of-memory error into a TrainingError that names the settings that make a step smaller."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the card ran out of memory in {what} ({str(error).split('. ')[0]}): raise `micro_batches`, set "
            "`gradient_checkpointing` to true, or lower `group_size`, `max_new_tokens` or `prompts_per_step`; `emolab "
            "plan` says what fits, and `emolab doctor` which profile"
        ) from error


@dataclass(frozen=True)
class Alarms:
    """Levels beyond which a logged metric becomes a warning; None switches one off. Ours, meant as first aid."""

    kl_above: float | None = 5.0
    entropy_below: float | None = 0.01
    parse_rate_below: float | None = 0.5
    zero_variance_above: float | None = 0.9
    patience: int = 20

    def of(self, row: Mapping[str, Any]) -> list[str]:
        """The alarms that one row of metrics raises."""
        checks = [
            ("kl", self.kl_above, 1, "far from the reference: raise beta"),
            ("entropy", self.entropy_below, -1, "sampling has collapsed: stop earlier"),
            ("parse_rate", self.parse_rate_below, -1, "check the format reward or the cold start"),
            ("zero_variance", self.zero_variance_above, 1, "most groups have equal rewards and teach nothing"),
        ]
        return [
            f"{name} {row[name]:.3g} {'above' if sign > 0 else 'below'} {level:g}: {advice}"
            for name, level, sign, advice in checks
            if level is not None and row.get(name) is not None and sign * (row[name] - level) > 0
        ]


class AlarmBell:
    """Logs an alarm when it first rings and then every `patience` steps while it lasts."""

    def __init__(self, alarms: Alarms):
        self.alarms = alarms
        self.since: dict[str, int] = {}

    def ring(self, row: Mapping[str, Any]) -> list[str]:
        """Warn about the alarms of this row; returns all of them, warned about or not."""
        raised = self.alarms.of(row)
        step, names = int(row.get("step", 0)), {text.split()[0] for text in raised}
        for text in raised:
            name = text.split()[0]
            if (step - self.since.get(name, step)) % self.alarms.patience == 0:
                log.warning("step %d: %s", step, text)
            self.since.setdefault(name, step)
        for name in set(self.since) - names:
            del self.since[name]
        return raised
