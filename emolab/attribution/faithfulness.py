"""Faithfulness: does taking away what an attribution names hurt more than taking away players at random?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import AttributionError

Floats = NDArray[np.float64]
Game = Callable[[NDArray[np.bool_]], Floats]


@dataclass(frozen=True)
class DeletionCurve:
    """Values of one sample while players are taken away: `top` (C,) by falling φ, `random` (R, C) in random orders.

    `removed` (C,) says how many of the players are gone, rising from none, v(N), to all, v(∅).
    """

    top: Floats
    random: Floats
    removed: NDArray[np.int_]

    @property
    def gains(self) -> Floats:
        """How much lower the value is than at random with `removed` players gone, (C,). Positive: faithful."""
        return self.random.mean(0) - self.top

    @property
    def saturation(self) -> float:
        """Share of v(N) − v(∅) that the first random deletion already takes, inf where nothing moves. Near 1 the
        curve tells nothing.
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
    game: Game,
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
    """Mean advantage over random deletion after the top `share` of players, with a paired bootstrap 95% interval over
    samples: each method is compared with random deletion of the same sample.

    `area` is the mean advantage over the whole curve. Samples whose curve saturates at the first deletion, or that
    have nothing to lose, are counted in `saturated` and left out. Raises AttributionError if nothing is left.
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
