"""What a coalition is worth: the log-probability of a fixed answer when absent players are replaced.

Absent is a choice, and attributions depend on it:

- "neutral" (default): the same positions of other people's samples that are labelled neutral, averaged over a few
  donors; stays close to what the model was trained on, and says nothing;
- "swap": the same of samples in any emotion. Most of these argue against the answer, so that a modality which merely
  says nothing gets credit for not doing so;
- "silence": what the model gets from silence, black frames and "..." as the words;
- "mean": the mean embedding of that modality over the donors; cheap, and unlike anything the model ever met.

Players are positions of an encoded prompt, so the towers run once, and coalitions differ in embeddings only: they
form one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolab.attribution.players import Player
from emolab.attribution.prefix import tree_scores
from emolab.emotions import EMOTIONS
from emolab.errors import AttributionError
from emolab.samples import MODALITIES, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch
    from emolab.prompts import Prompt

ABSENCES = ("neutral", "swap", "silence", "mean")
SAYS_NOTHING = "neutral"
MEASURES = ("logprob", "posterior")
TEMPLATE = "<answer>{label}</answer>"


@dataclass(frozen=True)
class DonorPool:
    """Embeddings of other samples' modalities: `pieces[modality]` is a list of (T, D), one for each donor that has
    it, and `neutral[modality]` are those of donors labelled neutral.
    """

    pieces: dict[str, list[Tensor]]
    neutral: dict[str, list[Tensor]]
    ids: tuple[str, ...]

    @classmethod
    def encode(cls, lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt) -> DonorPool:
        """Encode the donors once; every attributed sample can then borrow from them. Raises AttributionError without
        donors.
        """
        if not samples:
            raise AttributionError("absent players are replaced by other samples' content: give at least one donor")
        batch = lalm.encode(list(samples), prompt)
        calm = batch.select([i for i, s in enumerate(samples) if s.emotion == SAYS_NOTHING])
        pieces, neutral = ({m: modality_pieces(part, m) for m in MODALITIES} for part in (batch, calm))
        return cls(pieces, neutral, tuple(s.id for s in samples))


def modality_pieces(batch: PromptBatch, modality: str) -> list[Tensor]:
    """The embeddings of a modality in each row that has it, each (T, D)."""
    found = [batch.embeds[row, batch.positions_of(row, modality)] for row in range(len(batch))]
    return [piece.detach() for piece in found if len(piece)]


def stratified_donors(
    samples: Sequence[EmotionSample], n: int, seed: int = 0, speaker: str | None = None
) -> list[EmotionSample]:
    """`n` donors of other speakers than `speaker`, as evenly over the emotions as possible. Raises AttributionError
    if there are none.
    """
    rng = np.random.default_rng(seed)
    by_emotion: dict[str | None, list[EmotionSample]] = {}
    for i in rng.permutation(len(samples)):
        if speaker is None or samples[i].speaker != speaker:
            by_emotion.setdefault(samples[i].emotion, []).append(samples[i])
    queues = [by_emotion[k] for k in sorted(by_emotion, key=str)]
    rng.shuffle(queues)
    ordered = [
        queue[depth] for depth in range(max(map(len, queues), default=0)) for queue in queues if depth < len(queue)
    ]
    if not ordered:
        raise AttributionError("there is no sample of another speaker to serve as a donor")
    return ordered[:n]


def absent_embeddings(
    lalm: LALM,
    sample: EmotionSample,
    prompt: Prompt,
    batch: PromptBatch,
    absence: str,
    pool: DonorPool | None,
    n_donors: int = 4,
    seed: int = 0,
) -> Tensor:
    """What stands at each position when its player is absent: (A, P, D), A ways over which values are averaged.

    `batch` is the encoded sample, one row. Shorter material is repeated, longer is cut. Positions outside all spans
    keep the prompt's own embedding. Raises AttributionError on an unknown `absence`, or if the pool has nothing for a
    modality of the sample.
    """
    if absence not in ABSENCES:
        raise AttributionError(f"unknown way of being absent {absence!r}; choose from {', '.join(ABSENCES)}")
    present = [m for m in MODALITIES if len(batch.positions_of(0, m))]
    if absence == "silence":
        quiet = replace(sample, text="..." if sample.text else None)
        source = lalm.encode([quiet], prompt, absent=tuple(m for m in present if m != "text"))
        pieces = {m: modality_pieces(source, m) for m in present}
    else:
        given = (pool.neutral if absence == "neutral" else pool.pieces) if pool else {}
        pieces = {m: given.get(m, []) for m in present}
    if missing := [m for m in present if not pieces[m]]:
        kind = "donors labelled neutral, or another way of being absent," if absence == "neutral" else "donors"
        raise AttributionError(
            f"{batch.ids[0]}: nothing can replace its {missing[0]}; give {kind} that have {missing[0]}"
        )
    rng = np.random.default_rng(seed)
    ways = n_donors if absence in ("neutral", "swap") else 1
    absent = batch.embeds.detach().expand(ways, -1, -1).clone()
    for modality in present:
        at = batch.positions_of(0, modality)
        for way, piece in enumerate(_choose(pieces[modality], absence, ways, rng)):
            absent[way, at] = piece[torch.arange(len(at)) % len(piece)].to(absent)
    return absent


def _choose(pieces: list[Tensor], absence: str, ways: int, rng: np.random.Generator) -> list[Tensor]:
    if absence == "mean":
        return [torch.cat(pieces).mean(0, keepdim=True)]
    if absence == "silence":
        return pieces[:1]
    order = np.concatenate([rng.permutation(len(pieces)) for _ in range(-(-ways // len(pieces)))])
    return [pieces[i] for i in order[:ways]]


@dataclass
class EmbeddingGame:
    """The game of one encoded sample: coalitions of players to the value of the answer `target`.

    `measure` "logprob" is the mean log-probability of the answer's tokens; "posterior" the log-probability of the
    label among `labels`, which no longer depends on how readily the model answers at all. `batch` has one row;
    `absent` is (A, P, D); `template` is the answer around "{label}", and may hold a rationale.
    """

    lalm: LALM
    batch: PromptBatch
    players: Sequence[Player]
    absent: Tensor
    target: str
    labels: Sequence[str] = EMOTIONS
    measure: str = "logprob"
    template: str = TEMPLATE
    rows_per_call: int = 32

    def __call__(self, present: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Values (K,) of coalitions (K, n), averaged over the ways of being absent."""
        if self.measure == "logprob":
            return self.label_values(present, [self.target])[:, 0]
        return self.label_values(present)[:, self._index()]

    def _index(self) -> int:
        if self.target not in self.labels:
            raise AttributionError(f"{self.target!r} is not one of the labels {', '.join(self.labels)}")
        return list(self.labels).index(self.target)

    def label_values(self, present: NDArray[np.bool_], labels: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Values (K, L) of coalitions (K, n) for every label at once: one forward serves all targets."""
        ways = len(self.absent)
        kept = np.asarray(present, bool) | np.array([not p.positions for p in self.players])
        unique, back = np.unique(kept, axis=0, return_inverse=True)
        counts = np.where(unique.all(1), 1, ways)
        rows = np.repeat(unique, counts, axis=0)
        way = np.concatenate([np.arange(count) for count in counts])
        scores = self._score(torch.from_numpy(rows), torch.from_numpy(way), self.labels if labels is None else labels)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return (np.add.reduceat(scores, starts, axis=0) / counts[:, None])[back.reshape(-1)]

    def embeddings(self, kept: Tensor, ways: Tensor) -> Tensor:
        """(K, P, D) prompts in which the players of row k that are not in `kept` (K, n) come from `absent[ways[k]]`."""
        owner = torch.zeros(len(self.players), self.batch.embeds.shape[1])
        for i, player in enumerate(self.players):
            owner[i, list(player.positions)] = 1.0
        gone = ((~kept).float() @ owner > 0).to(self.batch.embeds.device)
        return torch.where(gone[..., None], self.absent[ways.to(self.absent.device)], self.batch.embeds)

    @torch.no_grad()
    def _score(self, kept: Tensor, ways: Tensor, labels: Sequence[str]) -> NDArray[np.float64]:
        from emolab.lalm.quantise import folded

        texts = [self.template.replace("{label}", label) for label in labels]
        parts = zip(kept.split(self.rows_per_call), ways.split(self.rows_per_call), strict=True)
        with folded(self.lalm):
            scores = torch.cat([tree_scores(self, k, w, texts) for k, w in parts])
        return as_measured(self.lalm, scores, texts, self.measure).double().cpu().numpy()

    def differentiable(self, batch: PromptBatch) -> Tensor:
        """Value (B,) of the target after each prompt of `batch`, with a gradient."""
        if self.measure == "logprob":
            return label_values(self.lalm, batch, [self.target], self.measure, self.template)[:, 0]
        return label_values(self.lalm, batch, self.labels, self.measure, self.template)[:, self._index()]


def label_values(
    lalm: LALM, batch: PromptBatch, labels: Sequence[str] = EMOTIONS, measure: str = "logprob", template: str = TEMPLATE
) -> Tensor:
    """Value (B, L) of each label's answer after each prompt, by one of MEASURES. Raises AttributionError on an
    unknown one.
    """
    texts = [template.replace("{label}", label) for label in labels]
    return as_measured(lalm, lalm.text_scores(batch, [texts] * len(batch)), texts, measure)


def as_measured(lalm: LALM, scores: Tensor, texts: Sequence[str], measure: str) -> Tensor:
    """Summed log-probabilities (B, L) of answers as one of MEASURES. Raises AttributionError on an unknown one."""
    if measure not in MEASURES:
        raise AttributionError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
    if measure == "posterior":
        return scores.log_softmax(-1)
    tokens = [len(lalm.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1 for text in texts]
    return scores / torch.tensor(tokens, device=scores.device)
