# deprecated alias
from emolab.attribution.truth import COLUMNS, method_rows  # noqa: F401
