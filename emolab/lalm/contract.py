"""The contract of a family of audio language models, and what it lets one read off any of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from emolab.errors import ModelError
from emolab.lalm.batch import PromptBatch
from emolab.lalm.layout import Clip
from emolab.prompts import Prompt
from emolab.samples import EmotionSample


class Family(ABC):
    """What a family of models states and implements; `emolab.lalm.base.LALM` builds the rest on it.

    **What a family states** (see `qwen2_audio.py`, forty lines): `transformers_class`, the name of the class that
    `from_pretrained` loads; `modalities`, what it takes, text among them; `placeholders`, the token that stands for a
    clip of each other modality; `chat_template`, used where the tokenizer's own has no place for media;
    `seconds_per_embedding` of audio; `max_windows` of the feature extractor that the longest clip has.

    **What it implements**: `decoder`, `towers`, `audio_embeddings`; where the longest clip is no matter of windows,
    `max_seconds`; and where it takes video or has more than one axis of positions, `video_embeddings`,
    `frames_per_step`, `rope_positions`, and `interleaved` where a film's sound can stand inside it.

    **What is reached into**, checked at construction with an error that names what is missing:

    - of the model: `get_input_embeddings()` and `get_output_embeddings()`, each with a `weight`; `get_submodule`;
    - of the decoder: `layers`, `norm.weight`, and `config` with `hidden_size` and `num_attention_heads`; its forward
      takes `inputs_embeds`, `attention_mask`, `position_ids`, `past_key_values` and `use_cache`, returns
      `last_hidden_state`, and passes further keywords to an attention of transformers' `AttentionInterface`;
    - of the tokenizer: `apply_chat_template`, `convert_tokens_to_ids`, `pad_token_id`, `eos_token_id`, `batch_decode`;
    - of the feature extractor: `hop_length`, `n_fft` and a call that gives `input_features`.

    **What other tools need** (`emolab.lalm.export`): `processor_class`, what `AutoProcessor` loads; `served_decoder`,
    what vLLM calls the decoder in a checkpoint, empty where it takes no adapter for the family; `served_whole`, false
    where it reads no model in the layout of transformers, only another release; and where the published model is more
    than this one, `whole_class` around it, `named_tokens` of its processor, and `image_settings`.

    `model` is the transformers module, PEFT-wrapped or not.
    """

    transformers_class: ClassVar[str]
    modalities: ClassVar[tuple[str, ...]]
    placeholders: ClassVar[dict[str, str]]
    chat_template: ClassVar[str]
    processor_class: ClassVar[str] = ""
    served_decoder: ClassVar[str] = ""
    served_whole: ClassVar[bool] = True
    whole_class: ClassVar[str] = ""
    named_tokens: ClassVar[dict[str, str]] = {}
    seconds_per_embedding: ClassVar[float] = 0.04
    max_windows: ClassVar[int] = 1
    frames_per_second: float = 2.0
    max_frames: int = 32
    use_audio_in_video: bool = False
    """Whether a film's own sound stands inside it, in the order of time, or before it; some families can."""
    home: Path | None = None
    """The folder that the model's adapter, or the model itself, was loaded from."""
    source: str = ""
    """The folder or hub id of the model itself; empty where it was made in memory."""
    model: Any
    tokenizer: Any
    feature_extractor: Any
    name: str
    template_end: int | None
    """The token that the chat template writes behind an answer."""
    opening: str
    """The tags that a prompt opens and leaves open, such as "<think>"."""
    folded_decoder: Any = None

    def require_contract(self) -> None:
        """Raise ModelError that names what of the contract is missing. Forwards are proved by the conformance tests."""
        tokens = "pad_token_id eos_token_id"
        wanted: dict[str, tuple[Any, str]] = {
            "its class": (type(self), "transformers_class modalities placeholders chat_template"),
            "its model": (self.base, "get_input_embeddings get_output_embeddings get_submodule"),
            "its tokenizer": (self.tokenizer, f"{tokens} apply_chat_template convert_tokens_to_ids batch_decode"),
            "its feature extractor": (self.feature_extractor, "hop_length n_fft"),
            "its decoder": (self.decoder, "layers norm config"),
            "its decoder's configuration": (self.decoder.config, "hidden_size num_attention_heads"),
            "its embedding table": (self.table, "weight"),
            "its head": (self.head, "weight"),
        }
        for what, (thing, names) in wanted.items():
            if missing := [name for name in names.split() if not hasattr(thing, name)]:
                raise ModelError(
                    f"{type(self).__name__} does not keep the contract of a family: {what} ({type(thing).__name__}) "
                    f"has no {', '.join(missing)}; see the docstring of emolab.lalm.contract.Family"
                )
        if unknown := {m for m in self.modalities if m != "text"} - set(self.placeholders):
            raise ModelError(f"{type(self).__name__} has no placeholder for {', '.join(sorted(unknown))}")

    # What a family provides -------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def decoder(self) -> Any:
        """The language model without its head: the module that holds `.layers`."""

    @property
    @abstractmethod
    def towers(self) -> tuple[nn.Module, ...]:
        """Everything between the media and the language model's embeddings."""

    @property
    def max_seconds(self) -> float:
        """The longest clip that the model takes: so many windows of its feature extractor."""
        return float(self.max_windows * self.feature_extractor.chunk_length)

    @abstractmethod
    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """Run the audio tower: 16 kHz mono waves -> (tokens, D) each."""

    def video_embeddings(self, clips: list[np.ndarray]) -> list[Tensor]:
        """Run the vision tower: uint8 frames (F, H, W, 3) -> (time, height, width, D) each."""
        raise ModelError(f"{self.name}: this family takes no video")

    def frames_per_step(self) -> int:
        """How many frames one step of a video's time axis covers."""
        return 1

    def interleaved(self, audio: Clip, video: Clip) -> Sequence[int]:
        """The ids of a film with its own sound inside, in the order of time; none: the sound stands before the film."""
        return ()

    def rope_positions(self, input_ids: Tensor, mask: Tensor, clips: list[list[Clip]]) -> Tensor:
        """Position ids (R, B, P); by default plain counting, R = 1."""
        return (mask.cumsum(-1) - 1).clamp(min=0)[None]

    def image_settings(self) -> dict[str, Any]:
        """What a processor's configuration says of images and frames."""
        return {}

    @abstractmethod
    def encoded(
        self, parts: Iterable[Sequence[EmotionSample]], prompt: Prompt, **options: Any
    ) -> Iterator[PromptBatch]:
        """Prompts of each part of some samples as embeddings, part by part."""

    # What is the same for all -----------------------------------------------------------------------------------------

    @property
    def base(self) -> Any:
        """The transformers model, without a PEFT wrapper."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def running_decoder(self) -> Any:
        """The decoder that decoding and scoring call: `decoder`, or its folded copy inside `accel.folded`."""
        return self.decoder if self.folded_decoder is None else self.folded_decoder

    @property
    def decoder_name(self) -> str:
        """Where `decoder` lies in `base`: what `get_submodule` takes."""
        return str(next(name for name, module in self.base.named_modules() if module is self.decoder))

    @property
    def table(self) -> Any:
        """The embedding table of the language model."""
        return self.base.get_input_embeddings()

    @property
    def head(self) -> Any:
        """The language-model head."""
        return self.base.get_output_embeddings()

    @property
    def logits_scaling(self) -> float:
        """What the model divides its logits by, after the head."""
        return float(getattr(self.decoder.config, "logits_scaling", 1.0))

    @property
    def device(self) -> torch.device:
        return self.table.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.table.weight.dtype

    @property
    def pad_id(self) -> int:
        pad = self.tokenizer.pad_token_id
        return self.eos_ids[0] if pad is None else pad

    @property
    def eos_ids(self) -> list[int]:
        """Tokens that end a completion: the template's end of a turn, the tokenizer's, and the configured ones."""
        configured = getattr(getattr(self.base, "generation_config", None), "eos_token_id", None)
        ids = configured if isinstance(configured, list) else [configured]
        return sorted({i for i in [*ids, self.tokenizer.eos_token_id, self.template_end] if i is not None})

    @property
    def end_id(self) -> int:
        """The token that closes an answer: what the chat template writes there, else the tokenizer's own, or the first
        that ends a completion."""
        end = self.tokenizer.eos_token_id if self.template_end is None else self.template_end
        return int(self.eos_ids[0] if end is None else end)

    @property
    def frozen(self) -> bool:
        """Whether no tower parameter takes a gradient."""
        return not any(p.requires_grad for tower in self.towers for p in tower.parameters())

    @property
    def context(self) -> int | None:
        """The most tokens that the decoder takes, prompt and answer together; None where no configuration says."""
        return getattr(self.decoder.config, "max_position_embeddings", None)

    @contextmanager
    def reference(self) -> Iterator[None]:
        """The model without its adapters; as it is if it has none."""
        with self.model.disable_adapter() if hasattr(self.model, "disable_adapter") else nullcontext():
            yield
