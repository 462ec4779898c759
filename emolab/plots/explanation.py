"""One sample's explanation as a piece of HTML that needs no network: modalities, waveform with a player, words, face.

It is drawn as SVG in the colour of the text around it. A redraw costs milliseconds, and a dark page shows it well.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import soundfile
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from emolab.media import SAMPLE_RATE, audio_of, frames_of
from emolab.plots.attribution import words_html
from emolab.plots.style import colour_of
from emolab.samples import EmotionSample

FOR, AGAINST = "#d6604d", "#4393c3"
WIDTH, NAMES, VALUES = 640, 96, 110
OUTLINE, FACE, MOST_FRAMES = 320, 150, 6
Rows = Sequence[Mapping[str, Any]]


def picture(figure: Figure, alt: str) -> str:
    """A figure as an <img> element."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    told = html.escape(alt, quote=True)
    return f"<img alt='{told}' style='max-width:100%' src='{_source(buffer.getvalue())}'>"


def sound_html(wave: NDArray[np.float32], caption: str = "") -> str:
    """A player for a waveform (n,) at 16 kHz, over a caption. The sound is stored in the page as FLAC."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return (
        "<div style='display:inline-block;margin:4px;font-family:sans-serif;font-size:13px'>"
        f"<audio controls preload='none' src='{_source(buffer.getvalue(), 'audio/flac')}'></audio>"
        f"<div>{html.escape(caption)}</div></div>"
    )


class Clip:
    """What an explanation shows of the sample itself. Each part is made once, however often φ is drawn anew."""

    def __init__(self, sample: EmotionSample, sampling: Sequence[Any] = ()) -> None:
        self.sample, self.sampling = sample, sampling

    @cached_property
    def wave(self) -> NDArray[np.float32]:
        """The sound (n,) at 16 kHz."""
        return audio_of(self.sample)

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.wave) / SAMPLE_RATE

    @cached_property
    def player(self) -> str:
        """The sound as a player, with its length."""
        return sound_html(self.wave, f"{self.seconds:.1f} s")

    @cached_property
    def outline(self) -> str:
        """The waveform as points of an SVG polygon, between 0 and `WIDTH` across and -1 and 1 down."""
        parts = np.array_split(self.wave / max(float(np.abs(self.wave).max()), 1e-6), OUTLINE)
        x = (np.arange(len(parts)) + 0.5) * WIDTH / len(parts)
        tops, feet = ([function(part, initial=0.0) for part in parts] for function in (np.max, np.min))
        points = [*zip(x, tops, strict=True), *reversed(list(zip(x, feet, strict=True)))]
        return " ".join(f"{across:.1f},{-up:.3f}" for across, up in points)

    @cached_property
    def frames(self) -> tuple[list[str], float]:
        """The frames, in grey, as sources of images; and their height over their width."""
        found, frames = [], frames_of(self.sample, *self.sampling)
        for frame in frames:
            buffer = io.BytesIO()
            Image.fromarray(frame).convert("L").save(buffer, "PNG")
            found.append(_source(buffer.getvalue()))
        return found, frames.shape[1] / frames.shape[2]


def explanation_html(sample: EmotionSample, result: Mapping[str, Any], clip: Clip | None = None) -> str:
    """The result of `emolab.attribution.explain.explain` for a sample (with absolute paths), as HTML.

    Give the same `clip` where one sample is drawn several times. Its player is then left out, so that a sound plays on.
    """
    held = clip or Clip(sample, result.get("video_sampling", ()))
    answered = f"{'answers' if result['own'] else 'would it answer'} “{result['label']}”"
    how = f"{result.get('method', 'Shapley')}; masker: {result['masker']}"
    unit, over = result.get("unit", "log-probability"), result.get("errors_over", "")
    errors = result.get("errors") or {}
    rows = [{"name": name, "phi": phi, "error": errors.get(name, 0.0)} for name, phi in result["phi"].items()]
    parts = [
        f"<h3 style='margin:4px 0'>{html.escape(sample.id)}: {html.escape(answered)}</h3>",
        _titled(f"What made it say {result['label']}? ({how})", bars_svg(rows, unit, over)),
        _titled("How probable each label is", shares_svg(result["distribution"], result["label"], sample.emotion)),
    ]
    players = result["players"]
    if words := players.get("word"):
        parts.append(words_html(words, result["label"]))
    if windows := players.get("window"):
        spoken = players.get("spoken", ())
        guessed = "; when the words are said is guessed" if spoken and result.get("word_times") == "guessed" else ""
        sound = wave_svg(held, windows, spoken)
        parts.append(_titled(f"When it was heard (red: for the answer, blue: against it{guessed})", sound))
        parts += [] if clip else [held.player]
    if cells := players.get("cell"):
        parts.append(_titled("Where it looked", face_html(*held.frames, cells)))
    return f"<div class='emolab-explanation' style='font-family:sans-serif;max-width:{WIDTH}px'>{''.join(parts)}</div>"


def bars_svg(rows: Rows, unit: str, over: str = "") -> str:
    """Signed φ of each row (name, phi, error), with its standard error over what `over` says."""
    ends = [row["phi"] + sign * _finite(row["error"]) for row in rows for sign in (-1, 1)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    scale = (WIDTH - NAMES - VALUES) / ((high - low) or 1.0)
    zero = NAMES - low * scale
    parts, said = [_line(zero, 0, zero, 26 * len(rows))], []
    for i, row in enumerate(rows):
        middle, error = 26 * i + 13, _finite(row["error"])
        end = zero + row["phi"] * scale
        value = f"{row['phi']:+.2f}" + (f" ± {error:.2f}" if error else "")
        parts.append(_box(min(zero, end), middle - 8, abs(end - zero), 16, colour_of(str(row["name"]), i)))
        if error:
            parts.append(_line(end - error * scale, middle, end + error * scale, middle, 1.6))
        parts += [_text(NAMES - 8, middle + 4, row["name"], "end"), _text(WIDTH, middle + 4, value, "end")]
        said.append(f"{row['name']} {value}")
    note = f"φ: what it adds ({unit})" + (f"; lines: ± standard error over {over}" if over else "")
    parts.append(_text(NAMES, 26 * len(rows) + 18, note, size=11))
    return _svg(26 * len(rows) + 24, parts, "φ of " + ", ".join(said))


def shares_svg(distribution: Mapping[str, float], answer: str | None = None, gold: str | None = None) -> str:
    """A distribution over labels; the answered label is bold, and the gold one has a star."""
    parts = []
    for i, (label, share) in enumerate(distribution.items()):
        name, weight = f"{label} ★" if label == gold else label, "bold" if label == answer else "normal"
        long, middle = share * (WIDTH - NAMES - 60), 20 * i + 10
        parts.append(_box(NAMES, middle - 6, long, 12, colour_of(label, i)))
        parts.append(_text(NAMES - 8, middle + 4, name, "end", weight=weight))
        parts.append(_text(NAMES + long + 6, middle + 4, f"{100 * share:.0f}%", weight=weight))
    said = ", ".join(f"{label} {100 * share:.0f}%" for label, share in distribution.items())
    return _svg(20 * len(distribution), parts, f"probability of each label: {said}")


def wave_svg(clip: Clip, windows: Rows, spoken: Rows = ()) -> str:
    """A waveform over the φ of its windows (rows with t0, t1, phi, error), with the words where they are `spoken`.

    Windows whose φ is no larger than its error have no colour above, and a pale bar below.
    """
    across, strongest = WIDTH / clip.seconds, _strongest(windows)
    top, foot, parts = 96, 24 if spoken else 0, []
    base = top + foot + 50
    for row in windows:
        begin, width, share = row["t0"] * across, (row["t1"] - row["t0"]) * across, row["phi"] / strongest
        if sure := abs(row["phi"]) > row["error"]:
            parts.append(_box(begin, 0, width, top, _colour(share), 0.15 + 0.55 * abs(share)))
        high = 44 * share
        parts.append(
            _box(begin + 1, base - max(high, 0), width - 2, abs(high), _colour(share), 1 if sure else 0.35, _told(row))
        )
        if error := 44 * min(_finite(row["error"]) / strongest, 1.0):
            parts.append(_line(begin + width / 2, base - high - error, begin + width / 2, base - high + error, 1.2))
    parts.append(
        f"<g transform='translate(0 {top / 2}) scale(1 {top / 2 - 4})'>"
        f"<polygon points='{clip.outline}' fill='currentColor' opacity='.75'/></g>"
    )
    parts += [part for row in spoken for part in _word(row, _strongest(spoken), across, top)]
    parts.append(_line(0, base, WIDTH, base))
    for second in np.arange(0, clip.seconds, 0.5):
        parts.append(_text(second * across, base + 62, f"{second:.1f} s", "start" if not second else "middle", size=11))
    said = ", ".join(f"{row['name']} {row['phi']:+.2f}" for row in windows)
    return _svg(base + 68, parts, f"waveform; φ of its windows: {said}")


def _word(row: Mapping[str, Any], strongest: float, across: float, top: float) -> list[str]:
    """A spoken word in a box of the colour of its φ; a pause has none."""
    if str(row["name"]).startswith("("):
        return []
    share, begin, width = row["phi"] / strongest, row["t0"] * across, (row["t1"] - row["t0"]) * across
    size = 12 if 7 * len(str(row["name"])) < width else 9
    box = _box(begin, top + 2, width, 20, _colour(share), 0.1 + 0.7 * abs(share), _told(row))
    return [box, _text(begin + width / 2, top + 16, row["name"], "middle", size=size)]


def face_html(frames: Sequence[str], tall: float, cells: Rows) -> str:
    """Frames (sources of images, `tall` times as high as wide) under the φ of their cells (rows with frame, region,
    phi, error). A cell whose φ is no larger than its standard error has no colour.
    """
    rows, columns = (1 + max(cell["region"][axis] for cell in cells) for axis in (0, 1))
    wide, high, strongest, shown = FACE / columns, FACE * tall / rows, _strongest(cells), []
    for start in sorted({cell["frame"] for cell in cells})[:MOST_FRAMES]:
        source = frames[min(start, len(frames) - 1)]
        parts, said = [f"<image href='{source}' width='{FACE}' height='{FACE * tall:.0f}'/>"], []
        for cell in cells:
            if cell["frame"] == start:
                share, (down, right) = cell["phi"] / strongest, cell["region"]
                shade = 0.65 * abs(share) ** 0.5 if abs(cell["phi"]) > cell["error"] else 0.0
                parts.append(_box(right * wide, down * high, wide, high, _colour(share), shade, _told(cell)))
                said.append(f"{cell['region']} {cell['phi']:+.2f}")
        drawn = _svg(FACE * tall, parts, f"from frame {start}: {', '.join(said)}", FACE)
        note = f"<figcaption style='font-size:11px'>from frame {start}</figcaption>"
        shown.append(f"<figure style='display:inline-block;width:{FACE}px;margin:0 8px 0 0'>{drawn}{note}</figure>")
    return "".join(shown)


# Pieces of SVG --------------------------------------------------------------------------------------------------------


def _svg(height: float, parts: Sequence[str], alt: str, width: float = WIDTH) -> str:
    return (
        f"<svg role='img' aria-label='{html.escape(alt, quote=True)}' viewBox='0 0 {width} {height:.0f}' "
        f"style='width:100%;max-width:{width}px;display:block;overflow:visible'>{''.join(parts)}</svg>"
    )


def _box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0, title: str = "") -> str:
    told = f"<title>{html.escape(title)}</title>" if title else ""
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0):.1f}' height='{height:.1f}' fill='{colour}' "
        f"fill-opacity='{opacity:.2f}'>{told}</rect>"
    )


def _line(x: float, y: float, to_x: float, to_y: float, width: float = 0.8) -> str:
    return f"<path d='M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}' stroke='currentColor' stroke-width='{width}'/>"


def _text(x: float, y: float, text: Any, anchor: str = "start", size: int = 13, weight: str = "normal") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' font-weight='{weight}' "
        f"fill='currentColor'>{html.escape(str(text))}</text>"
    )


def _titled(title: str, body: str) -> str:
    return f"<div style='margin:10px 0'><div style='font:bold 13px sans-serif'>{html.escape(title)}</div>{body}</div>"


def _told(row: Mapping[str, Any]) -> str:
    return f"{row['name']}: φ = {row['phi']:+.3f} ± {row['error']:.3f}"


def _colour(share: float) -> str:
    return FOR if share > 0 else AGAINST


def _strongest(rows: Rows) -> float:
    return max((abs(row["phi"]) for row in rows), default=0.0) or 1.0


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0


def _source(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def page(body: str, title: str) -> str:
    """A whole HTML page around a piece of it."""
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{body}</body></html>\n"
