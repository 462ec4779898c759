"""Exercises of notebook 12: a memory budget by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab_course.compare import FunctionExercise, Mistake


def _weights_gb(parameters: float, bits: int, block: int) -> float:
    scales = 4 / block if bits < 16 else 0
    return parameters * (bits / 8 + scales) / 1e9


def _weight_inputs(rng: np.random.Generator) -> Iterator[tuple[float, int, int]]:
    yield 1e9, 16, 64
    yield 1e9, 4, 64
    for _ in range(6):
        yield float(rng.integers(1, 80)) * 1e8, int(rng.choice([4, 8, 16])), int(rng.choice([32, 64, 128]))


def _no_scales(parameters: float, bits: int, block: int) -> float:
    return parameters * bits / 8 / 1e9


def _bits_as_bytes(parameters: float, bits: int, block: int) -> float:
    return parameters * (bits + (4 / block if bits < 16 else 0)) / 1e9


def _binary(parameters: float, bits: int, block: int) -> float:
    return _weights_gb(parameters, bits, block) * 1e9 / 2**30


def _always_scales(parameters: float, bits: int, block: int) -> float:
    return parameters * (bits / 8 + 4 / block) / 1e9


def _scale_each(parameters: float, bits: int, block: int) -> float:
    return parameters * (bits / 8 + (4 if bits < 16 else 0)) / 1e9


WEIGHTS = FunctionExercise(
    number="12.1",
    title="The weights, in GB",
    kind="warm-up",
    stars=1,
    minutes=5,
    why="weights are the part of a budget that no setting but the precision changes.",
    hints=(
        "A byte has 8 bits.",
        "A quantised block adds one scale of 4 bytes, shared by all its weights.",
        "parameters * (bits / 8 + 4 / block) / 1e9, without the scale at 16 bits",
    ),
    reasoning=(
        "Each weight takes bits / 8 bytes. A block of quantised weights shares one float32 scale, 4 / block "
        "bytes a weight: 0.0625 bytes with blocks of 64, an eighth of the half byte that the weight itself "
        "takes. Weights of 16 bits are stored as they are."
    ),
    reference=_weights_gb,
    inputs=_weight_inputs,
    mistakes={
        "no scales": Mistake(_no_scales, "each block of quantised weights has a scale, a float32 of 4 bytes"),
        "bits as bytes": Mistake(_bits_as_bytes, "8 bits are one byte: divide the bits by 8"),
        "binary": Mistake(_binary, "a GB is 1e9 bytes here; 2**30 bytes are a GiB"),
        "always scales": Mistake(_always_scales, "weights of 16 bits are not quantised and have no scales"),
        "a scale each": Mistake(
            _scale_each, ("one scale serves a whole block: divide its 4 bytes by the block's size")
        ),
    },
)

EXERCISES = (WEIGHTS,)
