"""Simpler scores from the same table of coalition values: leave one out, and only one in. Neither shares out what
players do together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emolab.attribution.shapley import coalitions

Floats = NDArray[np.float64]


def leave_one_out(table: Floats) -> Floats:
    """v(N) − v(N \\ i): (…, n) from tables (…, 2ⁿ). Blind to what another player says as well."""
    n, last = _sizes(table)
    return table[..., -1:] - table[..., last - (1 << np.arange(n))]


def only_one_in(table: Floats) -> Floats:
    """v({i}) − v(∅): (…, n) from tables (…, 2ⁿ). Blind to what players only say together."""
    n, _ = _sizes(table)
    return table[..., 1 << np.arange(n)] - table[..., :1]


def banzhaf(table: Floats) -> Floats:
    """Mean gain over all coalitions of the others, each counted once (Banzhaf 1965): (…, n) from tables (…, 2ⁿ)."""
    n, _ = _sizes(table)
    signs = np.where(coalitions(n), 1.0, -1.0) / 2 ** (n - 1)
    return table @ signs


def _sizes(table: Floats) -> tuple[int, int]:
    n = int(table.shape[-1]).bit_length() - 1
    return n, 2**n - 1
