"""Attributions of many samples: the values of all coalitions of the modalities, and every method from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.explain import Settings
from emolab.attribution.game import (
    MASKERS,
    Background,
    Masker,
    asked_labels,
)
from emolab.attribution.players import modality_players
from emolab.attribution.shapley import coalitions, exact_from_table, interactions_from_table
from emolab.errors import AttributionError
from emolab.samples import MODALITIES, Corpus, EmotionSample, resolve
from emolab_course.methods import attention_rollout, from_table, integrated_gradients

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt

__all__ = ["Measured", "Settings", "choose", "measure", "method_values", "null_tables", "null_values"]

Floats = NDArray[np.float64]


@dataclass
class Measured:
    """What was measured on N samples. `tables[masker]` (N, 8, L) is the value of every coalition for every label,
    modalities in the order of MODALITIES. `gradients` and `rollout` (N, 3) are for the labels `explained`, or None
    where they were not asked for.
    """

    samples: list[EmotionSample]
    labels: tuple[str, ...]
    tables: dict[str, Floats]
    explained: list[str]
    gradients: Floats | None = None
    rollout: Floats | None = None

    @property
    def own(self) -> list[str]:
        """The label that each full prompt scores highest."""
        return [self.labels[i] for i in next(iter(self.tables.values()))[:, -1].argmax(-1)]

    @property
    def first(self) -> str:
        """The first masker, which stands for the others where one has to."""
        return next(iter(self.tables))

    @property
    def gold(self) -> list[str | None]:
        """The labels of the corpus."""
        return [s.emotion for s in self.samples]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which samples the model answers right, by its highest-scored label."""
        return np.array([o == g for o, g in zip(self.own, self.gold, strict=True)])

    def table(self, masker: str | None = None, targets: Sequence[str | None] | None = None) -> Floats:
        """Values (N, 8) of one label for each sample: of `targets`, by default the labels `explained`."""
        chosen = [self.labels.index(str(t)) for t in (self.explained if targets is None else targets)]
        return self.tables[masker or self.first][np.arange(len(self.samples)), :, chosen]

    def shapley(self, masker: str | None = None, targets: Sequence[str | None] | None = None) -> Floats:
        """Exact Shapley values (N, 3) of the modalities."""
        return exact_from_table(self.table(masker, targets))

    def interactions(self, masker: str | None = None) -> Floats:
        """Pairwise Shapley interaction indices (N, 3, 3) of the modalities."""
        return interactions_from_table(self.table(masker))


def measure(
    model: LALM,
    samples: Sequence[EmotionSample],
    background: Sequence[EmotionSample] | Background,
    prompt: Prompt,
    settings: Settings | None = None,
    maskers: Sequence[str] = MASKERS,
    inner: bool = True,
    progress: bool = True,
    gold: bool = False,
) -> Measured:
    """Values of all coalitions of the modalities under each masker. With `inner` also integrated gradients (under the
    first masker) and attention rollout.

    The model's own answer is explained, or with `gold` the corpus's label. `samples` and `background` have absolute
    paths. A modality that a sample or the prompt does not have is a dummy player.
    """
    from tqdm.auto import tqdm

    chosen = settings or Settings()
    labels = tuple(chosen.labels or asked_labels(prompt))
    pool = background if isinstance(background, Background) else Background.encode(model, background, prompt)
    tables: dict[str, list[Floats]] = {m: [] for m in maskers}
    gradients, rollouts, explained = [], [], []
    bar = tqdm(samples, desc="attribution", unit="sample", disable=not progress)
    for i, (sample, batch) in enumerate(zip(bar, model.encoded([[s] for s in samples], prompt), strict=True)):
        target = str(sample.emotion) if gold else None
        for kind in maskers:
            options = {"batch": batch, "players": modality_players(batch), "target": target}
            game = chosen.game(model, sample, chosen.masker(kind, pool, i), prompt, **options)
            tables[kind].append(game.label_values(coalitions(len(game.players))))
            game.target = target = target or labels[int(tables[kind][-1][-1].argmax())]
            if inner and kind == maskers[0]:
                part = game.having(masked=game.masked[: chosen.gradient_versions])
                gradients.append(integrated_gradients(part, chosen.gradient_steps))
                rolled = attention_rollout(model, batch, game.players, template=chosen.template, labels=labels)
                rollouts.append(rolled)
        explained.append(str(target))
    return Measured(
        list(samples),
        labels,
        {m: np.stack(t) for m, t in tables.items()},
        explained,
        np.stack(gradients) if inner else None,
        np.stack(rollouts) if inner else None,
    )


def method_values(measured: Measured, seed: int = 0) -> dict[str, Floats]:
    """Attributions (N, 3) of the explained labels by every method, each named with its masker."""
    first = measured.first
    found = {f"Shapley, {masker}": measured.shapley(masker) for masker in measured.tables}
    found |= {f"{name}, {first}": values for name, values in from_table(measured.table(first)).items()}
    if measured.gradients is not None:
        found[f"integrated gradients, {first}"] = measured.gradients
    if measured.rollout is not None:
        found["attention rollout"] = measured.rollout
    found["chance"] = np.random.default_rng(seed).random((len(measured.samples), len(MODALITIES)))
    return found


def null_tables(
    model: LALM,
    samples: Sequence[EmotionSample],
    background: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    masker: str = MASKERS[0],
) -> Floats:
    """Values (N, 3, 8) of all coalitions for the corpus's label: entry [i, m] has modality m of sample i taken from a
    clip in another emotion, so that m cannot know the answer.

    Raises AttributionError if all clips of the background are in the emotion of a sample.
    """
    chosen = settings or Settings()
    emotions = {s.emotion for s in samples}
    strange = {
        e: Background.encode(model, [clip for clip in background if clip.emotion != e], prompt) for e in emotions
    }
    pool = Background.encode(model, background, prompt)
    found = np.zeros((len(samples), len(MODALITIES), 2 ** len(MODALITIES)))
    for i, (sample, batch) in enumerate(zip(samples, model.encoded([[s] for s in samples], prompt), strict=True)):
        options = {"batch": batch, "players": modality_players(batch), "target": str(sample.emotion)}
        game = chosen.game(model, sample, chosen.masker(masker, pool, i), prompt, **options)
        strangers = Masker("swap", strange[sample.emotion], 1, chosen.seed + 10_000 + i)
        stranger = strangers(model, sample, prompt, batch)[0]
        for m, player in enumerate(game.players):
            swapped = batch.embeds.clone()
            swapped[0, list(player.positions)] = stranger[list(player.positions)]
            found[i, m] = game.having(batch=batch.with_embeds(swapped))(coalitions(len(game.players)))
    return found


def null_values(
    model: LALM,
    samples: Sequence[EmotionSample],
    background: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    masker: str = MASKERS[0],
) -> Floats:
    """φ (N, 3, 3) of the games of `null_tables`: what a modality gets, beside the others, when it knows nothing."""
    return exact_from_table(null_tables(model, samples, background, prompt, settings, masker))


def choose(
    corpus: Corpus,
    n: int,
    seed: int = 0,
    shown: Sequence[str] = MODALITIES,
    conditions: Sequence[str] | None = None,
    split: str | None = "test",
    single_turns: int = 1,
) -> list[EmotionSample]:
    """`n` samples with absolute paths whose carriers are known and shown, spread over the conditions as evenly as
    possible.

    `single_turns` samples of each condition with one carrier and no distractor are taken for one of each other
    condition. Raises AttributionError if the corpus does not state its carriers.
    """
    by_condition: dict[str, list[EmotionSample]] = {}
    for i in np.random.default_rng(seed).permutation(len(corpus)):
        sample = corpus[int(i)]
        stated = {*sample.extra.get("carriers", ()), *sample.extra.get("distractors", ())}
        if stated and stated <= set(shown) and split in (None, sample.split):
            condition = str(sample.extra.get("condition"))
            if conditions is None or condition in conditions:
                by_condition.setdefault(condition, []).append(resolve(sample, corpus.root))
    if not by_condition:
        raise AttributionError(
            f"{corpus.root}: no sample of split {split!r} states which of {', '.join(shown)} carries its emotion; "
            "take a corpus of `emolab corpus make synthetic`, which does"
        )
    queues = [(by_condition[c], single_turns if _alone(by_condition[c][0]) else 1) for c in sorted(by_condition)]
    rounds = max(len(queue) for queue, _ in queues)
    found = [s for r in range(rounds) for queue, turns in queues for s in queue[r * turns : (r + 1) * turns]]
    return found[:n]


def _alone(sample: EmotionSample) -> bool:
    return len(sample.extra["carriers"]) == 1 and not sample.extra.get("distractors")
