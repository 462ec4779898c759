"""GRPO's rollout, update and step against the plain path, in the same process, in alternating runs.

The plain path is what a TRL user would patch together: `generate` on G copies of the prompt with the audio repeated,
and a loss forward over G full rows that runs the audio tower again. Both use TRL's weights, the same completions and
the same model; log-probabilities are compared before anything is timed.

Two kinds of steps are measured. Random ones have sizes (P ≈ 300, C = 64, G = 8 unless told otherwise), random weights
without LoRA, and completions of random tokens, all as long as they may be: nothing is shared but the prompt. Real ones
are the first steps of the recipes on a CPU (`_grpo_steps`): the shipped model with its adapters, its own answers.

`limit` is the ratio of tokens that the paths run; for a random step G(P + C) / (P + GC): what sharing the prompt can
give an update at most, were a token's cost always the same. A ratio beyond it means that something else was saved too:
the tower, and what grows faster than the tokens do. Both sides multiply with the same kernels.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from emolab.cli.bench import load_benchmark
from emolab.cli.output import JsonOption, command, emit

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "grpo.json"
SHAPES = {"tiny": (192, 6), "40m": (512, 8)}  # hidden size and layers of the language model
FAMILIES = {"omni": "", "audio": "-audio"}  # Qwen2.5-Omni; Qwen2-Audio, padded to 30 s: the end of its rows' names
Clock = Callable[[], float]
GROUPS, PROMPTS = (2, 4, 8, 16, 32), (150, 300, 600, 1200)


@dataclass(frozen=True)
class Sizes:
    """One situation: prompt and completion lengths in tokens, group size, seconds of audio, prompts of a step."""

    prompt: int = 300
    completion: int = 64
    group: int = 8
    seconds: float = 4.0
    prompts: int = 1

    @property
    def rows(self) -> int:
        """Completions of a step."""
        return self.prompts * self.group

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
    write: Annotated[bool, typer.Option(help="Put the rows into the committed result, plot and README table.")] = False,
    cpu_time: Annotated[bool, typer.Option(help="Count CPU seconds: where other work shares the cores.")] = False,
    profile: Annotated[bool, typer.Option(help="Also where the time of our update and rollout goes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure rollout, update, step and memory against the plain path."""
    clock = time.process_time if cpu_time else time.perf_counter
    report = load_benchmark(HERE / "_grpo_report.py")
    rows = [loaded(make) for name, make in plan(runs, quick, growth, clock) if only is None or only in name]
    device = _device() + (", CPU seconds" if cpu_time else "")
    result = {
        "command": " ".join(
            ["emolab bench grpo", *(["--growth"] if growth else []), *(["--cpu-time"] if cpu_time else []), "--write"]
        ),
        "device": device,
        "rows": rows,
    }
    if profile:
        result["profile"] = profiles(quick)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if write:
        report.publish(result, RESULT, HERE.parent / "README.md")
    emit(result, as_json, report.render)


def loaded(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A row, with the machine's load while it was measured: what other processes took, and this one."""
    row = make()
    return {**row, "load": round(os.getloadavg()[0], 1)}


def plan(
    runs: int, quick: bool, growth: bool, clock: Clock = time.perf_counter
) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    """Row names and what makes them."""
    sizes = Sizes(60, 8, 3, 0.5) if quick else Sizes()
    jobs: list[tuple[str, Callable[[], dict[str, Any]]]] = []

    def add_job(name: str, what: str, bench: Callable[[], Bench]) -> None:
        make = {"memory": memory, "stock": against_stock}.get(what, compare)
        jobs.append((name, lambda: {"name": name, **make(bench(), what, runs, clock)}))

    def add(name: str, what: str, shape: str, family: str, at: Sizes) -> None:
        add_job(name, what, lambda: random_bench(shape, family, at, quick))

    add("update/tiny", "update", "tiny", "omni", sizes)
    report, steps = (load_benchmark(HERE / f"{name}.py") for name in ("_grpo_report", "_grpo_steps"))
    for what in report.PARTS:
        for family, ending in FAMILIES.items():
            add(f"{what}/40m{ending}", what, "40m", family, sizes)
    add("stock/40m", "stock", "40m", "omni", sizes)
    for recipe in report.STEPS:
        for what in report.PARTS:
            add_job(f"{what}/{recipe}", what, lambda recipe=recipe: steps.step_bench(recipe, quick))
    if growth:
        for group in GROUPS:
            at = Sizes(sizes.prompt, sizes.completion, group, sizes.seconds)
            add(f"update/40m/G{group}", "update", "40m", "omni", at)
        for prompt in PROMPTS:
            at = Sizes(prompt, sizes.completion, sizes.group, sizes.seconds)
            add(f"update/40m/P{prompt}", "update", "40m", "omni", at)
    return jobs


class Bench:
    """A model, prompts of the wanted length with audio in them, completions, and both ways through them.

    `ids` and `mask` (rows, C) are the completions, `weights` (rows, 1) what the loss multiplies their log-probabilities
    by, `live` the rows that teach; `features` is what transformers' own forward takes, a row's beside another's;
    `most` the tokens that may be sampled, and `length` those that transformers' `generate` samples. The plain update
    takes `at_once` rows in a forward.
    """

    seed, at_once = 0, 1 << 30

    def __init__(self, lalm: Any, sizes: Sizes):
        import torch

        torch.manual_seed(0)
        self.sizes, self.lalm = sizes, lalm
        self.samples = _clips(sizes.seconds, sizes.prompts)
        one, eleven = (len(self.lalm.encode(self.samples[:1], _asking(n)).input_ids[0]) for n in (1, 11))
        self.prompt = _asking(1 + max(0, round((sizes.prompt - one) * 10 / (eleven - one))))
        self.batch = self.lalm.encode(self.samples, self.prompt)
        vocabulary = min(self.lalm.table.weight.shape[0], 2048)
        self.ids = torch.randint(20, vocabulary, (sizes.rows, sizes.completion), device=self.lalm.device)
        self.mask, self.live = torch.ones_like(self.ids), torch.arange(sizes.rows, device=self.lalm.device)
        self.most = self.length = sizes.completion
        self.eos_token, ending = lalm.tokenizer.eos_token, lalm.base.generation_config
        ending.eos_token_id = lalm.template_end = lalm.tokenizer.eos_token = None  # no completion ends early
        self.weights = torch.randn(sizes.rows, 1, device=self.lalm.device)
        self.features = self._features()
        self._fuse_head()

    def _fuse_head(self) -> None:
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(self.lalm.base)

    def _features(self) -> dict[str, Any]:
        extractor, takes = self.lalm.feature_extractor, signature(self.lalm.base.forward).parameters
        mask = next(name for name in ("feature_attention_mask", "input_features_mask") if name in takes)
        made = extractor(
            [sample.extra["waveform"] for sample in self.samples],
            sampling_rate=16_000,
            padding="max_length" if mask == "feature_attention_mask" else True,  # as the published processors pad
            truncation=False,
            return_attention_mask=True,
            return_tensors="pt",
        )
        group = self.sizes.group
        features = {
            "input_features": made["input_features"].to(self.lalm.device, self.lalm.dtype),
            mask: made["attention_mask"].to(self.lalm.device),
        }
        return {name: value.repeat_interleave(group, 0) for name, value in features.items()}

    def plain_prompts(self) -> tuple[Any, Any]:
        """Ids and mask of every row's prompt, padded on the left."""
        group = self.sizes.group
        return self.batch.input_ids.repeat_interleave(group, 0), self.batch.mask.repeat_interleave(group, 0)

    def features_of(self, rows: slice) -> dict[str, Any]:
        """What transformers' own forward takes for some rows."""
        return {name: value[rows] for name, value in self.features.items()}

    def plain_logprobs(self, rows: slice = slice(None)) -> Any:
        """One full row a completion, the towers run for each: TRL's own call with the media passed along."""
        import torch

        pairs = zip(self.plain_prompts(), (self.ids, self.mask), strict=True)
        ids, mask = (torch.cat([part[rows] for part in pair], 1) for pair in pairs)
        labels = ids.clone()
        labels[:, : -self.sizes.completion] = -100
        given = self.features_of(rows)
        out = self.lalm.model(input_ids=ids, attention_mask=mask, labels=labels, fused_lm_head=True, **given)
        return out.log_probs[:, -self.sizes.completion :] * self.mask[rows]

    def plain_parts(self) -> list[slice]:
        """The rows of each forward of the plain update."""
        return [slice(at, at + self.at_once) for at in range(0, len(self.ids), self.at_once)]

    def our_logprobs(self, every: bool = False) -> Any:
        """One packed row of the rows that teach, or of `every` one, and 0 for the others; the towers' output comes from
        the cache, as after a clip's first step."""
        import torch

        from emolab.lalm import accel

        batch, rows = self.lalm.encode(self.samples, self.prompt), self.rows(every)
        scores = accel.logprobs(self.lalm, batch, self.completions(rows))
        return torch.zeros_like(self.mask, dtype=scores.dtype).index_copy(0, rows, scores)

    def rows(self, every: bool) -> Any:
        """The numbers of the rows that teach, or of `every` one."""
        import torch

        return torch.arange(len(self.ids), device=self.ids.device) if every else self.live

    def completions(self, rows: Any) -> Any:
        """The completions of some rows."""
        from emolab.lalm.batch import FlatCompletions

        return FlatCompletions(self.ids[rows], self.mask[rows], rows // self.sizes.group)

    def apart(self) -> float:
        """The largest difference of both paths' log-probabilities, over all rows."""
        import torch

        with torch.no_grad():
            plain = torch.cat([self.plain_logprobs(rows) for rows in self.plain_parts()])
            return float((self.our_logprobs(every=True) - plain).abs().max())

    def described(self, what: str) -> dict[str, Any]:
        """What is measured: the real prompt length, and the limit that follows from it."""
        real = replace(self.sizes, prompt=self.batch.input_ids.shape[1])
        told = {"prompt": real.prompt, "completion": real.completion, "group": real.group, "prompts": real.prompts}
        return {"limit": round(real.limit, 3), **told}

    def update(self, logprobs: Callable[[], Any]) -> None:
        """Forward and backward of a policy-gradient loss."""
        self.lalm.model.zero_grad(set_to_none=True)
        (logprobs() * self.weights).sum().backward()

    def plain_update(self) -> None:
        """The same of the plain path, some rows at a time."""
        self.lalm.model.zero_grad(set_to_none=True)
        for rows in self.plain_parts():
            (self.plain_logprobs(rows) * self.weights[rows]).sum().backward()

    def plain_rollout(self) -> None:
        """`generate` on G copies of each prompt, the media repeated, as many tokens as our rollout took."""
        import torch

        ids, mask = self.plain_prompts()
        with torch.no_grad():
            self.lalm.model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                top_k=0,
                max_new_tokens=self.length,
                min_new_tokens=self.length,
                pad_token_id=self.lalm.pad_id,
                **self.features_of(slice(None)),
            )

    def our_rollout(self, known: bool = True) -> Any:
        """One prefill for each prompt, G completions. The towers run once for each clip, unless the clips are
        `known`: their embeddings are cached from an earlier step or stage."""
        if not known:
            self.lalm.cache.clear()
        batch = self.lalm.encode(self.samples, self.prompt)
        return self.lalm.generate(batch, n=self.sizes.group, max_new_tokens=self.most, seed=self.seed)

    def actions(self, what: str, known: bool = False) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """(ours, plain) of "update", "rollout" or "step", of clips that are `known` or not (see `our_rollout`)."""
        update = (lambda: self.update(self.our_logprobs)), self.plain_update
        rollout = (lambda: self.our_rollout(known)), self.plain_rollout
        if what == "step":
            return (lambda: (rollout[0](), update[0]())[1]), (lambda: (rollout[1](), update[1]())[1])
        return update if what == "update" else rollout


def _asking(words: int) -> Any:
    from emolab.prompts import Prompt

    return Prompt("bench", "v1", " ".join(["x"] * words), "plain", ("audio",))


def _clips(seconds: float, count: int) -> Any:
    from benchmarks.tiny_models import noise_samples

    return noise_samples(count, seconds=(seconds,) * count)


def random_bench(shape: str, family: str, sizes: Sizes, quick: bool = False) -> Bench:
    """The situation with a random model of a shape and a family."""
    import torch

    torch.manual_seed(0)
    return Bench(load_benchmark(HERE / "_grpo_models.py").random_model(family, *SHAPES[shape], quick), sizes)


def compare(bench: Bench, what: str, runs: int, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Median seconds of `what` on both paths, after checking that they agree; `again` are ours for known clips."""
    apart = agreement(bench, what)
    actions = [*bench.actions(what), *([] if what == "update" else bench.actions(what, known=True)[:1])]
    ours, plain, *again = (median(times) for times in alternate(actions, runs, clock))
    found = {**bench.described(what), **ratio(ours, plain, "s", 4), "runs": runs, "difference": apart}
    return found | ({"again": round(again[0], 4)} if again else {})


def agreement(bench: Bench, name: str, tolerance: float = 1e-3) -> float:
    """The largest difference of the two paths' log-probabilities. Raises AssertionError beyond `tolerance`."""
    apart = bench.apart()
    if not apart <= tolerance:
        raise AssertionError(f"{name}: the two paths differ by {apart:.1e}; their times mean nothing")
    return apart


def alternate(
    actions: Sequence[Callable[[], Any]], runs: int, clock: Clock = time.perf_counter
) -> list[tuple[float, ...]]:
    """Seconds of each action, one after the other, `runs` times after a round that warms up."""
    rounds = []
    for _ in range(runs + 1):
        times = []
        for action in actions:
            wait()
            start = clock()
            action()
            wait()
            times.append(clock() - start)
        rounds.append(times)
    return list(zip(*rounds[1:], strict=True))


def ratio(ours: float, plain: float, unit: str, digits: int) -> dict[str, Any]:
    """Both values and how many times more the plain path takes."""
    return {"ratio": round(plain / ours, 3), "ours": round(ours, digits), "plain": round(plain, digits), "unit": unit}


def memory(bench: Bench, what: str, runs: int, clock: Clock) -> dict[str, Any]:
    """Peak memory of one update beyond the model and its gradients, which belong to the model and not to a path."""
    import torch

    from benchmarks.meter import peak_bytes

    for parameter in bench.lalm.model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    ours, plain = (
        peak_bytes(lambda p=path: (p() * bench.weights).sum().backward(), bench.lalm.device) / 2**20
        for path in (bench.our_logprobs, bench.plain_logprobs)
    )
    return {**bench.described(what), **ratio(ours, plain, "MB", 1)}


def against_stock(bench: Bench, what: str, runs: int, clock: Clock) -> dict[str, Any]:
    """A whole step with audio beside one of TRL's own trainer on a text model of equal size and lengths."""
    tools = load_benchmark(HERE / "_grpo_stock.py")
    found: dict[str, Any] = tools.stock(bench, tools.text_model(bench.lalm), runs, clock)
    return found


def profiles(quick: bool) -> dict[str, dict[str, float]]:
    """Shares of the time of our update and of our rollout, by kind of operation."""
    tools, bench = load_benchmark(HERE / "_grpo_stock.py"), random_bench("40m", "omni", Sizes(), quick)
    return {what: tools.profile(bench.actions(what)[0]) for what in ("update", "rollout")}


def wait() -> None:
    """Until a card has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _processor() -> str:
    """The processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "a CPU"


def _device() -> str:
    import torch

    threads = torch.get_num_threads()
    cpu = f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}, torch {torch.__version__}"
    return torch.cuda.get_device_name() if torch.cuda.is_available() else cpu
