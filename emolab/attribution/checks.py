"""Checks that run the model again: noise, randomised weights, and what an uninformative modality gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolab.attribution.collect import Measured, Settings, measure, method_values
from emolab.attribution.players import modality_players
from emolab.attribution.shapley import coalitions, exact_from_table
from emolab.attribution.shares import shares
from emolab.attribution.truth import mean_interval, slope_of_share
from emolab.attribution.values import ABSENCES, DonorPool, absent_embeddings
from emolab.evaluate.controls import with_audio
from emolab.media import audio_of
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
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    snrs: Sequence[float] = SNRS,
    absences: Sequence[str] = ABSENCES,
    inner: bool = True,
    progress: bool = False,
) -> dict[float | None, Measured]:
    """What is measured for the gold label as noise on the voice rises: of the recordings (None), then at each SNR.

    For samples whose voice and face (or words) agree, the voice's share must fall and the other's rise.
    """
    return {
        snr: measure(
            lalm,
            list(samples) if snr is None else [with_noise(s, snr, i) for i, s in enumerate(samples)],
            donors, prompt, settings, absences, inner, progress, gold=True,
        )
        for snr in (None, *snrs)
    }  # fmt: skip


def noise_levels(sweep: Sweep, n_boot: int = 500) -> list[dict[str, Any]]:
    """One row for each level of noise: how much is answered right, and Shapley φ and shares of the modalities, with
    95% intervals over talkers.
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
    """Each method's change of the voice's share with 10 dB more noise (`noise`, negative is right), and of the share
    of the modality that agrees with it (`noise_other`, positive is right), with 95% intervals over talkers.
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


def null_tables(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    absence: str = ABSENCES[0],
) -> Floats:
    """Coalition values (N, 3, 8) for the gold label: entry [i, m] with modality m of sample i taken from a donor in
    another emotion, so that it cannot know the answer.

    Raises AttributionError if all donors are in the emotion of a sample.
    """
    chosen = settings or Settings()
    strangers = {e: [d for d in donors if d.emotion != e] for e in {s.emotion for s in samples}}
    strange = {e: DonorPool.encode(lalm, others, prompt) for e, others in strangers.items()}
    pool = DonorPool.encode(lalm, donors, prompt)
    found = np.zeros((len(samples), len(MODALITIES), 2 ** len(MODALITIES)))
    for i, sample in enumerate(samples):
        batch = lalm.encode([sample], prompt)
        players = modality_players(batch)
        absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, chosen.n_donors, chosen.seed + i)
        others, seed = strange[sample.emotion], chosen.seed + 10_000 + i
        stranger = absent_embeddings(lalm, sample, prompt, batch, "swap", others, 1, seed)[0]
        for m, player in enumerate(players):
            swapped = batch.embeds.clone()
            swapped[0, list(player.positions)] = stranger[list(player.positions)]
            game = chosen.game(lalm, batch.with_embeds(swapped), players, absent, str(sample.emotion))
            found[i, m] = game(coalitions(len(players)))
    return found


def null_values(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    absence: str = ABSENCES[0],
) -> Floats:
    """φ (N, 3, 3) of the games of `null_tables`: what a modality gets, beside the others, when it knows nothing."""
    return exact_from_table(null_tables(lalm, samples, donors, prompt, settings, absence))


@contextmanager
def randomised_weights(lalm: LALM, seed: int = 0) -> Iterator[None]:
    """The language model with the entries of each of its weights shuffled (same sizes, no knowledge); restored
    afterwards.
    """
    generator = torch.Generator().manual_seed(seed)
    kept = {name: p.detach().clone() for name, p in lalm.decoder.named_parameters()}
    try:
        with torch.no_grad():
            for parameter in lalm.decoder.parameters():
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
        yield
    finally:
        with torch.no_grad():
            for name, parameter in lalm.decoder.named_parameters():
                parameter.copy_(kept[name])
