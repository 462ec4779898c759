"""Qwen2.5-Omni's Thinker (Xu et al. 2025): audio and vision towers, a decoder with three-axis positions (M-RoPE)."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from emolab.lalm.audio_text import mel_frames
from emolab.lalm.base import LALM
from emolab.lalm.layout import Clip, chatml

MEAN = (0.48145466, 0.4578275, 0.40821073)  # CLIP's, as in the published preprocessor configuration
STD = (0.26862954, 0.26130258, 0.27577711)
CELLS = (128, 768)  # merged cells that a published checkpoint's frame is scaled to have, at least and at most


def named(image: str, audio: str, video: str, *bounds: str) -> dict[str, str]:
    """The tokens of an Omni processor by their names there; `bounds` open and close a film, and a sound."""
    names = ("image", "audio", "video", "vision_bos", "vision_eos", "audio_bos", "audio_eos")
    return {f"{name}_token": f"<|{token}|>" for name, token in zip(names, (image, audio, video, *bounds), strict=True)}


def resized(frames: np.ndarray, factor: int, cells: tuple[int, int]) -> np.ndarray:
    """Scale frames (F, H, W, 3) so that both sides are multiples of `factor` and their cells lie within `cells`."""
    from PIL import Image
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    height, width = smart_resize(*frames.shape[1:3], factor, cells[0] * factor**2, cells[1] * factor**2)
    return np.stack([np.asarray(Image.fromarray(f).resize((width, height), Image.Resampling.BICUBIC)) for f in frames])


def patchify(frames: np.ndarray, config: Any) -> tuple[np.ndarray, np.ndarray]:
    """Frames (F, H, W, 3) uint8 -> patches (n, C·t·p·p) float32 and their grid (time, height, width).

    The layout of transformers' `Qwen2VLImageProcessor`, which repeats an image in time, for real frames: windows of
    `spatial_merge_size`² patches lie together, and an odd last frame is repeated. Published sizes (14-pixel patches)
    are scaled to at least 128 merged cells; smaller configurations keep a frame's size up to a multiple of a cell.
    """
    p, merge, t = config.patch_size, config.spatial_merge_size, config.temporal_patch_size
    frames = resized(frames, p * merge, CELLS if p == 14 else (1, CELLS[1]))
    frames = np.concatenate([frames, frames[-1:].repeat(-len(frames) % t, 0)])
    pixels = (frames.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    time, height, width = len(frames) // t, frames.shape[1] // p, frames.shape[2] // p
    blocks = pixels.reshape(time, t, height // merge, merge, p, width // merge, merge, p, 3)
    patches = blocks.transpose(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(time * height * width, 3 * t * p * p)
    return np.ascontiguousarray(patches), np.array([time, height, width])


class Thinker(LALM):
    """What the Thinkers of Qwen's Omni models share: where their parts are, and how frames become patches."""

    served_decoder = "thinker.model"

    @property
    def decoder(self) -> Any:
        return self.base.model.language_model

    @property
    def towers(self) -> tuple[nn.Module, ...]:
        return (self.base.model.audio_tower, self.base.model.visual)

    def rope_positions(self, input_ids: Tensor, mask: Tensor, clips: list[list[Clip]]) -> Tensor:
        """Audio and text count plainly on all three axes."""
        return super().rope_positions(input_ids, mask, clips).expand(3, -1, -1)

    def image_settings(self) -> dict[str, Any]:
        """Patches and sizes as `patchify` has them."""
        config = self.base.config.vision_config
        cells = CELLS if config.patch_size == 14 else (1, CELLS[1])
        least, most = (n * (config.patch_size * config.spatial_merge_size) ** 2 for n in cells)
        return {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": config.patch_size,
            "merge_size": config.spatial_merge_size,
            "temporal_patch_size": config.temporal_patch_size,
            "size": {"shortest_edge": least, "longest_edge": most},
            "image_mean": list(MEAN),
            "image_std": list(STD),
        }


class Qwen25Omni(Thinker):
    """`Qwen2_5OmniThinkerForConditionalGeneration`: audio, video and text."""

    modalities = ("audio", "video", "text")
    transformers_class = "Qwen2_5OmniThinkerForConditionalGeneration"
    whole_class = "Qwen2_5OmniForConditionalGeneration"
    processor_class = "Qwen2_5OmniProcessor"
    named_tokens = named("IMAGE", "AUDIO", "VIDEO", "vision_bos", "vision_eos", "audio_bos", "audio_eos")
    placeholders: ClassVar = {"audio": "<|AUDIO|>", "video": "<|VIDEO|>"}
    chat_template = chatml("<|audio_bos|><|AUDIO|><|audio_eos|>", "<|vision_bos|><|VIDEO|><|vision_eos|>")

    def audio_embeddings(self, waves: list[np.ndarray]) -> list[Tensor]:
        """The tower works on windows of its own, so that clips need no padding."""
        mels, lengths = mel_frames(self.feature_extractor, waves)
        mask = torch.arange(mels.shape[-1]) < lengths[:, None]
        hidden = self.base.model.get_audio_features(mels.to(self.device), mask.long().to(self.device), return_dict=True)
        tokens = self.towers[0]._get_feat_extract_output_lengths(lengths)[1]
        return list(hidden.last_hidden_state.split(tokens.tolist()))

    def video_embeddings(self, clips: list[np.ndarray]) -> list[Tensor]:
        """Each pair of frames becomes a grid of merged patches."""
        config, merge = self.base.config.vision_config, self.base.config.vision_config.spatial_merge_size
        patches, grids = zip(*(patchify(frames, config) for frames in clips), strict=True)
        grid = torch.from_numpy(np.stack(grids)).to(self.device)
        pixels = torch.from_numpy(np.concatenate(patches)).to(self.device)
        hidden = self.base.model.get_video_features(pixels, grid, return_dict=True).pooler_output
        return [x.view(*(size // (1, merge, merge)), -1) for x, size in zip(hidden, grids, strict=True)]

    def frames_per_step(self) -> int:
        return int(self.base.config.vision_config.temporal_patch_size)

    def interleaved(self, audio: Clip, video: Clip) -> list[int]:
        """Chunks of `seconds_per_chunk`, the frames of each before its sound, as `Qwen2_5OmniProcessor` writes them."""
        if not self.use_audio_in_video or video.grid is None:
            return []
        config, (time, height, width) = self.base.config, video.grid
        rate = config.position_id_per_seconds
        steps = (torch.arange(time) * video.seconds_per_grid * rate).repeat_interleave(height * width).tolist()
        size, cut = int(rate * config.seconds_per_chunk), self.base.model.get_chunked_index
        ids = [config.audio_start_token_id]
        for frames, sound in zip_longest(cut(steps, size, 0), cut(range(len(audio)), size, 0), fillvalue=(0, 0)):
            ids += [self.tokens["video"]] * (frames[1] - frames[0]) + [self.tokens["audio"]] * (sound[1] - sound[0])
        return [*ids, config.audio_end_token_id]

    def rope_positions(self, input_ids: Tensor, mask: Tensor, clips: list[list[Clip]]) -> Tensor:
        """The model's own `get_rope_index` (R = 3), row by row. Rows without video count plainly."""
        config, positions = self.base.config, super().rope_positions(input_ids, mask, clips).clone()
        scale = torch.tensor([1, *[config.vision_config.spatial_merge_size] * 2])
        for i, (ids, row) in enumerate(zip(input_ids, clips, strict=True)):
            found = {clip.modality: clip for clip in row}
            if (video := found.get("video")) is None:
                continue
            positions[:, i : i + 1] = self.base.model.get_rope_index(
                ids[None],
                video_grid_thw=torch.tensor([video.grid]) * scale,
                attention_mask=mask[i : i + 1],
                use_audio_in_video=config.audio_start_token_id in ids[1:][ids[:-1] == config.vision_start_token_id],
                # the model derives an audio clip's embeddings from its mel frames: four frames give one
                audio_seqlens=torch.tensor([4 * len(found.get("audio", ()))]),
                second_per_grids=torch.tensor([video.seconds_per_grid]),
            )[0]
        return positions
