"""What families that hear share: where an audio tower, a projector and a text decoder lie, and log-mel spectrograms as
Whisper's feature extractor makes them, without padding to 30 s where a tower needs none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emolab.lalm.base import LALM
from emolab.media import SAMPLE_RATE


class AudioText(LALM):
    """Audio and text: `model.audio_tower`, `model.multi_modal_projector`, `model.language_model`."""

    modalities = ("audio", "text")

    @property
    def decoder(self) -> Any:
        return self.base.model.language_model

    @property
    def towers(self) -> tuple[nn.Module, ...]:
        return (self.base.model.audio_tower, self.base.model.multi_modal_projector)


def mel_frames(extractor: Any, waves: list[np.ndarray], seconds: float | None = None) -> tuple[Tensor, Tensor]:
    """Log-mel features (B, mels, frames) of 16 kHz waves, and the real frames of each (B,).

    Padded to the longest wave, or to `seconds`. A published processor pads every clip with zeros to 30 s before the
    Fourier transform; enough zeros for the last window give the same real frames.
    """
    hop = extractor.hop_length
    lengths = torch.tensor([-(-len(wave) // hop) for wave in waves])
    frames = int(lengths.max()) if seconds is None else round(seconds * SAMPLE_RATE / hop)
    samples = (frames + -(-extractor.n_fft // hop)) * hop if seconds is None else frames * hop
    padded = [np.pad(wave, (0, samples - len(wave))) for wave in waves]
    x = extractor(padded, sampling_rate=SAMPLE_RATE, padding=True, truncation=False, return_tensors="pt")
    return x["input_features"][..., :frames], lengths


def windows(waves: list[np.ndarray], seconds: float) -> tuple[list[np.ndarray], list[int]]:
    """Cut waves into windows of `seconds`, the last one shorter; also how many windows each wave gave."""
    size = round(seconds * SAMPLE_RATE)
    cut = [[wave[i : i + size] for i in range(0, len(wave), size)] for wave in waves]
    return [piece for pieces in cut for piece in pieces], [len(pieces) for pieces in cut]
