"""Audio Flamingo 3 (Goel et al. 2025): a Whisper-like encoder over windows of 30 s, a projector, a Qwen2 decoder."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from emolab.lalm.audio_text import AudioText, mel_frames, windows
from emolab.lalm.layout import chatml


class AudioFlamingo3(AudioText):
    """`AudioFlamingo3ForConditionalGeneration`: audio and text."""

    transformers_class = "AudioFlamingo3ForConditionalGeneration"
    processor_class = "AudioFlamingo3Processor"
    served_decoder = "language_model.model"
    placeholders: ClassVar = {"audio": "<sound>"}
    chat_template = chatml("<sound>")
    max_windows = 20  # as the published processor allows

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Windows are padded and masked, and their real embeddings put one behind the other."""
        pieces, counts = windows(waves, self.feature_extractor.chunk_length)
        mels, lengths = mel_frames(self.feature_extractor, pieces, seconds=self.feature_extractor.chunk_length)
        mask = (torch.arange(mels.shape[-1]) < lengths[:, None]).long()
        hidden = self.base.model.get_audio_features(
            mels.to(self.device, self.dtype), mask.to(self.device), return_dict=True
        )
        tokens = self.towers[0]._get_feat_extract_output_lengths(lengths)[1]
        return list(hidden.pooler_output.split([int(part.sum()) for part in tokens.split(counts)]))
