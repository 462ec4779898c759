"""The truth suite: every attribution method on samples whose truth is known, and one table of how far each is right."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from emolab_course.cues import stated_against_measured, stated_cues, true_cues
from emolab_course.measure import Measured, Settings, choose, measure, null_tables
from emolab_course.methods import null_band
from emolab_course.truth import method_rows
from numpy.typing import NDArray

from benchmarks.truth import table
from benchmarks.truth.checks import SNRS, noise_levels, noise_slopes, noise_sweep, randomised_weights
from benchmarks.truth.deletion import Deletions, deletions
from emolab.attribution.game import MASKERS, background_samples
from emolab.attribution.methods import shares
from emolab.attribution.shapley import exact_from_table
from emolab.evaluate.asking import generate_texts
from emolab.evaluate.results import provenance
from emolab.metrics.bootstrap import mean_interval
from emolab.samples import MODALITIES, Corpus, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt

Floats = NDArray[np.float64]
BATCH, MAX_NEW_TOKENS, EXAMPLES = 16, 96, 6
CHECKS = ("noise", "sanity", "faithfulness", "stated")
SINGLE_TURNS = 4
"""How many samples of one modality alone are taken for one of each other condition: recovery is about them."""


def shown_modalities(model: LALM, prompt: Prompt) -> tuple[str, ...]:
    """What the prompt shows and the model takes."""
    return tuple(m for m in MODALITIES if m in prompt.modalities and m in model.modalities)


def validate(
    model: LALM,
    corpus: Corpus,
    prompt: Prompt,
    truth: Mapping[str, Mapping[str, Any]] | None = None,
    n: int = 120,
    n_checks: int = 24,
    settings: Settings | None = None,
    maskers: Sequence[str] = MASKERS,
    checks: Sequence[str] = CHECKS,
    n_boot: int = 1000,
    progress: bool = True,
    split: str = "test",
) -> dict[str, Any]:
    """Score all methods. `methods` has a row for each with "name" and the figures of `COLUMNS`, each with its interval
    under "…_ci"; the other keys hold the checks in full.

    `n` samples of `split` measure recovery and conflict, and `n_checks` of them each costlier check. `truth`
    (`emolab_synth.corpus.read_truth`) says what each modality shows; without it there is no conflict score. Raises
    AttributionError for a corpus that does not state its carriers.
    """
    started = time.perf_counter()
    chosen = settings or Settings()
    shown = shown_modalities(model, prompt)
    samples = choose(corpus, n, chosen.seed, shown, split=split, single_turns=SINGLE_TURNS)
    run = _Checks(model, prompt, chosen, maskers, background_samples(corpus, seed=chosen.seed), n_boot, progress)
    measured = measure(model, samples, run.background, prompt, chosen, maskers, progress=progress)
    few = samples[:n_checks]
    nulls = null_tables(model, few, run.background, prompt, chosen, maskers[0])
    rows = method_rows(measured, shown, truth, n_boot, chosen.seed)
    result: dict[str, Any] = {
        "model": model.name,
        "prompt": prompt.id,
        "modalities": list(shown),
        "n": len(samples),
        "answered_right": float(measured.right.mean()),
        "answered_right_ci": mean_interval(measured.right.astype(float), [s.speaker for s in samples], n_boot),
        "methods": rows,
        "axioms": table.axioms(measured),
        "shares": _share_table(measured, null_band(exact_from_table(nulls)), n_boot),
    }
    work = {
        "noise": lambda: run.noise(rows, corpus, n_checks, shown, split),
        "sanity": lambda: run.sanity(rows, measured, few),
        "faithfulness": lambda: run.faithfulness(rows, few, result["shares"]),
        "stated": lambda: run.stated(rows, measured, nulls, truth),
    }
    result |= {name: work[name]() for name in CHECKS if name in checks}
    asked = {"n": n, "n_checks": n_checks, "maskers": list(maskers), "split": split}
    return result | run.stamp(asked, time.perf_counter() - started)


@dataclass
class _Checks:
    """The costlier checks; each adds its column to the rows and returns what lies behind it."""

    model: LALM
    prompt: Prompt
    settings: Settings
    maskers: Sequence[str]
    background: list[EmotionSample]
    n_boot: int
    progress: bool

    def stamp(self, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """What ran, for how long."""
        seed = self.settings.seed
        config = {"model": self.model.name, "prompt": self.prompt.id, **asked, **vars(self.settings)}
        made = provenance(config, seed, str(self.model.device))
        return {"seed": seed, "seconds": round(seconds, 2), "provenance": made}

    def noise(
        self, rows: list[table.Row], corpus: Corpus, n: int, shown: Sequence[str], split: str
    ) -> list[dict[str, Any]]:
        """Samples whose voice agrees with the face, or where no face is shown with the words."""
        other = "video" if "video" in shown else "text"
        condition = "AV" if other == "video" else "AT"
        agreeing = choose(corpus, n, self.settings.seed, shown, (condition,), split)
        sweep = noise_sweep(
            self.model,
            agreeing,
            self.background,
            self.prompt,
            self.settings,
            SNRS,
            self.maskers,
            progress=self.progress,
        )
        table.add(rows, noise_slopes(sweep, other, self.n_boot))
        return noise_levels(sweep, self.n_boot)

    def sanity(self, rows: list[table.Row], measured: Measured, few: Sequence[EmotionSample]) -> list[dict[str, Any]]:
        with randomised_weights(self.model, self.settings.seed):
            blind = measure(
                self.model, few, self.background, self.prompt, self.settings, self.maskers, progress=self.progress
            )
        found = table.sanity_columns(measured, blind, self.n_boot)
        table.add(rows, found)
        return [{"name": name, **row} for name, row in found.items()]

    def faithfulness(
        self, rows: list[table.Row], few: Sequence[EmotionSample], shared: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Also gives the modalities' shares over their parts, as MM-SHAP counts them, to the table of shares."""
        deleted: Deletions = deletions(
            self.model, few, self.background, self.prompt, "part", self.settings, self.maskers, progress=self.progress
        )
        found = deleted.rows()
        table.add(rows, table.faithfulness_columns(found))
        for row in shared:
            values = np.array([part.get(row["modality"], 0.0) for part in deleted.shares])
            row |= {"parts_share": float(values.mean()), "parts_share_ci": mean_interval(values, n=self.n_boot)}
        return found

    def stated(
        self,
        rows: list[table.Row],
        measured: Measured,
        nulls: Floats,
        truth: Mapping[str, Mapping[str, Any]] | None,
    ) -> dict[str, Any]:
        """The rationales of the generated answers against what was measured, and against how the voice was made."""
        options = {"max_new_tokens": MAX_NEW_TOKENS}
        texts = generate_texts(
            self.model, measured.samples, self.prompt, BATCH, self.settings.seed, self.progress, **options
        )
        table.add(rows, table.stated_columns(measured, texts, nulls, self.n_boot))
        limit = table.threshold(exact_from_table(nulls))
        speakers = [s.speaker for s in measured.samples]
        found = stated_against_measured(texts, measured.shapley(measured.first), limit, speakers, n_boot=self.n_boot)
        found["examples"] = [
            {"id": s.id, "evidence": s.extra["carriers"], "text": text}
            for s, text in zip(measured.samples[:EXAMPLES], texts, strict=False)
        ]
        if truth and all("prosody" in truth.get(s.id, ()) for s in measured.samples):
            found["cues"] = stated_cues(texts, [true_cues(truth[s.id]) for s in measured.samples])
        return found


def _share_table(measured: Measured, band: Mapping[str, Floats], n_boot: int) -> list[dict[str, Any]]:
    """MM-SHAP shares beside the signed φ they come from, and beside what an uninformative modality gets."""
    values = measured.shapley(measured.first)
    share = shares(values)
    speakers = [s.speaker for s in measured.samples]
    return [
        {
            "modality": m,
            "phi": float(values[:, j].mean()),
            "phi_ci": mean_interval(values[:, j], speakers, n_boot),
            "share": float(share[:, j].mean()),
            "share_ci": mean_interval(share[:, j], speakers, n_boot),
            "null_share": float(band["share_mean"][j]),
            "null_share_upper": float(band["share_upper"][j]),
            "null_phi_upper": float(band["phi_upper"][j]),
        }
        for j, m in enumerate(MODALITIES)
    ]
