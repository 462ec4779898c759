"""What families of an audio tower, a projector and a text decoder share in where their parts lie."""

from __future__ import annotations

from typing import Any

from torch import nn

from emolab.lalm.base import LALM


class AudioText(LALM):
    """Audio and text: `model.audio_tower`, `model.multi_modal_projector`, `model.language_model`."""

    modalities = ("audio", "text")

    @property
    def decoder(self) -> Any:
        return self.base.model.language_model

    @property
    def towers(self) -> tuple[nn.Module, ...]:
        return (self.base.model.audio_tower, self.base.model.multi_modal_projector)
