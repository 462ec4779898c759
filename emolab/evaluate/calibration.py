"""Label bias: a language model prefers some answers before it has heard anything. Measuring it, and taking it away.

Two ways, neither of which sees a gold label:

- "contextual": what the model answers to inputs without content (silence, hum, "N/A" as the words) is its bias;
  divide by it (contextual calibration, Zhao et al. 2021, arXiv 2102.09690, with W = diag(p_cf)⁻¹ and b = 0).
- "mean": every label's mean score over the evaluated inputs is its bias; subtract it (in the spirit of batch
  calibration, Zhou et al. 2024, arXiv 2309.17249, in log space). It uses the test inputs, so it answers a set, not a
  single file, and it assumes that no label is rare.

Then temperatures, which make probabilities honest: one for clips like the training clips, one for others. Dividing the
scores of the labels by a temperature changes no answer, and how sure it is (Guo et al. 2017, arXiv 1706.04599). A model
is surer than it should be of clips unlike those it was trained on, so that these have a temperature of their own. Both
are fitted on held-out clips, and lie beside a checkpoint as `temperature.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolab.errors import EvaluationError
from emolab.evaluate.controls import SAMPLE_RATE, SILENCE_SECONDS, silence, with_audio
from emolab.files import read_json, write_json
from emolab.prompts import Prompt
from emolab.samples import EmotionSample

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

CALIBRATIONS = ("none", "contextual", "mean")
EMPTY_WORDS = ("N/A", "...", "[unknown]")
HUM_HERTZ = 120.0
Floats = NDArray[np.float64]
FILE = "temperature.json"


def log_posterior(scores: Floats) -> Floats:
    """Scores (…, L) normalised over the labels: log p(label | the answer is one of the labels)."""
    top = scores.max(-1, keepdims=True)
    return scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))


def calibrate(scores: Floats, kind: str = "none", content_free: Floats | None = None) -> Floats:
    """Log-posteriors (N, L) from label scores (N, L), freed of label bias by one of CALIBRATIONS.

    `content_free` (C, L) are the scores on inputs without content, needed by "contextual". Raises EvaluationError on
    an unknown kind.

    >>> calibrate(np.array([[3.0, 1.0], [2.5, 1.5]]), "mean").argmax(1).tolist()
    [0, 1]
    """
    posterior = log_posterior(np.asarray(scores, float))
    if kind == "none":
        return posterior
    if kind == "mean":
        return log_posterior(posterior - posterior.mean(0))
    if kind == "contextual":
        if content_free is None or not len(content_free):
            raise EvaluationError("contextual calibration needs the scores of inputs without content")
        return log_posterior(posterior - np.log(np.exp(log_posterior(np.asarray(content_free, float))).mean(0)))
    raise EvaluationError(f"unknown calibration {kind!r}; choose from {', '.join(CALIBRATIONS)}")


def label_bias(scores: Floats, content_free: Floats | None = None) -> dict[str, Floats]:
    """Mean posterior of every label (L,) over the evaluated inputs and, where given, over inputs without content."""
    bias = {"inputs": np.exp(log_posterior(np.asarray(scores, float))).mean(0)}
    if content_free is not None and len(content_free):
        bias["content_free"] = np.exp(log_posterior(np.asarray(content_free, float))).mean(0)
    return bias


def content_free_samples(like: EmotionSample) -> list[EmotionSample]:
    """Inputs without content, with the same modalities as `like`: silence, faint noise and a hum; empty words; grey
    frames.
    """
    time = np.arange(int(SILENCE_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0.0, 1e-3, len(time)).astype(np.float32)
    hum = (0.01 * np.sin(2 * np.pi * HUM_HERTZ * time)).astype(np.float32)
    samples = []
    for words, wave in zip(EMPTY_WORDS, (silence(), noise, hum), strict=True):
        sample = replace(
            like,
            id=f"content-free {words}",
            text=words if like.text else None,
            video=None,
            extra={"frames": np.full((4, 64, 64, 3), 128, np.uint8)} if like.has("video") else {},
        )
        samples.append(with_audio(sample, None, wave) if like.has("audio") else sample)
    return samples


def content_free_scores(
    lalm: LALM,
    prompt: Prompt,
    like: EmotionSample,
    labels: Sequence[str],
    template: str = "<answer>{label}</answer>",
    eos: bool = True,
) -> Floats:
    """Scores (C, L) of the labels on `content_free_samples(like)`; `template` and `eos` as `LALM.label_scores` takes
    them."""
    import torch

    with torch.no_grad():
        batch = lalm.encode(content_free_samples(like), prompt)
        return lalm.label_scores(batch, labels, template, eos).double().cpu().numpy()


@dataclass(frozen=True)
class Temperatures:
    """`like` and `unlike` are the temperatures for clips like the training clips and for others; `source` says on what
    they were fitted."""

    like: float = 1.0
    unlike: float = 1.0
    source: str = ""

    def of(self, unlike: bool) -> float:
        """The temperature of a clip."""
        return self.unlike if unlike else self.like

    def save(self, folder: str | Path) -> Path:
        """Write the file into a folder; `load` reads it."""
        return write_json(Path(folder) / FILE, asdict(self))

    @classmethod
    def load(cls, folder: str | Path | None) -> Temperatures:
        """What `save` wrote into a folder, and 1 where there is no file. Raises EvaluationError for a broken file."""
        path = Path(folder) / FILE if folder is not None else None
        if path is None or not path.is_file():
            return cls()
        stated = read_json(path, "the temperatures of a checkpoint", EvaluationError)
        try:
            found = cls(**stated)
            good = found.like > 0 and found.unlike > 0
        except TypeError as error:
            raise EvaluationError(f"{path}: {error}; write it again with `Temperatures.save`") from error
        if not good:
            raise EvaluationError(f"{path}: a temperature is above 0")
        return found


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities (N, L) of scores (N, L) at a temperature."""
    scaled = np.asarray(scores, float) / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
