"""The game that an attribution explains: what the answer of a model is worth when parts of its prompt are masked.

A *player* is a set of positions of one encoded prompt: a modality, a word, a stretch of sound, a part of the face.
A *coalition* is a set of players that are present. A *masker* decides what stands at the positions of the others. A
*background* holds the embeddings of other clips, from which maskers borrow. The value of a coalition is the
log-probability of one answer after the masked prompt.

    background = Background.encode(model, clips, prompt)
    game = Game(model, sample, Masker("neutral", background), prompt=prompt)
    values = shapley(game)

The choice of the masker changes the result, so report it:

- "neutral" (default) shows the same modality of other people's clips that are labelled neutral. These inputs resemble
  the training data, and they speak for no emotion.
- "swap" shows the same modality of other clips in any emotion. Most of these speak against the answer, so a modality
  that merely says nothing is credited for not doing so.
- "silence" shows silence, black frames, and "..." as the words.
- "mean" shows the mean embedding of the modality over the background. It is cheap, and the model has met nothing like
  it.

Masked prompts differ in embeddings only. The media towers therefore run once, and coalitions that begin alike share
their states in the key-value cache (`prefix_scores`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache

from emolab.attribution.players import Player, modality_players, players_of
from emolab.emotions import EMOLAB_7, concept
from emolab.errors import AttributionError
from emolab.lalm.accel import folded
from emolab.lalm.base import LALM
from emolab.lalm.batch import Completions, PromptBatch, finite
from emolab.prompts import Prompt, get_prompt
from emolab.samples import MODALITIES, Corpus, EmotionSample, resolve
from emolab.training.planner import rows_within, size_of_model

Floats = NDArray[np.float64]
MASKERS = ("neutral", "swap", "silence", "mean")
NEUTRAL = "neutral"
MEASURES = ("posterior", "logprob")
TEMPLATE = "<answer>{label}</answer>"
BACKGROUND_CLIPS = 42
MAX_CUTS = 4
LOGITS_BUDGET = 1 << 24
"""Elements of float32 logits that exist at a time."""


@dataclass(frozen=True)
class Background:
    """Embeddings of other clips. `pieces[modality]` holds a (T, D) tensor for each clip that has the modality, and
    `neutral[modality]` those of the clips labelled neutral.
    """

    pieces: dict[str, list[Tensor]]
    neutral: dict[str, list[Tensor]]
    ids: tuple[str, ...]

    @classmethod
    def encode(cls, model: LALM, samples: Sequence[EmotionSample], prompt: Prompt) -> Background:
        """Encode the clips once, for all samples that are explained. Raises AttributionError without clips."""
        if not samples:
            raise AttributionError("a masker borrows from other clips: give at least one background clip")
        batch = model.encode(list(samples), prompt)
        calm = batch.select([i for i, s in enumerate(samples) if concept(s.emotion or "") == NEUTRAL])
        pieces, neutral = ({m: modality_pieces(part, m) for m in MODALITIES} for part in (batch, calm))
        return cls(pieces, neutral, tuple(s.id for s in samples))


def modality_pieces(batch: PromptBatch, modality: str) -> list[Tensor]:
    """The embeddings (T, D) of a modality in each row that has it."""
    found = [batch.embeds[row, batch.positions_of(row, modality)] for row in range(len(batch))]
    return [piece.detach() for piece in found if len(piece)]


def background_samples(
    samples: Sequence[EmotionSample] | Corpus, n: int = BACKGROUND_CLIPS, seed: int = 0, speaker: str | None = None
) -> list[EmotionSample]:
    """`n` clips for a background, spread over the emotions as evenly as possible, none of `speaker`.

    From a corpus they come from its training split where there is one, with absolute paths. Raises AttributionError
    where no clip of another speaker is left.
    """
    if isinstance(samples, Corpus):
        training = samples.where(split="train")
        chosen = background_samples((training if len(training) else samples).samples, n, seed, speaker)
        return [resolve(sample, samples.root) for sample in chosen]
    rng = np.random.default_rng(seed)
    by_emotion: dict[str | None, list[EmotionSample]] = {}
    for i in rng.permutation(len(samples)):
        if speaker is None or samples[i].speaker != speaker:
            by_emotion.setdefault(samples[i].emotion, []).append(samples[i])
    queues = [by_emotion[k] for k in sorted(by_emotion, key=str)]
    rng.shuffle(queues)
    longest = max(map(len, queues), default=0)
    ordered = [queue[depth] for depth in range(longest) for queue in queues if depth < len(queue)]
    if not ordered:
        raise AttributionError("the background needs a clip of another speaker, and there is none")
    return ordered[:n]


@dataclass(frozen=True)
class Masker:
    """Replaces masked positions by one of MASKERS. `n` versions are drawn from the background, and values are averaged
    over them; "silence" and "mean" have one version.

    Any function (model, sample, prompt, batch) -> (versions, P, D) can serve as a masker instead.
    """

    kind: str = MASKERS[0]
    background: Background | None = None
    n: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in MASKERS:
            raise AttributionError(f"unknown masker {self.kind!r}; choose from {', '.join(MASKERS)}")

    def __call__(self, model: LALM, sample: EmotionSample, prompt: Prompt, batch: PromptBatch) -> Tensor:
        """What stands at each position when its player is masked: (versions, P, D).

        `batch` is the encoded sample, one row. Shorter material is repeated, longer material is cut. Positions of no
        modality keep the prompt's own embedding. Raises AttributionError where the background has nothing for a
        modality of the sample.
        """
        present = [m for m in MODALITIES if len(batch.positions_of(0, m))]
        pieces = self._pieces(model, sample, prompt, present)
        if missing := [m for m in present if not pieces[m]]:
            clips = "clips labelled neutral" if self.kind == "neutral" else "clips"
            raise AttributionError(
                f"{batch.ids[0]}: nothing can replace its {missing[0]}; give background {clips} that have "
                f"{missing[0]}, or another masker ({', '.join(k for k in MASKERS if k != self.kind)})"
            )
        rng = np.random.default_rng(self.seed)
        versions = self.n if self.kind in ("neutral", "swap") else 1
        masked = batch.embeds.detach().expand(versions, -1, -1).clone()
        for modality in present:
            at = batch.positions_of(0, modality)
            for version, piece in enumerate(self._choose(pieces[modality], versions, rng)):
                masked[version, at] = piece[torch.arange(len(at)) % len(piece)].to(masked)
        return masked

    def _pieces(
        self, model: LALM, sample: EmotionSample, prompt: Prompt, present: Sequence[str]
    ) -> dict[str, list[Tensor]]:
        if self.kind == "silence":
            quiet = replace(sample, text="..." if sample.text else None)
            source = model.encode([quiet], prompt, absent=tuple(m for m in present if m != "text"))
            return {m: modality_pieces(source, m) for m in present}
        if self.background is None:
            return {m: [] for m in present}
        given = self.background.neutral if self.kind == "neutral" else self.background.pieces
        return {m: given.get(m, []) for m in present}

    def _choose(self, pieces: list[Tensor], versions: int, rng: np.random.Generator) -> list[Tensor]:
        if self.kind == "mean":
            return [torch.cat(pieces).mean(0, keepdim=True)]
        if self.kind == "silence":
            return pieces[:1]
        order = np.concatenate([rng.permutation(len(pieces)) for _ in range(-(-versions // len(pieces)))])
        return [pieces[i] for i in order[:versions]]


MaskerLike = Callable[..., Tensor]


class Game:
    """The game of one sample: `game(present)` maps coalitions (K, n) of its players to values (K,).

    `players` are those of a kind (`players.KINDS`), given ones, or by default the modalities that the prompt has.
    `target` is the label whose answer is explained, by default the model's own answer among `labels` (by default the
    prompt's). The value is by `measure` "posterior" the log-probability of that label among the labels, and by
    "logprob" the mean log-probability of the tokens of the answer. `template` is the answer around "{label}"; it may
    hold a rationale. `masked` (versions, P, D) is what the masker made.
    """

    def __init__(
        self,
        model: LALM,
        sample: EmotionSample,
        masker: MaskerLike,
        *,
        prompt: Prompt | None = None,
        players: Sequence[Player] | str | None = None,
        target: str | None = None,
        labels: Sequence[str] | None = None,
        measure: str = MEASURES[0],
        template: str = TEMPLATE,
        batch: PromptBatch | None = None,
    ) -> None:
        asked = prompt or get_prompt("direct")
        self.model = model
        self.batch = model.encode([sample], asked) if batch is None else batch
        self.masked = masker(model, sample, asked, self.batch)
        self.players: Sequence[Player] = _chosen_players(self.batch, players)
        self.labels: Sequence[str] = labels or asked_labels(asked)
        self.measure, self.template = measure, template
        self.rows_per_call = rows_within(size_of_model(model), self.batch.embeds.shape[1], model.dtype.itemsize)
        self._target = target
        self._known: dict[tuple[str, ...], dict[bytes, Floats]] | None = None

    def remembering(self) -> Game:
        """The same game, but each prompt is scored once and remembered, for all players, measures and targets. Games
        made from it by `having` share what is remembered.
        """
        return self.having(_known={})

    def having(self, **changes: Any) -> Game:
        """The same game with some attributes changed: `players`, `target`, `batch`, `masked`, `measure`, …

        `masked` keeps what is remembered of its versions: give the first few of them, or a game that forgets.
        """
        other = copy.copy(self)
        if self._known is not None and changes.keys() & {"batch", "model"}:
            other._known = {}
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    @property
    def target(self) -> str:
        """The label that is explained. Where none was given, the model is asked once."""
        if self._target is None:
            self._target = max(posterior := self.posterior(), key=posterior.__getitem__)
        return self._target

    @target.setter
    def target(self, label: str | None) -> None:
        self._target = label

    def posterior(self) -> dict[str, float]:
        """How probable each label is as the answer to the whole prompt."""
        whole = np.ones((1, len(self.players)), bool)
        values = self.having(measure="posterior").label_values(whole)[0]
        return dict(zip(self.labels, np.exp(values).tolist(), strict=True))

    def __call__(self, present: NDArray[np.bool_]) -> Floats:
        """Values (K,) of coalitions (K, n), averaged over the versions of the masker."""
        return self.versions(present).mean(0)

    def versions(self, present: NDArray[np.bool_]) -> Floats:
        """Values (versions, K) of coalitions (K, n) under each version of the masker."""
        shared = self._known is not None and self.target in self.labels  # then all labels are scored once, and kept
        if self.measure == "logprob" and not shared:
            return self.version_values(present, [self.target])[..., 0]
        return self.version_values(present)[..., self._index()]

    def _index(self) -> int:
        if self.target not in self.labels:
            raise AttributionError(f"{self.target!r} is not one of the labels {', '.join(self.labels)}")
        return list(self.labels).index(self.target)

    def label_values(self, present: NDArray[np.bool_], labels: Sequence[str] | None = None) -> Floats:
        """Values (K, L) of coalitions (K, n) for every label, averaged over the versions of the masker. All labels
        share one forward pass.
        """
        return self.version_values(present, labels).mean(0)

    def version_values(self, present: NDArray[np.bool_], labels: Sequence[str] | None = None) -> Floats:
        """Values (versions, K, L) of coalitions (K, n) for every label. Equal prompts are run once."""
        kept = np.asarray(present, bool) | np.array([not p.positions for p in self.players])
        unique, back = np.unique(kept, axis=0, return_inverse=True)
        versions = len(self.masked)
        counts = np.where(unique.all(1), 1, versions)  # nothing is masked in the full prompt
        rows = np.repeat(unique, counts, axis=0)
        version = np.concatenate([np.arange(count) for count in counts])
        chosen = self.labels if labels is None else labels
        scores = self._score(torch.from_numpy(rows), torch.from_numpy(version), chosen)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        at = starts[None] + np.minimum(np.arange(versions)[:, None], counts[None] - 1)
        return scores[at[:, back.reshape(-1)]]

    def embeddings(self, kept: Tensor, version: Tensor) -> Tensor:
        """Prompts (K, P, D): players of row k that are not in `kept` (K, n) are taken from `masked[version[k]]`."""
        gone = self._masked_positions(kept).to(self.batch.embeds.device)
        return torch.where(gone[..., None], self.masked[version.to(self.masked.device)], self.batch.embeds)

    def _masked_positions(self, kept: Tensor) -> Tensor:
        """Positions (K, P) bool of the players that are not in `kept` (K, n)."""
        owner = torch.zeros(len(self.players), self.batch.embeds.shape[1])
        for i, player in enumerate(self.players):
            owner[i, list(player.positions)] = 1.0
        return (~kept).float() @ owner > 0

    def _score(self, kept: Tensor, version: Tensor, labels: Sequence[str]) -> Floats:
        texts = answers(labels, self.template)
        if self._known is None:
            scores = self._run(kept, version, texts)
        else:
            scores = self._remembered(kept, version, texts, self._known.setdefault(tuple(texts), {}))
        return as_measured(self.model, scores, texts, self.measure).double().cpu().numpy()

    def _remembered(self, kept: Tensor, version: Tensor, texts: list[str], known: dict[bytes, Floats]) -> Tensor:
        """Scores (K, G) of which only unknown prompts are run. Masked positions and version identify a prompt."""
        gone = self._masked_positions(kept).numpy()
        keys = [
            np.packbits(row).tobytes() + bytes([int(v)] if row.any() else [])
            for row, v in zip(gone, version, strict=True)
        ]
        new = [i for i, key in enumerate(keys) if key not in known]
        if new:
            fresh = self._run(kept[new], version[new], texts).cpu().numpy()
            known.update(zip([keys[i] for i in new], fresh, strict=True))
        return torch.from_numpy(np.stack([known[key] for key in keys]))

    @torch.no_grad()
    def _run(self, kept: Tensor, version: Tensor, texts: Sequence[str]) -> Tensor:
        parts = zip(kept.split(self.rows_per_call), version.split(self.rows_per_call), strict=True)
        with folded(self.model):
            return torch.cat([prefix_scores(self, k, v, texts) for k, v in parts])

    def differentiable(self, batch: PromptBatch) -> Tensor:
        """Value (B,) of the target after each prompt of `batch`, with a gradient."""
        if self.measure == "logprob":
            return label_values(self.model, batch, [self.target], self.measure, self.template)[:, 0]
        return label_values(self.model, batch, self.labels, self.measure, self.template)[:, self._index()]


def _chosen_players(batch: PromptBatch, players: Sequence[Player] | str | None) -> Sequence[Player]:
    if isinstance(players, str):
        return players_of(batch, players)
    if players is None:
        return [p for p in modality_players(batch) if p.positions]
    return players


def asked_labels(prompt: Prompt) -> Sequence[str]:
    """The labels that a prompt offers; those of the embedded corpus where it offers none."""
    return prompt.labels or EMOLAB_7


def answers(labels: Sequence[str], template: str = TEMPLATE) -> list[str]:
    """The whole answer for each label. Other braces in the template are left alone."""
    return [template.replace("{label}", label) for label in labels]


def label_values(
    model: LALM, batch: PromptBatch, labels: Sequence[str], measure: str = MEASURES[0], template: str = TEMPLATE
) -> Tensor:
    """Value (B, L) of each label's answer after each prompt, by one of MEASURES. Raises AttributionError for another
    measure.
    """
    texts = answers(labels, template)
    return as_measured(model, model.text_scores(batch, [texts] * len(batch)), texts, measure)


def as_measured(model: LALM, scores: Tensor, texts: Sequence[str], measure: str) -> Tensor:
    """Summed log-probabilities (B, L) of answers as one of MEASURES.

    Raises AttributionError for another measure, and ModelError where a score is NaN or infinite.
    """
    if measure not in MEASURES:
        raise AttributionError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
    scores = finite(scores, model.name)
    if measure == "posterior":
        return scores.log_softmax(-1)
    tokens = [len(model.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1 for text in texts]
    return scores / torch.tensor(tokens, device=scores.device)


# Coalitions that begin alike are run once ---------------------------------------------------------------------------


@torch.no_grad()
def prefix_scores(game: Game, kept: Tensor, version: Tensor, texts: Sequence[str]) -> Tensor:
    """Summed log-probability (K, G) of each answer after the prompts of `kept` (K, n) and `version` (K,).

    Two prompts that agree on every player up to some position have equal states up to there. The prompt is cut where
    players begin. Each stage runs only prompts that differ, on the cache of their parents, and the answers follow in
    one packed stage. For three modalities and four versions that halves the tokens. The result equals
    `model.text_scores` on `game.embeddings(kept, version)` up to rounding. Raises AttributionError for a padded prompt.
    """
    model, width = game.model, game.batch.embeds.shape[1]
    if len(game.batch) != 1 or int(game.batch.lengths[0]) != width:
        raise AttributionError("a game is about one prompt without padding; encode the sample alone")
    states = torch.where(kept, -1, version[:, None])
    cache, parents = DynamicCache(), torch.zeros(len(states), dtype=torch.long)
    hidden = torch.empty(0)
    for begin, end in pairwise([0, *_cuts(game), width]):
        live = [i for i, p in enumerate(game.players) if p.positions and min(p.positions) < end]
        seen = torch.cat([torch.zeros_like(states[:, :1]), states[:, live]], 1)  # unique needs a column
        prefixes, back = seen.unique(dim=0, return_inverse=True)
        chosen = torch.zeros(len(prefixes), dtype=torch.long)
        chosen[back] = torch.arange(len(back))  # any row with that prefix
        cache.batch_select_indices(parents[chosen].to(model.device))
        embeds = game.embeddings(kept[chosen], version[chosen])[:, begin:end]
        mask = torch.ones(end - begin, end, dtype=torch.bool, device=model.device).tril(begin)
        hidden = _run(game, embeds, game.batch.positions[:, :, begin:end], mask, cache)[:, -1]
        parents = back
    return _answer_scores(game, texts, hidden, cache)[parents.to(model.device)]


def _cuts(game: Game) -> list[int]:
    """At most MAX_CUTS positions at which players begin, in order."""
    starts = sorted({min(p.positions) for p in game.players if p.positions} - {0})
    if len(starts) <= MAX_CUTS:
        return starts
    return [starts[len(starts) * i // MAX_CUTS] for i in range(MAX_CUTS)]


def _run(game: Game, embeds: Tensor, positions: Tensor, mask: Tensor, cache: object) -> Tensor:
    """Hidden states of one stage: `embeds` (K, T, D), `positions` (R, 1, T), `mask` (T, all keys) bool."""
    blocked = torch.zeros(mask.shape, dtype=embeds.dtype, device=embeds.device)
    blocked.masked_fill_(~mask, torch.finfo(embeds.dtype).min)
    rows = positions.expand(-1, len(embeds), -1)
    out: Tensor = game.model.running_decoder(
        inputs_embeds=embeds,
        attention_mask=blocked[None, None].expand(len(embeds), 1, -1, -1),
        position_ids=rows if len(rows) > 1 else rows[0],
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return out


def _answer_scores(game: Game, texts: Sequence[str], last: Tensor, cache: object) -> Tensor:
    """Scores (K, G) of all answers behind K prompts whose last states are `last` (K, D), in one packed stage."""
    model, width = game.model, game.batch.embeds.shape[1]
    completions = Completions.from_texts(model.tokenizer, [texts], model.end_id, model.device)
    ids, lengths = completions.ids[0], completions.mask[0].sum(-1)
    owner = torch.arange(len(texts), device=model.device).repeat_interleave(lengths - 1)
    step = torch.cat([torch.arange(int(n) - 1, device=model.device) for n in lengths])
    own = (owner[:, None] == owner[None, :]) & (step[:, None] >= step[None, :])
    mask = torch.cat([torch.ones(len(owner), width, dtype=torch.bool, device=model.device), own], 1)
    embeds = model.table(ids[owner, step]).expand(len(last), -1, -1).to(last.dtype)
    positions = game.batch.positions[:, :, -1:] + 1 + step
    states = _run(game, embeds, positions, mask, cache)
    # Of (K, 1, D) with gaps between its rows, PyTorch copies a frozen 16-bit head K times; of (K, D), never.
    scores = _logprobs(game, last)[:, ids[:, 0]]
    chunk = max(1, LOGITS_BUDGET // (len(owner) * model.table.weight.shape[0]))
    for begin in range(0, len(last), chunk):
        part = slice(begin, begin + chunk)
        found = _logprobs(game, states[part])
        after = ids[owner, step + 1].expand(len(found), -1)[..., None]
        scores[part].index_add_(1, owner, found.gather(-1, after)[..., 0])
    return scores


def _logprobs(game: Game, states: Tensor) -> Tensor:
    return (game.model.head(states).float() / game.model.logits_scaling).log_softmax(-1)
