"""Pictures of data: a clip with its pitch and spectrogram and a player under it, faces, the valence–arousal plane, a
corpus at a glance.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emolab.emotions import LabelSet, label_set, label_set_of
from emolab.plots.style import ACCENT, INK, QUIET, colour_of, new_figure, palette, styled

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from IPython.display import HTML
    from matplotlib.figure import Figure

SAMPLE_RATE = 16_000


@styled
def clip_card(
    wave: np.ndarray,
    f0: np.ndarray | None = None,
    hop: float = 0.01,
    words: Sequence[tuple[str, float]] = (),
    title: str = "",
    emotion: str | None = None,
) -> Figure:
    """A voice at a glance: waveform above, spectrogram below with F0 on it.

    `wave` (n,) at 16 kHz; `f0` (T,) in Hz, 0 or NaN where unvoiced, one value each `hop` seconds; `words` as (word,
    onset in s).
    """
    import numpy as np

    figure, ((above,), (below,)) = new_figure(7.4, 3.5, 2, 1, sharex=True, gridspec_kw={"height_ratios": [1, 2.3]})
    seconds = np.arange(len(wave)) / SAMPLE_RATE
    above.plot(seconds, wave, color=colour_of(emotion or "", 0), lw=0.5)
    above.set(
        yticks=[], title=title, ylim=(-1.05 * max(1e-3, np.abs(wave).max()), 1.05 * max(1e-3, np.abs(wave).max()))
    )
    above.spines["left"].set_visible(False)
    quiet = 1e-5 * np.random.default_rng(0).normal(size=len(wave))
    below.specgram(wave + quiet, NFFT=400, noverlap=240, Fs=SAMPLE_RATE, cmap="magma", vmin=-120, vmax=-35)
    below.set(ylim=(0, 5000), xlabel="seconds", ylabel="kHz", xlim=(0, len(wave) / SAMPLE_RATE))
    below.set_yticks(range(0, 5001, 1000), range(6))
    if f0 is not None:
        pitch = below.twinx()
        voiced = np.where(np.nan_to_num(f0) > 0, f0, np.nan)
        pitch.plot(np.arange(len(f0)) * hop, voiced, color="white", lw=3.2, alpha=0.85)
        pitch.plot(np.arange(len(f0)) * hop, voiced, color=ACCENT, lw=1.6)
        pitch.set(ylim=(50, 500), ylabel="F0, Hz")
        pitch.spines["right"].set_visible(True)
    for word, onset in words:
        above.annotate(word, (onset, 1), xycoords=("data", "axes fraction"), fontsize=8, color=INK, va="top")
        above.axvline(onset, color=QUIET, lw=0.6)
    return figure


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


@styled
def vad_plane(
    table: pd.DataFrame,
    title: str = "Valence and arousal of the samples",
    labels: LabelSet | Sequence[str] | None = None,
) -> Figure:
    """Samples on the valence–arousal plane, coloured by label, over where each label's word lies (diamonds).

    `table` has the columns emotion, valence and arousal in [-1, 1]. `labels` are the corpus's (`corpus.labels`), by
    default those in the table; a label without a place (`LabelSet.place`) has no diamond.
    """
    figure, ((axis,),) = new_figure(5.4, 4.6)
    axis.axhline(0, color=QUIET, lw=0.8, zorder=0)
    axis.axvline(0, color=QUIET, lw=0.8, zorder=0)
    asked = label_set_of(table["emotion"]) if labels is None else label_set(labels)
    colours = palette(asked)
    for i, (emotion, part) in enumerate(table.dropna(subset=["valence", "arousal"]).groupby("emotion")):
        colour = colours.get(str(emotion)) or colour_of(str(emotion), i)
        axis.scatter(part["valence"], part["arousal"], s=12, alpha=0.4, color=colour, linewidths=0)
    for emotion in asked:
        place = asked.place(emotion)
        if place is None or place.vad is None:
            continue
        valence, arousal, _ = place.vad
        axis.scatter([valence], [arousal], marker="D", s=58, color=colours[emotion], edgecolor="white", zorder=4)
        left = asked.concept(emotion) == "fearful"  # its word lies beside "angry"
        axis.annotate(
            emotion,
            (valence, arousal),
            xytext=(-7 if left else 7, 5),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9,
            weight="bold",
        )
    axis.set(
        xlim=(-1.05, 1.05),
        ylim=(-1.05, 1.05),
        xlabel="valence  (unpleasant – pleasant)",
        ylabel="arousal  (calm – excited)",
        title=title,
        aspect="equal",
    )
    return figure
