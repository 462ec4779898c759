"""GRPO's step of a published model in 4 bits against the plain path, and what the planner said of it.

Weights are random (`benchmarks.rehearse.standin`), so nothing is downloaded: times and memory do not depend on their
values.
`emolab bench grpo-gpu --write` on a machine with a GPU fills the rows of `benchmarks/results/grpo.json` that say "not
measured"; `--small` runs the same code on three narrow layers on a CPU. A path that does not fit the card is a row that
says so.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from emolab.cli.bench import load_benchmark
from emolab.cli.output import JsonOption, command, emit

HERE = Path(__file__).resolve().parent
RANK = 16
MODELS = {"7b": "Qwen/Qwen2-Audio-7B-Instruct", "3b": "Qwen/Qwen2.5-Omni-3B", "2b": "Qwen/Qwen3-ASR-1.7B-hf"}


AGAINST = (
    "plain: the same trainer's plain path. stock: TRL's own trainer on the decoder as a text model of equal size, "
    "precision and lengths. stock-vllm: the same in 16 bits, sampled by vLLM in this process."
)
NO_ROOM = {"ratio": None, "plain": None, "note": "the plain path does not fit the card"}


def register(app: typer.Typer) -> None:
    """Add `grpo-gpu` to the group `bench`."""
    app.command("grpo-gpu")(grpo_gpu)


@command
def grpo_gpu(
    size: Annotated[str, typer.Option(help="7b (Qwen2-Audio), 3b (Qwen2.5-Omni) or 2b (Qwen3-ASR).")] = "7b",
    runs: Annotated[int, typer.Option(min=1, help="Steps of each, after one that warms up; medians are shown.")] = 3,
    group: Annotated[int, typer.Option(min=2, help="Completions of a prompt.")] = 8,
    prompts: Annotated[int, typer.Option(min=1, help="Prompts of a step, in one packed row.")] = 1,
    prompt: Annotated[int, typer.Option(help="Prompt length in tokens, its audio included.")] = 300,
    completion: Annotated[int, typer.Option(help="Completion length in tokens.")] = 128,
    seconds: Annotated[float, typer.Option(help="Length of the clip.")] = 10.0,
    checkpointing: Annotated[bool, typer.Option(help="Compute activations again in the backward pass.")] = False,
    small: Annotated[bool, typer.Option(help="Three narrow layers on a CPU: checks that it runs.")] = False,
    against: Annotated[str, typer.Option(help=AGAINST)] = "plain",
    write: Annotated[bool, typer.Option(help="Put the rows into the committed result and README's table.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Step time, tokens a second and peak memory of a 7 B model in 4 bits, and the planner's error."""
    import torch

    require(size, small, against, prompts)
    plain, report = load_benchmark(HERE / "grpo.py"), load_benchmark(HERE / "_grpo_report.py")
    bench = plain.Bench(
        random_4bit(MODELS[size], small, checkpointing), plain.Sizes(prompt, completion, group, seconds, prompts)
    )
    name = (f"{size}-small" if small else size) + (f"/x{prompts}" if prompts > 1 else "")
    if against == "plain":
        rows = measure(plain, bench, runs, checkpointing, name)
    else:
        rows = [against_stock(bench, runs, f"gpu/{against}/{name}", vllm=against == "stock-vllm")]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    several = f" --prompts {prompts}" if prompts > 1 else "" if against == "plain" else f" --against {against}"
    told = f"emolab bench grpo-gpu --size {size}{several} --write"
    result = {"device_gpu": device, "command_gpu": told, "rows": rows}
    if write:
        report.publish(result, plain.RESULT, HERE.parent / "README.md")
    emit({"device": device, **result}, as_json, report.render)


def require(size: str, small: bool, against: str, prompts: int) -> None:
    """Raise TrainingError for what cannot be measured here, with the reason."""
    import torch

    from benchmarks.gpu.parts import no_vllm
    from emolab.errors import TrainingError

    if size not in MODELS:
        raise TrainingError(f"--size {size}: expected {' or '.join(MODELS)}")
    if against not in ("plain", "stock", "stock-vllm"):
        raise TrainingError(f"--against {against}: expected plain, stock or stock-vllm")
    if against != "plain" and prompts > 1:
        raise TrainingError("TRL's own trainer is measured with one prompt a step; leave --prompts out")
    if against == "stock-vllm" and (why := no_vllm("cuda" if torch.cuda.is_available() else "cpu")):
        raise TrainingError(f"--against stock-vllm: {why}")
    if not small and not torch.cuda.is_available():
        raise TrainingError(
            "a model of this size needs a CUDA device, and none is here; --small runs the same code without"
        )


def against_stock(bench: Any, runs: int, name: str, vllm: bool) -> dict[str, Any]:
    """A row: our step with audio beside that of TRL's own trainer on the decoder as a text model.

    The text model lies in the build folder while this lasts: 7 GB for 3B, 15 GB for 7B.
    """
    from tempfile import TemporaryDirectory

    from emolab.paths import build_folder

    tools = load_benchmark(HERE / "_grpo_stock.py")
    build_folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=build_folder()) as folder:
        return {"name": name, **tools.stock_of_decoder(bench, runs, Path(folder), vllm, RANK)}


def random_4bit(name: str, small: bool, checkpointing: bool) -> Any:
    """A stand-in of a published model in 4 bits, with adapters that answer: 16 bits on a GPU, float32 elsewhere."""
    import torch

    from benchmarks.rehearse.standin import made_standin, published
    from benchmarks.tiny_models import quantise_model, tiny_random
    from emolab.lalm import load_model
    from emolab.lalm.quantise import add_lora
    from emolab.paths import build_folder

    if small:
        family = published(name).config["model_type"]
        lalm = quantise_model(tiny_random(family, hidden=256, layers=3))
    else:
        lalm = load_model(made_standin(build_folder() / "rehearsal", name), quantise="nf4")
    add_lora(lalm, RANK, 2 * RANK)
    for key, parameter in lalm.model.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, 0, 0.01)
    if checkpointing:
        lalm.model.activation_checkpointing_enable()
        lalm.model.enable_input_require_grads()
        lalm.model.train()
    return lalm


def measure(plain: Any, bench: Any, runs: int, checkpointing: bool, name: str) -> list[dict[str, Any]]:
    """Rows of times (with tokens a second), and of the update's peak memory with what the planner predicted."""
    import torch

    # 16-bit sums in another order differ more; they must still be the same numbers
    apart = plain.agreement(bench, name, 1e-3 if bench.lalm.dtype == torch.float32 else 0.5)
    tokens, rows = bench.sizes.rows * bench.sizes.completion, []
    ours, theirs = (timed(plain, bench, which, runs) for which in (0, 1))
    for what, seconds in ours.items():
        other = theirs.get(what)
        both = plain.ratio(seconds, other, "s", 4) if other else {**NO_ROOM, "ours": round(seconds, 4), "unit": "s"}
        rows.append(
            {
                "name": f"gpu/{what}/{name}",
                **bench.described(what),
                **both,
                "runs": runs,
                "difference": apart,
                "tokens_per_second": round(tokens / seconds, 1),
                "tokens_per_second_plain": round(tokens / other, 1) if other else None,
            }
        )
    rows.append({"name": f"gpu/memory/{name}", **bench.described("memory"), **peaks(plain, bench, checkpointing)})
    return rows


def timed(plain: Any, bench: Any, which: int, runs: int) -> dict[str, float]:
    """Median seconds of rollout, update and whole steps, ours (0) or plain (1), after a step that warms up.

    Empty where the card has no room for the path. Rollouts and updates are those of the same steps.
    """
    import torch

    try:
        rollout, update = plain.alternate([bench.actions(what)[which] for what in ("rollout", "update")], runs)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return {}
    steps = map(sum, zip(rollout, update, strict=True))
    return {"rollout": median(rollout), "update": median(update), "step": median(steps)}


def peaks(plain: Any, bench: Any, checkpointing: bool) -> dict[str, Any]:
    """Peak GB of an update with AdamW on both paths, the weights included, and the planner's prediction for ours."""
    import torch

    from benchmarks.meter import held_bytes, peak_bytes
    from emolab.training.planner import Workload, predict, size_of_model
    from emolab.training.planner import peaks as predicted_peaks

    lalm, found = bench.lalm, {}
    optimizer = torch.optim.AdamW([p for p in lalm.model.parameters() if p.requires_grad], lr=1e-6)
    for path, logprobs in (("ours", bench.our_logprobs), ("plain", bench.plain_logprobs)):

        def step(logprobs: Any = logprobs) -> None:
            bench.update(logprobs)
            optimizer.step()

        try:
            step()  # from the second on, the moments are there
            lalm.model.zero_grad(set_to_none=True)
            found[path] = (held_bytes(lalm.model, optimizer) + peak_bytes(step, lalm.device)) / 1e9
        except torch.OutOfMemoryError:
            lalm.model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
    size = size_of_model(lalm)
    load_ = Workload(
        bench.sizes.prompts,
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
        **(
            plain.ratio(*found.values(), "GB", 4)
            if len(found) == 2
            else {**NO_ROOM, "ours": found["ours"], "unit": "GB"}
        ),
        "predicted": round(predicted, 4),
        "planner_error": round(predicted / found["ours"] - 1, 3),
    }
