"""Voxtral (Mistral AI 2025): a Whisper encoder over windows of 30 s, four frames to an embedding, and a Llama
decoder.

Published checkpoints carry their tokenizer as `tekken.json`, which transformers reads by itself; a small file of that
form is in `tests/lalm/test_load.py`. It names no end of turn, which is then the model's own.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from emolab.lalm.audio_text import AudioText, mel_frames, windows

CHAT_TEMPLATE = (
    "<s>{% for m in messages if m['role'] != 'system' %}[INST]"
    "{% for c in m['content'] %}{% if c['type'] == 'audio' %}[BEGIN_AUDIO][AUDIO]{% else %}"
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}\n\n{% endif %}{{ c['text'] }}"
    "{% endif %}{% endfor %}[/INST]{% endfor %}"
)
"""Mistral's own library refuses a system turn beside a sound, so a prompt's system words open the user's words."""


class Voxtral(AudioText):
    """`VoxtralForConditionalGeneration`: audio and text. A window's padding is embedded too, as published."""

    transformers_class = "VoxtralForConditionalGeneration"
    processor_class = "VoxtralProcessor"
    served_decoder = "language_model.model"
    served_whole = False
    placeholders: ClassVar = {"audio": "[AUDIO]"}
    chat_template = CHAT_TEMPLATE
    seconds_per_embedding = 0.08
    max_windows = 20  # ten minutes of the published ones

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Every window gives the same number of embeddings, whatever it holds."""
        pieces, counts = windows(waves, self.feature_extractor.chunk_length)
        mels, _ = mel_frames(self.feature_extractor, pieces, seconds=self.feature_extractor.chunk_length)
        hidden = self.base.model.get_audio_features(mels.to(self.device), return_dict=True).pooler_output
        size = hidden.shape[0] // len(pieces)
        return list(hidden.split([size * count for count in counts]))
