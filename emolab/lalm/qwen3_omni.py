"""Qwen3-Omni's Thinker (Qwen team 2025): a windowed audio tower and a mixture-of-experts decoder with M-RoPE.

Audio and text only: its video features also enter the decoder's first layers (DeepStack), beside the embeddings.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from emolab.lalm.audio_text import mel_frames
from emolab.lalm.layout import chatml
from emolab.lalm.qwen2_5_omni import Thinker, named


class Qwen3Omni(Thinker):
    """`Qwen3OmniMoeThinkerForConditionalGeneration`: audio and text."""

    modalities = ("audio", "text")
    transformers_class = "Qwen3OmniMoeThinkerForConditionalGeneration"
    whole_class = "Qwen3OmniMoeForConditionalGeneration"
    processor_class = "Qwen3OmniMoeProcessor"
    _bounds = ("vision_start", "vision_end", "audio_start", "audio_end")
    named_tokens = named("image_pad", "audio_pad", "video_pad", *_bounds)
    placeholders: ClassVar = {"audio": "<|audio_pad|>"}
    chat_template = chatml("<|audio_start|><|audio_pad|><|audio_end|>", system="")
    seconds_per_embedding = 1 / 13  # a window of 100 mel frames gives 13 embeddings

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Clips run one by one: the tower pads windows so that a clip's embeddings would depend on its neighbours."""
        mels, lengths = mel_frames(self.feature_extractor, waves)
        found = []
        for mel, size in zip(mels, lengths.tolist(), strict=True):
            clip, mask = mel[None, :, :size].to(self.device), torch.ones(1, size, dtype=torch.long, device=self.device)
            found.append(self.base.model.get_audio_features(clip, mask, return_dict=True).last_hidden_state)
        return found
