"""Explain the answer to one sample: modalities exactly, then words, moments and regions of the face by sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from emolab.attribution.collect import Settings
from emolab.attribution.players import modality_players, players_of
from emolab.attribution.shapley import coalitions, exact_from_table, interactions_from_table, sampled
from emolab.attribution.shares import modality_shares, shares
from emolab.attribution.validate import donors_of
from emolab.attribution.values import DonorPool, EmbeddingGame, absent_embeddings, label_values
from emolab.emotions import normalise_label
from emolab.errors import AttributionError
from emolab.samples import MODALITIES, Corpus, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch
    from emolab.prompts import Prompt

FINE_OF = {"word": "text", "window": "audio", "cell": "video"}


def explain(
    lalm: LALM,
    sample: EmotionSample,
    prompt: Prompt,
    donors: Sequence[EmotionSample],
    label: str | None = None,
    absence: str = "swap",
    settings: Settings | None = None,
    fine: bool = True,
    max_pairs: int = 16,
    target_error: float = 0.02,
) -> dict[str, Any]:
    """Attributions of one sample (with absolute paths) for `label`, by default the model's own answer.

    `phi`, `shares`, `interactions` of the modalities that it has, exact; with `fine`, `players[kind]`: rows with
    name, phi, error, times, word, frame and region, sampled until the standard error is `target_error` or after
    `max_pairs` pairs of permutations. Raises AttributionError for a label that the model was not asked about, or
    missing donors.
    """
    chosen = settings or Settings()
    batch = lalm.encode([sample], prompt)
    pool = DonorPool.encode(lalm, donors, prompt) if absence != "silence" else None
    with torch.no_grad():
        posterior = label_values(lalm, batch, chosen.labels, "posterior")[0].double().exp().tolist()
    target = chosen.labels[int(np.argmax(posterior))] if label is None else normalise_label(label, chosen.labels)
    if target is None:
        raise AttributionError(f"label {label!r}: expected one of {', '.join(chosen.labels)}")
    present = [m for m in MODALITIES if len(batch.positions_of(0, m))]
    players = modality_players(batch, 0, present)
    absent = absent_embeddings(lalm, sample, prompt, batch, absence, pool, chosen.n_donors, chosen.seed)
    game = EmbeddingGame(lalm, batch, players, absent, target, chosen.labels, chosen.measure)
    table = game(coalitions(len(players)))
    phi = exact_from_table(table)
    result: dict[str, Any] = {
        "id": sample.id,
        "label": target,
        "own": label is None,
        "absence": absence,
        "measure": chosen.measure,
        "distribution": dict(zip(chosen.labels, posterior, strict=True)),
        "full": float(table[-1]),
        "empty": float(table[0]),
        "phi": dict(zip(present, phi.tolist(), strict=True)),
        "shares": dict(zip(present, shares(phi).tolist(), strict=True)),
        "interactions": _pairs(interactions_from_table(table), present),
        "players": {},
    }
    if fine:
        result["players"] = _fine(game, batch, absent[:2], chosen, max_pairs, target_error)
        result["fine_shares"] = _fine_shares(result["players"])
    return result


def _pairs(index: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    return {f"{a} × {b}": float(index[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i < j}


def _fine(
    game: EmbeddingGame,
    batch: PromptBatch,
    absent: torch.Tensor,
    settings: Settings,
    max_pairs: int,
    target_error: float,
) -> dict[str, list[dict[str, Any]]]:
    """Fine players of each kind, played among themselves with the other modalities present."""
    found = {}
    for kind, modality in FINE_OF.items():
        if not len(batch.positions_of(0, modality)):
            continue
        players = players_of(batch, kind)
        part = EmbeddingGame(game.lalm, batch, players, absent, game.target, game.labels, game.measure)
        values = sampled(part, len(players), np.random.default_rng(settings.seed), target_error, max_pairs, min_pairs=4)
        found[kind] = [
            {k: v for k, v in asdict(p).items() if k != "positions"} | {"phi": float(f), "error": float(e)}
            for p, f, e in zip(players, values.values, values.errors, strict=True)
        ]
    return found


def _fine_shares(players: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    from emolab.attribution.players import Player

    rows = [row for kind in players.values() for row in kind]
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
    absence: str = "swap",
    settings: Settings | None = None,
    fine: bool = True,
) -> dict[str, Any]:
    """`explain` for a person's own file; donors come from `corpus` (none needed for silence). Raises MediaError for
    an unusable file.
    """
    from emolab.media import check_audio, load_audio

    load_audio(path)
    chosen = settings or Settings()
    sample = EmotionSample(id=str(path), audio=str(path), text=text, video=str(video) if video else None)
    donors = donors_of(corpus, chosen.seed) if corpus is not None else []
    result = explain(lalm, sample, prompt, donors, label, absence, chosen, fine)
    return {"file": str(path), "video": sample.video, **result, "warnings": list(check_audio(path).warnings)}
