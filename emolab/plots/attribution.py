"""Pictures of attributions: signed bars, waveforms, transcripts and faces in colour, the modality triangle, and how far
methods are right. `plot` chooses the picture of an attribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emolab.plots.style import INK, MODALITY_COLOURS, QUIET, SIGNED_MAP, colour_of, light_grid, new_figure, styled
from emolab.samples import MODALITIES

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emolab.attribution.shapley import Attribution
    from emolab.samples import EmotionSample

UNIT_RANGE = ("recovery", "auc", "conflict", "hallucination", "agreement")
CORNERS = {"audio": (0.0, 0.0), "video": (1.0, 0.0), "text": (0.5, 0.866)}


@styled
def modality_triangle(
    shares: np.ndarray,
    colours: Sequence[str] | str = "#14817b",
    groups: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Each sample as a point in the triangle of its shares (N, 3) of audio, video and text; a corner means one
    modality alone.

    `colours` is one colour, or one for each sample; `groups` names colours for the legend.
    """
    import numpy as np

    figure, ((axis,),) = new_figure(5.0, 4.5)
    corners = np.array([CORNERS[m] for m in MODALITIES])
    axis.fill(*corners.T, color="#f4f6f8", zorder=0)
    for level in (0.25, 0.5, 0.75):
        for i in range(3):
            ends = level * corners[i] + (1 - level) * np.delete(corners, i, axis=0)
            axis.plot(*ends.T, color="#dfe4e9", lw=0.7, zorder=1)
    points = shares @ corners
    axis.scatter(*points.T, c=colours, s=24, alpha=0.75, linewidths=0.3, edgecolors="white", zorder=3)
    for modality, (x, y) in CORNERS.items():
        below = modality != "text"
        axis.annotate(modality, (x, y), xytext=(0, -8 if below else 7), textcoords="offset points", ha="center",
                      va="top" if below else "bottom", weight="bold", color=MODALITY_COLOURS[modality])  # fmt: skip
    for name, colour in (groups or {}).items():
        axis.scatter([], [], c=colour, s=30, label=name)
    if groups:
        axis.legend(loc="upper left", fontsize=8, title="evidence in", title_fontsize=8)
    axis.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.1, 0.97), title=title or "Where the answers come from")
    axis.set_axis_off()
    return figure


@styled
def modality_bars(
    phi: Mapping[str, float],
    errors: Mapping[str, float] | None = None,
    null: Mapping[str, float] | None = None,
    title: str = "",
    unit: str = "log-probability",
    over: str = "",
) -> Figure:
    """Signed φ of each modality, or of any players, in units of `unit`.

    `errors` draws standard errors, over what `over` says; `null` draws what an uninformative modality may reach.
    """
    names = list(phi)
    figure, ((axis,),) = new_figure(5.8, 1.25 + 0.42 * len(names))
    for i, name in enumerate(names):
        axis.barh(i, phi[name], 0.6, color=colour_of(name, i))
        if errors and errors[name]:
            label = f"± standard error{f' over {over}' if over else ''}" if i == 0 else ""
            axis.plot([phi[name] - errors[name], phi[name] + errors[name]], [i, i], color=INK, lw=1.6, label=label)
        if null:
            label = "what a modality reaches that knows nothing" if i == 0 else ""
            axis.plot([null[name]] * 2, [i - 0.38, i + 0.38], color=INK, lw=1.2, ls=":", label=label)
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
    from emolab.media import audio_of, frames_of

    if isinstance(values, Mapping):
        return modality_bars(
            values["phi"], values["errors"], None, title or f"Why {values['label']}?", values["unit"],
            values["errors_over"],
        )  # fmt: skip
    rows, headline = values.rows(), title or (f"Why {values.target}?" if values.target else values.method)
    if sample is not None and rows and all(r["modality"] == "audio" and r["t0"] is not None for r in rows):
        return windows_on_wave(audio_of(sample), rows, headline, unit=values.unit)
    if sample is not None and rows and all(r["frame"] is not None and r["region"] is not None for r in rows):
        return face_heat(frames_of(sample), rows, headline, unit=values.unit)
    names = [f"{name} ({i})" if values.names.count(name) > 1 else name for i, name in enumerate(values.names, 1)]
    phi, errors = (dict(zip(names, part.tolist(), strict=True)) for part in (values.values, values.errors))
    return modality_bars(phi, errors, None, headline, values.unit, values.errors_over)


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
    colour of its φ. The lines on the bars are standard errors.
    """
    import matplotlib as mpl
    import numpy as np

    ratios = [1.5, 0.45, 1] if spoken else [1.5, 1]
    figure, axes = new_figure(7.4, 3.4 if spoken else 3.0, len(ratios), 1, sharex=True,
                              gridspec_kw={"height_ratios": ratios})  # fmt: skip
    above, below = axes[0, 0], axes[-1, 0]
    scale = max((abs(p["phi"]) for p in players), default=1.0) or 1.0
    colours = mpl.colormaps[SIGNED_MAP]
    for p in players:
        above.axvspan(p["t0"], p["t1"], color=colours(0.5 + 0.5 * p["phi"] / scale), alpha=0.6, lw=0)
        middle, width = (p["t0"] + p["t1"]) / 2, 0.9 * (p["t1"] - p["t0"])
        below.bar(middle, p["phi"], width, color=colours(0.5 + 0.45 * p["phi"] / scale), edgecolor=QUIET, lw=0.4)
        if p.get("error"):
            below.plot([middle] * 2, [p["phi"] - p["error"], p["phi"] + p["error"]], color=INK, lw=1)
    above.plot(np.arange(len(wave)) / rate, wave, color=INK, lw=0.5)
    above.set(yticks=[], title=title or "When it was heard")
    above.spines["left"].set_visible(False)
    if spoken:
        _transcript(axes[1, 0], spoken)
    below.axhline(0, color=QUIET, lw=0.8)
    if any(p.get("error") for p in players):
        below.plot([], [], color=INK, lw=1, label="± standard error")
        below.legend(loc="upper right", fontsize=7)
    below.set(xlabel="seconds", ylabel=f"φ ({unit})", xlim=(0, len(wave) / rate))
    light_grid(below)
    return figure


def _transcript(axis: Axes, spoken: Sequence[Mapping[str, Any]]) -> None:
    """Words where they are said, each in a box of the colour of its φ; pauses have none."""
    import matplotlib as mpl

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
    axis.tick_params(axis="x", length=0)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)


def words_html(players: Sequence[Mapping[str, Any]], label: str = "") -> str:
    """A transcript as HTML: each word on the colour of its φ (red for, blue against), with the figure under the
    mouse.
    """
    import html

    import matplotlib as mpl

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
    lead = f"<span style='color:{QUIET}'>the words, for “{html.escape(label)}”:</span> " if label else ""
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
    import matplotlib as mpl
    import numpy as np

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


@styled
def truth_table(
    methods: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]] = (),
    title: str = "",
    columns: Sequence[str] = (),
    across: int = 3,
) -> Figure:
    """The truth suite as dots with intervals: one panel for each figure, one line for each method, before RL hollow.

    `columns` are keys of `emolab.attribution.truth.COLUMNS`, by default all that any method has; a dashed line shows
    what a right method would get.
    """
    from emolab.attribution.truth import COLUMNS

    wanted = [c for c in COLUMNS if c.key in (columns or [x.key for x in COLUMNS])]
    drawn = [c for c in wanted if any(row.get(c.key) is not None for row in methods)]
    names = [row["name"] for row in methods]
    earlier = {row["name"]: row for row in before}
    wide = min(across, len(drawn))
    high = -(-len(drawn) // wide)
    figure, axes = new_figure(2.9 * wide + 1.6, (1.0 + 0.34 * len(names)) * high, high, wide, sharey=True)
    for axis in axes.flat[len(drawn) :]:
        axis.set_axis_off()
    for axis, column in zip(axes.flat, drawn, strict=False):
        for i, row in enumerate(methods):
            _dot(axis, i - (0.14 if earlier else 0), row, column.key, True)
            if row["name"] in earlier:
                _dot(axis, i + 0.2, earlier[row["name"]], column.key, False)
        if column.target is not None:
            axis.axvline(column.target, color=INK, lw=1, ls=(0, (4, 3)))
        if column.key in UNIT_RANGE:
            axis.set_xlim(-0.02, 1.04)
        axis.set_title(column.title, fontsize=10)
        light_grid(axis, "x")
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    if earlier:
        figure.legend(handles=[_mark(axes[0, 0], True, "after training"), _mark(axes[0, 0], False, "before")],
                      loc="outside lower right", ncols=2, fontsize=9)  # fmt: skip
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


def _mark(axis: Axes, filled: bool, label: str) -> Any:
    return axis.plot([], [], "o", color=INK, mfc=INK if filled else "white", label=label)[0]


def _dot(axis: Axes, place: float, row: Mapping[str, Any], column: str, filled: bool) -> None:
    value = row.get(column)
    if value is None:
        return
    colour = "#14817b" if "Shapley" in row["name"] else "#c7652c" if "chance" not in row["name"] else QUIET
    if (interval := row.get(f"{column}_ci")) and None not in interval:
        axis.plot(interval, [place] * 2, color=colour, lw=1.6, alpha=0.7)
    axis.plot([value], [place], "o", color=colour, mfc=colour if filled else "white", ms=6)


@styled
def stated_rates(suites: Mapping[str, Mapping[str, Any]], title: str = "") -> Figure:
    """What rationales state against what was measured, for each of some models (name to the suite's `stated`).

    Hallucination, omission and agreement with their intervals; a model whose rationales state nothing has no bars.
    """
    heads = {"hallucination": "stated, but did\nnot contribute", "omission": "contributed,\nbut not stated",
             "agreement": "names the\nlargest"}  # fmt: skip
    figure, ((axis,),) = new_figure(6.2, 3.0)
    width = 0.8 / max(1, len(suites))
    for j, (name, stated) in enumerate(suites.items()):
        colour = colour_of(name, j)
        axis.plot([], [], "s", color=colour, ms=8, label=name)
        for i, key in enumerate(heads):
            place = i + (j - (len(suites) - 1) / 2) * width
            if stated.get(key) is None:
                continue
            axis.bar(place, stated[key], 0.92 * width, color=colour, alpha=0.9)
            axis.plot([place] * 2, stated[f"{key}_ci"], color=INK, lw=1.6)
    axis.set_xticks(range(len(heads)), list(heads.values()))
    axis.set(ylim=(0, 1.02), ylabel="share", title=title or "What is said against what was measured")
    axis.legend(loc="upper left", ncols=len(suites))
    light_grid(axis)
    return figure


@styled
def before_after(
    before: Mapping[str, float],
    after: Mapping[str, float],
    ylabel: str = "mean φ",
    title: str = "",
    intervals: Mapping[str, Sequence[Sequence[float]]] | None = None,
) -> Figure:
    """Slopes from before to after training, one for each modality; `intervals[name]` are those of before and after."""
    figure, ((axis,),) = new_figure(4.6, 3.2)
    spans = [x for pair in (intervals or {}).values() for span in pair for x in span]
    values = [*before.values(), *after.values(), *spans, 0.0]
    gap, lowest = 0.075 * (max(values) - min(values)), float("-inf")
    for i, name in enumerate(sorted(after, key=after.__getitem__)):
        colour, shift = colour_of(name, list(after).index(name)), 0.04 * (i / max(1, len(after) - 1) - 0.5)
        axis.plot([shift, 1 + shift], [before[name], after[name]], "o-", color=colour, lw=2.2)
        for x, span in enumerate((intervals or {}).get(name, ())):
            axis.plot([x + shift] * 2, span, color=colour, lw=1.4, alpha=0.7)
        lowest = max(after[name], lowest + gap)
        axis.annotate(f"{name} {after[name]:.2f}", (1.14, lowest), va="center", color=colour)
    axis.axhline(0, color=QUIET, lw=0.8)
    axis.set_xticks([0, 1], ["before RL", "after RL"])
    axis.set(xlim=(-0.2, 1.7), ylabel=ylabel, title=title or "What training taught it to use")
    return figure
