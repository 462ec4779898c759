"""GRPO's step at the size of Qwen2-Audio-7B in 4 bits, against the plain path, and what the planner said of it.

Weights are random, so nothing is downloaded: times and memory do not depend on their values. `emolab bench grpo-gpu
--write` on a machine with a GPU fills the rows of `benchmarks/results/grpo.json` that say "not measured"; `--small`
runs the same code on a model of a few layers anywhere.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from emolab.cli.bench import load
from emolab.cli.output import JsonOption, command, emit

HERE = Path(__file__).resolve().parent
RANK = 16
# hidden, intermediate, layers, heads, key-value heads, vocabulary; width, layers, heads, MLP of the tower
PUBLISHED = ((4096, 11008, 32, 32, 32, 156032), (1280, 32, 20, 5120))
SMALL = ((256, 688, 4, 4, 4, 2048), (64, 2, 2, 128))


def register(app: typer.Typer) -> None:
    """Add `grpo-gpu` to the group `bench`."""
    app.command("grpo-gpu")(grpo_gpu)


@command
def grpo_gpu(
    runs: Annotated[int, typer.Option(min=1, help="Alternating runs of each; medians are shown.")] = 3,
    group: Annotated[int, typer.Option(min=2, help="Completions of a prompt.")] = 8,
    prompt: Annotated[int, typer.Option(help="Prompt length in tokens, its audio included.")] = 300,
    completion: Annotated[int, typer.Option(help="Completion length in tokens.")] = 128,
    seconds: Annotated[float, typer.Option(help="Length of the clip.")] = 10.0,
    checkpointing: Annotated[bool, typer.Option(help="Compute activations again in the backward.")] = False,
    small: Annotated[bool, typer.Option(help="A few layers, on any device: checks that it runs.")] = False,
    write: Annotated[bool, typer.Option(help="Put the rows into the committed result and README's table.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Step time, tokens a second and peak memory of a 7 B model in 4 bits, and the planner's error."""
    import torch

    from emolab.errors import TrainingError

    if not small and not torch.cuda.is_available():
        raise TrainingError("a 7 B model needs a CUDA device, and none is here; --small runs the same code without")
    plain, report = load(HERE / "grpo.py"), load(HERE / "_grpo_report.py")
    bench = plain.Bench(
        random_4bit(SMALL if small else PUBLISHED, checkpointing), plain.Sizes(prompt, completion, group, seconds)
    )
    rows = measure(plain, bench, runs, checkpointing, "small" if small else "7b")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    result = {"device_gpu": device, "command_gpu": "emolab bench grpo-gpu --write", "rows": rows}
    if write:
        report.publish(result, plain.RESULT, HERE.parent / "README.md")
    emit({"device": device, **result}, as_json, report.render)


def config_of(sizes: tuple[tuple[int, ...], tuple[int, ...]], tokenizer: Any) -> Any:
    """A Qwen2-Audio configuration of the given sizes."""
    from transformers import Qwen2AudioConfig

    (hidden, intermediate, layers, heads, kv_heads, vocabulary), (width, depth, tower_heads, mlp) = sizes
    return Qwen2AudioConfig(
        audio_config={
            "d_model": width,
            "encoder_layers": depth,
            "encoder_attention_heads": tower_heads,
            "encoder_ffn_dim": mlp,
            "num_mel_bins": 128,
            "max_source_positions": 1500,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": vocabulary,
            "hidden_size": hidden,
            "intermediate_size": intermediate,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv_heads,
            "max_position_embeddings": 8192,
            "pad_token_id": tokenizer.pad_token_id,
            "tie_word_embeddings": False,
        },
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )


def random_4bit(sizes: tuple[tuple[int, ...], tuple[int, ...]], checkpointing: bool) -> Any:
    """A random model with NF4 layers and adapters that answer: made in 16 bits on a GPU, in float32 elsewhere."""
    import torch
    from transformers import Qwen2AudioForConditionalGeneration, WhisperFeatureExtractor

    from emolab.lalm.quantise import add_lora, quantise_model
    from emolab.lalm.qwen2_audio import Qwen2Audio
    from emolab.lalm.testing import tiny_tokenizer

    tokenizer, before = tiny_tokenizer(), torch.get_default_dtype()
    cuda = torch.cuda.is_available()
    torch.set_default_dtype(torch.bfloat16 if cuda else torch.float32)
    try:
        with torch.device("cuda" if cuda else "cpu"):
            model = Qwen2AudioForConditionalGeneration(config_of(sizes, tokenizer))
    finally:
        torch.set_default_dtype(before)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=30)
    lalm = add_lora(quantise_model(Qwen2Audio(model.eval(), tokenizer, extractor, "random 4-bit")), RANK, 2 * RANK)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, 0, 0.01)
    if checkpointing:
        lalm.model.activation_checkpointing_enable()
        lalm.model.enable_input_require_grads()
        lalm.model.train()
    if cuda:
        torch.cuda.empty_cache()
    return lalm


def measure(plain: Any, bench: Any, runs: int, checkpointing: bool, name: str) -> list[dict[str, Any]]:
    """Rows of times (with tokens a second), and of the update's peak memory with what the planner predicted."""
    import torch

    # 16-bit sums in another order differ more; they must still be the same numbers
    apart = plain.agreement(bench, name, 1e-3 if bench.lalm.dtype == torch.float32 else 0.5)
    tokens, rows = bench.sizes.group * bench.sizes.completion, []
    for what in ("update", "rollout", "step"):
        ours, theirs = (median(times) for times in plain.alternate(bench.actions(what), runs))
        rows.append(
            {
                "name": f"gpu/{what}/{name}",
                **plain.described(bench),
                **plain.ratio(ours, theirs, "s", 4),
                "runs": runs,
                "difference": apart,
                "tokens_per_second": round(tokens / ours, 1),
                "tokens_per_second_plain": round(tokens / theirs, 1),
            }
        )
    rows.append({"name": f"gpu/memory/{name}", **plain.described(bench), **peaks(plain, bench, checkpointing)})
    return rows


def peaks(plain: Any, bench: Any, checkpointing: bool) -> dict[str, Any]:
    """Peak GB of an update with AdamW on both paths, the weights included, and the planner's prediction for ours."""
    import torch

    from emolab.training.meter import held_bytes, peak_bytes
    from emolab.training.planner import Workload, predict, size_from_config
    from emolab.training.planner import peaks as predicted_peaks

    lalm, found = bench.lalm, {}
    optimizer = torch.optim.AdamW([p for p in lalm.model.parameters() if p.requires_grad], lr=1e-6)
    for path, logprobs in (("ours", bench.our_logprobs), ("plain", bench.plain_logprobs)):

        def step(logprobs: Any = logprobs) -> None:
            bench.update(logprobs)
            optimizer.step()

        step()  # from the second on, the moments are there
        lalm.model.zero_grad(set_to_none=True)
        found[path] = (held_bytes(lalm.model, optimizer) + peak_bytes(step, lalm.device)) / 1e9
    size = size_from_config("random", lalm.base.config)
    load_ = Workload(
        1,
        bench.sizes.group,
        bench.batch.input_ids.shape[1],
        bench.sizes.completion,
        "nf4",
        RANK,
        checkpointing,
        lalm.dtype.itemsize,
    )
    predicted = predicted_peaks(predict(size, load_), context=0.0)[0]
    return {
        **plain.ratio(found["ours"], found["plain"], "GB", 4),
        "predicted": round(predicted, 4),
        "planner_error": round(predicted / found["ours"] - 1, 3),
    }
