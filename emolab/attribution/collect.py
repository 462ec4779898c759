# deprecated alias
from emolab.attribution.measure import Measured, Settings, measure, method_values  # noqa: F401
