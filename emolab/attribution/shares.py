"""Multimodal shares: how much of all that moves the answer comes from each modality, beside the sign, and beside a
null.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.players import Player
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]


def shares(values: Floats) -> Floats:
    """|φᵢ| / Σ|φ| along the last axis (MM-SHAP, Parcalabescu & Frank 2023, eq. 3 and 4); zeros where every φ is zero.

    Shares hide the sign and never cancel noise: a modality that says nothing still gets one. Print them with φ, and
    with `null_shares`.
    """
    size = np.abs(values)
    total = size.sum(-1, keepdims=True)
    return np.divide(size, total, out=np.zeros_like(size), where=total > 0)


def modality_shares(values: Floats, players: Sequence[Player]) -> dict[str, float]:
    """MM-SHAP shares of the modalities from the φ (n,) of fine players: Σ|φ| of a modality's players over all Σ|φ|."""
    share = shares(values)
    return {
        m: float(sum(s for s, p in zip(share, players, strict=True) if p.modality == m))
        for m in MODALITIES
        if any(p.modality == m for p in players)
    }


def modality_sums(values: Floats, players: Sequence[Player]) -> dict[str, float]:
    """Signed Σφ of each modality's players: what its parts contribute once they have cancelled."""
    return {
        m: float(sum(v for v, p in zip(values, players, strict=True) if p.modality == m))
        for m in MODALITIES
        if any(p.modality == m for p in players)
    }


def null_band(null_values: Floats, quantile: float = 0.95) -> dict[str, Floats]:
    """What modalities get when they say nothing: mean (n,) and upper `quantile` (n,) of shares and of signed φ.

    `null_values` (N, n, n): entry [i, m] holds the φ of sample i with modality m taken from another sample, so that m
    cannot know the answer (see `emolab.attribution.checks.null_values`).
    """
    m = np.arange(null_values.shape[1])
    share, signed = shares(null_values)[:, m, m], null_values[:, m, m]
    return {
        "share_mean": share.mean(0),
        "share_upper": np.quantile(share, quantile, axis=0),
        "phi_mean": signed.mean(0),
        "phi_upper": np.quantile(signed, quantile, axis=0),
    }
