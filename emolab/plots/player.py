"""A player for a sound, as HTML."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from emolab.media import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import HTML
    from matplotlib.figure import Figure


def listen(wave: np.ndarray, figure: Figure | None = None, caption: str = "") -> HTML:
    """A player for a waveform (n,) at 16 kHz, with a figure above it, as HTML that needs no network. The sound is
    stored as FLAC.
    """
    import numpy as np
    import soundfile
    from IPython.display import HTML

    sound = io.BytesIO()
    soundfile.write(sound, np.clip(wave, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    parts = ["<div style='display:inline-block;margin:4px;font-family:sans-serif;font-size:13px'>"]
    if figure is not None:
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=96)
        parts.append(
            f"<img alt='{caption}' style='display:block;max-width:100%' src='data:image/png;base64,{_base64(picture)}'>"
        )
    parts.append(
        f"<audio controls preload='none' src='data:audio/flac;base64,{_base64(sound)}'></audio>"
        f"<div>{caption}</div></div>"
    )
    return HTML("".join(parts))


def _base64(buffer: io.BytesIO) -> str:
    return base64.b64encode(buffer.getvalue()).decode()
