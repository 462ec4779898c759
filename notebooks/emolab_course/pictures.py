"""Figures and tests that belong to a lesson: shares and caption scores with intervals, the test of a face map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample


def share_bars(hits: pd.DataFrame, title: str, xlabel: str, chance: float | None = None) -> Figure:
    """A bar with a 95% interval for the share of 1 in each column of `hits` (rows are samples, NaN is left out)."""
    from emolab.plots import score_bars
    from emolab_course.truth import share_interval

    rows = {}
    for name in hits:
        held = hits[name].dropna().to_numpy(float)
        if len(held):
            low_high = share_interval(held, list(range(len(held))))
            rows[f"{name} (n = {len(held)})"] = {"share": float(held.mean()), "share_ci": low_high}
    figure = score_bars(rows, "share", chance, title)
    figure.axes[0].set_xlabel(f"{xlabel}, with 95% intervals")
    return figure


def caption_bars(gold: Sequence[str], texts: Mapping[str, Sequence[str]], speakers: Sequence[Any]) -> Figure:
    """BLEU-4 and Emo-F1 of several sets of captions, side by side, with 95% intervals over speakers."""
    from emolab.metrics.bootstrap import interval
    from emolab.metrics.captions import bleu_counts, bleu_of, emotion_counts, f1_of
    from emolab.plots import colour_of, new_figure
    from emolab.plots.style import INK, light_grid

    figure, (axes,) = new_figure(9.0, 0.9 + 0.42 * len(texts), 1, 2, sharey=True)
    scores = {"BLEU-4, 0 to 1": (bleu_counts, bleu_of), "Emo-F1, 0 to 1": (emotion_counts, f1_of)}
    for column, (axis, (name, (count, score))) in enumerate(zip(axes, scores.items(), strict=True)):
        for row, said in enumerate(texts.values()):
            counts = [count(g, text) for g, text in zip(gold, said, strict=True)]  # type: ignore[operator]
            low_high = interval(lambda i, c=counts, s=score: s([c[j] for j in i]), list(speakers), 200)  # type: ignore
            axis.barh(row, score(counts), color=colour_of("", column))  # type: ignore[operator]
            axis.plot(low_high, [row, row], color=INK, lw=1.4)
            axis.text(max(low_high) + 0.015, row, f"{score(counts):.2f}", va="center", fontsize=9)  # type: ignore
        axis.set(xlim=(0, 1.14), xlabel=f"{name}, 95% intervals over speakers", title=name.split(",")[0])
        light_grid(axis, "x")
    axes[0].set_yticks(range(len(texts)), list(texts))
    axes[0].invert_yaxis()
    return figure


def cue_hits(texts: Sequence[str], true: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """For each text and attribute of a voice: 1 where it is stated and fits, 0 where it does not, NaN if not stated."""
    import pandas as pd

    from emolab_course.cues import voice_attributes_in

    stated = [voice_attributes_in(text) for text in texts]
    return pd.DataFrame(
        [{k: float(t.get(k) == v) for k, v in s.items()} for s, t in zip(stated, true, strict=True)], dtype=float
    )


def face_test(lalm: LALM, sample: EmotionSample, prompt: Prompt, background: Sequence[EmotionSample], n: int) -> str:
    """Is the strongest cell of a face map stronger than with shuffled weights? A sentence with p, from `n` shuffles.

    The model is shown the face alone, divided into nine parts over all frames.
    """
    import numpy as np

    from emolab_course.check import exercise

    alone = prompt.using("video")
    heat = _cells(lalm, sample, alone, background)
    random = []
    for seed in range(n):
        with shuffled_weights(lalm, seed):
            random.append(_cells(lalm, sample, alone, background))
    peaks = np.abs(random).max(axis=(1, 2))
    p = exercise("5.3").reference(heat, np.array(random))  # type: ignore[attr-defined]
    return (
        f"strongest cell {np.abs(heat).max():.3f}; with shuffled weights {peaks.min():.3f} to {peaks.max():.3f}; "
        f"p = {p:.2f} (the smallest that {n} shuffles can give is {1 / (n + 1):.2f})"
    )


def _cells(lalm: LALM, sample: EmotionSample, prompt: Prompt, background: Sequence[EmotionSample]) -> Any:
    import numpy as np

    from emolab.attribution.explain import Effort, Settings, explain

    effort = Effort(2, versions=1, face_grid=(1, 3, 3))
    found = explain(lalm, sample, prompt, background, settings=Settings(versions=1), effort=effort)
    return np.array([[cell["phi"] for cell in found["players"]["cell"]]])


@contextmanager
def shuffled_weights(lalm: LALM, seed: int) -> Iterator[None]:
    """The model with the numbers of each weight exchanged among themselves; they are put back at the end."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights = [p for p in lalm.model.parameters() if p.is_floating_point() and p.dim() > 1]
    kept = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight in weights:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].view_as(weight))
        yield
    finally:
        with torch.no_grad():
            for weight, old in zip(weights, kept, strict=True):
                weight.copy_(old)


def evidence_slopes(
    samples: Iterable[EmotionSample],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    kind_of: Callable[[EmotionSample], str | None],
) -> Figure:
    """UA before and after training for each kind of sample, with 95% intervals over speakers."""
    from emolab.metrics import bootstrap_ci, unweighted_accuracy
    from emolab_course.figures import before_after

    known = {sample.id: sample for sample in samples}
    scores: list[dict[str, float]] = [{}, {}]
    intervals: dict[str, list[tuple[float, float]]] = {}
    for kind in sorted({kind for sample in known.values() if (kind := kind_of(sample))}):
        for place, found in enumerate((before, after)):
            rows = [row for row in found["rows"] if kind_of(known[row["id"]]) == kind]
            gold, predicted = [row["gold"] for row in rows], [row["predicted"] for row in rows]
            speakers = [known[row["id"]].speaker for row in rows]
            scores[place][kind] = unweighted_accuracy(gold, predicted)
            intervals.setdefault(kind, []).append(bootstrap_ci(unweighted_accuracy, gold, predicted, speakers, 200))
    return before_after(
        scores[0],
        scores[1],
        ylabel="UA, 95% intervals over speakers",
        title="By where the evidence lies",
        intervals=intervals,
    )
