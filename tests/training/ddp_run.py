"""Train a small model for two steps, alone or under torch.distributed, on completions that depend on the clip alone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
from training_helpers import make_trainer, samples, small_lalm, weights

from emolab.lalm import Completions


def fixed_completions(lalm: Any) -> Any:
    """A stand-in for sampling: random tokens and lengths, drawn by the clip's name, whichever process asks."""

    def generate(batch: Any, n: int, max_new_tokens: int, **_: Any) -> Completions:
        ids = torch.full((len(batch), n, max_new_tokens), lalm.pad_id)
        mask = torch.zeros_like(ids)
        for b, name in enumerate(batch.ids):
            generator = torch.Generator().manual_seed(int(name.split("-")[1]))
            for g in range(n):
                size = int(torch.randint(2, max_new_tokens + 1, (), generator=generator))
                ids[b, g, :size] = torch.randint(20, 300, (size,), generator=generator)
                mask[b, g, :size] = 1
        return Completions(ids, mask, [[""] * n] * len(batch), None)

    return generate


def train(folder: Path, world: int, loss_type: str) -> dict[str, torch.Tensor]:
    """Two steps on four prompts each, shared by `world` processes."""
    lalm = small_lalm()
    lalm.generate = fixed_completions(lalm)  # type: ignore[method-assign]
    make_trainer(
        folder,
        lalm,
        clips=samples(8),
        prompts_per_step=4 // world,
        group_size=3,
        max_steps=2,
        learning_rate=0.5,
        loss_type=loss_type,
        beta=0.1,
    ).train()
    return weights(lalm)


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {kind: train(Path(tempfile.mkdtemp()), 2, kind) for kind in sys.argv[2:]}
    if torch.distributed.get_rank() == 0:
        torch.save(found, sys.argv[1])
    torch.distributed.destroy_process_group()
