"""The command groups. A command file meets its group only in `register(app)`; `main.py` says which one that is."""

from __future__ import annotations

import typer


def _group(help_text: str) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _group("Emotion recognition with audio-language models and reinforcement learning: learn it, run it, measure it.")
corpus_app = _group("Make, read and check corpora.")
train_app = _group("Train: cold start, supervised, and the recipes' reinforcement learning.")
reward_app = _group("Score, compare and attack rewards.")
course_app = _group("Build, run and check the notebooks.")
bench_app = _group("Side-by-side measurements, each a JSON row and a table.")

GROUPS: dict[str, typer.Typer] = {
    "corpus": corpus_app,
    "train": train_app,
    "reward": reward_app,
    "course": course_app,
    "bench": bench_app,
}
