"""How much memory a training step takes, from a model's configuration alone, and how to split it so that it fits.

Counts follow what this package's trainer allocates: NF4 decoder weights (half a byte and one float32 scale for 64
weights), everything else in 16 bits, float32 adapters with their gradient and two Adam moments, one packed row for each
micro-batch (P + G(C - 1) positions a prompt), logits in chunks, and while sampling the keys and values of P + GC
positions. Activations are the tensors that autograd keeps for a Qwen2-like layer with LoRA on all linear layers;
`tests/training/test_planner.py` counts them in a real backward. Supervised fine-tuning is the same step with G = 1.

`emolab bench grpo-gpu` measures the peak of a real update, weights and optimiser included, and prints the prediction
and its relative error beside it. A test holds that error within 15% for a small 4-bit model on a CPU; on an H100 it was
within 5% for 7B and 3B (`benchmarks/results/gpu`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from emolab.errors import MediaError, TrainingError

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

GB = 1e9
CONTEXT_GB = 0.6  # CUDA context and kernels; 0.55 on an H100
FRAGMENTATION = 1.05  # what the caching allocator holds beyond what is used: ours
LOGITS_ELEMENTS = 1 << 24  # `emolab.lalm.accel.packing.LOGITS_BUDGET`
COALITIONS, COALITIONS_GB = 32, 2.0  # prompts that an attribution runs at a time, and GB that they may take
LOGITS_COPIES = 3  # logits, their softmax and their gradient, in float32


@dataclass(frozen=True)
class ModelSize:
    """What memory depends on. `towers` counts every weight outside the language model."""

    name: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    towers: int
    attention_bias: bool = True

    @property
    def linears(self) -> list[tuple[int, int]]:
        """(in, out) of a layer's linear maps: q, k, v, o, gate, up, down."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        h, i = self.hidden, self.intermediate
        return [(h, q), (h, kv), (h, kv), (q, h), (h, i), (h, i), (i, h)]

    @property
    def decoder_weights(self) -> int:
        """Weights of all layers' linear maps: what 4 bits apply to."""
        return self.layers * sum(a * b for a, b in self.linears)

    @property
    def other_weights(self) -> int:
        """Embeddings, head, norms, biases and towers."""
        table = self.vocabulary * self.hidden * (1 if self.tied else 2)
        bias = (self.heads + 2 * self.kv_heads) * self.head_dim if self.attention_bias else 0
        return table + self.layers * (2 * self.hidden + bias) + self.hidden + self.towers


# From the published configurations; towers are Whisper-large encoders (and, for Omni, the vision tower).
KNOWN: dict[str, ModelSize] = {
    size.name: size
    for size in (
        ModelSize("Qwen/Qwen2-Audio-7B-Instruct", 32, 4096, 11008, 32, 32, 128, 156032, False, 642_000_000),
        ModelSize("Qwen/Qwen2.5-Omni-7B", 28, 3584, 18944, 28, 4, 128, 152064, False, 1_315_000_000),
        ModelSize("Qwen/Qwen2.5-Omni-3B", 36, 2048, 11008, 16, 2, 128, 151936, False, 1_310_000_000),
        ModelSize("Qwen/Qwen3-ASR-1.7B-hf", 28, 2048, 6144, 16, 8, 128, 151936, True, 318_000_000),
    )
}


@dataclass(frozen=True)
class Workload:
    """One process's step. `prompts` is the micro-batch: how many prompts' groups go through one packed forward;
    `step_prompts` are sampled together (None: as many)."""

    prompts: int = 1
    group: int = 8
    prompt_tokens: int = 300
    completion_tokens: int = 256
    quantise: str | None = "nf4"
    lora_rank: int = 16
    checkpointing: bool = False
    bytes_per_value: int = 2
    extra_adapter: bool = False
    step_prompts: int | None = None

    @property
    def packed_tokens(self) -> int:
        """Positions of the packed row: a prompt once, a completion without its last token, as if none began alike."""
        return self.prompts * (self.prompt_tokens + self.group * (self.completion_tokens - 1))


@dataclass(frozen=True)
class Plan:
    """Predicted GB by part; `update` and `rollout` are the two peaks, of which the larger is `total`. `largest` is the
    most prompts that a micro-batch can have there (0: none, or not looked for)."""

    parts: dict[str, float]
    update: float
    rollout: float
    fits: bool
    largest: int
    workload: Workload = field(repr=False, default_factory=Workload)

    @classmethod
    def of(cls, size: ModelSize, load: Workload, gpu_gb: float, largest: int = 0) -> Plan:
        """What a step takes, and whether it fits into `gpu_gb`."""
        parts = predict(size, load)
        update, rollout = peaks(parts)
        return cls(parts, update, rollout, max(update, rollout) <= gpu_gb, largest, load)

    @property
    def total(self) -> float:
        return max(self.update, self.rollout)


def size_of(name: str) -> ModelSize:
    """Sizes of a known model, or read from a folder's or hub id's configuration.

    Raises TrainingError where neither works.
    """
    if name in KNOWN:
        return KNOWN[name]
    from transformers import AutoConfig

    from emolab.lalm.load import SHIPPED

    try:
        config = AutoConfig.from_pretrained(str(SHIPPED.get(name, name)))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{name}: no known size and no readable config.json; known are {', '.join(KNOWN)}, or give a model's folder"
        ) from error
    return size_from_config(name, config)


def size_from_config(name: str, config: Any) -> ModelSize:
    """Sizes from a transformers configuration; towers are counted on the meta device, without memory."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoModelForMultimodalLM

    text = config.get_text_config()
    config = getattr(config, "thinker_config", config)  # of a whole Omni folder, the thinker alone is loaded
    with torch.device("meta"):
        try:
            model = AutoModelForMultimodalLM.from_config(config)
        except ValueError:
            model = AutoModelForImageTextToText.from_config(config)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight  # configurations disagree inside
    size = _size(name, text, text.vocab_size, tied, 0)
    total = sum(p.numel() for p in model.parameters())
    return replace(size, towers=total - size.decoder_weights - size.other_weights)


def size_of_model(lalm: LALM) -> ModelSize:
    """Sizes of a loaded model."""
    towers = sum(p.numel() for tower in lalm.towers for p in tower.parameters())
    tied = lalm.table.weight is lalm.head.weight
    return _size(lalm.name, lalm.decoder.config, lalm.table.weight.shape[0], tied, towers)


def _size(name: str, text: Any, vocabulary: int, tied: bool, towers: int) -> ModelSize:
    """Sizes from the configuration of a decoder."""
    heads, hidden = text.num_attention_heads, text.hidden_size
    shared = getattr(text, "num_key_value_heads", None) or heads
    width = getattr(text, "head_dim", None) or hidden // heads
    layers, inner = text.num_hidden_layers, text.intermediate_size
    return ModelSize(name, layers, hidden, inner, heads, shared, width, vocabulary, tied, towers)


def activation_bytes(size: ModelSize, load: Workload) -> int:
    """Bytes that autograd keeps for one packed position in one layer, in training with LoRA on all linear maps.

    These are: the inputs and outputs of both norms; query, key, value and output of the attention with its log-sum-exp;
    the gate, its activation, the up projection and their product; the seven small outputs of A. In 16 bits the norms
    work in float32 and also keep their outputs in 16 bits, which the adapters share.
    """
    h, i, r, width = size.hidden, size.intermediate, load.lora_rank, load.bytes_per_value
    q, kv = size.heads * size.head_dim, size.kv_heads * size.head_dim
    norms = 2 * (8 * h if width == 4 else 6 * h)
    return norms + width * (2 * q + 2 * kv + 4 * i + 7 * r) + 4 * (size.heads + 2)


def cast_bytes(size: ModelSize, load: Workload) -> int:
    """Bytes of the adapters of one layer cast to 16 bits, which autograd keeps once for each forward."""
    return 0 if load.bytes_per_value == 4 else 2 * load.lora_rank * sum(a + b for a, b in size.linears)


def cache_bytes(size: ModelSize, width: int) -> int:
    """Bytes of one position's keys and values in all layers, at `width` bytes a number."""
    return 2 * width * size.layers * size.kv_heads * size.head_dim


def rows_within(size: ModelSize, tokens: int, width: int, gradient: bool = False, room: float = COALITIONS_GB) -> int:
    """How many prompts of `tokens` positions an attribution runs at a time within `room` GB: 1 to COALITIONS.

    A prompt takes its keys and values, or with a `gradient` what autograd keeps of all layers.
    """
    kept = (
        size.layers * activation_bytes(size, Workload(bytes_per_value=width)) if gradient else cache_bytes(size, width)
    )
    return max(1, min(COALITIONS, int(room * GB / (tokens * kept))))


def attributing(size: ModelSize, load: Workload, rows: int) -> float:
    """GB of the values of `rows` coalitions of a prompt, of which `rows_within` run at a time.

    `load` says how many answers (`group`) of how many tokens are scored. Weights and adapters are held, keys and values
    of a chunk's rows, and one layer's activations or, afterwards, logits without a gradient.
    """
    rows = min(rows, rows_within(size, load.prompt_tokens, load.bytes_per_value))
    tokens = rows * (load.prompt_tokens + load.group * (load.completion_tokens - 1))
    parts = predict(size, replace(load, prompts=rows))
    held = parts["weights"] + parts["adapters"] / 4 + cache_bytes(size, load.bytes_per_value) * tokens / GB
    layer = parts["unpacked weight"] + activation_bytes(size, load) * tokens / GB
    return held + max(layer, parts["logits"] * 2 / 3)


def predict(size: ModelSize, load: Workload) -> dict[str, float]:
    """GB of every part of a step."""
    decoder = 0.5 + 4 / 64 if load.quantise == "nf4" else load.bytes_per_value
    lora = size.layers * sum(load.lora_rank * (a + b) for a, b in size.linears)
    scored = load.prompts * load.group * load.completion_tokens
    per_layer = activation_bytes(size, load) * load.packed_tokens + cast_bytes(size, load)
    kept = load.bytes_per_value * size.hidden * load.packed_tokens
    activations = size.layers * kept + per_layer if load.checkpointing else size.layers * per_layer
    cached = (load.step_prompts or load.prompts) * (load.prompt_tokens + load.group * load.completion_tokens)
    unpacked = load.bytes_per_value * size.hidden * size.intermediate if load.quantise else 0
    return {
        "weights": (decoder * size.decoder_weights + load.bytes_per_value * size.other_weights) / GB,
        "adapters": lora * (16 + (4 if load.extra_adapter else 0)) / GB,
        "activations": activations / GB,
        "logits": 4 * LOGITS_COPIES * min(LOGITS_ELEMENTS, scored * size.vocabulary) / GB,
        "unpacked weight": 2 * unpacked / GB,
        "cache": cache_bytes(size, load.bytes_per_value) * cached / GB,
    }


def peaks(parts: dict[str, float], context: float = CONTEXT_GB) -> tuple[float, float]:
    """(update, rollout) in GB: activations and logits are gone while sampling, the cache is gone while updating."""
    always = parts["weights"] + parts["adapters"] + parts["unpacked weight"]
    update = always + FRAGMENTATION * (parts["activations"] + parts["logits"]) + context
    return update, always + FRAGMENTATION * parts["cache"] + context


def plan(size: ModelSize, load: Workload, gpu_gb: float) -> Plan:
    """What a step takes, whether it fits into `gpu_gb`, and the most prompts a micro-batch can have there (0: none)."""
    fitting = (n for n in range(256) if not Plan.of(size, replace(load, prompts=n + 1), gpu_gb).fits)
    return Plan.of(size, load, gpu_gb, next(fitting, 256))


@dataclass(frozen=True)
class Choice:
    """How a step is split: into so many micro-batches, with the layers computed again in the backward or not."""

    micro_batches: int = 1
    gradient_checkpointing: bool = False
    plan: Plan | None = None


def choose(
    size: ModelSize, load: Workload, gpu_gb: float, prompts: int, micro: int | None = None, again: bool | None = None
) -> Choice:
    """The fewest micro-batches, without checkpointing where that is enough, by which a step of `prompts` prompts fits.

    `micro` micro-batches, or checkpointing (`again`), are not chosen where they are given. With a `group` of 1 nothing
    is sampled. Raises TrainingError with the table of parts where nothing fits.
    """
    best: Plan | None = None
    load = replace(load, step_prompts=prompts if load.group > 1 else None)
    counts = [micro] if micro else [n for n in range(1, prompts + 1) if prompts % n == 0]
    for checkpointing in (False, True) if again is None else (again,):
        for count in counts:
            part = replace(load, prompts=-(-prompts // count), checkpointing=checkpointing)
            best = Plan.of(size, part, gpu_gb)
            if best.fits:
                return Choice(count, checkpointing, best)
    if best is None:
        raise TrainingError("a step needs at least 1 prompt")
    knobs = "a smaller `prompts_per_step`, `group_size` or `max_new_tokens`, a smaller model"
    knobs += "" if best.workload.quantise else ", or 4 bits (`quantise=nf4`)"
    raise TrainingError(
        f"{size.name}: a step of {prompts} prompts does not fit into {gpu_gb:.0f} GB, not even prompt by prompt with "
        f"checkpointing: the update needs {best.update:.1f} GB, sampling {best.rollout:.1f} GB\n"
        + "".join(f"  {name:<16} {value:6.1f} GB\n" for name, value in best.parts.items())
        + f"what makes it smaller: {knobs}"
    )


def fit(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    *,
    prompts: int,
    group: int,
    completion_tokens: int,
    gpu_gb: float | None = None,
    reference: bool = False,
    **given: Any,
) -> Choice:
    """How to split a step of `prompts` prompts × `group` completions so that it fits this model's card.

    Prompts are taken to be as long as the longest of eight samples, and a tenth longer. A card has the memory that
    other programs leave. On a CPU nothing is split: there, `gpu_gb` states the memory. With a `reference`, adapters are
    held twice. `given` is not chosen (see `choose`). Raises TrainingError where nothing fits.
    """
    import torch

    from emolab.lalm.quantise import is_quantised

    if gpu_gb is None:
        if lalm.device.type != "cuda":
            return Choice(given.get("micro") or 1, bool(given.get("again")))
        free = torch.cuda.mem_get_info(lalm.device)[0] + torch.cuda.memory_reserved(lalm.device)
        gpu_gb = free / GB + CONTEXT_GB
    longest = 0
    for sample in samples[:: max(1, len(samples) // 8)][:8]:
        with suppress(MediaError):  # training leaves it out, and says so
            longest = max(longest, lalm.encode([sample], prompt).input_ids.shape[1])
    ranks = [m.r[name] for m in lalm.decoder.modules() if hasattr(m, "lora_A") for name in m.lora_A]
    load = Workload(
        group=group,
        prompt_tokens=round(1.1 * longest),
        completion_tokens=completion_tokens,
        quantise="nf4" if is_quantised(lalm) else None,
        lora_rank=max(ranks, default=0),
        bytes_per_value=lalm.dtype.itemsize,
        extra_adapter=reference,
    )
    return choose(size_of_model(lalm), load, gpu_gb, prompts, **given)
