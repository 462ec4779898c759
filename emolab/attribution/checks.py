"""Checks that run the model again: noise, randomised weights, deletion, and what an uninformative modality gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolab.attribution.collect import Settings, measure
from emolab.attribution.faithfulness import deletion_curves, faithfulness
from emolab.attribution.gradients import attention_rollout, integrated_gradients
from emolab.attribution.players import modality_players, players_of
from emolab.attribution.shapley import coalitions, exact_from_table, sampled
from emolab.attribution.shares import shares
from emolab.attribution.truth import mean_interval
from emolab.attribution.values import DonorPool, EmbeddingGame, absent_embeddings, label_values
from emolab.errors import AttributionError
from emolab.evaluate.controls import with_audio
from emolab.media import audio_of
from emolab.samples import MODALITIES, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.prompts import Prompt

Floats = NDArray[np.float64]
SNRS = (20.0, 10.0, 0.0, -10.0)


def with_noise(sample: EmotionSample, snr_db: float, seed: int = 0) -> EmotionSample:
    """The sample with white noise on its voice, `snr_db` below the voice's own power."""
    wave = audio_of(sample)
    noise = np.random.default_rng(seed).normal(size=len(wave)).astype(np.float32)
    gain = float(np.sqrt(np.mean(wave**2) / 10 ** (snr_db / 10)))
    return with_audio(sample, None, (wave + gain * noise).astype(np.float32))


def snr_sweep(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
    snrs: Sequence[float] = SNRS,
    absence: str = "swap",
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Shares of the modalities as noise rises: one row for the recording (`snr` None) and for each SNR, for the gold
    label.

    For samples whose voice and face agree, the voice's share must fall and the face's rise.
    """
    rows = []
    for snr in (None, *snrs):
        noisy = list(samples) if snr is None else [with_noise(s, snr, i) for i, s in enumerate(samples)]
        measured = measure(lalm, noisy, donors, prompt, settings, (absence,), inner=False, progress=progress)
        values = measured.shapley(absence, measured.gold)
        share = shares(values)
        row: dict[str, Any] = {"snr": snr, "n": len(samples), "right": float(measured.right.mean())}
        for own, phi, modality in zip(share.T, values.T, MODALITIES, strict=True):
            row[f"share_{modality}"] = float(own.mean())
            row[f"share_{modality}_ci"] = mean_interval(own)
            row[f"phi_{modality}"] = float(phi.mean())
        rows.append(row)
    return rows


def null_values(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    settings: Settings | None = None,
) -> Floats:
    """φ (N, 3, 3) for the gold label: entry [i, m] with modality m of sample i taken from a donor in another emotion,
    so that it cannot know the answer. Raises AttributionError if all donors are in the emotion of a sample.
    """
    chosen = settings or Settings()
    strangers = {e: [d for d in donors if d.emotion != e] for e in {s.emotion for s in samples}}
    strange = {e: DonorPool.encode(lalm, others, prompt) for e, others in strangers.items()}
    pool = DonorPool.encode(lalm, donors, prompt)
    found = np.zeros((len(samples), len(MODALITIES), len(MODALITIES)))
    for i, sample in enumerate(samples):
        batch = lalm.encode([sample], prompt)
        players = modality_players(batch)
        absent = absent_embeddings(lalm, sample, prompt, batch, "swap", pool, chosen.n_donors, chosen.seed + i)
        others, seed = strange[sample.emotion], chosen.seed + 10_000 + i
        stranger = absent_embeddings(lalm, sample, prompt, batch, "swap", others, 1, seed)[0]
        for m, player in enumerate(players):
            swapped = batch.embeds.clone()
            swapped[0, list(player.positions)] = stranger[list(player.positions)]
            game = EmbeddingGame(
                lalm, batch.with_embeds(swapped), players, absent, str(sample.emotion), chosen.labels, chosen.measure
            )
            found[i, m] = exact_from_table(game(coalitions(len(players))))
    return found


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


def deletion_table(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    donors: Sequence[EmotionSample],
    prompt: Prompt,
    kind: str = "window",
    settings: Settings | None = None,
    absence: str = "mean",
    pairs: int = 6,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Faithfulness of each method on fine players of one kind: one row a method, as `faithfulness` gives, of the
    model's own answers.

    Samples with fewer than four such players are left out. Raises AttributionError if none is left.
    """
    from tqdm.auto import tqdm

    chosen = settings or Settings()
    pool = DonorPool.encode(lalm, donors, prompt)
    curves: dict[str, list[Any]] = {}
    for i, sample in enumerate(tqdm(samples, desc="deletion", unit="sample", disable=not progress)):
        batch = lalm.encode([sample], prompt)
        players = players_of(batch, kind)
        if len(players) < 4:
            continue
        with torch.no_grad():
            own = chosen.labels[int(label_values(lalm, batch, chosen.labels, chosen.measure).argmax())]
        absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, 1, chosen.seed + i)
        game = EmbeddingGame(lalm, batch, players, absent, own, chosen.labels, chosen.measure)
        alone = ~np.eye(len(players), dtype=bool)
        found = {
            "Shapley, sampled": sampled(
                game, len(players), np.random.default_rng(i), max_pairs=pairs, min_pairs=2
            ).values,
            "leave one out": game(np.ones((1, len(players)), bool)) - game(alone),
            "integrated gradients": integrated_gradients(game, chosen.gradient_steps),
            "attention rollout": attention_rollout(lalm, batch, players),
            "chance": np.random.default_rng(i).random(len(players)),
        }
        for name, curve in deletion_curves(game, found, np.random.default_rng(1000 + i)).items():
            curves.setdefault(name, []).append(curve)
    if not curves:
        raise AttributionError(f"no sample has four or more players of kind {kind!r}")
    return [{"name": name, "players": kind, **faithfulness(c)} for name, c in curves.items()]
