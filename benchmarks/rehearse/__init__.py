"""`emolab rehearse`: walk a GPU profile's whole way with a stand-in of its model: real sizes, random weights.

The walk needs no download and no card: on a CPU it runs the same code on fewer and shorter completions. Beside each
phase stands the memory that the planner predicts. On a CPU, memory is the tensors' own (allocations are counted);
on a card, it is what PyTorch's allocator held.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

if TYPE_CHECKING:
    from emolab.lalm import LALM
    from emolab.profiles import Profile

ANSWER = "<answer>sad</answer>"
CPU_STEP = {"prompts": 1, "group": 2, "tokens": 6}
"""A step on a CPU, where every decoded token of a 7B model takes some twenty seconds."""


def register(app: typer.Typer) -> None:
    """Add `rehearse` to `app`."""
    app.command("rehearse")(rehearse)


@command
def rehearse(
    profile: Annotated[str, typer.Argument(help="A GPU profile, or a published model's hub id.")],
    layers: Annotated[int | None, typer.Option(min=1, help="Only so many decoder layers.")] = None,
    narrow: Annotated[bool, typer.Option(help="Small widths, with the real key layout: for tests.")] = False,
    keep: Annotated[bool, typer.Option(help="Keep the folder of the model.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; a card by default, where there is one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the result into this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build a profile's model with random weights, and walk from loading to training and attribution.

    The phases are: build, load, encode, zero-shot, one SFT step, one GRPO step, checkpoint, load again, predict,
    attribute and export. Each is shown with its seconds, its peak memory and the planner's figure.
    """
    from emolab.files import write_json

    result = Rehearsal.of(profile, layers, narrow, device).run(keep)
    if out is not None:
        write_json(out, result)
    emit(result, as_json, render)


@dataclass
class Rehearsal:
    """One walk: what is rehearsed, where, and the rows of what was measured."""

    name: str
    profile: Profile
    layers: int | None
    narrow: bool
    device: str
    step: dict[str, int]
    folder: Path
    base: Path = Path()
    trained: Path = Path()
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, layers: int | None, narrow: bool, device: str | None) -> Rehearsal:
        """The walk of a profile, or of a published model with the settings of the profile `gpu-24gb`.

        Raises EmolabError for a name that is neither, and for the profile `cpu`, whose model is shipped.
        """
        import torch

        from benchmarks.rehearse.standin import PUBLISHED, published
        from emolab.errors import ModelError
        from emolab.paths import build_folder
        from emolab.profiles import PROFILES

        chosen = PROFILES.get(name) or replace(PROFILES["gpu-24gb"], model=name)
        if chosen.name == "cpu":
            raise ModelError(f"rehearse a GPU profile, or one of {', '.join(PUBLISHED)}: the cpu profile's is shipped")
        published(chosen.model)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        full = {"prompts": chosen.prompts_per_step, "group": chosen.group_size, "tokens": chosen.max_new_tokens}
        return cls(
            name, chosen, layers, narrow, device, CPU_STEP if device == "cpu" else full, build_folder() / "rehearsal"
        )

    def run(self, keep: bool = False) -> dict[str, Any]:
        """Build, walk, remove the folder unless `keep`; returns the whole result."""
        from emolab.evaluate.results import provenance

        try:
            self.walk()
        finally:
            shutil.rmtree(self.folder / "run", ignore_errors=True)
            if not keep:
                shutil.rmtree(self.base, ignore_errors=True)
                shutil.rmtree(self.trained, ignore_errors=True)
        config = {"profile": self.name, "layers": self.layers, "narrow": self.narrow, **self.step}
        worst = max((abs(row["error"]) for row in self.rows if row["error"] is not None), default=0.0)
        found = {"model": self.profile.model, "phases": self.rows, "worst_error": worst}
        return found | provenance(config, 0, self.machine()) | {"command": self.command()}

    def machine(self) -> str:
        """The card's name, or how many threads of a CPU."""
        import torch

        return torch.cuda.get_device_name() if self.device != "cpu" else f"cpu, {torch.get_num_threads()} thread(s)"

    def command(self) -> str:
        """What was asked, without this machine's paths."""
        small = f" --layers {self.layers}" if self.layers else ""
        return f"emolab rehearse {self.name}{small}{' --narrow' if self.narrow else ''}"

    def walk(self) -> None:
        """All phases, in order; the trained model is gone before it is loaded again."""
        kept = self.train()
        gc.collect()
        self.use(*kept)
        gc.collect()
        self.export()

    def train(self) -> tuple[Any, Any, Any, Any]:
        """From building to a checkpoint; returns prompts, samples, prompt and the scores of the trained model."""
        from benchmarks.rehearse.standin import made_standin
        from benchmarks.tiny_models import noise_samples
        from emolab.lalm.checkpoint import save_checkpoint
        from emolab.lalm.quantise import add_lora
        from emolab.prompts import PROMPTS

        asked = (self.profile.model, self.layers, self.narrow)
        self.base = self.phase("build", lambda: made_standin(self.folder, *asked))
        self.trained = self.base.with_name(f"{self.base.name}-trained")
        lalm: LALM = self.phase("load", lambda: self.load(self.base))
        add_lora(lalm, rank=16)
        plan = Expected(lalm, self.profile, self.step)
        self.compare(self.rows[-1], held(lalm), plan.weights())
        samples = noise_samples(2, (2.4, 3.1), frames=4 if "video" in lalm.modalities else 0)
        prompt = PROMPTS["direct"].using(*lalm.modalities)
        batch = self.counted("encode", lalm, lambda: lalm.encode(samples, prompt), plan.weights)
        plan.prompt_tokens = batch.input_ids.shape[1]
        self.counted("zero-shot", lalm, lambda: zero_shot(lalm, batch, prompt), plan.scoring)
        self.counted("SFT step", lalm, lambda: sft_step(lalm, samples, prompt), plan.fine_tuning)
        self.counted("GRPO step", lalm, lambda: self.grpo_step(lalm, samples, prompt), plan.reinforcing)
        note = {"model": str(self.base), "quantise": self.profile.quantise, "prompt": prompt.name}
        self.phase("checkpoint", lambda: save_checkpoint(self.trained, lalm, note))
        return batch, samples, prompt, zero_shot(lalm, batch.select([0]), prompt)

    def use(self, batch: Any, samples: Any, prompt: Any, before: Any) -> None:
        """What follows training: the same scores as before saving, a prediction and an attribution."""
        from emolab.attribution.explain import explain
        from emolab.evaluate.predict import predict

        lalm: LALM = self.phase("load again", lambda: self.load(self.base, adapter=self.trained))
        plan = Expected(lalm, self.profile, self.step, batch.input_ids.shape[1])
        self.compare(self.rows[-1], held(lalm), plan.weights())
        apart = float((zero_shot(lalm, batch.select([0]), prompt) - before).abs().max())
        self.rows[-1]["note"] = f"scores as before saving to {apart:.1e}"
        one = samples[0]
        asked = partial(predict, lalm, one, prompt=prompt, max_new_tokens=3)
        self.counted("predict", lalm, asked, lambda: plan.scoring(prompts=1))
        asked = partial(explain, lalm, one, prompt, [], masker="silence", fine=False)
        self.counted("attribute", lalm, asked, lambda: plan.attributing(2 ** len(prompt.modalities)))

    def export(self) -> None:
        """Merge the adapters into a dense model on the host, where the host has room for it."""
        import psutil

        from emolab.lalm.export import merge

        needed = 1.2 * sum(path.stat().st_size for path in self.base.glob("*.safetensors"))
        if psutil.virtual_memory().available < needed:
            self.phase("export", lambda: None)
            self.rows[-1]["note"] = f"left out: merging needs {needed / 1e9:.0f} GB of host memory"
            return
        merged = self.base.with_name(f"{self.base.name}-merged")
        try:
            self.phase("export", lambda: merge(self.trained, merged))
        finally:
            shutil.rmtree(merged, ignore_errors=True)

    # Phases -----------------------------------------------------------------------------------------------------------

    def load(self, folder: Path, adapter: Path | None = None) -> LALM:
        """The model as the profile loads it: in its bits and dtype, on this machine's device."""
        return self.profile.load(folder, device=self.device, dtype=self.profile.dtype, adapter=adapter)

    def phase(self, name: str, work: Callable[[], Any]) -> Any:
        """Do a phase and note its seconds, and the process's resident memory: the most during it, and at its end."""
        from emolab_course.memory import PeakMemory

        from benchmarks.meter import resident_bytes

        wall, cpu = time.perf_counter(), time.process_time()
        with PeakMemory(resident_bytes, 0.01) as most:
            found = work()
        self.rows.append(
            {
                "phase": name,
                "seconds": round(time.perf_counter() - wall, 1),
                "cpu_seconds": round(time.process_time() - cpu, 1),
                "peak_gb": None,
                "planned_gb": None,
                "error": None,
                "resident_gb": round(resident_bytes() / 1e9, 2),
                "resident_peak_gb": round(most.peak / 1e9, 2),
                "note": "",
            }
        )
        typer.echo(line(self.rows[-1]), err=True)
        return found

    def counted(self, name: str, lalm: LALM, work: Callable[[], Any], planned: Callable[[], float]) -> Any:
        """A phase whose peak memory is counted, model included."""
        from benchmarks.meter import peak_bytes

        kept: list[Any] = []
        before = held(lalm)
        peak = self.phase(name, lambda: peak_bytes(lambda: kept.append(work()), lalm.device))
        self.compare(self.rows[-1], before + peak / 1e9, planned())
        return kept[0]

    def compare(self, row: dict[str, Any], gigabytes: float, planned: float) -> None:
        """Note a phase's memory beside the planner's."""
        row |= {"peak_gb": round(gigabytes, 3), "planned_gb": round(planned, 3)}
        row["error"] = round(planned / gigabytes - 1, 3)
        typer.echo(f"{'':<12}{gigabytes:8.2f} GB, planned {planned:.2f} ({row['error']:+.0%})", err=True)

    def grpo_step(self, lalm: LALM, samples: Any, prompt: Any) -> dict[str, Any]:
        """One step of the trainer, with rewards that differ within every group."""
        from emolab.training.grpo import AudioGRPOTrainer, grpo_config

        def every_other(completions: Any, **columns: Any) -> list[float | None]:
            return [float(i % 2) for i in range(len(completions))]

        args = grpo_config(
            self.folder / "run",
            prompts_per_step=self.step["prompts"],
            group_size=self.step["group"],
            max_completion_length=self.step["tokens"],
            micro_batches=self.step["prompts"],
            gradient_checkpointing=True,
            max_steps=1,
            learning_rate=self.profile.learning_rate,
            use_cpu=self.device == "cpu",
        )
        trainer = AudioGRPOTrainer(lalm, samples, prompt, every_other, args)
        trainer.train()
        return {"grad_norm": float(trainer.state.log_history[0]["grad_norm"])}


def held(lalm: LALM) -> float:
    """GB of a model's tensors."""
    from benchmarks.meter import held_bytes

    return held_bytes(lalm.model) / 1e9


def zero_shot(lalm: LALM, batch: Any, prompt: Any) -> Any:
    """Scores of the prompt's labels, (B, L)."""
    import torch

    with torch.no_grad():
        return lalm.label_scores(batch, prompt.labels)


def sft_step(lalm: LALM, samples: Any, prompt: Any) -> Any:
    """One step of supervised fine-tuning on two clips, a clip at a time, layers computed again in the backward."""
    from emolab.training.sft import SFTSettings, fine_tune

    settings = SFTSettings(epochs=1, batch_size=2, micro_batches=2, gradient_checkpointing=True, learning_rate=1e-3)
    return fine_tune(lalm, samples, [ANSWER] * len(samples), prompt, settings, progress=False)


class Expected:
    """What the planner says of each phase, in GB, for tensors alone: no CUDA context, no fragmentation."""

    def __init__(self, lalm: LALM, profile: Profile, step: dict[str, int], prompt_tokens: int = 0):
        from emolab.training.planner import Workload, size_of_model

        self.size, self.prompt_tokens = size_of_model(lalm), prompt_tokens
        self.load = Workload(1, step["group"], 0, step["tokens"], profile.quantise, 16, True, lalm.dtype.itemsize)
        self.load = replace(self.load, step_prompts=step["prompts"])
        self.answer = len(lalm.tokenizer(ANSWER)["input_ids"]) + 1
        self.folded = folded_gb(lalm)

    def parts(self, **changes: Any) -> dict[str, float]:
        """The planner's parts of a step."""
        from emolab.training.planner import predict

        return predict(self.size, replace(self.load, prompt_tokens=self.prompt_tokens, **changes))

    def weights(self) -> float:
        """Weights and adapters, without gradients and moments."""
        parts = self.parts()
        return parts["weights"] + parts["adapters"] / 4

    def scoring(self, prompts: int = 2) -> float:
        """Seven answers to each prompt, without a gradient: one layer's activations at a time."""
        from emolab.training.planner import activation_bytes

        parts = self.parts(prompts=prompts, group=7, completion_tokens=self.answer)
        tokens = prompts * (self.prompt_tokens + 7 * (self.answer - 1))
        layer = activation_bytes(self.size, self.load) * tokens / 1e9
        return self.weights() + parts["logits"] * 2 / 3 + parts["unpacked weight"] + layer  # logits have no gradient

    def attributing(self, coalitions: int) -> float:
        """Seven answers to each coalition of one prompt, and the weights that are folded where they are few."""
        from emolab.training.planner import attributing

        load = replace(self.load, prompts=1, group=7, prompt_tokens=self.prompt_tokens, completion_tokens=self.answer)
        return attributing(self.size, load, coalitions) + self.folded

    def fine_tuning(self) -> float:
        """Two clips, one at a time."""
        parts = self.parts(group=1, completion_tokens=self.answer, step_prompts=1)
        return (
            parts["weights"] + parts["adapters"] + sum(parts[k] for k in ("activations", "logits", "unpacked weight"))
        )

    def reinforcing(self) -> float:
        """A step of GRPO, prompt by prompt: the larger of sampling and updating."""
        parts = self.parts()
        always = parts["weights"] + parts["adapters"] + parts["unpacked weight"]
        return always + max(parts["activations"] + parts["logits"], parts["cache"])


def folded_gb(lalm: LALM) -> float:
    """GB of the weights that a CPU folds for decoding and attribution."""
    from emolab.lalm.accel.folding import folded_layers

    return lalm.dtype.itemsize * sum(m.in_features * m.out_features for m in folded_layers(lalm)) / 1e9


# Words ----------------------------------------------------------------------------------------------------------------


def line(row: dict[str, Any]) -> str:
    """A phase's time in words."""
    return f"{row['phase']:<12}{row['seconds']:8.1f} s, {row['cpu_seconds']:.1f} s of CPU"


def render(result: dict[str, Any]) -> None:
    """Print the table of phases."""
    from rich.console import Console
    from rich.table import Table

    table = Table("phase", "seconds", "CPU s", "peak GB", "planned GB", "error", "most GB resident", "")
    for row in result["phases"]:
        peak, planned = (f"{row[k]:.2f}" if row[k] is not None else "" for k in ("peak_gb", "planned_gb"))
        error = f"{row['error']:+.0%}" if row["error"] is not None else ""
        times = (f"{row['seconds']:.1f}", f"{row['cpu_seconds']:.1f}")
        table.add_row(row["phase"], *times, peak, planned, error, f"{row['resident_peak_gb']:.1f}", row["note"])
    console = Console()
    console.print(f"{result['model']} on {result['device']}", markup=False)
    console.print(table)
    console.print(f"The planner is off by at most {result['worst_error']:.0%}.")
