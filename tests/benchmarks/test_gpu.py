"""`make gpu`: what it runs, that it goes on where it stopped, that it leaves others' memory alone, and its page."""

from __future__ import annotations

import json
import shutil

import pytest
import typer
from emolab_course.readme import section
from typer.testing import CliRunner

from benchmarks import gpu
from benchmarks.gpu import hardware, page, run
from benchmarks.gpu.parts import Card, Part, parts_for
from emolab.profiles import PROFILES

SAYS = ("-c", "import json; print('a line'); print(json.dumps({'rows': []}))")
FAILS = ("-c", "import sys; sys.exit('no such thing')")
CARD = Card("Card X", 24.0, "1.2")


def call(*arguments):
    app = typer.Typer()
    gpu.register(app)
    return CliRunner().invoke(app, list(arguments))


def test_without_a_card_it_says_so_in_one_line(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = call()
    assert found.exit_code == 1 and found.stderr.count("\n") == 1 and "there is nothing to measure" in found.stderr
    assert "needs --tiny" in call("--device", "cpu").stderr


def test_the_parts_of_a_card_fit_it():
    small, large = (
        {part.name: part for part in parts_for(profile, "cuda", False)} for profile in ("gpu-16gb", "gpu-24gb")
    )
    assert list(large)[:3] == ["doctor", "tests", "rehearse"] and "grpo-7b" in large and "grpo-7b" not in small
    assert large["rehearse"].needs_gb == 22 and small["rehearse"].arguments[:4] == (
        "-m",
        "emolab",
        "rehearse",
        "gpu-16gb",
    )
    lessons = [part for name, part in large.items() if name.startswith("notebook-")]
    assert len(lessons) >= 12 and {part.environment["EMOLAB_PROFILE"] for part in lessons} == {"gpu-24gb"}
    assert {part.environment["EMOLAB_MODEL"].rpartition("/")[2] for part in lessons} == {
        "Qwen--Qwen2-Audio-7B-Instruct"
    }


def test_trls_own_trainer_is_a_part_of_each_size_or_left_out_with_the_reason(monkeypatch):
    found = {}
    for spec in (None, "somewhere"):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, spec=spec: spec if name == "vllm" else 1 / 0)
        found[spec] = {part.name: part for part in parts_for("gpu-80gb", "cuda", False, 85.0)}
        small = {part.name: part for part in parts_for("gpu-16gb", "cuda", False, 16.9)}
        assert small["stock-3b"].left_out == "needs 22 GB, and the card has 16.9"
    names = {"stock-3b", "stock-7b", "stock-vllm-3b", "stock-vllm-7b"}
    assert names < set(found[None]) and all(found[None][name].limit <= 600 for name in names)
    assert not any(found["somewhere"][name].left_out for name in names)
    assert {name for name in names if found[None][name].left_out} == {"stock-vllm-3b", "stock-vllm-7b"}
    assert found[None]["stock-vllm-3b"].left_out == "the package vllm is not installed"
    assert "--against stock-vllm --size 7b" in " ".join(found[None]["stock-vllm-7b"].arguments)


def test_the_page_shows_trls_trainer_and_says_where_it_was_not_measured():
    text = "\n".join(page.against_trl([]))
    assert text.count("| not measured |") == 5
    one = {"name": "gpu/stock/3b", "ours": 2.0, "plain": 9.0, "ratio": 4.5, "text": "4 bits", "sampled_by": "generate"}
    full = {**one, "name": "gpu/stock/7b", "plain": None, "ratio": None}
    random = {key: value for key, value in one.items() if key not in ("text", "sampled_by")} | {"name": "stock/40m"}
    rows = [
        {"part": "stock-trl", "state": "done", "result": {"rows": [random]}},
        {"part": "stock-3b", "state": "done", "result": {"rows": [one]}},
        {"part": "stock-7b", "state": "done", "result": {"rows": [full]}},
        {"part": "stock-vllm-3b", "state": "left out", "result": None, "note": "the package vllm is not installed"},
    ]
    text = "\n".join(page.against_trl(rows))
    assert "| gpu/stock/3b | 2 s | 9 s | 4.50× | 4 bits, sampled by generate |  |" in text
    assert "| gpu/stock/7b | 2 s | no room |  | 4 bits, sampled by generate |  |" in text
    assert "| stock/40m | 2 s | 9 s | 4.50× | 40 M, all of them trained |  |" in text
    assert "| stock-vllm-3b | not measured |  |  |  | the package vllm is not installed |" in text
    assert "| stock-vllm-7b | not measured |  |  |  |  |" in text


def test_it_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(Card, "free_gb", lambda self: 10.0)
    monkeypatch.setattr(run, "WAIT", 0.0)
    parts = [Part("one", SAYS), Part("two", FAILS), Part("large", SAYS, needs_gb=20.0)]
    first = run.run_parts(parts, CARD, tmp_path, minutes=45)
    assert [row["state"] for row in first] == ["done", "failed", "left"]
    assert first[0]["result"] == {"rows": []} and first[0]["driver"] == "1.2" and first[0]["versions"]["torch"]
    assert first[1]["note"] == "no such thing" and "needs 20 GB, 10.0 GB are free" in first[2]["note"]
    monkeypatch.setattr(Card, "free_gb", lambda self: 30.0)
    second = run.run_parts(parts, CARD, tmp_path, minutes=45)
    assert [row["state"] for row in second] == ["kept", "failed", "done"]


def test_a_part_begins_only_where_its_own_limit_still_fits(tmp_path):
    assert all(part.limit <= 600 for part in parts_for("gpu-80gb", "cuda", False, 85.0))
    parts = [Part("long", SAYS), Part("short", SAYS, limit=120.0)]
    long, short = run.run_parts(parts, Card("cpu", 0.0, "", "cpu"), tmp_path, minutes=9)
    assert long["state"] == "left" and "may take 600 s" in long["note"] and "again to go on" in long["note"]
    assert short["state"] == "done" and not (tmp_path / "long.json").exists()


def test_a_part_that_takes_too_long_is_stopped_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    sleeps = ("-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])")
    row = run.run_part(Part("slow", sleeps, limit=3.0), Card("cpu", 0.0, "", "cpu"), tmp_path)
    assert row["state"] == "stopped" and row["note"].startswith("did not end in its 3 s") and row["seconds"] < 10
    assert run.done(tmp_path / "slow.json"), "it is not begun again whenever the command is given"


def test_a_row_that_ended_well_outlives_a_later_try_that_did_not(tmp_path):
    """The failure stands beside it, on the page too, and is tried again; a good one takes its place."""
    cpu, path = Card("cpu", 0.0, "", "cpu"), tmp_path / "one.json"
    run.run_part(Part("one", SAYS), cpu, tmp_path)
    failed = run.run_parts([Part("one", FAILS)], cpu, tmp_path, minutes=45, again=True)
    kept = json.loads(path.read_text())
    assert failed[0]["state"] == "failed", "the command says what happened"
    assert kept["state"] == "done" and kept["result"] == {"rows": []}
    assert kept["again"]["state"] == "failed" and kept["again"]["note"] == "no such thing" and not run.done(path)
    assert "measured again, it failed: no such thing" in page.text([kept | {"card": "Card X"}])
    run.run_part(Part("one", SAYS), cpu, tmp_path)
    assert "again" not in json.loads(path.read_text()) and run.done(path)


def test_a_part_that_cannot_run_here_is_a_row_with_the_reason(tmp_path):
    part = Part("one", SAYS, left_out="the package vllm is not installed")
    (row,) = run.run_parts([part], CARD, tmp_path, minutes=45)
    assert row["state"] == "left out" and row == json.loads((tmp_path / "one.json").read_text())
    assert "| one | left out | 0 |  | the package vllm is not installed |" in page.text([row])


def test_a_part_that_does_not_stop_is_killed():
    import subprocess
    import sys

    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True) as child:
        child.stdout.readline()
        run.stop(child, 0.5)
        assert child.returncode == -9


def test_the_page_shows_cards_alone_and_feeds_the_cost_boxes(tmp_path):
    row = {"part": "notebook-04_grpo", "state": "done", "card": "Card X", "memory_gb": 24.0, "driver": "1.2"}
    row |= {"versions": {"torch": "2"}, "environment": {"EMOLAB_PROFILE": "gpu-24gb"}, "seconds": 90, "used_gb": 9.5}
    speed = {"name": "gpu/step/7b", "ours": 2.0, "plain": None, "ratio": None, "unit": "s", "tokens_per_second": 512.0}
    bench = {**row, "part": "grpo-7b", "result": {"rows": [speed]}}
    for card, kept in (
        ("card-x", [row | {"result": None}, bench]),
        ("cpu", [{**row, "card": "cpu", "part": "doctor"}]),
    ):
        for part in kept:
            (tmp_path / card).mkdir(exist_ok=True)
            (tmp_path / card / f"{part['part']}.json").write_text(json.dumps(part))
    text = page.publish(tmp_path).read_text()
    assert "## Card X" in text and "| gpu/step/7b | 2 s | no room |  | 512.0 |  |" in text and "## cpu" not in text
    (lesson,) = json.loads((tmp_path / "notebooks.json").read_text())
    assert lesson == {
        "notebook": "04_grpo",
        "profile": "gpu-24gb",
        "card": "Card X, random weights",
        "minutes": 1.5,
        "memory_gb": 9.5,
    }
    assert page.NOTHING in page.text([])


def test_the_committed_rehearsals_are_within_fifteen_percent_and_the_page_shows_them(tmp_path):
    files = sorted((gpu.RESULTS.parent / "rehearse").glob("*.json"))
    for path in files:
        found = json.loads(path.read_text())
        counted = [row for row in found["phases"] if row["error"] is not None]
        assert len(counted) >= 8 and all(abs(row["error"]) < 0.15 for row in counted), path.name
        assert found["config"]["layers"] is None and not found["config"]["narrow"], "at full size"
        (tmp_path / path.name).write_text(path.read_text())
    assert page.rehearsals(tmp_path).read_text() == (gpu.RESULTS.parent / "rehearse" / "README.md").read_text()


def test_the_committed_page_is_made_from_the_committed_rows(tmp_path):
    shutil.copytree(gpu.RESULTS, tmp_path / "gpu")
    made = page.publish(tmp_path / "gpu")
    for name in ("README.md", "notebooks.json"):
        assert (made.parent / name).read_text() == (gpu.RESULTS / name).read_text()


def test_no_committed_row_is_called_done_that_lists_a_failure():
    for path in gpu.RESULTS.glob("*/*.json"):
        row = json.loads(path.read_text())
        ran = row["result"].get("notebooks", []) if isinstance(row["result"], dict) else []
        assert row["state"] != "done" or all(one["ok"] for one in ran), path.name


def test_the_page_says_which_notebooks_ran_and_at_which_sizes():
    row = {
        "part": "smallest",
        "state": "failed",
        "environment": {"EMOLAB_COURSE": "smoke", "EMOLAB_PROFILE": "gpu-8gb"},
    }
    row["result"] = {"notebooks": [{"name": "00", "ok": True}, {"name": "05", "ok": False}]}
    text = "\n".join(page.notebooks([row]))
    assert "`gpu-8gb`: 00 ran to their end. 05 failed. The others were not tried." in text
    assert "own sizes: not measured" in text
    own = {"part": "notebook-04_grpo", "state": "failed", "environment": {"EMOLAB_PROFILE": "gpu-8gb"}, "result": None}
    text = "\n".join(page.notebooks([own]))
    assert "own sizes, 04_grpo failed." in text and "own sizes: not measured" in text
    text = "\n".join(page.notebooks([own | {"state": "done"}]))
    assert "own sizes, 04_grpo ran to their end." in text and "not measured" not in text


def test_readmes_hardware_is_what_the_committed_rows_say(tmp_path):
    readme = hardware.ROOT / "README.md"
    assert section(readme.read_text(encoding="utf-8"), "hardware") == hardware.section().strip("\n")
    copy = tmp_path / "README.md"
    copy.write_text("before\n<!-- hardware:begin -->\nold\n<!-- hardware:end -->\nafter\n", encoding="utf-8")
    hardware.write(copy, tmp_path)
    bare = copy.read_text(encoding="utf-8")
    assert bare.startswith("before\n") and bare.endswith("after\n") and "No card has been measured yet." in bare
    assert bare.count("not measured") == 2 * sum(found.device == "cuda" for found in PROFILES.values()), "no rows: none"


def test_a_measured_peak_is_the_largest_of_its_profile_and_names_its_card(tmp_path):
    phases = [{"phase": "load", "peak_gb": 3.0, "error": 0.01}, {"phase": "checkpoint", "peak_gb": None, "error": None}]
    phases.append({"phase": "GRPO step", "peak_gb": 7.25, "error": -0.061})
    config = {"profile": "gpu-8gb", "layers": None, "narrow": False, "prompts": 2, "group": 4, "tokens": 128}
    found = {"model": "somebody/Small", "phases": phases, "config": config}
    (tmp_path / "gpu" / "card-x").mkdir(parents=True)
    for name, row in (("rehearse", found), ("rehearse-part", {**found, "config": {**config, "layers": 2}})):
        path = tmp_path / "gpu" / "card-x" / f"{name}.json"
        path.write_text(json.dumps({"card": "Card X", "result": row}), encoding="utf-8")
    text = hardware.section(tmp_path)
    (line,) = (line for line in text.splitlines() if line.startswith("| `gpu-8gb`"))
    assert "| 8 GB (card of 8 GB) | 7.2 GB (Card X) | not measured | 12 GB |" in line
    assert "On the card Card X they were within 7% for Small" in " ".join(text.split())


@pytest.mark.slow
def test_every_part_runs_tiny_on_a_cpu(tmp_path, monkeypatch):
    """The orchestration itself, with real commands; the notebooks are one of them."""
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path / "build"))
    parts = ["doctor", "tests", "rehearse", "grpo-3b", "stock-3b", "stock-vllm-3b", "notebook-00"]
    options = [text for part in parts for text in ("--only", part)]
    found = call("--device", "cpu", "--tiny", "--results", str(tmp_path / "rows"), "--json", *options)
    rows = json.loads(found.stdout)["rows"]
    states = {row["part"].partition("_")[0]: row["state"] for row in rows}
    expected = {part: "left out" if part == "stock-vllm-3b" else "done" for part in parts}
    assert states == expected, [row.get("note") for row in rows]
