"""Run a model over a corpus, by generated answers or by scored labels, and count what it got right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emolab.emotions import LabelSet, label_map, label_set
from emolab.errors import EvaluationError
from emolab.evaluate.asking import Fault, batches, generate_texts, noted, pool_rows, readable_samples, under_control
from emolab.evaluate.calibration import CALIBRATIONS, calibrate, content_free_scores, label_bias
from emolab.evaluate.results import KEYS, provenance, summarise
from emolab.parsing import parse, parse_label
from emolab.prompts import Prompt, asking
from emolab.samples import Corpus, EmotionSample, LoadReport

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

MODES = ("generate", "labels")
Gold = Callable[[EmotionSample], tuple[str | None, str]]
"""A sample's label among those asked for, or None and why it has none."""


def evaluate(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt | str = "direct",
    seed: int = 0,
    mode: str = "generate",
    n_boot: int = 1000,
    control: str | None = None,
    calibration: str = "none",
    labels: LabelSet | Sequence[str] | str | None = None,
    batch_size: int = 16,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    progress: bool = True,
    long_clips: str = "window",
) -> dict[str, Any]:
    """Evaluate a model on every sample of a corpus that has usable media and one of the labels asked for.

    Those are `labels`, else the prompt's, else the corpus's (`emolab.prompts.asking`). Where they are not the corpus's
    own, gold labels go through the map between the two (`emolab.emotions.label_map`), and a sample whose label has no
    place is counted as skipped.

    `mode` "generate" parses a generated answer (greedy at temperature 0), "labels" takes the label with the highest
    score under `calibration`. `control` is one of `emolab.evaluate.controls.CONTROLS`. A clip longer than the model
    takes is cut into windows whose answers are pooled, or, with `long_clips` "skip", left out and counted. The result
    holds exactly the keys KEYS, the raw outputs `rows`, and `info` (what ran, what was skipped, the other
    calibrations). Raises EvaluationError on unknown settings or if nothing can be scored.
    """
    if mode not in MODES or calibration not in CALIBRATIONS:
        raise EvaluationError(
            f"mode {mode!r} with calibration {calibration!r}: expected one of {', '.join(MODES)} "
            f"and one of {', '.join(CALIBRATIONS)}"
        )
    prompt, asked = asking(prompt, labels, corpus.labels)
    gold = gold_labels(corpus, asked)
    started = time.perf_counter()
    samples, report = readable_samples(corpus, _label_fault(gold), prompt, lalm, long_clips, max_new_tokens)
    samples = under_control(corpus, samples, report, control, seed)
    rows = [noted(s) | {"gold": gold(s)[0], "predicted": None} for s in samples]
    config: dict[str, Any] = {"model": lalm.name, "corpus": corpus.name, "prompt": prompt.id, "labels": list(asked)}
    config |= {"mode": mode, "control": control, "calibration": calibration}
    info: dict[str, Any] = config | {"skipped": report.summary()}
    if mode == "generate":
        how = (batch_size, seed, progress, temperature)
        texts = generate_texts(lalm, samples, prompt, *how, max_new_tokens=max_new_tokens)
        for row, text in zip(rows, texts, strict=True):
            row |= {"text": text, "predicted": parse_label(text, asked), "format_ok": parse(text).format_ok}
    else:
        info |= _score(lalm, samples, prompt, rows, asked, batch_size, calibration, progress)
    rows = pool_rows(rows)
    result = summarise(rows, seed, time.perf_counter() - started, n_boot, asked)
    info["provenance"] = provenance(config | {"n": len(rows)}, seed, str(lalm.device))
    return result | {"rows": rows, "info": info}


def usable_samples(
    corpus: Corpus, labels: LabelSet | Sequence[str] | str | None = None, prompt: Prompt | None = None
) -> tuple[list[EmotionSample], LoadReport]:
    """Samples with absolute paths, one of `labels` (by default the corpus's) and readable media; the others are counted
    by reason in the report."""
    return readable_samples(corpus, _label_fault(gold_labels(corpus, labels or corpus.labels)), prompt)


def gold_labels(corpus: Corpus, labels: LabelSet | Sequence[str] | str) -> Gold:
    """A sample's gold label among `labels`, and where it has none, the reason.

    A label of the corpus goes through the map between the two sets; any other name is read as `labels` read it.
    """
    asked = label_set(labels)
    mapping = label_map(corpus.labels, asked)

    def gold(sample: EmotionSample) -> tuple[str | None, str]:
        own = corpus.labels.normalise(sample.emotion)
        if own is None:
            return asked.normalise(sample.emotion), ""
        return mapping(own), mapping.dropped.get(own, "")

    return gold


def _label_fault(gold: Gold) -> Fault:
    def fault(sample: EmotionSample) -> tuple[str, str] | None:
        if sample.emotion is None:
            return "unlabelled", sample.id
        label, why = gold(sample)
        if label is None:
            return "unknown label", f"{sample.id}: {sample.emotion}" + (f" ({why})" if why else "")
        return None

    return fault


def _score(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    rows: list[dict[str, Any]],
    labels: LabelSet,
    size: int,
    calibration: str,
    progress: bool,
) -> dict[str, Any]:
    import torch

    with torch.no_grad():
        encoded = batches(lalm, samples, prompt, size, "labels", progress)
        scores = np.concatenate([lalm.label_scores(batch, labels).double().cpu().numpy() for _, batch in encoded])
    content_free = content_free_scores(lalm, prompt, samples[0], labels)
    others = {}
    for kind in CALIBRATIONS:
        said = [
            {"predicted": labels[int(values.argmax())], "posterior": dict(zip(labels, values.tolist(), strict=True))}
            for values in calibrate(scores, kind, content_free)
        ]
        pooled = pool_rows([row | one for row, one in zip(rows, said, strict=True)])
        summary = summarise(pooled, n_boot=200, labels=labels)
        others[kind] = {k: summary[k] for k in KEYS if k not in ("seed", "seconds")}
        if kind == calibration:
            chosen = said
    for row, one in zip(rows, chosen, strict=True):
        row |= one
    bias = {k: dict(zip(labels, v.tolist(), strict=True)) for k, v in label_bias(scores, content_free).items()}
    return {"by_calibration": others, "label_bias": bias}
