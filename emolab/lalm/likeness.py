"""Is a clip like those that a model was trained on? A distance in the space of the audio tower, and a threshold.

The tower's embeddings of a clip are averaged over time. The distance is Mahalanobis', to the training clips. The
threshold is a quantile of the distances of held-out clips: each is measured from clips of other speakers who say other
words. A prediction for a clip beyond the threshold may be worth nothing, and says so.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab.errors import EvaluationError, ModelError
from emolab.files import write_bytes
from emolab.lalm.batch import PromptBatch
from emolab.lalm.contract import Family
from emolab.lalm.tiny import TINY_FOLDER
from emolab.media import content_hash
from emolab.prompts import get_prompt
from emolab.samples import EmotionSample

Floats = NDArray[np.float64]
FILE = "likeness.npz"
QUANTILE = 0.95
AXES = 32
"""Directions of largest variance that are kept; what lies outside of them counts as one more."""
BATCH, FOLDS, FEWEST = 16, 5, 10


@dataclass(frozen=True)
class Likeness:
    """Training clips in the space of a tower: their `mean` (D,), `axes` (k, D) scaled to unit variance, and `outside`,
    the standard deviation of what the axes leave.

    `held_out` (Q,) are the sorted distances of held-out clips, and `quantile` of them lie below the `threshold`.
    `towers` identifies the towers, `source` names the training clips.
    """

    mean: Floats
    axes: Floats
    outside: float
    held_out: Floats
    quantile: float
    towers: str
    source: str

    @classmethod
    def fit(
        cls, model: Family, samples: Sequence[EmotionSample], source: str = "", quantile: float = QUANTILE
    ) -> Likeness:
        """The likeness to training clips with a voice and absolute paths. Raises EvaluationError for fewer than ten.

        In the embedded corpus many speakers share a voice, and there voices count as speakers.
        """
        heard = [s for s in samples if s.has("audio")]
        if len(heard) < FEWEST:
            raise EvaluationError(
                f"likeness needs at least {FEWEST} training clips that have a voice, not {len(heard)}"
            )
        speakers, words = [s.extra.get("voice", s.speaker) for s in heard], [s.text for s in heard]
        return cls.of(embeddings(model, heard), speakers, words, tower_identity(model), source, quantile)

    @classmethod
    def of(
        cls,
        training: Floats,
        speakers: Sequence[str | None],
        words: Sequence[str | None],
        towers: str = "",
        source: str = "",
        quantile: float = QUANTILE,
    ) -> Likeness:
        """The likeness to embeddings (N, D). Held-out distances are cross-fitted: a clip's is from the clips of other
        folds, both of speakers and of words. A clip without a speaker, or without words, counts as one of its own.
        """
        by_speaker, by_words = _folds(speakers), _folds(words)
        held_out: list[float] = []
        for fold in range(FOLDS):
            inside, others = (by_speaker == fold) & (by_words == fold), (by_speaker != fold) & (by_words != fold)
            if inside.any() and others.sum() > 1:
                around = cls._around(training[others])
                held_out += [around.distance(row) for row in training[inside]]
        whole = cls._around(training)
        if not held_out:  # one speaker only, or one sentence
            held_out = [whole.distance(row) for row in training]
        return replace(whole, held_out=np.sort(held_out), quantile=quantile, towers=towers, source=source)

    @classmethod
    def _around(cls, training: Floats) -> Likeness:
        mean = training.mean(0)
        centred = training - mean
        _, scales, directions = np.linalg.svd(centred, full_matrices=False)
        k = min(AXES, len(training) - 1, training.shape[1] - 1)
        spread = scales[:k] / np.sqrt(len(training) - 1)
        rest = centred - centred @ directions[:k].T @ directions[:k]
        outside = float(np.sqrt(np.square(rest).sum(1).mean()))
        smallest = max(1e-3 * spread[0], 1e-12)
        axes = directions[:k] / np.maximum(spread, smallest)[:, None]
        return cls(mean, axes, max(outside, smallest), np.zeros(0), QUANTILE, "", "")

    @property
    def threshold(self) -> float:
        """The distance below which `quantile` of the held-out clips lie."""
        return float(np.quantile(self.held_out, self.quantile))

    def distance(self, embedding: Floats) -> float:
        """Distance of one embedding (D,): root mean square over the axes and the rest; about 1 for a training clip."""
        centred = embedding - self.mean
        along = self.axes @ centred
        inside = (along / np.square(self.axes).sum(1)) @ self.axes
        rest = np.linalg.norm(centred - inside) / self.outside
        return float(np.sqrt((np.square(along).sum() + rest**2) / (len(along) + 1)))

    def judge(self, embedding: Floats) -> dict[str, Any]:
        """`distance`, `threshold`, `quantile`, `unlike`, and the share of held-out clips that lie as far (`as_far`)."""
        distance = self.distance(embedding)
        return {
            "distance": distance,
            "threshold": self.threshold,
            "quantile": self.quantile,
            "as_far": float((self.held_out >= distance).mean()),
            "unlike": distance > self.threshold,
            "source": self.source,
        }

    def save(self, folder: str | Path) -> Path:
        """Write the file into a folder; `load` reads it."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            name: np.asarray(getattr(self, name), np.float32) for name in ("mean", "axes", "held_out")
        }
        arrays |= {name: np.asarray(getattr(self, name)) for name in ("outside", "quantile", "towers", "source")}
        np.savez_compressed(buffer, **arrays)
        return write_bytes(Path(folder) / FILE, buffer.getvalue())

    @classmethod
    def load(cls, folder: str | Path) -> Likeness:
        """What `save` wrote. Raises EvaluationError for a file that is something else."""
        path = Path(folder) / FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                mean, axes, held_out = (file[name].astype(float) for name in ("mean", "axes", "held_out"))
                outside, quantile = float(file["outside"]), float(file["quantile"])
                return cls(mean, axes, outside, held_out, quantile, str(file["towers"]), str(file["source"]))
        except (OSError, ValueError, KeyError) as error:
            raise EvaluationError(f"{path}: cannot be read ({error}); write it again with `Likeness.save`") from error


def _folds(names: Sequence[str | None]) -> NDArray[np.int_]:
    """The fold of each name (N,): equal names share one, and each None is a name of its own."""
    keys = [f"clip {i}" if name is None else f"named {name}" for i, name in enumerate(names)]
    order = np.random.default_rng(0).permutation(sorted(set(keys)))
    fold_of = {key: i % FOLDS for i, key in enumerate(order)}
    return np.array([fold_of[key] for key in keys])


def note(judged: dict[str, Any] | None) -> str:
    """One sentence for a person where a clip is unlike the training clips, else an empty text."""
    if not judged or not judged["unlike"]:
        return ""
    return (
        f"unlike the clips that the model was trained on (distance {judged['distance']:.1f}, and "
        f"{judged['quantile']:.0%} of held-out clips lie below {judged['threshold']:.1f}): the answer may mean nothing"
    )


def clip_embedding(batch: PromptBatch, row: int = 0) -> Floats | None:
    """Mean of a row's audio embeddings, (D,); None for a prompt without audio."""
    at = batch.positions_of(row, "audio")
    return None if not len(at) else batch.embeds[row, at].detach().double().mean(0).cpu().numpy()


def embeddings(model: Family, samples: Sequence[EmotionSample]) -> Floats:
    """`clip_embedding` of samples with a voice, (N, D)."""
    prompt = get_prompt("voice")
    found = []
    for batch in model.encoded((samples[i : i + BATCH] for i in range(0, len(samples), BATCH)), prompt):
        found += [clip_embedding(batch, row) for row in range(len(batch))]
    return np.stack([row for row in found if row is not None])


def tower_identity(model: Family) -> str:
    """What tells the towers of a model from others: a hash of the first values of each of their tensors."""
    parts = [p.detach().flatten()[:64].float().cpu().numpy() for tower in model.towers for p in tower.parameters()]
    return content_hash(np.concatenate(parts))


def likeness_of(model: Family, folder: str | Path | None = None) -> Likeness | None:
    """The likeness that a checkpoint holds, else the shipped one; None where neither is about the model's towers."""
    own = tower_identity(model)
    for place in (folder, TINY_FOLDER):
        if place is not None and (Path(place) / FILE).is_file():
            found = Likeness.load(place)
            if found.towers == own:
                return found
            if place == folder:
                raise ModelError(f"{Path(place) / FILE}: is about other towers than the checkpoint's; delete the file")
    return None
