"""Figures from results: every function takes tables, arrays or result objects and returns a matplotlib `Figure`; none
computes.

One file per subject (`evaluation`, `training`, `data`, `attribution`, …); `style` holds the colours that all of them
share.
"""

from emolab.plots.style import EMOTION_COLOURS, MODALITY_COLOURS, new_figure, styled

__all__ = ["EMOTION_COLOURS", "MODALITY_COLOURS", "new_figure", "styled"]
