"""The truth suite: every method on samples whose truth is known, and one table of what each is worth."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emolab.attribution.checks import deletion_table, null_values, randomised_weights, snr_sweep
from emolab.attribution.collect import Measured, Settings, measure, method_values
from emolab.attribution.shares import null_band, shares
from emolab.attribution.stated import stated_against_measured, stated_cues, true_cues
from emolab.attribution.truth import conflict, recovery, structure_left
from emolab.attribution.values import ABSENCES, stratified_donors
from emolab.errors import AttributionError
from emolab.evaluate.results import provenance
from emolab.samples import MODALITIES, Corpus, EmotionSample, resolve

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt

N_POOL = 28
CHECKS = ("snr", "sanity", "faithfulness", "stated")


def shown_modalities(lalm: LALM, prompt: Prompt) -> tuple[str, ...]:
    """What the prompt shows and the model takes."""
    return tuple(m for m in MODALITIES if m in prompt.modalities and m in lalm.modalities)


def choose(
    corpus: Corpus,
    n: int,
    seed: int = 0,
    shown: Sequence[str] = MODALITIES,
    conditions: Sequence[str] | None = None,
    split: str | None = "test",
) -> list[EmotionSample]:
    """`n` samples with absolute paths, as evenly over the conditions as possible; only those whose carriers and
    distractors are shown.

    Raises AttributionError if the corpus does not state its carriers.
    """
    by_condition: dict[str, list[EmotionSample]] = {}
    for i in np.random.default_rng(seed).permutation(len(corpus)):
        sample = corpus[int(i)]
        stated = {*sample.extra.get("carriers", ()), *sample.extra.get("distractors", ())}
        if stated and stated <= set(shown) and split in (None, sample.split):
            condition = str(sample.extra.get("condition"))
            if conditions is None or condition in conditions:
                by_condition.setdefault(condition, []).append(resolve(sample, corpus.root))
    queues = [by_condition[k] for k in sorted(by_condition)]
    found = [q[depth] for depth in range(max(map(len, queues), default=0)) for q in queues if depth < len(q)]
    if not found:
        raise AttributionError(
            f"{corpus.root}: no sample of split {split!r} states carriers among {', '.join(shown)}; attribution can be "
            "validated on a corpus of `emolab corpus make synthetic`"
        )
    return found[:n]


def donors_of(corpus: Corpus, seed: int = 0, n: int = N_POOL) -> list[EmotionSample]:
    """A pool of donors, with absolute paths: from the training split (other speakers than the test's) where there is
    one.
    """
    training = corpus.where(split="train")
    return [
        resolve(s, corpus.root) for s in stratified_donors((training if len(training) else corpus).samples, n, seed)
    ]


def validate(
    lalm: LALM,
    corpus: Corpus,
    prompt: Prompt,
    truth: Mapping[str, Mapping[str, Any]] | None = None,
    n: int = 120,
    n_checks: int = 24,
    settings: Settings | None = None,
    absences: Sequence[str] = ABSENCES,
    checks: Sequence[str] = CHECKS,
    n_boot: int = 1000,
    progress: bool = True,
) -> dict[str, Any]:
    """Score all methods. `methods` has one row each with "name", "recovery", "recovery_ci", "auc", "conflict", …; the
    rest are the checks.

    `n` samples measure recovery and conflict, `n_checks` of them each costlier check; `truth`
    (`emolab.synth.corpus.read_truth`) tells what distractors show, without it there is no conflict score. Raises
    AttributionError for a corpus that does not state its carriers.
    """
    started = time.perf_counter()
    chosen = settings or Settings()
    shown = shown_modalities(lalm, prompt)
    samples = choose(corpus, n, chosen.seed, shown)
    donors = donors_of(corpus, chosen.seed)
    measured = measure(lalm, samples, donors, prompt, chosen, absences, progress=progress)
    nulls = null_values(lalm, samples[:n_checks], donors, prompt, chosen)
    band = null_band(nulls)
    result: dict[str, Any] = {
        "model": lalm.name,
        "prompt": prompt.id,
        "n": len(samples),
        "answered_right": float(measured.right.mean()),
        "methods": _methods(measured, shown, truth, n_boot, chosen.seed),
        "axioms": axioms(measured),
        "shares": _share_table(measured, band),
    }
    if "snr" in checks:
        agreeing = choose(corpus, n_checks, chosen.seed, shown, ("AV",) if "video" in shown else ("AT",))
        result["snr"] = snr_sweep(lalm, agreeing, donors, prompt, chosen)
    if "sanity" in checks:
        with randomised_weights(lalm, chosen.seed):
            blind = measure(lalm, samples[:n_checks], donors, prompt, chosen, absences[:1], progress=False)
        result["sanity"] = _sanity(measured, blind)
    if "faithfulness" in checks:
        result["faithfulness"] = deletion_table(lalm, samples[:n_checks], donors, prompt, "window", chosen)
    if "stated" in checks:
        result["stated"] = _stated(lalm, measured, prompt, band["phi_upper"], truth, n_boot)
    config = {
        "model": lalm.name,
        "prompt": prompt.id,
        "n": n,
        "n_checks": n_checks,
        "absences": list(absences),
        **vars(chosen),
    }
    return result | {
        "seed": chosen.seed,
        "seconds": round(time.perf_counter() - started, 2),
        "provenance": provenance(config, chosen.seed, str(lalm.device)),
    }


def _methods(
    measured: Measured,
    shown: Sequence[str],
    truth: Mapping[str, Mapping[str, Any]] | None,
    n_boot: int,
    seed: int,
) -> list[dict[str, Any]]:
    """One row a method, over the modalities that the model is shown: the others are dummies, and would flatter."""
    carriers = [s.extra["carriers"] for s in measured.samples]
    speakers = [s.speaker for s in measured.samples]
    contested = [i for i, s in enumerate(measured.samples) if s.extra.get("distractors") and truth and s.id in truth]
    rows = []
    columns = [MODALITIES.index(m) for m in shown]
    for name, every in method_values(measured, seed).items():
        values = every[:, columns]
        row = {"name": name, **recovery(values, carriers, speakers, measured.right, shown, n_boot, seed)}
        if truth and contested:
            emotions = [dict(truth[measured.samples[i].id]["shown"]) for i in contested]
            own, owners = [measured.own[i] for i in contested], [speakers[i] for i in contested]
            found = conflict(values[contested], own, emotions, owners, shown, n_boot, seed)
            row |= {
                "conflict": found["follows"],
                "conflict_ci": found["follows_ci"],
                "conflict_positive": found["positive"],
                "conflict_n": found["n"],
            }
        rows.append(row)
    return rows


def axioms(measured: Measured) -> dict[str, float]:
    """Largest violation of efficiency over all samples and ways of being absent: |Σφ − (v(N) − v(∅))|."""
    worst = {}
    for absence in measured.tables:
        table = measured.table(absence)
        worst[absence] = float(np.abs(measured.shapley(absence).sum(1) - (table[:, -1] - table[:, 0])).max())
    return worst


def _share_table(measured: Measured, band: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    values = measured.shapley(next(iter(measured.tables)))
    share = shares(values)
    return [
        {
            "modality": m,
            "phi": float(values[:, j].mean()),
            "share": float(share[:, j].mean()),
            "null_share": float(band["share_mean"][j]),
            "null_share_upper": float(band["share_upper"][j]),
            "null_phi_upper": float(band["phi_upper"][j]),
        }
        for j, m in enumerate(MODALITIES)
    ]


def _sanity(measured: Measured, blind: Measured) -> list[dict[str, Any]]:
    before, after = method_values(measured), method_values(blind, seed=1)
    return [
        {"name": name, **structure_left(before[name][: len(values)], values)}
        for name, values in after.items()
        if name in before
    ]


def _stated(
    lalm: LALM,
    measured: Measured,
    prompt: Prompt,
    threshold: np.ndarray,
    truth: Mapping[str, Mapping[str, Any]] | None,
    n_boot: int,
    batch_size: int = 16,
    max_new_tokens: int = 96,
) -> dict[str, Any]:
    from emolab.evaluate.run import batches

    texts: list[str] = []
    for _, batch in batches(lalm, measured.samples, prompt, batch_size, "rationales", progress=False):
        texts += [row[0] for row in lalm.generate(batch, n=1, greedy=True, max_new_tokens=max_new_tokens).texts]
    values = measured.shapley(next(iter(measured.tables)))
    speakers = [s.speaker for s in measured.samples]
    found = stated_against_measured(texts, values, threshold, speakers, n_boot=n_boot)
    if truth and all("prosody" in truth.get(s.id, ()) for s in measured.samples):
        found["cues"] = stated_cues(texts, [true_cues(truth[s.id]) for s in measured.samples])
    return found
