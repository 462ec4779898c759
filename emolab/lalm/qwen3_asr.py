"""Qwen3-ASR (Qwen team 2026): an audio tower on chunks of a second, a projector, and a Qwen3 decoder of 0.6 or 1.7 B.

It was trained to transcribe: what a voice expresses it learns in the cold start. Checkpoints are those whose names end
in `-hf`; the first release, which vLLM serves, has other names for the same weights.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from emolab.lalm.audio_text import AudioText
from emolab.media import SAMPLE_RATE


def _parts(kind: str, shown: str) -> str:
    """What a chat template writes for the parts of one kind in a user's turns."""
    each = f"{{% for c in m['content'] %}}{{% if c['type'] == '{kind}' %}}{shown}{{% endif %}}{{% endfor %}}"
    return f"{{% for m in messages %}}{{% if m['role'] == 'user' %}}{each}{{% endif %}}{{% endfor %}}"


WORDS, SOUND = _parts("text", "{{ c['text'] }}"), _parts("audio", "<|audio_start|><|audio_pad|><|audio_end|>")
CHAT_TEMPLATE = (
    "<|im_start|>system\n{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}\n{% endif %}"
    f"{{% endfor %}}{WORDS}<|im_end|>\n<|im_start|>user\n{SOUND}<|im_end|>\n"
    "{% for m in messages %}{% if m['role'] == 'assistant' %}<|im_start|>assistant\n{{ m['content'] }}<|im_end|>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As published, a user's turn holds sound alone. The words of a prompt stand in the system's turn, where the published
template has a context, and would be left out elsewhere."""


class Qwen3ASR(AudioText):
    """`Qwen3ASRForConditionalGeneration`: audio and text."""

    transformers_class = "Qwen3ASRForConditionalGeneration"
    processor_class = "Qwen3ASRProcessor"
    served_decoder = "thinker.model"
    served_whole = False
    placeholders: ClassVar = {"audio": "<|audio_pad|>"}
    named_tokens: ClassVar = {
        f"audio_{name}token": f"<|audio_{token}|>" for name, token in (("", "pad"), ("bos_", "start"), ("eos_", "end"))
    }
    chat_template = CHAT_TEMPLATE
    seconds_per_embedding = 1 / 13  # a chunk of 100 mel frames gives 13 embeddings
    max_windows = 40  # twenty minutes, as the authors' own library allows

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Clips run one by one, without padding beyond the last chunk: their last frames would see it."""
        options = {"padding": True, "truncation": False, "return_attention_mask": True, "return_tensors": "pt"}
        found = []
        for wave in waves:
            x = self.feature_extractor(wave, sampling_rate=SAMPLE_RATE, **options)
            mels, mask = x["input_features"].to(self.device, self.dtype), x["attention_mask"].to(self.device)
            found.append(self.base.model.get_audio_features(mels, mask, return_dict=True).pooler_output)
        return found
