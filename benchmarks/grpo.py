"""GRPO's rollout, update and step against the plain path, in the same process, in alternating runs.

The plain path is what a TRL user would patch together: `generate` on G copies of the prompt with the audio repeated,
and a loss forward over G full rows that runs the audio tower again. Both use TRL's weights, the same completions and
the same LoRA free model; log-probabilities are compared before anything is timed. Sizes: P ≈ 300, C = 64, G = 8
unless told otherwise.

`limit` is the ratio of tokens, G(P + C) / (P + GC): what sharing the prompt can give an update at most, were a
token's cost always the same. A ratio beyond it means that something else was saved too (the tower, the head,
padding).
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from emolab.cli.bench import load
from emolab.cli.output import JsonOption, command, emit

SHAPES = {"tiny": (192, 6), "40m": (512, 8)}  # hidden size and layers of the language model
FAMILIES = {"omni": "Qwen2.5-Omni", "audio": "Qwen2-Audio, padded to 30 s"}


@dataclass(frozen=True)
class Sizes:
    """One situation: prompt and completion lengths in tokens, group size, seconds of audio."""

    prompt: int = 300
    completion: int = 64
    group: int = 8
    seconds: float = 4.0

    @property
    def limit(self) -> float:
        """G(P + C) / (P + GC)."""
        return self.group * (self.prompt + self.completion) / (self.prompt + self.group * self.completion)


def register(app: typer.Typer) -> None:
    """Add `grpo` to the group `bench`."""
    app.command("grpo")(grpo)


@command
def grpo(
    runs: Annotated[int, typer.Option(min=1, help="Alternating runs of each; medians are shown.")] = 5,
    only: Annotated[str | None, typer.Option(help="Only rows whose name contains this, e.g. update/40m.")] = None,
    growth: Annotated[bool, typer.Option(help="Also the update for G from 2 to 32 and for several P.")] = False,
    quick: Annotated[bool, typer.Option(help="A few tokens of a random two-layer model: checks that it runs.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the rows here, as JSON.")] = None,
    peak: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure rollout, update, step and memory against the plain path."""
    if peak is not None:
        emit({"peak": _peak_of(peak, quick)}, as_json, _nothing)
        return
    rows = [row for name, make in plan(runs, quick, growth) if only is None or only in name for row in make()]
    result = {"rows": rows, "device": _device(), "runs": runs}
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    emit(result, as_json, render)


def plan(runs: int, quick: bool, growth: bool) -> list[tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """Row names and what makes them."""
    sizes = Sizes(60, 8, 3, 0.5) if quick else Sizes()
    jobs: list[tuple[str, Callable[[], list[dict[str, Any]]]]] = []
    for shape in ("tiny", "40m"):
        jobs.append((f"update/{shape}", lambda s=shape: [compare("update", s, "omni", sizes, runs, quick)]))
    jobs.append(("update/40m-audio", lambda: [compare("update", "40m", "audio", sizes, runs, quick)]))
    for what in ("rollout", "step"):
        for family in FAMILIES:
            name = f"{what}/40m" + ("-audio" if family == "audio" else "")
            jobs.append((name, lambda w=what, f=family: [compare(w, "40m", f, sizes, runs, quick)]))
    jobs.append(("memory/40m", lambda: [memory(sizes, quick)]))
    if growth:
        for group in (2, 4, 8, 16, 32):
            at = Sizes(sizes.prompt, sizes.completion, group, sizes.seconds)
            jobs.append(
                (
                    f"update/40m/G{group}",
                    lambda a=at, g=group: [compare("update", "40m", "omni", a, runs, quick, f"update/40m/G{g}")],
                )
            )
        for prompt in (150, 300, 600, 1200):
            at = Sizes(prompt, sizes.completion, sizes.group, sizes.seconds)
            jobs.append(
                (
                    f"update/40m/P{prompt}",
                    lambda a=at, p=prompt: [compare("update", "40m", "omni", a, runs, quick, f"update/40m/P{p}")],
                )
            )
    return jobs


class Bench:
    """A random model, one prompt of the wanted length with audio in it, completions, and both ways through them."""

    def __init__(self, shape: str, family: str, sizes: Sizes, quick: bool = False):
        import torch

        torch.manual_seed(0)
        models = load(Path(__file__).with_name("_grpo_models.py"))
        self.sizes, self.lalm = sizes, models.random_model(family, *SHAPES[shape], quick)
        self.sample = _clip(sizes.seconds)
        one, eleven = (len(self.lalm.encode([self.sample], _asking(n)).input_ids[0]) for n in (1, 11))
        self.prompt = _asking(1 + max(0, round((sizes.prompt - one) * 10 / (eleven - one))))
        self.batch = self.lalm.encode([self.sample], self.prompt)
        vocabulary = self.lalm.table.weight.shape[0]
        self.ids = torch.randint(20, vocabulary, (sizes.group, sizes.completion), device=self.lalm.device)
        self.weights = torch.randn(sizes.group, 1, device=self.lalm.device)
        self.features = self._features()
        self._fuse_head()

    def _fuse_head(self) -> None:
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(self.lalm.model)

    def _features(self) -> dict[str, Any]:
        extractor = self.lalm.feature_extractor
        made = extractor(
            [self.sample.extra["waveform"]],
            sampling_rate=16_000,
            padding="max_length",
            truncation=False,
            return_attention_mask=True,
            return_tensors="pt",
        )
        group = self.sizes.group
        return {
            "input_features": made["input_features"].to(self.lalm.device).expand(group, -1, -1),
            "feature_attention_mask": made["attention_mask"].to(self.lalm.device).expand(group, -1),
        }

    def plain_logprobs(self) -> Any:
        """One full row a completion, the tower run for each: TRL's own call with the audio passed along."""
        import torch

        ids = torch.cat([self.batch.input_ids.expand(self.sizes.group, -1), self.ids], 1)
        labels = ids.clone()
        labels[:, : -self.sizes.completion] = -100
        out = self.lalm.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels, fused_lm_head=True, **self.features
        )
        return out.log_probs[:, -self.sizes.completion :]

    def our_logprobs(self) -> Any:
        """One packed row; the tower's output comes from the cache, as after a clip's first step."""
        import torch

        from emolab.lalm.packing import packed_logprobs

        batch = self.lalm.encode([self.sample], self.prompt)
        owner = torch.zeros(self.sizes.group, dtype=torch.long, device=self.ids.device)
        return packed_logprobs(self.lalm, batch, self.ids, torch.ones_like(self.ids), owner)

    def update(self, logprobs: Callable[[], Any]) -> None:
        """Forward and backward of a policy-gradient loss."""
        self.lalm.model.zero_grad(set_to_none=True)
        (logprobs() * self.weights).sum().backward()

    def plain_rollout(self) -> None:
        """`generate` on G copies of the prompt, the audio repeated, no early stop."""
        import torch

        ids = self.batch.input_ids.expand(self.sizes.group, -1)
        with torch.no_grad():
            self.lalm.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                max_new_tokens=self.sizes.completion,
                min_new_tokens=self.sizes.completion,
                **self.features,
            )

    def our_rollout(self) -> None:
        """One prefill, one cached clip, G completions."""
        batch = self.lalm.encode([self.sample], self.prompt)
        self.lalm.generate(batch, n=self.sizes.group, max_new_tokens=self.sizes.completion, seed=0)

    def actions(self, what: str) -> tuple[Callable[[], None], Callable[[], None]]:
        """(ours, plain) of "update", "rollout" or "step"."""
        update = (lambda: self.update(self.our_logprobs)), (lambda: self.update(self.plain_logprobs))
        rollout = self.our_rollout, self.plain_rollout
        if what == "step":
            return (lambda: (rollout[0](), update[0]())[1]), (lambda: (rollout[1](), update[1]())[1])
        return update if what == "update" else rollout


def _asking(words: int) -> Any:
    from emolab.prompts import Prompt

    return Prompt("bench", "v1", " ".join(["x"] * words), "plain", ("audio",))


def _clip(seconds: float) -> Any:
    from emolab.lalm.testing import noise_samples

    return noise_samples(1, seconds=(seconds,))[0]


def compare(
    what: str, shape: str, family: str, sizes: Sizes, runs: int, quick: bool = False, name: str | None = None
) -> dict[str, Any]:
    """Median seconds of `what` on both paths, after checking that they agree."""
    import torch

    bench = Bench(shape, family, sizes, quick)
    with torch.no_grad():
        apart = float((bench.our_logprobs() - bench.plain_logprobs()).abs().max())
    if apart > 1e-3:
        raise AssertionError(f"{what}/{shape}: the two paths differ by {apart:.1e}; their times mean nothing")
    ours, plain = bench.actions(what)
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for turn in range(runs + 1):
        for key, action in (("ours", ours), ("plain", plain)):
            _wait()
            start = time.perf_counter()
            action()
            _wait()
            if turn:  # the first pair warms up
                times[key].append(time.perf_counter() - start)
    ours_s, plain_s = median(times["ours"]), median(times["plain"])
    real = Sizes(bench.batch.input_ids.shape[1], sizes.completion, sizes.group, sizes.seconds)
    return {
        "name": name or f"{what}/{shape}" + ("-audio" if family == "audio" else ""),
        "ratio": round(plain_s / ours_s, 3),
        "ours": round(ours_s, 4),
        "plain": round(plain_s, 4),
        "limit": round(real.limit, 3),
        "unit": "s",
        "prompt": real.prompt,
        "completion": real.completion,
        "group": real.group,
        "difference": apart,
    }


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def memory(sizes: Sizes, quick: bool) -> dict[str, Any]:
    """Peak memory of one update above what the model takes, each path in a process of its own."""
    values = {}
    for path in ("ours", "plain"):
        call = [
            sys.executable,
            "-c",
            "from emolab.cli.main import main; main()",
            "bench",
            "grpo",
            "--peak",
            path,
            "--json",
        ]
        call += ["--quick"] if quick else []
        done = subprocess.run(call, check=True, capture_output=True, text=True)
        values[path] = json.loads(done.stdout)["peak"]
    return {
        "name": "memory/40m",
        "ratio": round(values["plain"] / values["ours"], 3),
        "ours": round(values["ours"], 1),
        "plain": round(values["plain"], 1),
        "limit": round(sizes.limit, 3),
        "unit": "MB",
    }


def _peak_of(path: str, quick: bool) -> float:
    import torch

    bench = Bench("40m", "omni", Sizes(60, 8, 3, 0.5) if quick else Sizes(), quick)
    logprobs = bench.our_logprobs if path == "ours" else bench.plain_logprobs
    for parameter in bench.lalm.model.parameters():  # gradients belong to the model, not to the path
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    gc.collect()
    if torch.cuda.is_available():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        (logprobs() * bench.weights).sum().backward()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (logprobs() * bench.weights).sum().backward()
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mb, 0.1)


def _device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads"


def _nothing(result: dict[str, Any]) -> None:
    typer.echo(json.dumps(result))


def render(result: dict[str, Any]) -> None:
    """Print the rows as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"GRPO against the plain path on {result['device']}, medians of {result['runs']}", title_justify="left"
    )
    for column in ("", "ratio", "ours", "plain", "unit", "token limit"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    for row in result["rows"]:
        table.add_row(
            row["name"],
            f"{row['ratio']:.2f}×",
            f"{row['ours']:.3f}",
            f"{row['plain']:.3f}",
            row["unit"],
            f"{row['limit']:.2f}",
        )
    Console().print(table)
