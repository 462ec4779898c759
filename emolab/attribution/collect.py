"""Run every method over many samples: tables of all coalitions of the modalities, integrated gradients, rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.gradients import attention_rollout, integrated_gradients
from emolab.attribution.methods import from_table
from emolab.attribution.players import modality_players
from emolab.attribution.shapley import coalitions, exact_from_table, interactions_from_table
from emolab.attribution.values import ABSENCES, TEMPLATE, DonorPool, EmbeddingGame, absent_embeddings
from emolab.emotions import EMOTIONS
from emolab.samples import MODALITIES, EmotionSample

if TYPE_CHECKING:
    from torch import Tensor

    from emolab.attribution.players import Player
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch
    from emolab.prompts import Prompt

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How values are measured: see `EmbeddingGame` and `absent_embeddings`; `template` holds the answer.

    On the val split two neutral donors name the carrier as often as four do.
    """

    measure: str = "posterior"
    n_donors: int = 2
    gradient_steps: int = 4
    gradient_ways: int = 1
    seed: int = 0
    labels: tuple[str, ...] = EMOTIONS
    template: str = TEMPLATE

    def game(
        self, lalm: LALM, batch: PromptBatch, players: Sequence[Player], absent: Tensor, target: str
    ) -> EmbeddingGame:
        """The game of one encoded sample under these settings."""
        return EmbeddingGame(lalm, batch, players, absent, target, self.labels, self.measure, self.template)


@dataclass
class Measured:
    """What was measured on N samples. `tables[absence]` is (N, 8, L): the value of every coalition for every label,
    modalities in the order of MODALITIES; `gradients` and `rollout` (N, 3) are for the labels `explained`, None where
    they were not asked for.
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
        """The way of being absent that stands for the others where one has to."""
        return next(iter(self.tables))

    @property
    def gold(self) -> list[str | None]:
        return [s.emotion for s in self.samples]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which samples the model answers right, by its highest-scored label."""
        return np.array([o == g for o, g in zip(self.own, self.gold, strict=True)])

    def table(self, absence: str | None = None, targets: Sequence[str | None] | None = None) -> Floats:
        """(N, 8) values of one label for each sample: `targets`, by default the labels `explained`; `absence` is by
        default the first.
        """
        chosen = [self.labels.index(str(t)) for t in (self.explained if targets is None else targets)]
        return self.tables[absence or self.first][np.arange(len(self.samples)), :, chosen]

    def shapley(self, absence: str | None = None, targets: Sequence[str | None] | None = None) -> Floats:
        """Exact Shapley values (N, 3) of the modalities."""
        return exact_from_table(self.table(absence, targets))

    def interactions(self, absence: str | None = None) -> Floats:
        """Pairwise Shapley interaction indices (N, 3, 3) of the modalities."""
        return interactions_from_table(self.table(absence))


def measure(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    absences: Sequence[str] = ABSENCES,
    inner: bool = True,
    progress: bool = True,
    gold: bool = False,
) -> Measured:
    """Tables of all coalitions for each way of being absent; with `inner` also integrated gradients (for the first of
    them) and attention rollout.

    Explained is the model's own answer, or the `gold` label. `samples` and `donors` have absolute paths. A modality
    that a sample or the prompt does not have is a dummy player.
    """
    from tqdm.auto import tqdm

    chosen = settings or Settings()
    pool = DonorPool.encode(lalm, donors, prompt)
    tables: dict[str, list[Floats]] = {a: [] for a in absences}
    gradients, rollouts, explained = [], [], []
    for i, sample in enumerate(tqdm(samples, desc="attribution", unit="sample", disable=not progress)):
        batch = lalm.encode([sample], prompt)
        players = modality_players(batch)
        target = str(sample.emotion) if gold else ""
        for absence in absences:
            absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, chosen.n_donors, chosen.seed + i)
            game = chosen.game(lalm, batch, players, absent, target)
            tables[absence].append(game.label_values(coalitions(len(players))))
            game.target = target = target or chosen.labels[int(tables[absence][-1][-1].argmax())]
            if inner and absence == absences[0]:
                part = replace(game, absent=absent[: chosen.gradient_ways])
                gradients.append(integrated_gradients(part, chosen.gradient_steps))
                rollouts.append(attention_rollout(lalm, batch, players, template=chosen.template))
        explained.append(target)
    return Measured(
        list(samples),
        chosen.labels,
        {a: np.stack(t) for a, t in tables.items()},
        explained,
        np.stack(gradients) if inner else None,
        np.stack(rollouts) if inner else None,
    )


def method_values(measured: Measured, seed: int = 0) -> dict[str, Floats]:
    """Attributions (N, 3) of the labels explained by every method, each named with its way of being absent."""
    first = measured.first
    found = {f"Shapley, {absence}": measured.shapley(absence) for absence in measured.tables}
    found |= {f"{name}, {first}": values for name, values in from_table(measured.table(first)).items()}
    if measured.gradients is not None:
        found[f"integrated gradients, {first}"] = measured.gradients
    if measured.rollout is not None:
        found["attention rollout"] = measured.rollout
    found["chance"] = np.random.default_rng(seed).random((len(measured.samples), len(MODALITIES)))
    return found
