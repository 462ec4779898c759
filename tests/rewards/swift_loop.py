"""What the reward loops of ms-swift and of the TRL beside it pay for the same rows. Runs in an environment of ms-swift.

python swift_loop.py FOLDER_FOR_EXPORTS
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from trl import import_utils

from emolab.rewards.adapters import export
from emolab.rewards.shipped import RUBRICS, rubric

COMPLETIONS = (
    "<think><content>all is well</content><acoustics>low and slow</acoustics><summary>sounds sad</summary></think>"
    "<answer>sad</answer>",
    "<think>angry voice</think><answer>angry</answer>",
    "<answer>happy</answer>",
    "sad",
    "",
    "<answer>sad, lonely</answer>",
)
COLUMNS = {
    "words": ["sad", "lonely"],
    "caption": "The speaker sounds sad, with a low and slow voice.",
    "text": "all is well",
}
STATE = SimpleNamespace(global_step=3, max_steps=10)


def by_swift(name: str, folder: Path) -> torch.Tensor:
    """Its plugin file, its rows (completions first, a tagged solution), its loop; two groups of three."""
    from swift.rewards import orms
    from swift.rl_core.data import GRPOSample
    from swift.rl_core.grpo_algorithm import compute_rewards_per_func
    from swift.utils import import_external_file

    import_external_file(str(export(name, "ms-swift", folder / f"{name}.py")))
    rows = [
        {
            "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}],
            "prompt_id": "ab"[i // 3],
            "request_id": str(i),
            "solution": "<answer>sad</answer>",
            **COLUMNS,
        }
        for i, text in enumerate(COMPLETIONS)
    ]
    samples = [GRPOSample.from_row(row) for row in rows]
    reward = orms[name](args=None)
    return compute_rewards_per_func(samples, [reward], None, device=torch.device("cpu"), trainer_state=STATE)[:, 0]


def by_trl(name: str) -> torch.Tensor:
    """`GRPOTrainer._calculate_rewards` without its timer, on one process."""
    import trl.trainer.grpo_trainer as grpo

    grpo.gather = lambda rewards: rewards
    grpo.profiling_context = lambda *_: nullcontext()
    trainer = SimpleNamespace(
        accelerator=SimpleNamespace(device="cpu", gather=lambda rewards: rewards, is_main_process=True),
        reward_funcs=[rubric(name)],
        reward_processing_classes=[None],
        reward_func_names=[name],
        state=STATE,
        environments=None,
        args=SimpleNamespace(report_to=[]),
        async_loop=None,
    )
    inputs = [{"prompt": "?", "solution": "sad", "row": i // 3, **COLUMNS} for i in range(len(COMPLETIONS))]
    loop = grpo.GRPOTrainer._calculate_rewards
    loop = getattr(loop, "__wrapped__", loop)
    return loop(trainer, inputs, ["?"] * len(inputs), list(COMPLETIONS), [[1]] * len(inputs))[:, 0]


def main(folder: str) -> None:
    import_utils.is_vllm_available = lambda *_: False  # TRL would import what is on no CPU
    paid = {name: [by_swift(name, Path(folder)).tolist(), by_trl(name).tolist()] for name in RUBRICS}
    versions = {name: version(name) for name in ("ms-swift", "trl", "transformers")}
    sys.stdout.write(json.dumps({"versions": versions, "paid": paid}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
