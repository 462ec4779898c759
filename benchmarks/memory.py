"""Does memory grow with the corpus? Supervised fine-tuning on a small and on a large table of distinct clips.

Every clip is a tone of 0.6 s with its own pitch and noise, in a file of its own, so that nothing is found in a cache
before it was computed. `emolab bench memory` notes, step by step, the resident memory of the process and the bytes of
all live tensors, and the seconds from the call of `fine_tune` to the end of its first step. Memory for embeddings is
set to 64 MB, so that a run of 20,000 clips passes it several times over; the default is 1 GiB. On disk they are kept in
the run's temporary folder.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "memory.json"
CACHE_BYTES = 64 << 20
EMOTIONS = ("happy", "sad", "angry", "neutral")


def register(app: typer.Typer) -> None:
    """Add `memory` to the group `bench`."""
    app.command("memory")(memory)


@command
def memory(
    clips: Annotated[list[int] | None, typer.Option(help="Size of a table; may be repeated.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over each table.")] = 1.0,
    batch: Annotated[int, typer.Option(min=1, help="Clips in a step.")] = 32,
    write: Annotated[bool, typer.Option(help="Put the result, its plot and its page into benchmarks/results.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Memory over the steps of supervised fine-tuning, and seconds to the first step, for tables of several sizes."""
    rows = [in_own_process(size, epochs, batch) for size in clips or [200, 20_000]]
    result = {"command": "emolab bench memory --write", "device": device(), "rows": rows}
    if write:
        publish(result)
    emit(result, as_json, lambda found: typer.echo(table(found)))


def device() -> str:
    """The processor, the threads and the version of torch."""
    from benchmarks.grpo import _device

    return _device()


def in_own_process(size: int, epochs: float, batch: int) -> dict[str, Any]:
    """`measure` in a fresh process: what another run left in memory would hide what this one takes."""
    program = "import json; from benchmarks.memory import measure; print(json.dumps(measure({}, {}, {})))"
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program.format(size, epochs, batch)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def tones(folder: Path, count: int) -> list[Any]:
    """`count` samples, each with a file of its own sound."""
    import numpy as np
    import soundfile

    from emolab.samples import EmotionSample

    samples, at = [], np.arange(9_600) / 16_000
    for i in range(count):
        draw = np.random.default_rng(i)
        wave = 0.1 * np.sin(2 * np.pi * draw.uniform(100, 400) * at) + 0.01 * draw.standard_normal(len(at))
        path = folder / f"{i}.wav"
        soundfile.write(path, wave, 16_000, subtype="PCM_16")
        samples.append(EmotionSample(f"tone-{i}", audio=str(path), emotion=EMOTIONS[i % 4]))
    return samples


def measure(size: int, epochs: float, batch: int) -> dict[str, Any]:
    """Fine-tune the shipped model on `size` tones; resident memory and live tensors of every step that is noted."""
    from emolab.lalm import load_model
    from emolab.lalm.quantise import add_lora
    from emolab.prompts import get_prompt
    from emolab.training.sft import SFTSettings, fine_tune

    with tempfile.TemporaryDirectory() as place:
        samples = tones(Path(place), size)
        model = load_model("tiny-omni", cache_bytes=CACHE_BYTES, cache_directory=Path(place) / "features")
        add_lora(model)
        every, seen, encode = max(1, round(size * epochs / batch / 60)), [], model.encode
        began: dict[str, float] = {}

        def noted(*given: Any, **options: Any) -> Any:
            if len(seen) < 2:
                began["cpu"], began["wall"] = time.process_time() - cpu, time.perf_counter() - start
            seen.append(len(seen))
            if len(seen) <= 3 or len(seen) % every == 0:
                points.append({"step": len(seen), "rss_mb": resident(), "tensors_mb": tensors()})
            return encode(*given, **options)

        model.encode = noted  # type: ignore[method-assign]
        points: list[dict[str, float]] = []
        settings = SFTSettings(epochs=epochs, batch_size=batch)
        before, cpu, start = resident(), time.process_time(), time.perf_counter()
        fine_tune(
            model, samples, [f"<answer>{s.emotion}</answer>" for s in samples], get_prompt("voice"), settings, False
        )
        seconds = time.perf_counter() - start
        kept = sum(file.stat().st_size for file in (Path(place) / "features").glob("*.npy")) / 1e6
    return {
        "clips": size,
        "steps": len(seen),
        "batch": batch,
        "seconds": round(seconds, 1),
        "first_step_seconds": round(began["wall"], 3),
        "first_step_cpu_seconds": round(began["cpu"], 3),
        "model_mb": round(before, 1),
        "peak_rss_mb": max(point["rss_mb"] for point in points),
        "features_on_disk_mb": round(kept, 1),
        "points": points,
    }


def resident() -> float:
    """Resident memory of this process in MB."""
    from benchmarks.meter import resident_bytes

    return round(resident_bytes() / 1e6, 1)


def tensors() -> float:
    """Bytes of all live tensors, in MB."""
    import torch

    found = {}
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor):  # asking a proxy for its class may warn
            storage = thing.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return round(sum(found.values()) / 1e6, 1)


def table(result: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| clips | steps | first step, s | CPU s | resident, step 3 | the last | tensors, step 3 | the last |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        third, last = row["points"][min(2, len(row["points"]) - 1)], row["points"][-1]
        lines.append(
            f"| {row['clips']:,} | {row['steps']:,} | {row['first_step_seconds']:.1f} | "
            f"{row['first_step_cpu_seconds']:.2f} | {third['rss_mb']:.0f} MB | "
            f"{last['rss_mb']:.0f} MB | {third['tensors_mb']:.0f} MB | {last['tensors_mb']:.0f} MB |"
        )
    return "\n".join(lines)


def publish(result: dict[str, Any]) -> None:
    """Write the result, the plot and the page."""
    from emolab.plots.style import save_svg

    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    save_svg(figure(result), RESULT.with_suffix(".svg"))
    text = (__doc__ or "").split("\n\n", 1)[1].strip()
    RESULT.with_suffix(".md").write_text(
        f"# Memory does not grow with the corpus\n\n{text}\n\n{table(result)}\n\n![Resident memory and live tensors "
        f"over the steps]({RESULT.with_suffix('.svg').name})\n\nOn {result['device']}, the shipped model with LoRA, "
        f"made by `{result['command']}`; every point is in `{RESULT.name}`.\n",
        encoding="utf-8",
    )


def figure(result: dict[str, Any]) -> Any:
    """Resident memory and live tensors over the steps of each table."""
    from emolab.plots.style import ACCENT, QUIET, light_grid, new_figure, styled

    @styled
    def draw() -> Any:
        shown, axes = new_figure(7.0, 2.9, 1, 2, sharey=False)
        for axis, key, title in (
            (axes[0, 0], "rss_mb", "resident memory of the process"),
            (axes[0, 1], "tensors_mb", "live tensors"),
        ):
            for row, colour in zip(result["rows"], (QUIET, ACCENT), strict=False):
                steps = [point["step"] for point in row["points"]]
                axis.plot(steps, [p[key] for p in row["points"]], color=colour, label=f"{row['clips']:,} clips")
            axis.set_title(title)
            axis.set_xlabel("step")
            axis.set_ylabel("MB")
            axis.set_ylim(bottom=0)
            light_grid(axis)
        axes[0, 0].legend()
        return shown

    return draw()
