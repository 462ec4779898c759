"""Peak memory of a piece of work, counted where tensors are allocated: the process's own size hides what fits into
memory that was freed before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def peak_bytes(work: Callable[[], Any], device: torch.device | str = "cpu") -> int:
    """The most bytes of tensors that `work()` held at one time, beyond what was held before it.

    On a GPU the caching allocator's own count; on a CPU the sum of the profiler's allocations, in their order. What
    libraries allocate outside torch is not in it.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated() - before)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profile:
        work()
    recorder: Any = profile.profiler
    events = [event for event in recorder.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def held_bytes(model: torch.nn.Module, optimizer: torch.optim.Optimizer | None = None) -> int:
    """Bytes of a model's parameters (with what 4-bit ones need to be read), buffers and gradients, and of an
    optimiser's state."""
    tensors: list[torch.Tensor] = [*model.buffers()]
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        tensors += [parameter, *([state.absmax, state.code] if state is not None else [])]
        tensors += [parameter.grad] if parameter.grad is not None else []
    for values in optimizer.state.values() if optimizer is not None else ():
        tensors += [value for value in values.values() if isinstance(value, torch.Tensor)]
    unique = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in tensors}
    return sum(unique.values())


def resident_bytes() -> int:
    """Bytes of this process that are in memory; of mapped files, what lies there counts."""
    import psutil

    return int(psutil.Process().memory_info().rss)
