"""Recording: a decoding step as one CUDA graph, so that a token costs one launch instead of thousands.

A recorded step does the same operations on the same memory again. What changes from token to token must therefore lie
in tensors that stay where they are, and no operation may wait for the host (`emolab.lalm.sampling.DecodeCache`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from emolab.lalm.accel.folding import VARIABLE, enabled

if TYPE_CHECKING:
    from emolab.lalm.contract import Family

Step = Callable[[Tensor], Tensor]
log = logging.getLogger("emolab.lalm")
failed: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
"""Why the recording of a decoder's step failed: it is not tried again with that decoder."""


def recorder_for(lalm: Family) -> str:
    """How a model's decoding steps are launched: "recorded: …", or else launch by launch, with the reason."""
    if not enabled():
        return f"off ({VARIABLE}=0)"
    if lalm.device.type != "cuda" or not torch.cuda.is_available():
        return "launch by launch: only a CUDA card replays a recorded step"
    if torch.is_autocast_enabled("cuda"):
        return "launch by launch: autocast keeps casts that a recording would lose"
    why = failed.get(lalm.decoder)
    return f"launch by launch: {why}" if why else "recorded: one launch for a token"


@contextmanager
def experts_recordable(lalm: Family) -> Iterator[None]:
    """Multiply the experts of a mixture row by row, as transformers' `generate` does on a card: a grouped product reads
    its groups' sizes on the host, unless the card has a kernel for it."""
    before = lalm.base.get_experts_implementation()
    lalm.base.set_experts_implementation(
        {key: "batched_mm" if how == "grouped_mm" else how for key, how in before.items()}
    )
    try:
        yield
    finally:
        lalm.base.set_experts_implementation(before)


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

    Where recording fails, it goes on launch by launch, and says so once for the decoder.
    """

    def __init__(self, step: Step, decoder: nn.Module) -> None:
        self.run, self.called, self.step, self.decoder = step, False, step, decoder

    def __call__(self, token: Tensor) -> Tensor:
        if self.called and self.run is self.step and self.decoder not in failed:
            try:
                self.run = record(self.step, token)
            except RuntimeError as error:
                why = f"a step could not be recorded ({' '.join(str(error).split())[:120]})"
                failed[self.decoder] = why
                log.warning("decoding goes on launch by launch: %s", why)
        self.called = True
        return self.run(token)
