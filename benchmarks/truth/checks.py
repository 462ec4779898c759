"""Checks that run the model again, with noise on the voice or with shuffled weights."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from emolab_course.measure import Measured, Settings, measure, method_values
from numpy.typing import NDArray

from emolab.attribution.game import MASKERS
from emolab.attribution.methods import shares
from emolab.evaluate.controls import with_audio
from emolab.media import audio_of
from emolab.metrics.bootstrap import interval, mean_interval
from emolab.samples import MODALITIES, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt

Floats = NDArray[np.float64]
SNRS = (20.0, 5.0, -10.0)
Sweep = Mapping[float | None, Measured]


def with_noise(sample: EmotionSample, snr_db: float, seed: int = 0) -> EmotionSample:
    """The sample with white noise on its voice, `snr_db` below the voice's own power."""
    wave = audio_of(sample)
    noise = np.random.default_rng(seed).normal(size=len(wave)).astype(np.float32)
    gain = float(np.sqrt(np.mean(wave**2) / 10 ** (snr_db / 10)))
    return with_audio(sample, None, (wave + gain * noise).astype(np.float32))


def noise_sweep(
    model: LALM,
    samples: Sequence[EmotionSample],
    background: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    snrs: Sequence[float] = SNRS,
    maskers: Sequence[str] = MASKERS,
    inner: bool = True,
    progress: bool = False,
) -> dict[float | None, Measured]:
    """What is measured for the corpus's label as noise on the voice rises: without noise (None), then at each SNR.

    Where voice and face (or words) agree, the share of the voice must fall and the other share must rise.
    """
    return {
        snr: measure(
            model,
            list(samples) if snr is None else [with_noise(s, snr, i) for i, s in enumerate(samples)],
            background, prompt, settings, maskers, inner, progress, gold=True,
        )
        for snr in (None, *snrs)
    }  # fmt: skip


def noise_levels(sweep: Sweep, n_boot: int = 500) -> list[dict[str, Any]]:
    """One row for each level of noise: the share answered right, and Shapley φ and shares of the modalities, with 95%
    intervals over speakers.
    """
    rows = []
    for snr, measured in sweep.items():
        owners = [s.speaker for s in measured.samples]
        values = measured.shapley(measured.first)
        columns = {"right": measured.right.astype(float)}
        columns |= {f"share_{m}": share for m, share in zip(MODALITIES, shares(values).T, strict=True)}
        columns |= {f"phi_{m}": phi for m, phi in zip(MODALITIES, values.T, strict=True)}
        row: dict[str, Any] = {"snr": snr, "n": len(values)}
        for name, column in columns.items():
            row |= {name: float(column.mean()), f"{name}_ci": mean_interval(column, owners, n_boot)}
        rows.append(row)
    return rows


def noise_slopes(sweep: Sweep, other: str, n_boot: int = 500, seed: int = 0) -> dict[str, dict[str, Any]]:
    """How 10 dB more noise changes shares under each method, with 95% intervals over speakers: `noise` for the voice,
    which should be negative, and `noise_other` for the modality that agrees with it, which should be positive.
    """
    levels = [-snr / 10 for snr in sweep if snr is not None]
    found = [method_values(measured, seed) for snr, measured in sweep.items() if snr is not None]
    owners = [s.speaker for s in next(iter(sweep.values())).samples]
    rows: dict[str, dict[str, Any]] = {}
    for name in found[0]:
        share = np.stack([shares(values[name]) for values in found], axis=1)
        for key, modality in (("noise", "audio"), ("noise_other", other)):
            slope = slope_of_share(share[..., MODALITIES.index(modality)], levels)
            interval = mean_interval(slope, owners, n_boot)
            rows.setdefault(name, {}).update({key: float(slope.mean()), f"{key}_ci": interval})
    return rows


@contextmanager
def randomised_weights(model: LALM, seed: int = 0) -> Iterator[None]:
    """Shuffle the entries of each weight of the language model, so that sizes stay and knowledge goes; restore them
    afterwards.
    """
    generator = torch.Generator().manual_seed(seed)
    kept = {name: p.detach().clone() for name, p in model.decoder.named_parameters()}
    try:
        with torch.no_grad():
            for parameter in model.decoder.parameters():
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
        yield
    finally:
        with torch.no_grad():
            for name, parameter in model.decoder.named_parameters():
                parameter.copy_(kept[name])


def structure_left(
    values: Floats,
    randomised: Floats,
    groups: Sequence[Hashable] | None = None,
    n_boot: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """Do attributions (N, M) keep their order over samples when the weights are randomised (Adebayo et al. 2018)?

    `rank_correlation` is Spearman's over samples, averaged over the modalities that vary, so that a modality which
    always gets more does not count as structure. It should be near 0: a method that keeps its picture explains the
    input, not the model. `same_top` is the share of samples that keep their largest modality. Both have 95% intervals
    that draw whole `groups`.
    """
    from scipy.stats import rankdata

    varies = [j for j in range(values.shape[1]) if min(np.ptp(values[:, j]), np.ptp(randomised[:, j])) > 1e-9]

    def correlation(index: NDArray[np.int_]) -> float:
        ranks = [(rankdata(values[index, j]), rankdata(randomised[index, j])) for j in varies]
        if not ranks or any(min(np.ptp(a), np.ptp(b)) == 0 for a, b in ranks):
            return float("nan") if ranks else 0.0
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in ranks]))

    same = (values.argmax(1) == randomised.argmax(1)).astype(float)
    owners = list(range(len(values))) if groups is None else groups
    return {
        "rank_correlation": correlation(np.arange(len(values))),
        "rank_correlation_ci": interval(correlation, owners, n_boot, seed),
        "same_top": float(same.mean()),
        "same_top_ci": mean_interval(same, owners, n_boot, seed),
    }


def slope_of_share(shares: Floats, levels: Sequence[float]) -> Floats:
    """Least-squares slope (N,) of shares (N, levels) over the `levels` of noise: negative where a share falls."""
    x = np.array(levels, float) - np.mean(levels)
    slopes: Floats = (shares - shares.mean(1, keepdims=True)) @ x / (x @ x)
    return slopes
