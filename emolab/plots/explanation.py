"""One sample's explanation as a piece of HTML that needs no network: modalities, coloured waveform with a player,
words, face.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emolab.media import audio_of, frames_of
from emolab.plots.attribution import face_heat, modality_bars, windows_on_wave, words_html
from emolab.plots.data import listen
from emolab.plots.evaluation import posterior

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emolab.samples import EmotionSample


def picture(figure: Figure, alt: str) -> str:
    """A figure as an <img> element."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{html.escape(alt)}' style='max-width:100%' src='data:image/png;base64,{data}'>"


def explanation_html(sample: EmotionSample, result: Mapping[str, Any]) -> str:
    """The result of `emolab.attribution.explain.explain` for a sample (with absolute paths), as HTML."""
    answered = f"{'answers' if result['own'] else 'would it answer'} “{result['label']}”"
    parts = [f"<h3 style='font-family:sans-serif;margin:4px'>{html.escape(sample.id)}: {html.escape(answered)}</h3>"]
    how = f"{result.get('method', 'Shapley')}; masker: {result['masker']}"
    title = f"What made it say {result['label']}? ({how})"
    bars = modality_bars(
        result["phi"], result.get("errors"), None, title, result.get("unit", "log-probability"),
        result.get("errors_over", ""),
    )  # fmt: skip
    figures = [
        picture(bars, f"{how}: {result['phi']}"),
        picture(posterior(result["distribution"], result["label"], sample.emotion), "distribution over the labels"),
    ]
    parts.append(f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{''.join(figures)}</div>")
    players = result["players"]
    if words := players.get("word"):
        parts.append(words_html(words, result["label"]))
    if windows := players.get("window"):
        wave, spoken = audio_of(sample), players.get("spoken", ())
        caption = "red: for the answer, blue: against it" + (
            "; when the words are said is guessed" if result.get("word_times") == "guessed" else ""
        )
        parts.append(listen(wave, windows_on_wave(wave, windows, spoken=spoken), caption).data)
    if cells := players.get("cell"):
        frames = frames_of(sample, *result.get("video_sampling", ()))
        parts.append(picture(face_heat(frames, cells, "Where it looked"), "heat map over the face"))
    return f"<div style='font-family:sans-serif;max-width:900px'>{''.join(parts)}</div>"


def page(body: str, title: str) -> str:
    """A whole HTML page around a piece of it."""
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{body}</body></html>\n"
