"""Qwen2-Audio (Chu et al. 2024): a Whisper encoder over 30 padded seconds, a projector, and a Qwen2 decoder."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from emolab.lalm.audio_text import AudioText, mel_frames
from emolab.lalm.layout import chatml


class Qwen2Audio(AudioText):
    """`Qwen2AudioForConditionalGeneration`: audio and text."""

    transformers_class = "Qwen2AudioForConditionalGeneration"
    processor_class = "Qwen2AudioProcessor"
    placeholders: ClassVar = {"audio": "<|AUDIO|>"}
    chat_template = chatml("Audio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\n")

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Clips are padded to the tower's full length, and the padding masked, as the model's own forward does."""
        from transformers.masking_utils import create_bidirectional_mask

        tower, projector = self.towers
        mels, lengths = mel_frames(self.feature_extractor, waves, seconds=self.max_seconds)
        after_conv, tokens = tower._get_feat_extract_output_lengths(lengths)
        width = (mels.shape[-1] - 2) // 2 + 1
        keep = (torch.arange(width) < after_conv[:, None]).long().to(self.device)
        empty = torch.zeros(len(waves), width, 1, dtype=self.dtype, device=self.device)
        mask = create_bidirectional_mask(config=tower.config, inputs_embeds=empty, attention_mask=keep)
        hidden = projector(tower(mels.to(self.device), attention_mask=mask).last_hidden_state)
        return [row[:size] for row, size in zip(hidden, tokens.tolist(), strict=True)]
