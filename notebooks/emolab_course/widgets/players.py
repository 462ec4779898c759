"""Players of sounds and frames for a notebook, small enough to be committed with it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from emolab.errors import MediaError

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import HTML

    from emolab.samples import EmotionSample

LONGEST_CLIP = 3.0


def listen(
    clips: Mapping[str, np.ndarray | EmotionSample] | Iterable[tuple[str, np.ndarray | EmotionSample]],
    sample_rate: int = 16_000,
) -> HTML:
    """One labelled audio player per clip, side by side: `listen({"sad": wave})`.

    A clip is a mono float wave (n,) or a sample with an absolute path. Above the player stands the waveform, below it
    the label with the length and the transcript of a sample. What is played is cut to 3 s and stored as MP3 of a few kB
    per second. Raises MediaError if a clip is empty.
    """
    from IPython.display import HTML

    items = clips.items() if isinstance(clips, Mapping) else clips
    players = "".join(
        _player(label, _wave_of(clip), sample_rate, getattr(clip, "text", None) or "") for label, clip in items
    )
    return HTML(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{players}</div>')


def watch(clips: dict[str, np.ndarray], height: int = 160, milliseconds: int = 120) -> HTML:
    """One labelled, looping animation per clip of frames (F, H, W, 3) uint8, side by side."""
    from IPython.display import HTML
    from PIL import Image

    figures = []
    for label, frames in clips.items():
        images = [Image.fromarray(frame).quantize(64) for frame in frames]
        buffer = io.BytesIO()
        images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
        data = _data_url(buffer.getvalue(), "image/gif")
        alt = f"a moving face: {html.escape(label)}"
        figures.append(_figure(label, f'<img height="{height}" src="{data}" alt="{alt}">'))
    return HTML(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(figures)}</div>')


def _wave_of(clip: Any) -> Any:
    from emolab.media import audio_of
    from emolab.samples import EmotionSample

    return audio_of(clip) if isinstance(clip, EmotionSample) else clip


def _player(label: str, wave: Any, sample_rate: int, text: str = "") -> str:
    import numpy as np
    import soundfile as sf

    wave = np.asarray(wave, np.float32).reshape(-1)
    seconds = len(wave) / sample_rate
    wave = wave[: int(LONGEST_CLIP * sample_rate)]
    if not len(wave):
        raise MediaError(f"{label}: an empty clip cannot be played")
    buffer = io.BytesIO()
    sf.write(buffer, wave, sample_rate, format="MP3")
    player = f'<audio controls preload="none" style="width:180px" src="{_data_url(buffer.getvalue(), "audio/mpeg")}">'
    caption = f"{label} ({seconds:.1f} s)" + (f" “{text}”" if text else "")
    return _figure(caption, f"{_waveform(wave)}<br>{player}</audio>")


def _waveform(wave: Any, columns: int = 60, height: int = 28) -> str:
    """The loudness of a wave over time as a small SVG in the colour of the text."""
    import numpy as np

    peaks = np.array([np.abs(part).max(initial=0.0) for part in np.array_split(wave, columns)])
    half = (height / 2 - 1) * peaks / max(float(peaks.max()), 1e-6) + 0.5
    path = "".join(f"M{3 * i + 1} {height / 2 - h:.1f}v{2 * h:.1f}" for i, h in enumerate(half))
    return (
        f'<svg role="img" aria-label="waveform" width="{3 * columns}" height="{height}">'
        f'<path d="{path}" stroke="currentColor" stroke-width="1.6"/></svg>'
    )


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _figure(label: str, body: str) -> str:
    return (
        f'<figure style="margin:0">{body}<figcaption style="max-width:22em">{html.escape(label)}</figcaption></figure>'
    )
