"""Pictures of attributions: signed bars, waveforms, transcripts and faces in colour, the modality triangle, and how far
methods are right. `plot` chooses the picture of an attribution.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emolab.attribution.shapley import Attribution
from emolab.media import audio_of, frames_of
from emolab.plots.style import INK, QUIET, SIGNED_MAP, colour_of, light_grid, new_figure, styled
from emolab.samples import EmotionSample


@styled
def modality_bars(
    phi: Mapping[str, float],
    errors: Mapping[str, float] | None = None,
    title: str = "",
    unit: str = "log-probability",
    over: str = "",
) -> Figure:
    """Signed φ of each modality, or of any players, in units of `unit`; `errors` are drawn, over what `over` says."""
    names = list(phi)
    figure, ((axis,),) = new_figure(5.8, 1.25 + 0.42 * len(names))
    for i, name in enumerate(names):
        axis.barh(i, phi[name], 0.6, color=colour_of(name, i))
        if errors and errors[name]:
            label = f"± standard error{f' over {over}' if over else ''}" if i == 0 else ""
            axis.plot([phi[name] - errors[name], phi[name] + errors[name]], [i, i], color=INK, lw=1.6, label=label)
    axis.axvline(0, color=QUIET, lw=0.8)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xlabel=f"φ: what it adds ({unit})", title=title)
    if axis.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower center", fontsize=8, ncols=2)
    light_grid(axis, "x")
    return figure


def plot(values: Attribution | Mapping[str, Any], sample: EmotionSample | None = None, title: str = "") -> Figure:
    """The picture of an attribution: `plot(shapley(game))`, or of what `explain` gives.

    With the `sample` (absolute paths), windows of sound lie on its waveform and parts of the face on its frames;
    without it, and for words and modalities, the players are bars.
    """
    if isinstance(values, Mapping):
        headline = title or f"Why {values['label']}?"
        return modality_bars(values["phi"], values["errors"], headline, values["unit"], values["errors_over"])
    rows, headline = values.rows(), title or (f"Why {values.target}?" if values.target else values.method)
    if sample is not None and rows and all(r["modality"] == "audio" and r["t0"] is not None for r in rows):
        return windows_on_wave(audio_of(sample), rows, headline, unit=values.unit)
    if sample is not None and rows and all(r["frame"] is not None and r["region"] is not None for r in rows):
        return face_heat(frames_of(sample), rows, headline, unit=values.unit)
    names = [f"{name} ({i})" if values.names.count(name) > 1 else name for i, name in enumerate(values.names, 1)]
    phi, errors = (dict(zip(names, part.tolist(), strict=True)) for part in (values.values, values.errors))
    return modality_bars(phi, errors, headline, values.unit, values.errors_over)


@styled
def windows_on_wave(
    wave: np.ndarray,
    players: Sequence[Mapping[str, Any]],
    title: str = "",
    rate: int = 16_000,
    spoken: Sequence[Mapping[str, Any]] = (),
    unit: str = "log-probability",
) -> Figure:
    """A waveform (n,) whose background shows the φ of each audio window (`players` rows with t0, t1, phi, error).

    `spoken` (rows of the same form, with `word`) writes the transcript under it: each word where it is said, on the
    colour of its φ. The lines on the bars are standard errors. Windows whose φ is no larger have no colour above, and a
    pale bar below.
    """
    ratios = [1.4, 0.45, 1.3] if spoken else [1.4, 1.2]
    figure, axes = new_figure(7.4, 4.2 if spoken else 3.4, len(ratios), 1, sharex=True,
                              gridspec_kw={"height_ratios": ratios})  # fmt: skip
    above, below = axes[0, 0], axes[-1, 0]
    scale = max((abs(p["phi"]) for p in players), default=1.0) or 1.0
    colours = mpl.colormaps[SIGNED_MAP]
    for p in players:
        sure = abs(p["phi"]) > p.get("error", 0.0)
        colour, strength = colours(0.85 if p["phi"] > 0 else 0.15), abs(p["phi"]) / scale
        above.axvspan(p["t0"], p["t1"], color=colour, alpha=0.15 + 0.45 * strength if sure else 0.0, lw=0)
        middle, width = (p["t0"] + p["t1"]) / 2, 0.9 * (p["t1"] - p["t0"])
        below.bar(middle, p["phi"], width, color=colour, alpha=1.0 if sure else 0.3)
        if p.get("error"):
            below.plot([middle] * 2, [p["phi"] - p["error"], p["phi"] + p["error"]], color=INK, lw=1)
    above.plot(np.arange(len(wave)) / rate, wave, color=INK, lw=0.5)
    above.set(yticks=[], title=title or "When it was heard (red: for the answer, blue: against it)")
    above.spines["left"].set_visible(False)
    if spoken:
        _transcript(axes[1, 0], spoken)
    below.axhline(0, color=QUIET, lw=0.8)
    lines = "; lines on bars: ± standard error" if any(p.get("error") for p in players) else ""
    below.set(xlabel=f"seconds{lines}", ylabel=f"φ ({unit})", xlim=(0, len(wave) / rate))
    light_grid(below)
    return figure


def _transcript(axis: Axes, spoken: Sequence[Mapping[str, Any]]) -> None:
    """Words where they are said, each in a box of the colour of its φ; pauses have none."""
    said = [p for p in spoken if not str(p["name"]).startswith("(")]
    scale = max((abs(p["phi"]) for p in said), default=1.0) or 1.0
    for p in said:
        colour = mpl.colormaps[SIGNED_MAP](0.5 + 0.45 * p["phi"] / scale)
        axis.axvspan(p["t0"], p["t1"], color=colour, lw=0)
        dark = abs(p["phi"]) > 0.7 * scale
        narrow = len(str(p["name"])) > 45 * (p["t1"] - p["t0"])
        axis.text((p["t0"] + p["t1"]) / 2, 0.5, str(p["name"]), ha="center", va="center", clip_on=False,
                  fontsize=7 if narrow else 8.5, color="white" if dark else INK)  # fmt: skip
    axis.set(yticks=[], ylim=(0, 1))
    axis.set_ylabel("words", rotation=0, ha="right", va="center")
    axis.tick_params(axis="x", length=0)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)


def words_html(players: Sequence[Mapping[str, Any]], label: str = "") -> str:
    """A transcript as HTML: each word on the colour of its φ (red for, blue against), with the figure under the
    mouse.
    """
    scale = max((abs(p["phi"]) for p in players), default=1.0) or 1.0
    parts = []
    for p in players:
        red, green, blue, _ = mpl.colormaps[SIGNED_MAP](0.5 + 0.4 * p["phi"] / scale, bytes=True)
        dark = abs(p["phi"]) > 0.75 * scale
        parts.append(
            f"<span title='φ = {p['phi']:+.3f} ± {p.get('error', 0.0):.3f}' "
            f"style='background:rgb({red},{green},{blue});color:{'white' if dark else INK};"
            f"border-radius:3px;padding:2px 4px;margin:1px;display:inline-block'>"
            f"{html.escape(str(p['name']))}</span>"
        )
    lead = f"<span style='opacity:.7'>the words, for “{html.escape(label)}”:</span> " if label else ""
    return f"<div style='font:15px sans-serif;line-height:2'>{lead}{' '.join(parts)}</div>"


@styled
def face_heat(
    frames: np.ndarray,
    players: Sequence[Mapping[str, Any]],
    title: str = "",
    most: int = 6,
    unit: str = "log-probability",
) -> Figure:
    """Frames (F, H, W, 3), grey, under the φ of each frame × region cell (`players` rows with frame, region, phi).

    The colour is as strong as φ is large. Cells whose φ is no larger than its standard error have no colour.
    """
    rows = 1 + max(p["region"][0] for p in players)
    columns = 1 + max(p["region"][1] for p in players)
    starts = sorted({p["frame"] for p in players})[:most]
    scale = max(abs(p["phi"]) for p in players) or 1.0
    height, width = frames.shape[1:3]
    figure, axes = new_figure(1.9 * len(starts) + 0.8, 2.4, 1, len(starts))
    for axis, start in zip(axes[0], starts, strict=True):
        heat = np.zeros((rows, columns))
        for p in players:
            if p["frame"] == start and abs(p["phi"]) > p.get("error", 0.0):
                heat[tuple(p["region"])] = p["phi"]
        grey = frames[min(start, len(frames) - 1)].mean(-1)
        axis.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
        colours = mpl.colormaps[SIGNED_MAP](0.5 + 0.5 * heat / scale)
        colours[..., 3] = 0.65 * np.sqrt(np.abs(heat) / scale)
        axis.imshow(colours, extent=(0, width, height, 0))
        axis.vlines(np.arange(1, columns) * width / columns, 0, height, color="white", lw=0.4, alpha=0.6)
        axis.hlines(np.arange(1, rows) * height / rows, 0, width, color="white", lw=0.4, alpha=0.6)
        axis.set_axis_off()
        axis.set_title(f"from frame {start}", fontsize=8, weight="normal", loc="center", pad=2)
    shades = mpl.cm.ScalarMappable(mpl.colors.Normalize(-scale, scale), SIGNED_MAP)
    figure.colorbar(shades, ax=axes[0].tolist(), shrink=0.8, label=f"φ ({unit})")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure
