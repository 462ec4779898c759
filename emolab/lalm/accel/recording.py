"""Recording: a decoding step as one CUDA graph, so that a token costs one launch instead of thousands.

A recorded step does the same operations on the same memory again. What changes from token to token must therefore lie
in tensors that stay where they are, and no operation may wait for the host (`emolab.lalm.sampling.DecodeCache`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from emolab.lalm.accel.folding import VARIABLE, enabled

Step = Callable[[Tensor], Tensor]
log = logging.getLogger("emolab.lalm")
failed: list[str] = []
"""Why a recording failed in this process: none is tried again."""


def recorder_for(device: torch.device) -> str:
    """How decoding steps are launched there: "recorded: …", or else launch by launch, with the reason."""
    if not enabled():
        return f"off ({VARIABLE}=0)"
    if device.type != "cuda" or not torch.cuda.is_available():
        return "launch by launch: only a CUDA card replays a recorded step"
    if torch.is_autocast_enabled("cuda"):
        return "launch by launch: autocast keeps casts that a recording would lose"
    return f"launch by launch: {failed[0]}" if failed else "recorded: one launch for a token"


def record(step: Step, token: Tensor) -> Step:
    """The step on `token`'s shape as a CUDA graph; recording does not run it. What it returns is overwritten by the
    next call."""
    graph, given = torch.cuda.CUDAGraph(), token.clone()
    # a failed capture leaves its own stream behind as the current one; another thread may use the card meanwhile
    with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, capture_error_mode="thread_local"):
        out = step(given)

    def replay(token: Tensor) -> Tensor:
        given.copy_(token)
        graph.replay()
        return out

    return replay


class Recorded:
    """A step (r,) -> (r, V) that runs at its first call, is recorded at its second, and replayed from then on.

    Where recording fails, it goes on launch by launch, and says so once.
    """

    def __init__(self, step: Step) -> None:
        self.run, self.called, self.step = step, False, step

    def __call__(self, token: Tensor) -> Tensor:
        if self.called and self.run is self.step and not failed:
            try:
                self.run = record(self.step, token)
            except RuntimeError as error:
                failed.append(f"a step could not be recorded ({' '.join(str(error).split())[:120]})")
                log.warning("decoding goes on launch by launch: %s", failed[0])
        self.called = True
        return self.run(token)
