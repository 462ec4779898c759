"""The honest ledger: what the papers claim, what our runs show, and a verdict by one rule.

`declare` says what a claim is, `claims` lists ours, `runs` trains and measures, `queue` does so for all of them,
`statistics` and `verdicts` judge, `results` writes and reads small files, `page` renders them. Notebooks need
`load_claims`, `claim_table`, `difference_table` and `emolab.plots.claims.claim_plot`.
"""

from emolab.ledger.declare import Arm, Claim, Contrast
from emolab.ledger.results import claim_table, difference_table, load_claims

__all__ = ["Arm", "Claim", "Contrast", "claim_table", "difference_table", "load_claims"]
