"""Pre-train the tiny model that the package ships, in two generations.

`python data_scripts/pretrain_tiny.py all` makes a model from nothing. `… again` goes on from the shipped weights, in
the wild domain and in the world of emotional voices. Every stage is resumable and keeps its work under
`build/pretrain` (about 2 GB). Each generation takes about an hour and a half on two idle cores. New sentences need
espeak-ng: `pip install emolab[voices]`.

The second generation, step by step. The shipped weights had `listen` for 1,100 steps, `speak` for 1,400 (the last 400
with `--mix hear`) and `settle` for 180 and 90, about 75 minutes of one core; `pretraining/log` has each stage's log.

    python data_scripts/pretrain_tiny.py data                     # about 6,000 clips, 2,400 faces
    python data_scripts/pretrain_tiny.py grow --layers 8 --intermediate 640   # optional; not used for what is shipped
    python data_scripts/pretrain_tiny.py listen --steps 1100      # the audio tower under every channel
    python data_scripts/pretrain_tiny.py speak --minutes 60       # call again to go on
    python data_scripts/pretrain_tiny.py settle --steps 270 --restart
    python data_scripts/pretrain_tiny.py write build/pretrain/out
    python -m data_scripts.pretraining.judge build/pretrain/out --people PEOPLE --out after.json

`write emolab/lalm/tiny_data` exchanges the shipped weights. The shipped adapters, the likeness file
(`data_scripts/likeness.py`) and the card (`card PEOPLE`) are then made again.
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
Mix = Annotated[str, typer.Option(help="Tasks: long, short (mostly labels and reasons), or hear (mostly transcripts).")]
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
    import json
    import shutil

    from emolab_synth.embedded import embedded_corpus

    from data_scripts.pretraining import card as cards
    from data_scripts.pretraining.report import report as measure
    from emolab.lalm import load_model
    from emolab.lalm.tiny import TINY_FOLDER

    _use(threads)
    lalm = load_model("tiny-omni")
    LOGS.mkdir(exist_ok=True)
    found = measure(lalm, embedded_corpus("course"), LOGS / "report.json")
    found["parameters"] = sum(p.numel() for p in lalm.model.parameters())
    (LOGS / "report.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    cards.write(found, found["parameters"], TINY_FOLDER / "MODEL_CARD.md")
    for log in work.glob("*.jsonl"):
        shutil.copy(log, LOGS / log.name)


@app.command()
def card(people: Path, work: Work = WORK, each: int = 15) -> None:
    """Judge the shipped model and write its card; `people` is the folder that `data_scripts/people.py` filled."""
    import json

    from data_scripts.pretraining import card as cards
    from data_scripts.pretraining import judge, strangers
    from emolab.lalm.tiny import TAUGHT_FOLDER, TINY_FOLDER

    names = {name: LOGS / f"{name}.json" for name in ("judge", "judge-emo-rl", "strangers")}
    if not names["judge"].exists():
        judge.main("tiny-omni", names["judge"], people, each)
    if not names["judge-emo-rl"].exists():
        judge.main(
            "tiny-omni",
            names["judge-emo-rl"],
            people,
            each,
            str(TAUGHT_FOLDER),
            write=TAUGHT_FOLDER,
            asked="structured",
        )
    if not names["strangers"].exists():
        strangers.main("tiny-omni", names["strangers"], people)
    measured = cards.judged(*(json.loads(path.read_text(encoding="utf-8")) for path in names.values()))
    report = json.loads((LOGS / "report.json").read_text(encoding="utf-8"))
    cards.write(report, report["parameters"], TINY_FOLDER / "MODEL_CARD.md", measured)


@app.command()
def grow(work: Work = WORK, layers: int = 8, intermediate: int = 768) -> None:
    """Second generation, optional and first: start from a larger language model that says the same as the old one."""
    from data_scripts.pretraining import again

    typer.echo(str(again.grow(work, layers, intermediate)))


@app.command()
def listen(work: Work = WORK, steps: int = 300, threads: Threads = 2) -> None:
    """Second generation: train the shipped audio tower further, under randomised channels."""
    from data_scripts.pretraining import again

    _use(threads)
    again.listen(work, steps)


@app.command()
def speak(
    work: Work = WORK,
    steps: int = 100_000,
    minutes: float | None = None,
    batch: int = 48,
    mix: Mix = "long",
    threads: Threads = 2,
) -> None:
    """Second generation: train the language model at a constant rate, until `steps` or for `minutes`; call again to go
    on."""
    from data_scripts.pretraining import again

    _use(threads)
    again.speak(work, steps, minutes, batch, mix)


@app.command()
def settle(
    work: Work = WORK, steps: int = 250, restart: bool = False, batch: int = 48, mix: Mix = "long", threads: Threads = 2
) -> None:
    """Second generation: let the rate fall from the last state of `speak`; `--restart` after a longer `speak`."""
    from data_scripts.pretraining import again

    _use(threads)
    again.settle(work, steps, restart, batch, mix)


@app.command()
def write(folder: Path, work: Work = WORK, stage: str = "settle") -> None:
    """Second generation: write a model folder from the checkpoint of `stage`."""
    from data_scripts.pretraining import again

    typer.echo(str(again.export(work, folder, stage)))


@app.command(name="again")
def second(work: Work = WORK, minutes: float = 60, threads: Threads = 2) -> None:
    """All stages of the second generation in order; `minutes` is the time of `speak`."""
    data(work)
    listen(work, threads=threads)
    speak(work, minutes=minutes, threads=threads)
    settle(work, threads=threads)


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
