"""Faithfulness on the parts of a prompt: every method orders windows, regions and words; taking the first away must
hurt more than taking any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolab.attribution.collect import Settings
from emolab.attribution.faithfulness import DeletionCurve, deletion_curves, faithfulness
from emolab.attribution.methods import METHODS, attribute
from emolab.attribution.players import Player, players_of
from emolab.attribution.shares import modality_shares
from emolab.attribution.values import ABSENCES, DonorPool, EmbeddingGame, absent_embeddings, label_values
from emolab.errors import AttributionError

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

Floats = NDArray[np.float64]
POINTS = (0.25, 0.5, 0.75)
MIN_PLAYERS = 4


@dataclass
class Deletions:
    """Curves of every method on each sample, and the shares of the modalities over their parts (N, 3 as dicts)."""

    curves: dict[str, list[DeletionCurve]]
    shares: list[dict[str, float]]
    kind: str

    def rows(self) -> list[dict[str, Any]]:
        """One row a method, as `faithfulness` gives."""
        return [{"name": name, "players": self.kind, **faithfulness(c)} for name, c in self.curves.items()]


def deletions(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    kind: str = "part",
    settings: Settings | None = None,
    absences: Sequence[str] = ABSENCES,
    pairs: int = 3,
    seconds: float = 0.5,
    progress: bool = False,
) -> Deletions:
    """Deletion curves of each method for the model's own answers, on fine players of one kind.

    Each method orders the players by its own way of being absent, but all are judged in the same game: the first of
    `absences`, with donors that no method has seen. Samples with fewer than four players are left out. Raises
    AttributionError if none is left.
    """
    from tqdm.auto import tqdm

    chosen = settings or Settings()
    pool = DonorPool.encode(lalm, donors, prompt)
    found = Deletions({}, [], kind)
    for i, sample in enumerate(tqdm(samples, desc="deletion", unit="sample", disable=not progress)):
        batch = lalm.encode([sample], prompt)
        players = players_of(batch, kind, seconds=seconds)
        if len(players) < MIN_PLAYERS:
            continue
        with torch.no_grad():
            scores = label_values(lalm, batch, chosen.labels, chosen.measure, chosen.template)
        own, games = chosen.labels[int(scores.argmax())], {}
        for n, absence in enumerate((*absences, absences[0])):
            absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, 1, chosen.seed + i + 5_000 * n)
            games[absence if n < len(absences) else "judge"] = chosen.game(lalm, batch, players, absent, own)
        values = orders(games, absences, chosen, pairs, chosen.seed + i)
        rng = np.random.default_rng(1000 + i)
        for name, curve in deletion_curves(games["judge"], values, rng, 6, POINTS).items():
            found.curves.setdefault(name, []).append(curve)
        found.shares.append(modality_shares(values[f"Shapley, {absences[0]}"], players))
    if not found.curves:
        raise AttributionError(f"no sample has {MIN_PLAYERS} or more players of kind {kind!r}")
    return found


def orders(
    games: dict[str, EmbeddingGame], absences: Sequence[str], settings: Settings, pairs: int, seed: int
) -> dict[str, Floats]:
    """What each method gives the players, under the names of the table of methods."""
    first = absences[0]
    players: Sequence[Player] = games[first].players
    found = {f"Shapley, {a}": attribute(games[a], "Shapley", seed, pairs).values for a in absences}
    for method in METHODS[1:]:
        name = method if method == "attention rollout" else f"{method}, {first}"
        found[name] = attribute(games[first], method, seed, pairs, steps=settings.gradient_steps).values
    found[f"MM-SHAP share, {first}"] = np.abs(found[f"Shapley, {first}"])
    found["chance"] = np.random.default_rng(seed).random(len(players))
    return found
