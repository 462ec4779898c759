"""A pretended GPU: tensors that say they are on cuda:0, live in RAM, and refuse to be mixed with CPU tensors.

A tensor that code leaves on the wrong device fails here as it would on a card, and every wait of the host for the
device (`item`, `tolist`, a copy to the CPU, an index by a bool tensor) is counted with its place in `Mode.waits`.
"""

from __future__ import annotations

import copy
import traceback
from collections import Counter
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda", 0)
MAY_MIX = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "copy_", "_to_copy"}
SHAPES_VARY = {"nonzero", "masked_select", "_unique2", "unique_dim"}
FLASH = "_scaled_dot_product_flash_attention"


def place() -> str:
    """Where in the package this was called."""
    for frame in reversed(traceback.extract_stack()):
        if "/emolab/" in frame.filename and "site-packages" not in frame.filename:
            return f"{frame.filename.split('/emolab/')[-1]}:{frame.lineno}"
    return "elsewhere"


class Pretended(torch.Tensor):
    """A tensor of the pretended GPU around one of the CPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Pretended:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device="cpu",
        )

    def __init__(self, inner: torch.Tensor):
        self.inner = inner

    @property
    def device(self) -> torch.device:
        return CUDA

    @property
    def is_cuda(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"Pretended({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.__name__.split(".")[0], dict(kwargs or {})
        refuse_mixtures(name, args, kwargs)
        count(name, args)
        real = tree_map(bare, args)
        kwargs = tree_map(bare, kwargs)
        if kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cuda":
            kwargs["device"] = torch.device("cpu")
        if name in (FLASH, f"{FLASH}_backward"):
            return tree_map(wrapped, flash(name, real, kwargs))
        if name == "histc" and not real[0].is_floating_point():  # which only a card counts as it is
            return wrapped(func(real[0].float(), *real[1:], **kwargs).to(real[0].dtype))
        out = func(*real, **kwargs)
        if not func._schema.is_mutable:
            return tree_map(wrapped, out)
        back = {id(x.inner): x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Pretended)}
        return tree_map(lambda x: back.get(id(x), wrapped(x)), out)


def bare(x: Any) -> Any:
    return x.inner if isinstance(x, Pretended) else x


def wrapped(x: Any) -> Any:
    return Pretended(x) if isinstance(x, torch.Tensor) and not isinstance(x, Pretended) else x


def refuse_mixtures(name: str, args: Any, kwargs: Any) -> None:
    """Raise what a card would raise when tensors of both devices meet."""
    flat = tree_flatten((args, kwargs))[0]
    left = [x for x in flat if isinstance(x, torch.Tensor) and not isinstance(x, Pretended) and x.dim()]
    if not left or not any(isinstance(x, Pretended) for x in flat):
        return
    first_is_left = isinstance(args[0], torch.Tensor) and not isinstance(args[0], Pretended)
    if name not in MAY_MIX or (first_is_left and name != "copy_"):
        raise RuntimeError(f"{name}: expected all tensors on one device, found cuda:0 and cpu, at {place()}")


def count(name: str, args: Any) -> None:
    """Count an operation for which the host waits."""
    by_bool = name in ("index", "index_put_", "index_put") and any(
        isinstance(i, torch.Tensor) and i.dtype == torch.bool for i in args[1] or ()
    )
    if name == "_local_scalar_dense" or name in SHAPES_VARY or by_bool:
        Mode.waits[name, place()] += 1


def flash(name: str, real: Any, kwargs: Any) -> Any:
    """The CUDA kernel's arguments and results, computed by the CPU's kernel."""
    ops, scale = torch.ops.aten, kwargs.get("scale")
    if name == FLASH:
        causal = real[4] if len(real) > 4 else False
        out, lse = ops._scaled_dot_product_flash_attention_for_cpu(*real[:3], 0.0, causal, scale=scale)
        seed = torch.zeros(2, dtype=torch.int64)
        return out, lse, None, None, real[0].shape[2], real[1].shape[2], seed, seed, torch.empty(0)
    return ops._scaled_dot_product_flash_attention_for_cpu_backward(*real[:6], real[10], real[11], scale=scale)


class ToCard(torch.autograd.Function):
    """A copy to the pretended GPU."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return Pretended(x.detach().clone())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return bare(grads[0])


class FromCard(torch.autograd.Function):
    """A copy back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return bare(x).detach().clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return wrapped(grads[0])


def wanted(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The device and dtype that a call of `to`, `cpu` or `cuda` asks for; None where it asks for none."""
    if func is not torch.Tensor.to:
        return (CUDA if func is torch.Tensor.cuda else torch.device("cpu")), None
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    for value in args[1:]:
        if isinstance(value, torch.Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, torch.dtype):
            dtype = value
        elif isinstance(value, str | torch.device):
            device = value
    return device, dtype


class Mode(TorchFunctionMode):
    """Send what is made on "cuda" to the pretended GPU, and count waits."""

    waits: Counter[tuple[str, str]] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if func in (torch.Tensor.to, torch.Tensor.cuda, torch.Tensor.cpu):
            return self._moved(func, args, kwargs)
        given = args[0] if args else None
        if isinstance(given, Pretended):
            if name in ("numpy", "__array__"):
                raise TypeError(f"a tensor on cuda:0 cannot become an array, at {place()}")
            if name == "tolist":
                Mode.waits["tolist", place()] += 1
                return given.inner.detach().tolist()
            if name in ("data_ptr", "untyped_storage"):
                return getattr(given.inner, name)()
        if name == "pad_sequence" and isinstance(given[0], Pretended):  # it makes its output without a tensor
            return Pretended(func([x.inner for x in given], *args[1:], **kwargs))
        if func is torch.tensor:
            args = tree_map(Mode._number, args)
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda" and name != "__get__":
            return tree_map(wrapped, func(*args, **{**kwargs, "device": torch.device("cpu")}))
        return func(*args, **kwargs)

    @staticmethod
    def _number(x: Any) -> Any:
        """A number on the card that a new tensor is made of: `torch.tensor` waits for each of them."""
        if not isinstance(x, Pretended):
            return x
        Mode.waits["tensor of numbers", place()] += 1
        return x.inner.detach()

    @staticmethod
    def _moved(func: Any, args: Any, kwargs: Any) -> Any:
        x, (device, dtype) = args[0], wanted(func, args, kwargs)
        x = x if dtype is None or dtype == x.dtype else torch.Tensor.to(x, dtype=dtype)
        if device is None or (torch.device(device).type == "cuda") == isinstance(x, Pretended):
            return x
        if torch.device(device).type == "cuda":
            return ToCard.apply(x)
        Mode.waits["to cpu", place()] += 1
        return FromCard.apply(x)


class Params4bit(Pretended):
    """A weight in 4 bits, by the name that bitsandbytes and the package know such weights by."""


def four_bit(parameter: Any) -> Params4bit:
    """The packed bytes on the pretended GPU, with the state that says how they are unpacked."""
    moved = Params4bit(parameter.data.as_subclass(torch.Tensor))
    state = copy.deepcopy(parameter.quant_state)
    with Mode():
        state.to(CUDA)
    moved.__dict__ |= {**parameter.__dict__, "quant_state": state, "_is_param": True}
    moved.module = None
    return moved


def to_card(module: torch.nn.Module) -> torch.nn.Module:
    """Every parameter and buffer of a module on the pretended GPU, in place."""
    seen: dict[int, torch.nn.Parameter] = {}
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if type(parameter).__name__ == "Params4bit" and not isinstance(parameter, Pretended):
                part._parameters[name] = four_bit(parameter)
            elif parameter is not None and not isinstance(parameter, Pretended):
                if id(parameter) not in seen:
                    moved = torch.nn.Parameter(Pretended(parameter.detach()), requires_grad=parameter.requires_grad)
                    seen[id(parameter)] = moved
                part._parameters[name] = seen[id(parameter)]
        for name, buffer in part._buffers.items():
            if buffer is not None and not isinstance(buffer, Pretended):
                part._buffers[name] = Pretended(buffer.detach())
    return module
