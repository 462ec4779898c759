"""The command line as a whole: fast help, one JSON object on stdout, one line on stderr for an error."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from emolab.cli import doctor
from emolab.cli.main import COMMANDS, build
from emolab.cli.output import JsonOption, command, emit, to_plain
from emolab.errors import EmolabError

HEAVY = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "pandas",
    "sklearn",
    "matplotlib",
    "librosa",
    "scipy",
    "numpy",
    "PIL",
    "av",
)
RUNNER = CliRunner()
SLACK = 1.5
"""Room for a busy machine: on an idle one `emolab --help` takes 0.2 s."""


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_import_and_help_load_nothing_heavy():
    code = (
        "import sys, emolab\n"
        "from emolab.cli.main import build\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(build(), ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = run_python(code)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def test_help_takes_less_than_a_third_of_a_second_of_processor_time():
    started = time.process_time(), os.times().children_user + os.times().children_system
    result = subprocess.run([sys.executable, "-m", "emolab", "--help"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert os.times().children_user + os.times().children_system - started[1] < 0.3 * SLACK


def all_commands():
    root = typer.main.get_command(build())

    def walk(group, path):
        for name in group.list_commands(None):
            item = group.get_command(None, name)
            if hasattr(item, "commands"):
                yield from walk(item, [*path, name])
            else:
                yield " ".join([*path, name]), item

    return dict(walk(root, []))


def test_every_command_has_help_and_json():
    for name, item in all_commands().items():
        assert item.help, name
        assert any("--json" in option.opts for option in item.params), name


def test_the_promised_commands_exist():
    promised = {"doctor", "zeroshot", "train emo-rl", "train cold-start", "evaluate", "attribute", "predict"}
    promised |= {"course build", "course run", "course check"}
    assert promised <= set(all_commands())
    assert any(name.startswith("corpus make") for name in all_commands())


def test_every_command_file_is_registered():
    found = {f"emolab.cli.{path.stem}" for path in Path(doctor.__file__).parent.glob("*.py")}
    named = {module for entry in COMMANDS.values() for module in entry.modules}
    others = {f"emolab.cli.{n}" for n in ("__init__", "main", "apps", "output", "options", "tables", "bench")}
    assert found - others == named - {"emolab_course.commands", "emolab_synth.commands", "benchmarks.rehearse"}


@pytest.mark.parametrize(
    ("command", "absent", "told"),
    [
        ("course", "emolab_course", "pip install ./notebooks, in a checkout of emolab"),
        ("rehearse", "benchmarks", "run it in a checkout of emolab"),
        ("say", "emolab_synth", "pip install ./data_scripts/corpora, in a checkout of emolab"),
        ("corpus make", "emolab_synth", "pip install ./data_scripts/corpora, in a checkout of emolab"),
    ],
)
def test_a_command_of_a_package_that_is_not_there_says_what_to_do(command, absent, told):
    from absent import without  # here, because a child process imports this file without tests/tools on its path

    code = without(absent) + (
        "from emolab.cli.main import build\n"
        "from typer.testing import CliRunner\n"
        f"done = CliRunner().invoke(build(), [*{command.split()!r}, 'a'])\n"
        "print(done.exit_code, done.stderr)\n"
    )
    assert run_python(code).stdout.strip() == f"1 emolab: {absent} is not installed, and this needs it: {told}"


def test_a_command_is_imported_when_it_is_called_and_a_typing_error_gets_a_suggestion():
    code = (
        "import sys\n"
        "from emolab.cli.main import build\n"
        "from typer.testing import CliRunner\n"
        "told = lambda: sorted(m for m in sys.modules if m.startswith(('emolab.cli.', 'benchmarks')))\n"
        "CliRunner().invoke(build(), ['--help'])\n"
        "print(told())\n"
        "CliRunner().invoke(build(), ['bench', '--help'])\n"
        "CliRunner().invoke(build(), ['plan', '--help'])\n"
        "print(told())\n"
    )
    first, second = map(ast.literal_eval, run_python(code).stdout.splitlines())
    assert first == ["emolab.cli.apps", "emolab.cli.main"]
    assert set(second) - set(first) == {"emolab.cli.bench", "emolab.cli.output", "emolab.cli.plan"}
    wrong = RUNNER.invoke(build(), ["prdict"])
    assert wrong.exit_code == 2 and "Did you mean 'predict'" in wrong.stderr


def test_help_shows_the_same_groups_and_commands_as_are_there():
    root = typer.main.get_command(build())
    shown = RUNNER.invoke(build(), ["--help"]).stdout
    for name in root.list_commands(None):
        assert f" {name} " in shown and root.get_command(None, name) is not None
    benches = root.get_command(None, "bench")
    assert {"walk", "grpo", "claims"} <= set(benches.list_commands(None))
    assert all(benches.get_command(None, name).params for name in benches.list_commands(None))


def demo_app():
    app = typer.Typer()

    @command
    def demo(fail: bool = False, as_json: JsonOption = False) -> None:
        """A command that prints more than it should."""
        print("noise")
        os.system("echo noise of a child")
        if fail:
            raise EmolabError("row 3:\n  no column 'text'")
        emit({"ua": np.float32(0.5), "path": Path("a") / "b"}, as_json, lambda r: typer.echo(f"UA {r['ua']}"))

    app.command()(demo)
    return app


def test_json_is_the_only_thing_on_stdout():
    result = RUNNER.invoke(demo_app(), ["--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"ua": 0.5, "path": "a/b"}
    assert "noise" in result.stderr


def test_json_holds_even_for_child_processes():
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); sys.argv = ['demo', '--json']\n"
        "import test_cli; test_cli.demo_app()()"
    )
    result = run_python(code)
    assert json.loads(result.stdout) == {"ua": 0.5, "path": "a/b"}
    assert "noise of a child" in result.stderr


def test_without_json_a_person_reads_the_rendered_result():
    assert "UA 0.5" in RUNNER.invoke(demo_app(), []).stdout


def test_an_error_of_ours_is_one_line_and_exit_status_one():
    result = RUNNER.invoke(demo_app(), ["--fail"])
    assert result.exit_code == 1
    assert result.stderr.strip() == "emolab: row 3: no column 'text'"
    result = RUNNER.invoke(demo_app(), ["--fail", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"error": "row 3: no column 'text'"}


@dataclass
class Row:
    name: str
    value: float


def test_plain_values():
    given = {
        "a": np.arange(2),
        "b": float("nan"),
        "c": {"z", "y"},
        "d": Row("r", 1.0),
        3: (True, None),
        "e": np.bool_(True),
    }
    assert to_plain(given) == {
        "a": [0, 1], "b": None, "c": ["y", "z"], "d": {"name": "r", "value": 1.0}, "3": [True, None], "e": True,
    }  # fmt: skip
    with pytest.raises(TypeError, match="object"):
        to_plain(object())


def test_doctor_reports_this_machine():
    report = json.loads(RUNNER.invoke(build(), ["doctor", "--json"]).stdout)
    assert report["machine"]["cores"] >= 1
    cards = {f"gpu-{size}gb" for size in (6, 8, 16, 24, 80)}
    assert {row["name"] for row in report["profiles"]} == {"cpu", *cards}
    assert next(row for row in report["packages"] if row["name"] == "torch")["installed"]
    assert report["ok"] is True, report["missing"]


def test_doctor_says_why_a_profile_does_not_run():
    machine = {"cores": 2, "memory_gb": 2.0, "disk_free_gb": 5.0, "gpus": [{"name": "card", "memory_gb": 16.0}]}
    rows = {row["name"]: row for row in doctor.profile_report(machine)}
    assert "4 GB of RAM" in rows["cpu"]["reason"]
    assert "GB of disk" in rows["gpu-16gb"]["reason"]
    assert "GPU memory, found 16" in rows["gpu-24gb"]["reason"]


@pytest.mark.parametrize(
    ("name", "total", "major", "profile"),
    [
        ("Tesla T4", 15.6e9, 7, "gpu-16gb"),
        ("Tesla V100", 16.9e9, 7, "gpu-16gb"),
        ("RTX 4090", 25.3e9, 8, "gpu-24gb"),
        ("H100", 85.0e9, 9, "gpu-80gb"),
        ("GTX 1660", 6.2e9, 7, "gpu-6gb"),
        ("small", 4.2e9, 8, None),
    ],
)
def test_doctor_says_what_to_set_for_a_card(monkeypatch, name, total, major, profile):
    import torch

    card = SimpleNamespace(name=name, total_memory=total, major=major)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (int(total / 2), int(total)))
    (gpu,) = doctor.machine_report()["gpus"]
    assert gpu["profile"] == profile and gpu["bf16"] == (major >= 8)
    told = doctor.gpu_advice(gpu)
    assert told.startswith(f"{name}: {total / 1e9:.1f} GB, {total / 2e9:.1f} GB free")
    assert ("float16 (it has no bfloat16" in told) == (major < 8)
    assert (f"export EMOLAB_PROFILE={profile}" if profile else "use the profile cpu") in told


def test_a_full_card_is_one_line(capsys):
    import torch

    @command
    def work(as_json: bool = False) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(typer.Exit):
        work(as_json=True)
    told = capsys.readouterr()
    assert json.loads(told.out)["error"].startswith("the card ran out of memory; use a smaller profile")
    assert told.err.count("\n") == 1


def test_doctor_reports_a_missing_package(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name == "trl" else "1.0")
    report = doctor.examine()
    assert "trl" in report["missing"] and report["ok"] is False


def test_an_unknown_command_fails():
    result = RUNNER.invoke(build(), ["sing"])
    assert result.exit_code == 2
