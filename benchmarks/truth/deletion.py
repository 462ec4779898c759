"""Faithfulness: masking the parts that a method names must lower the answer more than masking any parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from emolab_course.measure import Settings
from numpy.typing import NDArray

from emolab.attribution.game import MASKERS, Background, Game, Masker, asked_labels, label_values
from emolab.attribution.methods import METHODS, attribute, modality_shares
from emolab.attribution.players import Player, players_of
from emolab.attribution.shapley import GameFunction
from emolab.errors import AttributionError

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

Floats = NDArray[np.float64]
POINTS = (0.25, 0.5, 0.75)
MIN_PLAYERS = 4


@dataclass(frozen=True)
class DeletionCurve:
    """Values of one sample while players are masked: `top` (C,) by falling φ, `random` (R, C) in random orders.

    `removed` (C,) is the number of masked players. It rises from none, where the value is v(N), to all, v(∅).
    """

    top: Floats
    random: Floats
    removed: NDArray[np.int_]

    @property
    def gains(self) -> Floats:
        """How much lower the value (C,) is than at random with `removed` players masked; positive where faithful."""
        return self.random.mean(0) - self.top

    @property
    def saturation(self) -> float:
        """Share of v(N) − v(∅) that the first random deletion takes, infinity where nothing moves. A curve near 1 tells
        nothing.
        """
        if np.ptp(self.random) < 1e-9:
            return float("inf")
        span = self.random[:, 0].mean() - self.random[:, -1].mean()
        return float((self.random[:, 0] - self.random[:, 1]).mean() / span) if abs(span) > 1e-9 else 0.0

    def gain_at(self, share: float) -> float:
        """The gain where the number of players gone is nearest to `share` of them, at least one."""
        wanted = max(1, round(share * int(self.removed[-1])))
        return float(self.gains[np.abs(self.removed - wanted).argmin()])


def deletion_curves(
    game: GameFunction,
    values: Mapping[str, Floats],
    rng: np.random.Generator,
    random_orders: int = 8,
    points: Sequence[float] | None = None,
) -> dict[str, DeletionCurve]:
    """Delete the players in the order of each method's falling `values[name]` (n,), and in random orders that all
    methods share.

    `points` are the shares of the players at which to look (none, one and all are added), by default every number.
    Everything goes into one call of the game.
    """
    n = len(next(iter(values.values())))
    shares = np.arange(n + 1) if points is None else np.round(np.array(points) * n).astype(int)
    removed = np.unique(np.concatenate([[0, min(1, n), n], shares]))
    orders = np.stack(
        [*(np.argsort(-v, kind="stable") for v in values.values()), *(rng.permutation(n) for _ in range(random_orders))]
    )
    rank = np.argsort(orders, axis=1)
    kept = rank[:, None, :] >= removed[None, :, None]
    unique, back = np.unique(kept.reshape(-1, n), axis=0, return_inverse=True)
    curves = np.asarray(game(unique), float)[back.reshape(-1)].reshape(len(orders), len(removed))
    return {name: DeletionCurve(curves[i], curves[len(values) :], removed) for i, name in enumerate(values)}


def faithfulness(
    curves: Sequence[DeletionCurve],
    share: float = 0.25,
    saturated_above: float = 0.9,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Mean advantage over random deletion of the same sample after the top `share` of players, with a paired bootstrap
    95% interval over samples.

    `area` is the mean advantage over the whole curve. `saturated` counts samples that are left out because the first
    deletion takes everything, or because they have nothing to lose. Raises AttributionError if no sample is left.
    """
    telling = [c for c in curves if len(c.top) > 2 and c.saturation <= saturated_above]
    if not telling:
        raise AttributionError(
            f"all {len(curves)} deletion curves are saturated: deleting one player already takes the whole value"
        )
    at_share = np.array([c.gain_at(share) for c in telling])
    area = np.array([c.gains[1:-1].mean() for c in telling])
    draws = np.random.default_rng(seed).integers(len(telling), size=(n_boot, len(telling)))
    return {
        "advantage": float(at_share.mean()),
        "advantage_ci": np.quantile(at_share[draws].mean(1), [0.025, 0.975]).tolist(),
        "area": float(area.mean()),
        "area_ci": np.quantile(area[draws].mean(1), [0.025, 0.975]).tolist(),
        "n": len(telling),
        "saturated": len(curves) - len(telling),
        "share": share,
    }


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
    model: LALM,
    samples: Sequence[EmotionSample],
    background: Sequence[EmotionSample],
    prompt: Prompt,
    kind: str = "part",
    settings: Settings | None = None,
    maskers: Sequence[str] = MASKERS,
    pairs: int = 3,
    seconds: float = 0.5,
    progress: bool = False,
) -> Deletions:
    """Deletion curves of each method for the model's own answers, on fine players of one kind.

    Each method orders the players under its own masker. All orders are judged in one game: under the first of
    `maskers`, with background clips that no method has seen. Samples with fewer than four players are left out. Raises
    AttributionError if none is left.
    """
    from tqdm.auto import tqdm

    chosen = settings or Settings()
    labels = tuple(chosen.labels or asked_labels(prompt))
    pool = Background.encode(model, background, prompt)
    found = Deletions({}, [], kind)
    for i, sample in enumerate(tqdm(samples, desc="deletion", unit="sample", disable=not progress)):
        batch = model.encode([sample], prompt)
        players = players_of(batch, kind, seconds=seconds)
        if len(players) < MIN_PLAYERS:
            continue
        with torch.no_grad():
            scores = label_values(model, batch, labels, chosen.measure, chosen.template)
        own, games = labels[int(scores.argmax())], {}
        for n, kind_of in enumerate((*maskers, maskers[0])):
            masker = Masker(kind_of, pool, 1, chosen.seed + i + 5_000 * n)
            game = chosen.game(model, sample, masker, prompt, batch=batch, players=players, target=own)
            games[kind_of if n < len(maskers) else "judge"] = game
        values = orders(games, maskers, chosen, pairs, chosen.seed + i)
        rng = np.random.default_rng(1000 + i)
        for name, curve in deletion_curves(games["judge"], values, rng, 6, POINTS).items():
            found.curves.setdefault(name, []).append(curve)
        found.shares.append(modality_shares(values[f"Shapley, {maskers[0]}"], players))
    if not found.curves:
        raise AttributionError(f"no sample has {MIN_PLAYERS} or more players of kind {kind!r}")
    return found


def orders(
    games: dict[str, Game], maskers: Sequence[str], settings: Settings, pairs: int, seed: int
) -> dict[str, Floats]:
    """What each method gives the players, under the names that the table of methods has."""
    first = maskers[0]
    players: Sequence[Player] = games[first].players
    found = {f"Shapley, {a}": attribute(games[a], "Shapley", seed, pairs).values for a in maskers}
    for method in list(METHODS)[1:]:
        name = method if method == "attention rollout" else f"{method}, {first}"
        found[name] = attribute(games[first], method, seed, pairs, steps=settings.gradient_steps).values
    found[f"MM-SHAP share, {first}"] = np.abs(found[f"Shapley, {first}"])
    found["chance"] = np.random.default_rng(seed).random(len(players))
    return found
