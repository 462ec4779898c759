"""Explain the answer to one sample: its modalities exactly, then its words, moments and parts of the face by sampling.

    Explainer(model, prompt, background).explain(sample)

`Explainer` keeps what one sample's explanations share (encoded clips, values of coalitions), and `steps` gives the
result while it gets finer, for a widget that shows it at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emolab.attribution.game import MASKERS, MEASURES, TEMPLATE, Background, Game, Masker, background_samples
from emolab.attribution.methods import attribute, modality_shares, shares
from emolab.attribution.players import (
    FACE_GRID,
    Player,
    WordTimes,
    estimated_word_times,
    face_cells,
    players_of,
    speech_bounds,
)
from emolab.attribution.shapley import EXACT_PLAYERS, Attribution, coalitions, interactions_from_table, refined
from emolab.emotions import normalise_label
from emolab.errors import AttributionError
from emolab.evaluate.predict import pieces_of, sample_of
from emolab.lalm.base import LALM
from emolab.lalm.batch import PromptBatch
from emolab.media import audio_of
from emolab.prompts import Prompt
from emolab.samples import Corpus, EmotionSample

FINE_OF = {"word": "text", "window": "audio", "spoken": "audio", "cell": "video"}
"""Kinds of fine players, and the modality that each divides."""


@dataclass(frozen=True)
class Settings:
    """How values are measured. See `Game` for `measure`, `labels` (the prompt's where it is None) and `template`, and
    `Masker` for `versions`; integrated gradients take `gradient_steps` on `gradient_versions` of them.

    On the val split two neutral versions name the carrier as often as four do.
    """

    measure: str = "posterior"
    versions: int = 2
    gradient_steps: int = 4
    gradient_versions: int = 1
    seed: int = 0
    labels: tuple[str, ...] | None = None
    template: str = TEMPLATE

    def masker(self, kind: str, background: Background | None, shift: int = 0) -> Masker:
        """One of MASKERS under these settings; `shift` moves the seed, so that samples draw different clips."""
        return Masker(kind, background, self.versions, self.seed + shift)

    def game(self, model: LALM, sample: EmotionSample, masker: Masker, prompt: Prompt, **options: Any) -> Game:
        """The game of a sample under these settings; `options` are others of `Game`, such as `batch` and `players`."""
        stated = {"labels": self.labels, "measure": self.measure, "template": self.template, "prompt": prompt}
        return Game(model, sample, masker, **stated | options)


@dataclass(frozen=True)
class Effort:
    """How much to spend on fine players: at most `max_pairs` pairs of permutations, fewer where the largest standard
    error is `target_error` before, averaged over `versions` of the masker. `face_grid` divides the face at most
    into so many frames, rows and columns. `kinds` are the kinds of FINE_OF that are wanted.
    """

    max_pairs: int = 6
    target_error: float = 0.02
    versions: int = 2
    face_grid: tuple[int, int, int] = FACE_GRID
    kinds: tuple[str, ...] = tuple(FINE_OF)


class Explainer:
    """Explains samples of one model and prompt. `background` are clips (with absolute paths) that maskers borrow from;
    `times` says for sample ids when each word is spoken.
    """

    def __init__(
        self,
        model: LALM,
        prompt: Prompt,
        background: Sequence[EmotionSample] = (),
        times: Mapping[str, WordTimes] | None = None,
    ) -> None:
        self.model, self.prompt, self.times = model, prompt, dict(times or {})
        self.samples = list(background)
        self._background: Background | None = None
        self._games: dict[tuple[int, str, Settings], Game] = {}
        # With the sample, so that its id stays its own.
        self._batches: dict[int, tuple[EmotionSample, PromptBatch]] = {}

    @property
    def background(self) -> Background | None:
        """The encoded background clips, None where there are none."""
        if self._background is None and self.samples:
            self._background = Background.encode(self.model, self.samples, self.prompt)
        return self._background

    def explain(self, sample: EmotionSample, label: str | None = None, **options: Any) -> dict[str, Any]:
        """The finest explanation that `steps` gives."""
        *_, last = self.steps(sample, label, **options)
        return last

    def steps(
        self,
        sample: EmotionSample,
        label: str | None = None,
        *,
        method: str = "Shapley",
        masker: str | None = None,
        settings: Settings | None = None,
        fine: bool = True,
        effort: Effort | None = None,
        pairs_per_step: int = 8,
    ) -> Iterator[dict[str, Any]]:
        """Explanations of `label`, by default of the model's own answer: first the modalities, then finer parts.

        `phi`, `errors`, `shares` and `interactions` are about the modalities that the prompt has. `players[kind]` holds
        rows with name, phi, error, times, word, frame and region. `done` rises to 1. Raises AttributionError for a
        label that the model was not asked about, or where the background cannot replace a modality.
        """
        chosen, spent = settings or Settings(), effort or Effort()
        game = self.game(sample, masker, chosen)
        posterior = game.posterior()
        target = max(posterior, key=posterior.__getitem__) if label is None else normalise_label(label, game.labels)
        if target is None:
            raise AttributionError(f"label {label!r}: expected one of {', '.join(game.labels)}")
        game = game.having(target=target, measure=chosen.measure)
        result = _modalities(game, method, chosen) | {
            "id": sample.id,
            "own": label is None,
            "masker": masker or self.default_masker(sample),
            "distribution": posterior,
            "players": {},
            "done": 0.0 if fine else 1.0,
        }
        yield result
        if not fine:
            return
        said = self._word_times(sample, game)
        kinds = {
            kind: face_cells(game.batch, grid=spent.face_grid)
            if kind == "cell"
            else players_of(game.batch, kind, times=said or ())
            for kind, modality in FINE_OF.items()
            if kind in spent.kinds and len(game.batch.positions_of(0, modality)) and (kind != "spoken" or said)
        }
        when = ("given" if sample.id in self.times else "guessed") if said else None
        found: dict[str, list[dict[str, Any]]] = {}
        for number, (kind, players) in enumerate(kinds.items()):
            part = game.having(players=players, masked=game.masked[: spent.versions])
            for values, share in _refined(part, method, chosen, spent, pairs_per_step):
                found = found | {kind: values.rows()}
                done = (number + share) / len(kinds)
                yield result | {
                    "players": found,
                    "parts_shares": _parts_shares(found),
                    "word_times": when,
                    "done": done,
                }
        if not kinds:
            yield result | {"parts_shares": {}, "word_times": None, "done": 1.0}

    def default_masker(self, sample: EmotionSample) -> str:
        """ "neutral" where the background has neutral clips of what the sample shows, else "swap"; "silence" without
        clips.
        """
        if self.background is None:
            return "silence"
        batch = self._encoded(sample)
        present = {m for m in FINE_OF.values() if len(batch.positions_of(0, m))}
        return "neutral" if all(self.background.neutral.get(m) for m in present) else "swap"

    def game(self, sample: EmotionSample, masker: str | None = None, settings: Settings | None = None) -> Game:
        """The game of a sample over its modalities. It remembers the values of coalitions, so that another label,
        measure or method costs little.
        """
        chosen = settings or Settings()
        kind = masker or self.default_masker(sample)
        batch, key = self._encoded(sample), (id(sample), kind, replace(chosen, measure=MEASURES[0]))
        if key not in self._games:
            made = chosen.masker(kind, self.background if kind != "silence" else None)
            game = chosen.game(self.model, sample, made, self.prompt, batch=batch)
            self._games[key] = game.remembering()
        return self._games[key].having(measure=chosen.measure)

    def _encoded(self, sample: EmotionSample) -> PromptBatch:
        """The encoded prompt of a sample: its media pass the towers once, for every masker and every setting."""
        if id(sample) not in self._batches:
            self._batches[id(sample)] = sample, self.model.encode([sample], self.prompt)
        return self._batches[id(sample)][1]

    def _word_times(self, sample: EmotionSample, game: Game) -> WordTimes | None:
        """When each word is spoken: given, or guessed from the transcript and from where the recording is loud."""
        if not len(game.batch.positions_of(0, "audio")):
            return None
        if sample.id in self.times or not sample.text:
            return self.times.get(sample.id)
        return estimated_word_times(sample.text, *speech_bounds(audio_of(sample)))


def explain(
    model: LALM,
    sample: EmotionSample,
    prompt: Prompt,
    background: Sequence[EmotionSample],
    label: str | None = None,
    masker: str | None = None,
    settings: Settings | None = None,
    fine: bool = True,
    method: str = "Shapley",
    effort: Effort | None = None,
    times: WordTimes | None = None,
) -> dict[str, Any]:
    """`Explainer.explain` of one sample (with absolute paths). `times` says when each word is spoken."""
    explainer = Explainer(model, prompt, background, {sample.id: times} if times else None)
    options = {"method": method, "masker": masker, "settings": settings, "fine": fine, "effort": effort}
    return explainer.explain(sample, label, **options)


def _modalities(game: Game, method: str, settings: Settings) -> dict[str, Any]:
    found = attribute(game, method, settings.seed, steps=settings.gradient_steps)
    names = found.names
    table = interactions_from_table(game(coalitions(len(names))))
    pairs = {f"{a} × {b}": float(table[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i < j}
    return {
        "label": game.target,
        "method": method,
        "measure": game.measure,
        "unit": found.unit,
        "full": found.full,
        "empty": found.empty,
        "phi": dict(zip(names, found.values.tolist(), strict=True)),
        "errors": dict(zip(names, found.errors.tolist(), strict=True)),
        "errors_over": found.errors_over,
        "shares": dict(zip(names, shares(found.values).tolist(), strict=True)),
        "interactions": pairs,
        "video_sampling": [game.model.frames_per_second, game.model.max_frames],
    }


def _refined(
    game: Game, method: str, settings: Settings, effort: Effort, pairs_per_step: int
) -> Iterator[tuple[Attribution, float]]:
    """Attributions of the players of `game` with how much of the work is done; Shapley values step by step."""
    n = len(game.players)
    if method != "Shapley" or n <= EXACT_PLAYERS:
        found = attribute(game, method, settings.seed, effort.max_pairs, effort.target_error, settings.gradient_steps)
        yield found, 1.0
        return
    rng, least = np.random.default_rng(settings.seed), min(4, effort.max_pairs)
    estimates = refined(game, n, rng, effort.target_error, effort.max_pairs, least, pairs_per_step)
    last: Attribution | None = None
    for number, estimate in enumerate(estimates, 1):
        if last is not None:
            yield last.of(game), min(0.99, (number - 1) * pairs_per_step / effort.max_pairs)
        last = estimate
    assert last is not None
    yield last.of(game), 1.0


def _parts_shares(players: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Shares of the modalities as the size of what their parts add: |φ| of words, windows and cells."""
    rows = [row for kind, part in players.items() if kind != "spoken" for row in part]
    owners = [Player(r["name"], r["modality"], ()) for r in rows]
    return modality_shares(np.array([r["phi"] for r in rows]), owners)


def explain_file(
    model: LALM,
    path: str | Path,
    prompt: Prompt,
    corpus: Corpus | None,
    text: str | None = None,
    video: str | Path | None = None,
    label: str | None = None,
    masker: str | None = None,
    settings: Settings | None = None,
    fine: bool = True,
    method: str = "Shapley",
) -> dict[str, Any]:
    """`explain` for a person's own file, with the background from `corpus` (none is needed for silence).

    A clip longer than the model takes is cut into windows. All of them explain one label, by default the most probable
    one over the windows. φ is the mean over the windows, which is the Shapley value of the mean of their games; finer
    parts keep their times in the file. Raises MediaError for a file that cannot be used.
    """
    sample, checked = sample_of(path, text, video)
    chosen = settings or Settings()
    background = background_samples(corpus, seed=chosen.seed) if corpus is not None else []
    pieces = pieces_of(sample, checked, model)
    explainer = Explainer(model, prompt, background)
    if len(pieces) > 1 and label is None:
        logs = [{k: float(np.log(v)) for k, v in explainer.game(p, masker, chosen).posterior().items()} for p in pieces]
        label = max(logs[0], key=lambda name: sum(row[name] for row in logs))
    found = [explainer.explain(p, label, method=method, masker=masker, settings=chosen, fine=fine) for p in pieces]
    result = found[0] if len(found) == 1 else _pooled(found, [p.extra["audio_window"][0] for p in pieces])
    told = {"file": str(path), "video": sample.video, "windows": len(pieces)}
    return {**told, **result, "warnings": list(checked.warnings) if checked else []}


def _pooled(found: Sequence[dict[str, Any]], starts: Sequence[float]) -> dict[str, Any]:
    """One explanation from those of windows that begin at `starts` (seconds): means, and parts at their own times."""
    n, first = len(found), found[0]

    def mean(key: str) -> dict[str, float]:
        return {name: sum(part[key][name] for part in found) / n for name in first[key]}

    phi = mean("phi")
    errors = {name: float(np.sqrt(sum(part["errors"][name] ** 2 for part in found))) / n for name in phi}
    kinds = dict.fromkeys(kind for part in found for kind in part["players"])
    players = {
        kind: [
            _moved(row, start)
            for part, start in zip(found, starts, strict=True)
            for row in part["players"].get(kind, [])
        ]
        for kind in kinds
    }
    pooled = {
        "phi": phi,
        "errors": errors,
        "shares": dict(zip(phi, shares(np.array(list(phi.values()))).tolist(), strict=True)),
        "interactions": mean("interactions"),
        "distribution": mean("distribution"),
        "full": sum(part["full"] for part in found) / n,
        "empty": sum(part["empty"] for part in found) / n,
        "players": players,
    }
    return first | pooled | ({"parts_shares": _parts_shares(players)} if players else {})


def _moved(row: Mapping[str, Any], start: float) -> dict[str, Any]:
    """A part of a window with its times in the whole file."""
    times = {key: row[key] + start for key in ("t0", "t1") if row.get(key) is not None}
    return {**row, **times}


__all__ = ["MASKERS", "Effort", "Explainer", "explain", "explain_file"]
