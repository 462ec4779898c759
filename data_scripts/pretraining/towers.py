"""Dense pre-training of the two towers on what the synthesiser knows; no emotion is ever named.

Audio: every 40 ms embedding must tell F0, voicing, energy, tilt and the phone, and the mean of a clip's embeddings its
prosody
parameters and its voice attributes. Vision: the mean of a pair of frames must tell the action units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

MEL_SILENCE = -1.5


@dataclass
class VoiceData:
    """Pre-training clips as ragged tensors. `mels` (128, frames) float16 per clip, 100 frames a second; `frames`
    (tokens, 5)
    at 25 a second: z-scored F0 relative to the talker, log F0, voicing, energy, tilt; `phones` (tokens,) class ids;
    `clip` (n, K) z-scored prosody parameters; `attributes` (n, A) class ids with `sizes` classes each."""

    mels: list[torch.Tensor]
    frames: list[torch.Tensor]
    phones: list[torch.Tensor]
    clip: torch.Tensor
    attributes: torch.Tensor
    sizes: list[int]
    n_phones: int

    def __len__(self) -> int:
        return len(self.mels)


def token_count(frames: torch.Tensor) -> torch.Tensor:
    """Embeddings that the audio tower gives for a number of mel frames: two strides of two."""
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def augment(mel: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """SpecAugment, lightly: one masked band, one masked stretch, a spectral slope of the microphone, noise."""
    mel = mel.clone()

    def draw(high: int) -> int:
        return int(torch.randint(high, (1,), generator=generator))

    band, width = draw(118), draw(14)
    mel[band : band + width] = mel.mean()
    stretch, length = draw(max(1, mel.shape[1] - 24)), draw(16)
    mel[:, stretch : stretch + length] = MEL_SILENCE
    slope = 0.08 * torch.randn(1, generator=generator) * torch.linspace(-1, 1, len(mel))[:, None]
    return mel + slope + 0.04 * torch.randn(mel.shape, generator=generator)


class AudioHeads(nn.Module):
    """Linear read-outs of the audio tower's embeddings (dimension `hidden`)."""

    def __init__(self, hidden: int, data: VoiceData) -> None:
        super().__init__()
        self.frame = nn.Linear(hidden, 5)
        self.phone = nn.Linear(hidden, data.n_phones)
        self.clip = nn.Linear(hidden, data.clip.shape[1])
        self.attributes = nn.Linear(hidden, sum(data.sizes))


def tower_tokens(tower: nn.Module, mels: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings (sum of tokens, hidden) and tokens per clip."""
    lengths = torch.tensor([m.shape[1] for m in mels])
    hidden = tower(torch.cat(mels, 1), feature_lens=lengths).last_hidden_state
    return hidden.float(), token_count(lengths)


def clip_means(hidden: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean embedding of each clip (n, hidden)."""
    owner = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return torch.zeros(len(counts), hidden.shape[1]).index_add(0, owner, hidden) / counts[:, None]


def audio_losses(
    tower: nn.Module, heads: AudioHeads, data: VoiceData, index: torch.Tensor, generator: torch.Generator | None
) -> dict[str, torch.Tensor]:
    """Losses of the clips `index`; augmented where a generator is given."""
    return losses_of(*augmented_tokens(tower, data, index, generator), heads, data, index)


def augmented_tokens(
    tower: nn.Module, data: VoiceData, index: torch.Tensor, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings and tokens per clip of the clips `index`; augmented where a generator is given."""
    mels = [data.mels[i].float() for i in index.tolist()]
    return tower_tokens(tower, mels if generator is None else [augment(m, generator) for m in mels])


def losses_of(
    hidden: torch.Tensor, counts: torch.Tensor, heads: AudioHeads, data: VoiceData, index: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Losses of what the heads read from the embeddings (sum of tokens, hidden) of the clips `index`."""
    picked = index.tolist()
    frames, phones = torch.cat([data.frames[i] for i in picked]).float(), torch.cat([data.phones[i] for i in picked])
    means = clip_means(hidden, counts)
    out, voiced = heads.frame(hidden).float(), frames[:, 2:3]
    pitch = ((out[:, :2] - frames[:, :2]) ** 2 * voiced).sum() / voiced.sum().clamp_min(1) / 2
    level = F.mse_loss(out[:, 3:], frames[:, 3:])
    voicing = F.binary_cross_entropy_with_logits(out[:, 2], frames[:, 2])
    phone = F.cross_entropy(heads.phone(hidden).float(), phones.long())
    clip = F.smooth_l1_loss(heads.clip(means).float(), data.clip[index])
    logits = heads.attributes(means).float().split(data.sizes, 1)
    attributes = torch.stack([F.cross_entropy(x, data.attributes[index, k]) for k, x in enumerate(logits)]).mean()
    return {
        "pitch": 0.5 * pitch,
        "level": 0.5 * level,
        "voicing": 0.5 * voicing,
        "phone": 0.3 * phone,
        "clip": 3.0 * clip,
        "attributes": 1.0 * attributes,
    }


@torch.no_grad()
def audio_scores(tower: nn.Module, heads: AudioHeads, data: VoiceData, index: torch.Tensor) -> dict[str, float]:
    """Held-out R² of the prosody parameters (mean over them), mean attribute accuracy, phone accuracy."""
    clip, right, phone, n = [], [], 0, 0
    for chunk in index.split(64):
        hidden, counts = tower_tokens(tower, [data.mels[i].float() for i in chunk.tolist()])
        means = clip_means(hidden, counts)
        clip.append(heads.clip(means))
        logits = heads.attributes(means).split(data.sizes, 1)
        right.append(torch.stack([x.argmax(1) == data.attributes[chunk, k] for k, x in enumerate(logits)], 1))
        truth = torch.cat([data.phones[i] for i in chunk.tolist()])
        phone += int((heads.phone(hidden).argmax(1) == truth).sum())
        n += len(truth)
    target = data.clip[index]
    r2 = 1 - ((torch.cat(clip) - target) ** 2).mean(0) / target.var(0)
    return {
        "r2": round(float(r2.mean()), 4),
        "attribute_accuracy": round(float(torch.cat(right).float().mean()), 4),
        "phone_accuracy": round(phone / n, 4),
    }


@dataclass
class FaceData:
    """Face clips: `frames` (n, F, H, W, 3) uint8, `units` (n, U) action units, `attributes` (n, A) class ids."""

    frames: torch.Tensor
    units: torch.Tensor
    attributes: torch.Tensor


def face_data(rows: list[dict[str, Any]]) -> FaceData:
    """Rows of the face shards as tensors."""
    return FaceData(
        torch.stack([r["frames"] for r in rows]),
        torch.stack([r["units"] for r in rows]),
        torch.tensor([r["attributes"] for r in rows]),
    )


def face_tokens(tower: nn.Module, frames: torch.Tensor) -> torch.Tensor:
    """Embeddings (n, tokens, hidden) of clips (n, F, H, W, 3) uint8."""
    from emolab.lalm.qwen2_5_omni import patchify

    patches, grids = zip(*(patchify(f.numpy(), tower.config) for f in frames), strict=True)
    hidden = tower(
        torch.cat([torch.as_tensor(p) for p in patches]),
        grid_thw=torch.cat([torch.as_tensor(g).reshape(1, 3) for g in grids]),
    )
    return hidden.pooler_output.float().reshape(len(frames), -1, tower.config.out_hidden_size)


CELLS = 16  # merged patches of one pair of frames: what a head reads, place by place


def over_time(tokens: torch.Tensor) -> torch.Tensor:
    """Embeddings (n, pairs · 16, hidden) averaged over a clip's pairs of frames, places side by side: (n, 16 ·
    hidden)."""
    return tokens.reshape(len(tokens), -1, CELLS, tokens.shape[-1]).mean(1).flatten(1)


def face_losses(
    modules: nn.ModuleDict, data: FaceData, index: torch.Tensor, sizes: list[int], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Losses of the clips `index`, lighter or darker and mirrored at random."""
    frames = data.frames[index].float()
    gain = 1 + 0.15 * torch.randn(len(index), 1, 1, 1, 1, generator=generator)
    frames = (
        (frames * gain + 8 * torch.randn(len(index), 1, 1, 1, 3, generator=generator)).clamp(0, 255).to(torch.uint8)
    )
    if torch.rand(1, generator=generator) < 0.5:
        frames = frames.flip(3)
    means = over_time(face_tokens(modules["tower"], frames))
    logits = modules["attributes"](means).float().split(sizes, 1)
    named = torch.stack([F.cross_entropy(x, data.attributes[index, k]) for k, x in enumerate(logits)]).mean()
    return {"units": 6.0 * F.mse_loss(modules["units"](means).float(), data.units[index]), "attributes": 0.5 * named}


@torch.no_grad()
def face_scores(modules: nn.ModuleDict, data: FaceData, sizes: list[int]) -> dict[str, float]:
    """Held-out R² of the action units (mean over them) and mean attribute accuracy."""
    means = torch.cat([over_time(face_tokens(modules["tower"], f)) for f in data.frames.split(64)])
    r2 = 1 - ((modules["units"](means) - data.units) ** 2).mean(0) / data.units.var(0)
    logits = modules["attributes"](means).split(sizes, 1)
    right = torch.stack([x.argmax(1) == data.attributes[:, k] for k, x in enumerate(logits)], 1)
    return {"r2": round(float(r2.mean()), 4), "attribute_accuracy": round(float(right.float().mean()), 4)}
