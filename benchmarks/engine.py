"""How far a vLLM server's log-probabilities lie from ours: the same completions, scored by both.

`emolab bench engine` pushes random adapters to a server, samples completions of noise clips there, and scores them
here. As a control, the same completions are scored with other adapters: what a push that did not arrive would look
like, and what the bound of `emolab.training.engine` must catch. Then it trains a few steps of GRPO on the server's
rollouts. Without a server it writes the decoder and prints the command that starts one.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "engine.json"


def register(app: typer.Typer) -> None:
    """Add `engine` to the group `bench`."""
    app.command("engine")(engine)


@command
def engine(
    url: Annotated[str, typer.Option(help="Where the vLLM server answers.")] = "http://localhost:8000",
    prompts: Annotated[int, typer.Option(min=1, help="Noise clips.")] = 10,
    group: Annotated[int, typer.Option(min=2, help="Completions of each.")] = 10,
    tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 24,
    steps: Annotated[int, typer.Option(help="GRPO steps on the server's rollouts.")] = 3,
    out: Annotated[Path, typer.Option(help="Where the decoder and the adapters are written.")] = Path("build/engine"),
    write: Annotated[bool, typer.Option(help="Put the result into benchmarks/results.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a vLLM server's log-probabilities with ours, and train a few steps on its rollouts."""
    result = measure(url, prompts, group, tokens, out) | {"grpo": train(url, steps, out)}
    if write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    emit(result, as_json, lambda found: typer.echo(json.dumps(found, indent=1)))


def adapted(seed: int = 0) -> Any:
    """The shipped model with adapters that are not zero."""
    import torch

    from emolab.lalm import load_model
    from emolab.lalm.quantise import add_lora

    lalm = add_lora(load_model("tiny-omni"))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.02 * torch.randn(parameter.shape, generator=generator)
    return lalm


def measure(url: str, prompts: int, group: int, tokens: int, out: Path) -> dict[str, Any]:
    """Differences of a token's log-probability over `prompts` × `group` completions, and those of a stale adapter."""
    import torch

    from benchmarks.tiny_models import noise_samples
    from emolab.prompts import get_prompt
    from emolab.training.engine import Engine

    lalm = adapted()
    server = Engine(lalm, out, url)
    server.sync_weights()
    batch = lalm.encode(noise_samples(prompts, seconds=(1.0, 1.5, 2.0)), get_prompt("voice"))
    start = time.perf_counter()
    done = server.generate(batch, group, tokens, seed=0)
    seconds = time.perf_counter() - start
    mask = done.mask.bool()
    with torch.no_grad():
        apart = (lalm.logprobs(batch, done) - done.logprobs)[mask].abs()
        stale = (adapted(1).logprobs(batch, done) - done.logprobs)[mask].abs()
    return {
        "server": server.client.session.get(f"{server.client.base_url}/version").json(),
        "completions": prompts * group,
        "tokens": int(mask.sum()),
        "distinct": len({text for texts in done.texts for text in texts}),
        "mean_difference": float(apart.mean()),
        "largest_difference": float(apart.max()),
        "mean_difference_with_other_adapters": float(stale.mean()),
        "seconds": round(seconds, 2),
        "dtype": str(lalm.dtype),
    }


def train(url: str, steps: int, out: Path) -> list[dict[str, float]]:
    """A few steps of GRPO on the server's rollouts: TRL's own figures of the two distributions, step by step."""
    from benchmarks.tiny_models import noise_samples
    from emolab.prompts import get_prompt
    from emolab.training.callbacks import History
    from emolab.training.engine import Engine
    from emolab.training.grpo import AudioGRPOTrainer, grpo_config

    lalm = adapted()
    history = History(out / "metrics.jsonl")
    args = grpo_config(
        out, prompts_per_step=2, group_size=4, max_steps=steps, learning_rate=1e-3, max_completion_length=24
    )
    AudioGRPOTrainer(
        lalm,
        noise_samples(4, seconds=(1.0, 1.5)),
        get_prompt("voice"),
        lambda completions, **_: [float(len(text)) for text in completions],
        args,
        callbacks=[history],
        engine=Engine(lalm, out, url),
    ).train()
    kept = ("step", "loss", "grad_norm", "engine_difference", "engine_difference_max", "engine_ratio")
    return [{name: row[name] for name in kept} for row in history.rows]
