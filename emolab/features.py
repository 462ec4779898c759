"""Old name of `emolab.prosody`, kept for a release."""

from emolab.prosody import FEATURES, prosody_features  # deprecated alias

__all__ = ["FEATURES", "prosody_features"]
