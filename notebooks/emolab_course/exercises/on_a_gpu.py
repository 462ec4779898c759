"""Exercises of notebook 12: a memory budget by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake


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

Linears = list[tuple[int, int]]


def _adapters_gb(linears: Linears, layers: int, rank: int) -> float:
    return 16 * layers * sum(rank * (a + b) for a, b in linears) / 1e9


def _adapter_inputs(rng: np.random.Generator) -> Iterator[tuple[Linears, int, int]]:
    yield [(4096, 4096)], 1, 16
    yield [(4096, 4096), (4096, 11008), (11008, 4096)], 32, 16
    for _ in range(6):
        yield [(int(a), int(b)) for a, b in rng.integers(500, 9000, (3, 2))], int(rng.integers(2, 40)), 8


def _weights_only(linears: Linears, layers: int, rank: int) -> float:
    return _adapters_gb(linears, layers, rank) / 4


def _halves(linears: Linears, layers: int, rank: int) -> float:
    return _adapters_gb(linears, layers, rank) / 2


def _product(linears: Linears, layers: int, rank: int) -> float:
    return 16 * layers * sum(rank * a * b for a, b in linears) / 1e9


def _one_layer(linears: Linears, layers: int, rank: int) -> float:
    return _adapters_gb(linears, 1, rank)


def _a_only(linears: Linears, layers: int, rank: int) -> float:
    return 16 * layers * sum(rank * a for a, _ in linears) / 1e9


ADAPTERS = FunctionExercise(
    number="12.2",
    title="The adapters, in training",
    kind="implement",
    stars=1,
    minutes=10,
    why="each trained number costs four times what it takes to store it.",
    hints=(
        "A has rank × in numbers, B has out × rank.",
        "Four copies of each number: weight, gradient, two moments of Adam.",
        "16 * layers * sum(rank * (a + b) for a, b in linears) / 1e9",
    ),
    reasoning=(
        "A map from in to out gets rank · in + out · rank numbers. Sum over the maps of a layer, times "
        "the layers. Training "
        "keeps four float32 numbers for each: 16 bytes. For a model of 7 billion weights and rank 16 that "
        "is well below a "
        "GB. Training all weights would take sixteen bytes for each of the 7 billion: more than 100 GB."
    ),
    reference=_adapters_gb,
    inputs=_adapter_inputs,
    mistakes={
        "weights only": Mistake(_weights_only, "training keeps the gradient and two moments as well: four copies"),
        "in 16 bits": Mistake(_halves, "the adapters are float32, 4 bytes a number, and there are four copies"),
        "product": Mistake(_product, "LoRA takes rank × (in + out) numbers, not rank × in × out"),
        "one layer": Mistake(_one_layer, "every layer has its own adapters: multiply by the layers"),
        "A only": Mistake(_a_only, "each map has a B of out × rank numbers too"),
    },
)


def _cache_gb(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return 4 * layers * kv_heads * head_dim * prompts * (P + G * C) / 1e9


def _cache_inputs(rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    yield 32, 32, 128, 1, 300, 1, 256
    yield 32, 32, 128, 4, 300, 6, 256
    for _ in range(6):
        yield (28, int(rng.integers(2, 9)), 128, *(int(n) for n in rng.integers(2, 200, 4)))


def _copied(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return 4 * layers * kv_heads * head_dim * prompts * G * (P + C) / 1e9


def _keys_only(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return _cache_gb(layers, kv_heads, head_dim, prompts, P, G, C) / 2


def _in_float32(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return _cache_gb(layers, kv_heads, head_dim, prompts, P, G, C) * 2


def _one_answer(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return _cache_gb(layers, kv_heads, head_dim, prompts, P, 1, C)


def _no_prompt(layers: int, kv_heads: int, head_dim: int, prompts: int, P: int, G: int, C: int) -> float:
    return _cache_gb(layers, kv_heads, head_dim, prompts, 0, G, C)


CACHE = FunctionExercise(
    number="12.3",
    title="Keys and values",
    kind="implement",
    stars=2,
    minutes=10,
    why="the cache sets how many answers can be sampled at once.",
    hints=(
        "Count positions first: prompts × (P + G × C).",
        "Each position has a key and a value in each layer: kv_heads × head_dim numbers each.",
        "2 (key, value) × 2 bytes × layers × kv_heads × head_dim × positions / 1e9",
    ),
    reasoning=(
        "A prompt's keys and values are the same for all answers to it, so they are kept once: P "
        "positions. Each answer adds "
        "its own C. A path that copies the prompt for each answer keeps G · (P + C) positions. With long "
        "prompts, such as "
        "thirty seconds of audio, that difference is most of the cache. Models with few key-value heads "
        "have a small cache."
    ),
    reference=_cache_gb,
    inputs=_cache_inputs,
    mistakes={
        "copied prompts": Mistake(_copied, "the prompt is kept once for its group, not once for each answer"),
        "keys only": Mistake(_keys_only, "there is a key and a value at each position"),
        "float32": Mistake(_in_float32, "16 bits are 2 bytes a number"),
        "one answer": Mistake(_one_answer, "each of the G answers has its own C positions"),
        "no prompt": Mistake(_no_prompt, "the prompt's positions are kept too"),
    },
)

OUT_OF_MEMORY = ChoiceExercise(
    number="12.4",
    title="Out of memory",
    kind="diagnose",
    stars=1,
    minutes=5,
    why="most people first make the wrong part smaller.",
    hints=(
        "Which part is the largest, and is it there in the update?",
        "The cache is gone while the update runs.",
        "Activations: micro-batches, then checkpointing.",
    ),
    reasoning=(
        "In the update the weights, adapters and activations are there together: 28 GB. The activations "
        "are three quarters "
        "of it, and micro-batches divide them: with two, 10.5 GB, and the update fits into 18. The result "
        "of the step does "
        "not change, because the gradients of the micro-batches are added. Everything else changes what is trained, or "
        "makes a small part smaller."
    ),
    options={
        "a": "A lower rank of the adapters",
        "b": "Shorter answers, because the cache is too large",
        "c": "More micro-batches: fewer prompts in a forward pass",
        "d": "A smaller group",
        "e": "A smaller model",
        "f": "A lower learning rate",
    },
    right="c",
    mistakes={
        "a": Mistake("a", "The adapters are 1 of 28 GB. Half of the rank saves half a GB."),
        "b": Mistake("b", "The cache is there while sampling, and gone in the update, which is where it stopped."),
        "d": Mistake(
            "d", ("That would help, and it changes the algorithm: fewer answers to compare. Split the step first.")
        ),
        "e": Mistake("e", "That would help, and it changes what you study. Split the step first."),
        "f": Mistake("f", "The learning rate takes no memory."),
    },
)

EXERCISES = (WEIGHTS, ADAPTERS, CACHE, OUT_OF_MEMORY)
