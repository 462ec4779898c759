"""Pictures of data: a clip with its pitch and spectrogram and a player under it, faces, the valence–arousal plane, a
corpus at a glance.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.emotions import LabelSet, label_set, label_set_of
from emolab.plots.style import ACCENT, INK, QUIET, colour_of, light_grid, new_figure, palette, styled

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
def face_strip(frames: np.ndarray, titles: Sequence[str] = (), title: str = "", most: int = 10) -> Figure:
    """Frames (F, H, W, 3) of a face side by side, at most `most` of them, evenly spaced."""
    import numpy as np

    shown = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    figure, axes = new_figure(0.95 * len(shown), 1.2 + (0.25 if title else 0), 1, len(shown))
    for i, (axis, k) in enumerate(zip(axes[0], shown, strict=True)):
        axis.imshow(frames[k])
        axis.set_axis_off()
        axis.set_title(titles[i] if i < len(titles) else f"{k}", fontsize=8, weight="normal", loc="center", pad=2)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


@styled
def face_grid(faces: Mapping[str, np.ndarray], columns: int = 7, title: str = "") -> Figure:
    """One face (H, W, 3) for each name, as a grid with the names under the pictures."""
    names = list(faces)
    rows = -(-len(names) // columns)
    figure, axes = new_figure(1.15 * min(columns, len(names)), 1.4 * rows, rows, min(columns, len(names)))
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        axis.imshow(faces[name])
        axis.set_title(name, fontsize=9, weight="normal", loc="center", y=-0.24)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


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


@styled
def corpus_overview(table: pd.DataFrame, by: str = "condition", title: str = "") -> Figure:
    """Three panels: samples by emotion and split, by emotion and `by` (or speaker where the table lacks it), and
    speakers by split.
    """
    figure, axes = new_figure(10.5, 3.2, 1, 3, gridspec_kw={"width_ratios": [1.1, 1.5, 0.7]})
    first, second, third = axes[0]
    by = by if by in table else "speaker"
    present = set(table["emotion"].dropna().astype(str))
    known = [label for label in label_set_of(present) if label in present]
    order = [*known, *sorted(present.difference(known))]
    splits = [s for s in ("train", "val", "test") if s in set(table["split"])] or sorted(
        map(str, table["split"].dropna().unique())
    )
    _stack(first, table, order, splits)
    counts = table.groupby(["emotion", by]).size().unstack(fill_value=0).reindex(order)
    second.imshow(counts.to_numpy(), cmap="GnBu", aspect="auto")
    for i in range(counts.shape[0]):
        for j in range(counts.shape[1]):
            value = int(counts.iat[i, j])
            dark = value > 0.6 * counts.to_numpy().max()
            second.text(j, i, value or "", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    second.set_xticks(range(counts.shape[1]), list(map(str, counts.columns)), rotation=45, ha="right", fontsize=8)
    second.set_yticks(range(len(order)), order)
    second.set_title(f"emotion × {by}")
    second.tick_params(length=0)
    speakers = table.groupby("split")["speaker"].nunique().reindex(splits)
    third.bar(splits, speakers.to_numpy(), color=[colour_of("", i) for i in range(len(splits))])
    third.bar_label(third.containers[0], fontsize=9)
    third.set_title("speakers")
    third.yaxis.set_visible(False)
    third.spines["left"].set_visible(False)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def _stack(axis: Any, table: pd.DataFrame, order: Sequence[str], splits: Sequence[str]) -> None:
    left = dict.fromkeys(order, 0)
    for i, split in enumerate(splits):
        counts = table[table["split"] == split]["emotion"].value_counts()
        values = [int(counts.get(e, 0)) for e in order]
        axis.barh(order, values, left=[left[e] for e in order], color=colour_of("", i), label=split)
        left = {e: left[e] + v for e, v in zip(order, values, strict=True)}
    axis.invert_yaxis()
    axis.set_title("samples")
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.1), ncols=3)
    light_grid(axis, "x")


@styled
def boxes_by_label(
    panels: Mapping[str, Sequence[float]], emotions: Sequence[str], labels: Sequence[str], title: str = ""
) -> Figure:
    """One feature's values by emotion, as box plots side by side: a panel for each way of measuring it.

    `panels` maps a title to one value a sample; `emotions` names each sample's label.
    """
    import numpy as np

    figure, (axes,) = new_figure(5.2 * len(panels), 3.2, 1, len(panels))
    held = np.array(emotions)
    known = [label for label in labels if (held == label).any()]
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        groups = [np.asarray(values, float)[held == label] for label in known]
        drawn = axis.boxplot(groups, patch_artist=True, medianprops={"color": INK}, flierprops={"markersize": 2})
        for patch, label in zip(drawn["boxes"], known, strict=True):
            patch.set(facecolor=colour_of(label, list(labels).index(label)), edgecolor=INK, linewidth=0.6)
        axis.set_xticks(range(1, len(known) + 1), known, rotation=30, ha="right")
        axis.set_title(name)
        light_grid(axis)
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


@styled
def beside_corpus(
    corpus: pd.DataFrame, own: pd.DataFrame, x: str, y: str, labels: Sequence[str], title: str = ""
) -> Figure:
    """Own clips among those of a corpus, by two features: the corpus as faint dots, the own clips as marked ones.

    Both tables have the columns `x`, `y` and "emotion"; a colour is a label.
    """
    figure, ((axis,),) = new_figure(6.4, 4.2)
    for i, label in enumerate(labels):
        part, mine = corpus[corpus["emotion"] == label], own[own["emotion"] == label]
        colour = colour_of(label, i)
        axis.scatter(part[x], part[y], s=14, color=colour, alpha=0.3, linewidth=0)
        axis.scatter(mine[x], mine[y], s=80, color=colour, edgecolor=INK, marker="D", label=label, zorder=3)
    unknown = own[~own["emotion"].isin(list(labels))]
    axis.scatter(unknown[x], unknown[y], s=80, color="none", edgecolor=INK, marker="D")
    axis.set(xlabel=x, ylabel=y, title=title or "Your clips (diamonds) among those of the corpus (dots)")
    if len(own):
        axis.legend(fontsize=8, title="your clips", bbox_to_anchor=(1.01, 1), loc="upper left")
    return figure
