# deprecated alias
from emolab.attribution.game import background_samples as donors_of  # noqa: F401
from emolab.attribution.measure import choose  # noqa: F401
