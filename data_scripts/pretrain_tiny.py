"""Pre-train the tiny model that the package ships: `python data_scripts/pretrain_tiny.py all`.

Every stage is resumable and keeps its work under `build/pretrain` (about 2 GB). On two cores the whole takes about an
hour and a
half. Needs espeak-ng for new sentences: `pip install emolab[voices]`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait starve everybody else
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import typer

app = typer.Typer(help=__doc__, add_completion=False)
WORK = Path("build/pretrain")
LOGS = Path(__file__).resolve().parent / "pretraining" / "log"
Work = Annotated[Path, typer.Option(help="Where data, checkpoints and logs are kept.")]
Threads = Annotated[int, typer.Option(help="Threads of torch.")]


def _use(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


@app.command()
def data(work: Work = WORK, workers: int = 2) -> None:
    """Render speech and faces (no emotion in either)."""
    from data_scripts.pretraining import stages

    stages.make_data(work, workers)


@app.command()
def audio(work: Work = WORK, steps: int = 4500, threads: Threads = 2) -> None:
    """Train the audio tower on what the synthesiser knows."""
    from data_scripts.pretraining import stages

    _use(threads)
    stages.train_audio(work, steps)


@app.command()
def vision(work: Work = WORK, steps: int = 2000, threads: Threads = 2) -> None:
    """Train the vision tower on action units."""
    from data_scripts.pretraining import stages

    _use(threads)
    stages.train_vision(work, steps)


@app.command()
def align(work: Work = WORK, steps: int = 1900, threads: Threads = 2) -> None:
    """Train the language model to transcribe, to describe, and to know what words mean."""
    from data_scripts.pretraining import stages

    _use(threads)
    stages.train_alignment(work, steps)


@app.command()
def formats(work: Work = WORK, steps: int = 450, threads: Threads = 2) -> None:
    """Practise the forms of completions, without any voice's or face's emotion."""
    from data_scripts.pretraining import stages

    _use(threads)
    stages.train_formats(work, steps)


@app.command()
def export(work: Work = WORK) -> None:
    """Write the folder that the package ships."""
    from data_scripts.pretraining import stages

    typer.echo(str(stages.export(work)))


@app.command()
def report(work: Work = WORK, threads: Threads = 2) -> None:
    """Measure the exported model on people and sentences it never met; write its card and keep the logs."""
    import shutil

    from data_scripts.pretraining import card
    from data_scripts.pretraining.report import report as measure
    from emolab.lalm import load_model
    from emolab.lalm.tiny import TINY_FOLDER
    from emolab.synth.embedded import embedded_corpus

    _use(threads)
    lalm = load_model("tiny-omni")
    LOGS.mkdir(exist_ok=True)
    found = measure(lalm, embedded_corpus("course"), LOGS / "report.json")
    card.write(found, sum(p.numel() for p in lalm.model.parameters()), TINY_FOLDER / "MODEL_CARD.md")
    for log in work.glob("*.jsonl"):
        shutil.copy(log, LOGS / log.name)


@app.command(name="all")
def everything(work: Work = WORK, threads: Threads = 2) -> None:
    """All stages in order."""
    data(work)
    audio(work, threads=threads)
    vision(work, threads=threads)
    align(work, threads=threads)
    formats(work, threads=threads)
    export(work)
    report(work, threads=threads)


if __name__ == "__main__":
    app()
