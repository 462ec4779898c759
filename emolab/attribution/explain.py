"""Explain the answer to one sample: modalities exactly, then words, moments and regions of the face by sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from emolab.attribution.collect import Settings
from emolab.attribution.methods import attribute
from emolab.attribution.players import (
    Player,
    WordTimes,
    estimated_word_times,
    modality_players,
    players_of,
    speech_bounds,
)
from emolab.attribution.shapley import coalitions, interactions_from_table
from emolab.attribution.shares import modality_shares, shares
from emolab.attribution.validate import donors_of
from emolab.attribution.values import ABSENCES, DonorPool, EmbeddingGame, absent_embeddings, label_values
from emolab.emotions import normalise_label
from emolab.errors import AttributionError
from emolab.media import audio_of
from emolab.samples import MODALITIES, Corpus, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch
    from emolab.prompts import Prompt

FINE_OF = {"word": "text", "window": "audio", "spoken": "audio", "cell": "video"}


@dataclass(frozen=True)
class Effort:
    """How much to spend on fine players: at most `max_pairs` pairs of permutations, fewer where the standard error is
    `target_error`, averaged over `donors` ways of being absent.
    """

    max_pairs: int = 6
    target_error: float = 0.02
    donors: int = 2


def explain(
    lalm: LALM,
    sample: EmotionSample,
    prompt: Prompt,
    donors: Sequence[EmotionSample],
    label: str | None = None,
    absence: str = ABSENCES[0],
    settings: Settings | None = None,
    fine: bool = True,
    method: str = "Shapley",
    effort: Effort | None = None,
    times: WordTimes | None = None,
) -> dict[str, Any]:
    """Attributions of one sample (with absolute paths) for `label`, by default the model's own answer, by one of
    `emolab.attribution.methods.METHODS`.

    `phi`, `shares`, `interactions` of the modalities that it has, exact; with `fine`, `players[kind]`: rows with
    name, phi, error, times, word, frame and region. `times` says when each word is spoken; where it is None, that is
    guessed. Raises AttributionError for a label that the model was not asked about, or missing donors.
    """
    chosen, spent = settings or Settings(), effort or Effort()
    batch = lalm.encode([sample], prompt)
    pool = DonorPool.encode(lalm, donors, prompt) if absence != "silence" else None
    target, posterior = _target(lalm, batch, label, chosen)
    present = [m for m in MODALITIES if len(batch.positions_of(0, m))]
    absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, chosen.n_donors, chosen.seed)
    game = chosen.game(lalm, batch, modality_players(batch, 0, present), absent, target)
    found = attribute(game, method, chosen.seed, steps=chosen.gradient_steps)
    result: dict[str, Any] = {
        "id": sample.id,
        "label": target,
        "own": label is None,
        "method": method,
        "absence": absence,
        "measure": chosen.measure,
        "distribution": posterior,
        "full": found.full,
        "empty": found.empty,
        "phi": dict(zip(present, found.values.tolist(), strict=True)),
        "shares": dict(zip(present, shares(found.values).tolist(), strict=True)),
        "interactions": _pairs(interactions_from_table(game(coalitions(len(present)))), present),
        "video_sampling": [lalm.frames_per_second, lalm.max_frames],
        "players": {},
    }
    if not fine:
        return result
    said = word_times_of(sample, times) if "audio" in present else None
    parts = _fine(replace(game, absent=absent[: spent.donors]), chosen, method, spent, said)
    when = "given" if times else "guessed" if said else None
    return result | {"players": parts, "parts_shares": _parts_shares(parts), "word_times": when}


def _target(lalm: LALM, batch: PromptBatch, label: str | None, settings: Settings) -> tuple[str, dict[str, float]]:
    """The label to explain, and how probable each is."""
    with torch.no_grad():
        values = label_values(lalm, batch, settings.labels, "posterior", settings.template)[0]
    posterior = dict(zip(settings.labels, values.double().exp().tolist(), strict=True))
    target = max(posterior, key=posterior.__getitem__) if label is None else normalise_label(label, settings.labels)
    if target is None:
        raise AttributionError(f"label {label!r}: expected one of {', '.join(settings.labels)}")
    return target, posterior


def word_times_of(sample: EmotionSample, times: WordTimes | None) -> WordTimes | None:
    """`times`, or a guess from the transcript and from where the recording is loud; None without a transcript."""
    if times or not sample.text:
        return times
    return estimated_word_times(sample.text, *speech_bounds(audio_of(sample)))


def _pairs(index: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    return {f"{a} × {b}": float(index[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i < j}


def _fine(
    game: EmbeddingGame, settings: Settings, method: str, effort: Effort, times: WordTimes | None
) -> dict[str, list[dict[str, Any]]]:
    """Fine players of each kind, played among themselves with the other modalities present."""
    found = {}
    for kind, modality in FINE_OF.items():
        if not len(game.batch.positions_of(0, modality)) or (kind == "spoken" and not times):
            continue
        part = replace(game, players=players_of(game.batch, kind, times=times or ()))
        values = attribute(part, method, settings.seed, effort.max_pairs, effort.target_error, settings.gradient_steps)
        found[kind] = [
            {k: v for k, v in asdict(p).items() if k != "positions"} | {"phi": float(f), "error": float(e)}
            for p, f, e in zip(part.players, values.values, values.errors, strict=True)
        ]
    return found


def _parts_shares(players: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """Shares of the modalities as the size of what their parts add: |φ| of words, windows and cells."""
    rows = [row for kind, part in players.items() if kind != "spoken" for row in part]
    owners = [Player(r["name"], r["modality"], ()) for r in rows]
    return modality_shares(np.array([r["phi"] for r in rows]), owners)


def explain_file(
    lalm: LALM,
    path: str | Path,
    prompt: Prompt,
    corpus: Corpus | None,
    text: str | None = None,
    video: str | Path | None = None,
    label: str | None = None,
    absence: str = ABSENCES[0],
    settings: Settings | None = None,
    fine: bool = True,
    method: str = "Shapley",
) -> dict[str, Any]:
    """`explain` for a person's own file; donors come from `corpus` (none needed for silence). Raises MediaError for
    an unusable file.
    """
    from emolab.media import check_audio, load_audio

    load_audio(path)
    chosen = settings or Settings()
    sample = EmotionSample(id=str(path), audio=str(path), text=text, video=str(video) if video else None)
    donors = donors_of(corpus, chosen.seed) if corpus is not None else []
    result = explain(lalm, sample, prompt, donors, label, absence, chosen, fine, method)
    return {"file": str(path), "video": sample.video, **result, "warnings": list(check_audio(path).warnings)}
