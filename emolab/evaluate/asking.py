"""The way from samples to answers that every evaluation takes: what is usable, under which control, what is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from tqdm.auto import tqdm

from emolab.errors import EvaluationError
from emolab.evaluate.controls import apply_control
from emolab.evaluate.results import provenance
from emolab.media import usable
from emolab.media.usable import majority, mean_log_probabilities, pool
from emolab.prompts import Prompt, get_prompt
from emolab.samples import MODALITIES, Corpus, EmotionSample, LoadReport, resolve

if TYPE_CHECKING:
    from emolab.lalm.base import LALM, PromptBatch

Fault = Callable[[EmotionSample], tuple[str, str] | None]
"""Why a sample cannot be scored: (reason, item) as `LoadReport.skip` takes them, or None where it can."""
NOTED = ("condition", "donor", "donor_emotion", "window_of")
WRITTEN = 96
"""Longest answer, in tokens, where words or a caption are asked for and nothing else is said."""


class AskOptions(TypedDict, total=False):
    """How samples are shown and answered: the `seed` of sampling and of the control (0), a `control` of
    `emolab.evaluate.controls.CONTROLS` (None), samples at a time `batch_size` (16), the longest answer in tokens
    `max_new_tokens` (64 for a label, WRITTEN for words and captions), the `temperature` (0: greedy), a `progress` bar
    (True), what becomes of clips that the model finds too long: `long_clips` ("window", pooled; or "skip")."""

    seed: int
    control: str | None
    batch_size: int
    max_new_tokens: int
    temperature: float
    progress: bool
    long_clips: str


@dataclass(frozen=True)
class Asked:
    """Samples as they were shown (under the control), the text that answers each, and what ran."""

    samples: list[EmotionSample]
    texts: list[str]
    info: dict[str, Any]


def readable_samples(
    corpus: Corpus,
    fault: Fault,
    prompt: Prompt | None = None,
    lalm: LALM | None = None,
    long_clips: str = "window",
    answer: int = 0,
) -> tuple[list[EmotionSample], LoadReport]:
    """Samples with absolute paths, without a `fault`, and with media that can be shown (`emolab.media.usable`); the
    report counts the others by reason.

    With a model, only what it takes is looked at, clips longer than it takes are cut into windows or skipped, and so
    are prompts that leave no room for an `answer` of so many tokens.
    """
    shown: Sequence[str] = prompt.modalities if prompt else MODALITIES
    if lalm is not None:
        shown = [m for m in shown if m in lalm.modalities]
    report, kept = LoadReport(corpus.name, found=len(corpus)), []
    for sample in corpus:
        if (found := fault(sample)) is not None:
            report.skip(*found)
        else:
            kept.append(sample)
    longest = lalm.max_seconds if lalm else None
    shown_corpus, unusable = usable(corpus.replace(kept), shown, longest, long_clips, every=True)
    report.add(unusable)
    if lalm is not None and prompt is not None:
        shown_corpus = with_room(shown_corpus, lalm, prompt, answer, report)
    return [resolve(sample, corpus.root) for sample in shown_corpus], report


def under_control(
    corpus: Corpus, samples: list[EmotionSample], report: LoadReport, control: str | None, seed: int
) -> list[EmotionSample]:
    """What `readable_samples` gave, under one of `emolab.evaluate.controls.CONTROLS`. Raises EvaluationError where that
    is nothing, with the first message of each reason."""
    if not samples:
        raise EvaluationError(f"{corpus.root}: nothing to score; {report.sentence() or 'it is empty'}")
    return apply_control(samples, control, seed)


def with_room(corpus: Corpus, lalm: LALM, prompt: Prompt, answer: int, report: LoadReport) -> Corpus:
    """The samples whose prompt and an answer of so many tokens fit the model's context; `report` counts the others."""
    kept = []
    for sample in corpus:
        if lalm.has_room(resolve(sample, corpus.root), prompt, answer):
            kept.append(sample)
        else:
            report.skip(f"prompt longer than the {lalm.context} tokens that {lalm.name} takes", sample.id)
    return corpus.replace(kept)


def batches(
    lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt, size: int, name: str, progress: bool = True
) -> Iterator[tuple[slice, PromptBatch]]:
    """Encoded batches of at most `size` samples, each with the slice of `samples` that it holds."""
    starts = range(0, len(samples), size)
    encoded = lalm.encoded((list(samples[start : start + size]) for start in starts), prompt)
    shown = tqdm(starts, desc=name, unit="batch", disable=not progress or len(samples) <= size)
    for start, batch in zip(shown, encoded, strict=True):
        yield slice(start, min(start + size, len(samples))), batch


def generate_texts(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    size: int = 16,
    seed: int = 0,
    progress: bool = True,
    temperature: float = 0.0,
    **options: Any,
) -> list[str]:
    """One answer for each sample, greedy at temperature 0; `options` are those of `LALM.generate`."""
    options |= {"temperature": temperature or 1.0, "greedy": temperature == 0.0}
    texts: list[str] = []
    for chosen, batch in batches(lalm, samples, prompt, size, "answers", progress):
        texts += [text for (text,) in lalm.generate(batch, n=1, seed=seed + chosen.start, **options).texts]
    return texts


def ask(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt | str,
    fault: Fault,
    *,
    seed: int = 0,
    control: str | None = None,
    batch_size: int = 16,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    progress: bool = True,
    long_clips: str = "window",
) -> Asked:
    """Show the usable samples of a corpus, under a control, and note what the model answers and what ran.

    Raises EvaluationError for an unknown control or where nothing can be scored.
    """
    prompt = get_prompt(prompt) if isinstance(prompt, str) else prompt
    started = time.perf_counter()
    samples, report = readable_samples(corpus, fault, prompt, lalm, long_clips, max_new_tokens)
    samples = under_control(corpus, samples, report, control, seed)
    options = {"temperature": temperature, "max_new_tokens": max_new_tokens}
    texts = generate_texts(lalm, samples, prompt, batch_size, seed, progress, **options)
    config = {"model": lalm.name, "corpus": corpus.name, "prompt": prompt.id, "control": control}
    info = config | {
        "skipped": report.summary(),
        "seconds": round(time.perf_counter() - started, 3),
        "provenance": provenance(config | options | {"n": len(samples)}, seed, str(lalm.device)),
    }
    return Asked(samples, texts, info)


def noted(sample: EmotionSample) -> dict[str, Any]:
    """What every row of a result says of its sample: id, speaker, and condition and donor where it has them."""
    return {"id": sample.id, "speaker": sample.speaker} | {k: sample.extra[k] for k in NOTED if k in sample.extra}


def pool_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of windows as one row a clip (`emolab.media.usable.cut`); other rows stay.

    The label is that of the highest mean posterior where rows have one, else the most frequent; words and captions
    are put together in the order of the windows.
    """
    return pool([row.get("window_of") for row in rows], list(rows), _together)


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    row = {**first, "id": first["window_of"], "windows": len(rows)}
    del row["window_of"]
    if "text" in first:
        row["text"] = "\n".join(r["text"] for r in rows)
    if "format_ok" in first:
        row["format_ok"] = all(r["format_ok"] for r in rows)
    if "posterior" in first:
        pooled = mean_log_probabilities([np.array(list(r["posterior"].values())) for r in rows])
        row["posterior"] = dict(zip(first["posterior"], pooled.tolist(), strict=True))
        row["predicted"] = max(row["posterior"], key=row["posterior"].__getitem__)
        return row
    said = [r["predicted"] for r in rows if r["predicted"]]
    if isinstance(first["predicted"], list):
        row["predicted"] = list(dict.fromkeys(word for words in said for word in words))
    else:
        row["predicted"] = " ".join(said) or None if "reference" in first else majority(said)
    return row
