"""The ledger of claims in a notebook: its code, and what it has decided, as tables.

`crossed`, `over_seeds`, `verdict`, `holm` and `MIN_SEEDS` are those of `benchmarks/claims`, which a checkout has beside
the package.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from emolab.paths import CHECKOUT

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.claims.declare import MIN_SEEDS
from benchmarks.claims.statistics import Estimate, crossed, over_seeds, t_quantile
from benchmarks.claims.verdicts import RULE, verdict

__all__ = [
    "MIN_SEEDS", "RULE", "Estimate", "confession", "contrasts", "crossed", "flattery", "holm", "over_seeds", "runs_of",
    "t_quantile", "verdict",
]  # fmt: skip
CLAIMS = CHECKOUT / "benchmarks" / "claims"


def contrasts(deciding: bool = True) -> pd.DataFrame:
    """Every committed difference: claim, arms, metric, difference and interval in the metric's unit, margin, claimed
    sign, seeds, verdict; `p` is the one-sided p-value against the claimed side, from Student's t.

    With `deciding`, only those that take part in a verdict.
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import t

    rows = []
    for path in sorted(CLAIMS.glob("*.json")):
        claim = json.loads(path.read_text(encoding="utf-8"))
        for found in claim["contrasts"]:
            if deciding and not found["counts"]:
                continue
            low, high = found["ci"]
            degrees = len(found["seeds"]) - 1
            error = (high - low) / 2 / t.ppf(0.975, degrees)
            shift = found["margin"] if found["no_worse"] else 0.0
            distance = found["sign"] * found["difference"] + shift
            rows.append(
                {
                    "claim": claim["name"],
                    "difference of": f"{found['first']} - {found['second'] or '0'}",
                    "metric": found["title"],
                    "found": found["difference"],
                    "low": low,
                    "high": high,
                    "margin": found["margin"],
                    "sign": found["sign"],
                    "no worse": found["no_worse"],
                    "seeds": len(found["seeds"]),
                    "by_seed": np.array(found["by_seed"]),
                    "verdict": found["verdict"],
                    "p": float(t.sf(distance / error, degrees)) if error > 0 else float(distance <= 0),
                }
            )
    return pd.DataFrame(rows)


def runs_of(claim: str, metric: str = "ua@home") -> pd.DataFrame:
    """A metric of every committed run of a claim: a row a seed, a column an arm (those that have the metric)."""
    import pandas as pd

    found = json.loads((CLAIMS / f"{claim}.json").read_text(encoding="utf-8"))
    arms = {arm["name"]: arm["scores"][metric] for arm in found["arms"] if metric in arm["scores"]}
    return pd.DataFrame({name: pd.Series(s["by_seed"], index=s["seeds"]) for name, s in arms.items()}).rename_axis(
        "seed"
    )


def holm(p: ArrayLike, level: float = 0.05) -> Any:
    """Which of several hypotheses are rejected so that any false rejection has probability at most `level` (Holm 1979,
    Scandinavian Journal of Statistics 6): (n,) p-values → (n,) bools.

    In order of p, the i-th smallest is compared with level / (n - i), i from 0, up to the first that is larger.
    """
    import numpy as np

    values = np.asarray(p, float)
    order = np.argsort(values)
    passed = values[order] <= level / (len(values) - np.arange(len(values)))
    rejected = np.zeros(len(values), bool)
    rejected[order] = np.cumprod(passed).astype(bool)
    return rejected


def flattery(tries: int, spread: float, draws: int = 20000, seed: int = 0) -> float:
    """By how much the best of `tries` runs is better than they are on average, where all are equally good and their
    scores vary with the standard deviation `spread`."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return float(rng.normal(0.0, spread, (draws, tries)).max(1).mean())


def confession() -> str:
    """README's paragraph on which clips its own settings were chosen."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    found = [part for part in text.split("\n\n") if "chosen" in part and "test clips" in part]
    return " ".join(found[0].split()) if found else "README no longer says how its settings were chosen: ask why."
