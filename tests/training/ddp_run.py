"""Train a small model for a few steps, alone or under torch.distributed: GRPO of a loss type, or "sft".

"-nf4" behind a kind loads the model in 4 bits, as a run does, from the folder BASE beside the run's.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
from accelerate import PartialState
from training_helpers import PROMPT, make_trainer, samples, small_lalm, weights

from emolab.lalm import LALM, load_model
from emolab.lalm.quantise import is_quantised
from emolab.training.checkpoints import last_checkpoint
from emolab.training.sft import SFTSettings, fine_tune

BASE = "base"


def model(bits: str, folder: Path) -> LALM:
    """The small model, read in 4 bits from a folder where `bits` says so, with adapters that answer."""
    if not bits:
        return small_lalm()
    lalm = small_lalm(made=load_model(folder, quantise=bits, cache_directory=None))
    assert is_quantised(lalm)
    return lalm


def train(folder: Path, world: int, kind: str, steps: int = 2, **settings: Any) -> dict[str, torch.Tensor]:
    """Steps of four prompts each, shared by `world` processes."""
    kind, _, bits = kind.partition("-")
    lalm, clips = model(bits, folder.parent / BASE), samples(8)
    if kind == "sft":
        options = SFTSettings(epochs=2, batch_size=3, learning_rate=0.01)
        fine_tune(
            lalm,
            clips,
            [f"<answer>{s.emotion}</answer>" * (i % 2 + 1) for i, s in enumerate(clips)],
            PROMPT,
            options,
            False,
        )
        return weights(lalm)
    values = {"group_size": 3, "learning_rate": 0.5, "beta": 0.1, **settings}
    trainer = make_trainer(
        folder, lalm, clips=clips, prompts_per_step=4 // world, loss_type=kind, max_steps=steps, **values
    )
    last = last_checkpoint(folder)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return weights(lalm)


if __name__ == "__main__":
    torch.set_num_threads(1)
    PartialState(cpu=True)
    out = Path(sys.argv[1])
    found = {kind: train(out / f"{kind}-two", 2, kind) for kind in sys.argv[2:]}
    train(out / "half", 2, "grpo", 1, save_steps=1)
    if torch.distributed.get_rank() == 0:
        torch.save(found, out / "two.pt")
    torch.distributed.destroy_process_group()
