"""Every command that README.md documents is understood, and runs to its end on the smallest size."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import corpus_trees
import pytest
from corpus_trees.media import wav

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    [line.partition(" # ")[0].strip() for line in block.splitlines() if line.startswith("emolab ")]
    for block in re.findall(r"```\w*\n(.*?)```", README, re.S)
]
COMMANDS = [command for block in BLOCKS for command in block]
SMALLEST = {
    "train": "--steps 1 --set cold_epochs=0.2 --set sft_epochs=0.1 --set cold_per_label=2 --set prompts_per_step=2 "
    "--set group_size=2 --set max_new_tokens=8 --test-per-label 1",
    "zeroshot": "--limit 14",
    "evaluate": "--limit 14",
}
REWARD = """
def loudness(completions, audio, **columns):
    return [float(len(text)) / 100 for text in completions]


def brief(completions, **columns):
    return [float(len(text) < 40) for text in completions]
"""
ELSEWHERE = ("emolab course run",)
"""Commands that other tests run to their end."""


def smallest(command: str) -> list[str]:
    """The words of a command, with the options that make it small."""
    words = shlex.split(command)[1:]
    more = next((found for start, found in SMALLEST.items() if " ".join(words).startswith(start)), "")
    return [*words, *shlex.split(more)]


def furnish(folder: Path) -> Path:
    """A folder with what the commands name: corpora, a table, recordings, rewards."""
    for name in ("ravdess", "iemocap", "meld"):
        corpus_trees.make(name, folder / name.upper())
    rows = ["path,emotion,speaker"]
    for i in range(24):
        wav(folder / "clips" / f"{i}.wav")
        rows.append(f"clips/{i}.wav,{('calm', 'tense', 'bored')[i % 3]},s{i // 3 % 4}")
    (folder / "mine.csv").write_text("\n".join(rows) + "\n")
    for i in range(20):
        wav(folder / "recordings" / ("happy", "sad")[i % 2] / f"{i // 2}.wav", seconds=1.0)
    (folder / "my_rewards.py").write_text(REWARD)
    wav(folder / "voice.wav", seconds=1.0)
    return folder


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) > 12 and any("--fold all" in command for command in COMMANDS)


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_every_documented_option_exists(command: str) -> None:
    """Each command is read to its options by `--help`, which a wrong name before it would stop."""
    import typer.main
    from typer.testing import CliRunner

    from emolab.cli.main import build

    group, words = typer.main.get_command(build()), shlex.split(command)[1:]
    context = group.make_context("emolab", [], resilient_parsing=True)
    while hasattr(group, "get_command"):
        found = group.get_command(context, words[0])
        assert found is not None, f"no command {words[0]!r}"
        group, words = found, words[1:]
        context = group.make_context(group.name, [], resilient_parsing=True, parent=context)
    known = {option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("-")}
    assert used <= known, f"{sorted(used - known)} of {command!r}"
    assert CliRunner().invoke(build(), ["--help"]).exit_code == 0


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("block", [i for i, block in enumerate(BLOCKS) if block])
def test_every_documented_command_runs_to_its_end(block: int, tmp_path: Path) -> None:
    environment = {**os.environ, "EMOLAB_CORPUS": "synthetic:smoke", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    place, failed = furnish(tmp_path), {}
    for command in BLOCKS[block]:
        if command in ELSEWHERE:
            continue
        ended = subprocess.run(
            [sys.executable, "-m", "emolab", *smallest(command)],
            cwd=place, env=environment, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if ended.returncode:
            failed[command] = ended.stderr[-1500:]
    assert failed == {}
