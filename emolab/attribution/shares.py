# deprecated alias
from emolab.attribution.methods import null_band, shares  # noqa: F401
