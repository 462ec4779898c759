"""What a coalition is worth: the log-probability of a fixed answer when absent players are replaced.

Absent is a choice, and attributions depend on it:

- "swap" (default): the same positions of other samples, averaged over a few donors; stays close to what the model was trained on;
- "silence": what the model gets from silence, black frames and "..." as the words;
- "mean": the mean embedding of that modality over the donors; cheap, and unlike anything the model ever met.

Players are positions of an encoded prompt, so the towers run once, and coalitions differ in embeddings only: they form one batch.
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
from emolab.emotions import EMOTIONS
from emolab.errors import AttributionError
from emolab.samples import MODALITIES, EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch
    from emolab.prompts import Prompt

ABSENCES = ("swap", "silence", "mean")
MEASURES = ("logprob", "posterior")
TEMPLATE = "<answer>{label}</answer>"


@dataclass(frozen=True)
class DonorPool:
    """Embeddings of other samples' modalities: `pieces[modality]` is a list of (T, D), one for each donor that has it."""

    pieces: dict[str, list[Tensor]]
    ids: tuple[str, ...]

    @classmethod
    def encode(cls, lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt) -> DonorPool:
        """Encode the donors once; every attributed sample can then borrow from them. Raises AttributionError without donors."""
        if not samples:
            raise AttributionError("absent players are replaced by other samples' content: give at least one donor")
        batch = lalm.encode(list(samples), prompt)
        return cls({m: modality_pieces(batch, m) for m in MODALITIES}, tuple(s.id for s in samples))


def modality_pieces(batch: PromptBatch, modality: str) -> list[Tensor]:
    """The embeddings of a modality in each row that has it, each (T, D)."""
    found = [batch.embeds[row, batch.positions_of(row, modality)] for row in range(len(batch))]
    return [piece.detach() for piece in found if len(piece)]


def stratified_donors(samples: Sequence[EmotionSample], n: int, seed: int = 0, speaker: str | None = None) -> list[EmotionSample]:
    """`n` donors of other speakers than `speaker`, as evenly over the emotions as possible. Raises AttributionError if there are none."""
    rng = np.random.default_rng(seed)
    by_emotion: dict[str | None, list[EmotionSample]] = {}
    for i in rng.permutation(len(samples)):
        if speaker is None or samples[i].speaker != speaker:
            by_emotion.setdefault(samples[i].emotion, []).append(samples[i])
    queues = [by_emotion[k] for k in sorted(by_emotion, key=str)]
    rng.shuffle(queues)
    ordered = [queue[depth] for depth in range(max(map(len, queues), default=0)) for queue in queues if depth < len(queue)]
    if not ordered:
        raise AttributionError("there is no sample of another speaker to serve as a donor")
    return ordered[:n]


def absent_embeddings(lalm: LALM, sample: EmotionSample, prompt: Prompt, batch: PromptBatch, absence: str,
                      pool: DonorPool | None, n_donors: int = 4, seed: int = 0) -> Tensor:
    """What stands at each position when its player is absent: (A, P, D), A ways over which values are averaged.

    `batch` is the encoded sample, one row. Shorter material is repeated, longer is cut. Positions outside all spans keep the prompt's own
    embedding. Raises AttributionError on an unknown `absence`, or if the pool has nothing for a modality of the sample.
    """
    if absence not in ABSENCES:
        raise AttributionError(f"unknown way of being absent {absence!r}; choose from {', '.join(ABSENCES)}")
    present = [m for m in MODALITIES if len(batch.positions_of(0, m))]
    if absence == "silence":
        quiet = replace(sample, text="..." if sample.text else None)
        source = lalm.encode([quiet], prompt, absent=tuple(m for m in present if m != "text"))
        pieces = {m: modality_pieces(source, m) for m in present}
    else:
        pieces = {m: pool.pieces[m] if pool else [] for m in present}
    if missing := [m for m in present if not pieces[m]]:
        raise AttributionError(f"{batch.ids[0]}: nothing can replace its {missing[0]}; give donors that have {missing[0]}")
    rng = np.random.default_rng(seed)
    ways = n_donors if absence == "swap" else 1
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

    `measure` "logprob" is the mean log-probability of the answer's tokens; "posterior" the log-probability of the label among `labels`,
    which no longer depends on how readily the model answers at all. `batch` has one row; `absent` is (A, P, D).
    """

    lalm: LALM
    batch: PromptBatch
    players: Sequence[Player]
    absent: Tensor
    target: str
    labels: Sequence[str] = EMOTIONS
    measure: str = "logprob"
    rows_per_call: int = 32

    def __call__(self, present: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Values (K,) of coalitions (K, n), averaged over the ways of being absent."""
        ways = len(self.absent)
        kept = np.asarray(present, bool) | np.array([not p.positions for p in self.players])
        unique, back = np.unique(kept, axis=0, return_inverse=True)
        rows = [(coalition, way) for coalition in unique for way in range(1 if coalition.all() else ways)]
        scores = self._score(torch.from_numpy(np.array([c for c, _ in rows])), torch.tensor([w for _, w in rows]))
        values = np.zeros(len(unique))
        at = 0
        for k, coalition in enumerate(unique):
            count = 1 if coalition.all() else ways
            values[k] = scores[at:at + count].mean()
            at += count
        return values[back.reshape(-1)]

    def embeddings(self, kept: Tensor, ways: Tensor) -> Tensor:
        """(K, P, D) prompts in which the players of row k that are not in `kept` (K, n) come from `absent[ways[k]]`."""
        owner = torch.zeros(len(self.players), self.batch.embeds.shape[1], dtype=torch.bool)
        for i, player in enumerate(self.players):
            owner[i, list(player.positions)] = True
        gone = ((~kept).float() @ owner.float() > 0).to(self.batch.embeds.device)
        return torch.where(gone[..., None], self.absent[ways.to(self.absent.device)], self.batch.embeds)

    @torch.no_grad()
    def _score(self, kept: Tensor, ways: Tensor) -> NDArray[np.float64]:
        scores = []
        for start in range(0, len(kept), self.rows_per_call):
            part = slice(start, start + self.rows_per_call)
            prompts = self.batch.repeat(len(kept[part])).with_embeds(self.embeddings(kept[part], ways[part]))
            scores.append(answer_values(self.lalm, prompts, self.target, self.labels, self.measure))
        return torch.cat(scores).double().cpu().numpy()


def answer_values(lalm: LALM, batch: PromptBatch, target: str, labels: Sequence[str] = EMOTIONS, measure: str = "logprob") -> Tensor:
    """Value (B,) of the answer `target` after each prompt, by one of MEASURES. Raises AttributionError on an unknown one."""
    if measure == "logprob":
        text = TEMPLATE.format(label=target)
        tokens = len(lalm.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1
        return lalm.text_scores(batch, [[text]] * len(batch))[:, 0] / tokens
    if measure == "posterior":
        if target not in labels:
            raise AttributionError(f"{target!r} is not one of the labels {', '.join(labels)}")
        return lalm.label_scores(batch, labels).log_softmax(-1)[:, list(labels).index(target)]
    raise AttributionError(f"unknown measure {measure!r}; choose from {', '.join(MEASURES)}")
