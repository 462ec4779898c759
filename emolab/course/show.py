"""Hearing and seeing samples, and what the ledger says, in a notebook, small enough to be committed with it."""

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

LONGEST_CLIP = 3.0


def listen(clips: dict[str, np.ndarray] | Iterable[tuple[str, np.ndarray]], sample_rate: int = 16_000) -> HTML:
    """One labelled audio player per clip, side by side: `listen({"sad": wave})`.

    Waves are mono float arrays, cut to 3 s and stored as MP3 of a few kB per second. Raises MediaError if one is empty.
    """
    from IPython.display import HTML

    items = clips.items() if isinstance(clips, dict) else clips
    players = "".join(_player(label, wave, sample_rate) for label, wave in items)
    return HTML(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{players}</div>')


def watch(clips: dict[str, np.ndarray], height: int = 96, milliseconds: int = 120) -> HTML:
    """One labelled, looping animation per clip of frames (F, H, W, 3) uint8, side by side."""
    from IPython.display import HTML
    from PIL import Image

    figures = []
    for label, frames in clips.items():
        images = [Image.fromarray(frame).quantize(64) for frame in frames]
        buffer = io.BytesIO()
        images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
        data = _data_url(buffer.getvalue(), "image/gif")
        figures.append(_figure(label, f'<img height="{height}" src="{data}" alt="{html.escape(label)}">'))
    return HTML(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(figures)}</div>')


def claims_of(recipe: str) -> dict[str, dict[str, Any]]:
    """The ledger's claims about a recipe ("emo-rl"), by name, as `emolab.ledger.load_claims` returns them; what the
    paper says is printed with our verdict."""
    from emolab.ledger import load_claims

    claims = load_claims(recipe)
    for claim in claims.values():
        print(f"{claim['verdict']:10} {claim['title']}\n{'':10} the paper: {claim['says']}\n")  # noqa: T201
    return claims


def show_claim(claim: Mapping[str, Any], differences: bool = False) -> None:
    """Display a claim of the ledger: its plot, what we read from it, and the scores of its arms, or with `differences`
    the paired differences with their verdicts."""
    from IPython.display import Markdown, display

    from emolab.ledger import claim_table, difference_table
    from emolab.ledger.results import UNREAD
    from emolab.plots.claims import claim_plot

    display(claim_plot(claim))
    display(Markdown(claim["reading"] or UNREAD))
    display(difference_table(claim) if differences else claim_table(claim))


def _player(label: str, wave: Any, sample_rate: int) -> str:
    import numpy as np
    import soundfile as sf

    wave = np.asarray(wave, np.float32).reshape(-1)[: int(LONGEST_CLIP * sample_rate)]
    if not len(wave):
        raise MediaError(f"{label}: an empty clip cannot be played")
    buffer = io.BytesIO()
    sf.write(buffer, wave, sample_rate, format="MP3")
    player = f'<audio controls preload="none" style="width:180px" src="{_data_url(buffer.getvalue(), "audio/mpeg")}">'
    return _figure(label, f"{player}</audio>")


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _figure(label: str, body: str) -> str:
    return f'<figure style="margin:0">{body}<figcaption>{html.escape(label)}</figcaption></figure>'
