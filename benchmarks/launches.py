"""Kernel launches and waits of a decoded token, counted on a CPU: launch by launch, and with recorded steps.

An operation that is no view counts as one launch of a card; an operation of bitsandbytes does, too. The model's layers
are as many as the published model's and narrow, because the number of operations does not depend on widths. A recorded
step is replayed here by a tape that does what a CUDA graph does: the same operations, on the same memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "launches.json"
LAYERS = {"qwen2_audio": 32, "qwen2_5_omni": 36}
WAITS = ("_local_scalar_dense", "nonzero")
NO_LAUNCH = {"_unsafe_view", "scalar_tensor", "empty", "new_empty", "empty_like"}


def is_view(func: Any) -> bool:
    """Whether an operation only looks at memory in another way: it launches nothing."""
    given = [found.alias_info for found in func._schema.returns]
    looks = bool(given) and all(alias is not None and not alias.is_write for alias in given)
    return looks or func.__name__.split(".")[0] in NO_LAUNCH


class Launches(TorchDispatchMode):
    """Count what would be launched, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not is_view(func):
            self.found[func.__name__.split(".")[0]] += 1
        return func(*args, **(kwargs or {}))


class Tape(TorchDispatchMode):
    """Everything that a step does, with the tensors that it did it on: what a CUDA graph keeps, on a CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.__name__.split(".")[0] in WAITS:
            raise RuntimeError(f"{func}: the host waits for the device, which a recorded step cannot")
        out = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, out))
        return out

    def replay(self) -> None:
        """Do it again, every result into the memory of the first."""
        with _disable_current_modes():
            for func, args, kwargs, out in self.done:
                pairs = zip(tree_flatten(out)[0], tree_flatten(func(*args, **kwargs))[0], strict=True)
                for old, new in pairs:
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


@contextmanager
def taped() -> Iterator[list[Tape]]:
    """Let decoding record its steps on tapes instead of CUDA graphs, on any device; gives the tapes."""
    from emolab.lalm import sampling
    from emolab.lalm.accel import recording

    tapes: list[Tape] = []

    def record(step: Callable[[Tensor], Tensor], token: Tensor) -> Callable[[Tensor], Tensor]:
        given, first, tape = token.clone(), [True], Tape()
        tapes.append(tape)
        with tape:  # it runs, which the recording of a graph does not: the first replay has been done then
            out = step(given)

        def replay(token: Tensor) -> Tensor:
            given.copy_(token)
            if not first:
                tape.replay()
            first.clear()
            return out

        return replay

    before = recording.record, sampling.recorder_for
    recording.record, sampling.recorder_for = record, lambda lalm: "recorded: on a tape"
    try:
        yield tapes
    finally:
        recording.record, sampling.recorder_for = before


def register(app: typer.Typer) -> None:
    """Add `launches` to the group `bench`."""
    app.command("launches")(launches)


@command
def launches(
    write: Annotated[bool, typer.Option(help="Write the committed result.")] = False, as_json: JsonOption = False
) -> None:
    """Launches of a decoded token, of 7 B and 3 B models, with and without adapters and recorded steps."""
    from emolab.files import write_json

    cases = [(family, four, lora) for family in LAYERS for four, lora in ((False, False), (True, False), (True, True))]
    rows = [row(*case) for case in cases]
    updates = [update_row("qwen2_audio", prompts) for prompts in (1, 3)]
    result = {"command": "emolab bench launches --write", "torch": torch.__version__, "rows": rows, "updates": updates}
    if write:
        write_json(RESULT, result)
    emit(result, as_json, render)


def row(family: str, four_bit: bool, lora: bool, layers: int | None = None) -> dict[str, Any]:
    """Launches a token of one model: launch by launch, and with recorded steps those outside of the recording."""
    lalm = model(family, layers or LAYERS[family], four_bit, lora)
    plain = per_token(lalm)
    with taped() as tapes:
        outside = per_token(lalm)
    inside = sum(not is_view(func) for func, *_ in tapes[-1].done)
    return {
        "family": family,
        "layers": layers or LAYERS[family],
        "4 bits": four_bit,
        "adapters": lora,
        "launches": sum(plain.values()),
        "recorded": sum(outside.values()) + 1,
        "inside": inside,
    }


def update_row(family: str, prompts: int, layers: int = 8) -> dict[str, Any]:
    """Launches of an update, forward and backward, for each layer of a 4-bit model with adapters: ours, and plain."""
    from benchmarks import grpo

    bench = grpo.Bench(model(family, layers, True, True), grpo.Sizes(40, 6, 2, 0.5, prompts))
    found = {}
    for path, logprobs in (("ours", bench.our_logprobs), ("plain", bench.plain_logprobs)):
        with Launches() as counted:
            bench.update(logprobs)
        found[path] = round(sum(counted.found.values()) / layers)
    return {"family": family, "prompts": prompts, **found}


def model(family: str, layers: int, four_bit: bool, lora: bool) -> Any:
    """A narrow model of a family in bfloat16 whose answers never end."""
    from benchmarks.tiny_models import quantise_model, tiny_random
    from emolab.lalm.quantise import add_lora

    lalm = tiny_random(family, layers=layers)
    lalm.model.to(torch.bfloat16)
    if four_bit:
        quantise_model(lalm)
    if lora:
        add_lora(lalm, 4)
    lalm.base.generation_config.eos_token_id = lalm.template_end = lalm.tokenizer.eos_token = None
    return lalm


def per_token(lalm: Any) -> Counter[str]:
    """Launches of a token by name: those of eight tokens more, divided by eight. Nothing is folded, as on a card."""
    from unittest.mock import patch

    from benchmarks.tiny_models import noise_samples
    from emolab.lalm import sampling
    from emolab.lalm.accel import folding
    from emolab.prompts import get_prompt

    batch = lalm.encode(noise_samples(4), get_prompt("direct").using("audio"))
    found = []
    with patch.object(folding, "folded_layers", lambda *_: set()), patch.object(sampling, "look_every", lambda _: 99):
        for steps in (12, 20):
            with Launches() as counted:
                lalm.generate(batch, n=6, max_new_tokens=steps, seed=0)
            found.append(counted.found)
    return Counter({name: (found[1][name] - found[0][name]) / 8 for name in found[1]})


def render(result: dict[str, Any]) -> None:
    """Print the rows."""
    for one in result["rows"]:
        kind = f"{one['family']}, {one['layers']} layers{', 4 bits' * one['4 bits']}{', adapters' * one['adapters']}"
        typer.echo(f"{kind:<48}{one['launches']:7.0f} launches a token, recorded {one['recorded']:4.0f}")
    for one in result["updates"]:
        kind = f"update of {one['family']}, {one['prompts']} prompts"
        typer.echo(f"{kind:<48}{one['ours']:7.0f} launches a layer, plain path {one['plain']:4.0f}")
