# deprecated alias
from emolab.attribution.measure import null_values  # noqa: F401
