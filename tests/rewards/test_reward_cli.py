"""`emolab reward …` and `emolab bench rewards`: JSON on stdout, exit status, tables."""

import json
import runpy
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from emolab.cli.reward import register
from emolab.rewards.rollouts import from_rows, write_rollouts
from emolab.rewards.shipped import RUBRICS, rubric


@pytest.fixture(scope="module")
def app():
    application = typer.Typer()
    register(application)
    return application


def run(app, *arguments):
    return CliRunner().invoke(app, list(arguments))


def test_list(app):
    found = json.loads(run(app, "list", "--json").stdout)
    assert [row["name"] for row in found["rubrics"]] == list(RUBRICS)
    assert "wheel_f" in run(app, "list").stdout


def test_audit_of_one_and_of_all(app):
    one = run(app, "audit", "emo_rl", "--json")
    assert one.exit_code == 0 and json.loads(one.stdout)["rubrics"][0]["ok"]
    everything = run(app, "audit", "all", "--json")
    found = json.loads(everything.stdout)
    assert everything.exit_code == 0 and found["ok"] and len(found["rubrics"]) == len(RUBRICS)
    shown = " ".join(run(app, "audit", "affectgpt_rl_published").stdout.split())
    assert "HACKS PAY (as published)" in shown and "label spam" in shown
    unknown = run(app, "audit", "nope", "--json")
    assert unknown.exit_code == 1 and "no rubric 'nope'" in json.loads(unknown.stdout)["error"]


def test_rescore(app, tmp_path):
    path = write_rollouts(
        tmp_path / "r.jsonl",
        from_rows([{"row": 0, "completion": "<answer>sad</answer>", "solution": gold} for gold in ("sad", "happy")]),
    )
    found = json.loads(run(app, "rescore", "direct", str(path), "--json").stdout)
    assert found["accuracy"] == 0.5 and found["n"] == 2
    missing = run(app, "rescore", "affectgpt_rl", str(path), "--json")
    assert missing.exit_code == 1 and "column 'words'" in json.loads(missing.stdout)["error"]


def test_quirks(app):
    assert {row["kind"] for row in json.loads(run(app, "quirks", "--json").stdout)["quirks"]} == {"label spam"}


def test_bench_has_its_limits():
    bench = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "rewards.py"))
    rollouts = bench["completions"](40)
    assert len(set(rollouts["completion"])) == 40 and len(set(rollouts["row"])) == 5
    scores = bench["six_parts"]().rescore(rollouts)
    assert len(scores.parts) == 6 and len(scores.total) == 40
    assert bench["LIMITS"] == {"affectgpt_rl, 10,000 completions": 2.0, "re-score 2,000 rollouts, six parts": 0.4}


def test_speed_is_near_its_limits():
    """The limits hold on an idle core (`emolab bench rewards`); a busy test machine gets three times as long."""
    bench = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "rewards.py"))
    many, few = bench["completions"](2_000), bench["completions"](2_000, seed=1)
    assert bench["cold"](lambda: rubric("affectgpt_rl").rescore(many), repeats=2) < 3 * 2.0 / 5
    assert bench["cold"](lambda: bench["six_parts"]().rescore(few), repeats=2) < 3 * 0.4


def test_rollouts_samples_the_test_split_of_a_corpus(app, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from emolab.evaluate import inputs
    from emolab.prompts import PROMPTS
    from emolab.samples import Corpus, EmotionSample

    class Parrot:
        name = "parrot"

        def encode(self, samples, prompt):
            return samples

        def generate(self, samples, n, **settings):
            return SimpleNamespace(texts=[["<answer>sad</answer>"] * n for _ in samples])

    samples = [
        EmotionSample(f"{split}{i}", text="hello", emotion="sad", split=split)
        for split in ("train", "test")
        for i in range(4)
    ]
    table = Corpus(tmp_path, samples).write(tmp_path / "table.jsonl")
    monkeypatch.setattr(inputs, "read_model", lambda *_: (Parrot(), PROMPTS["direct"]))
    out = tmp_path / "rollouts.jsonl"
    done = run(app, "rollouts", "--corpus", str(table), "--out", str(out), "--n", "6", "--group", "3", "--json")
    assert json.loads(done.stdout)["groups"] == 2
    found = json.loads(run(app, "rescore", "direct", str(out), "--json").stdout)
    assert found["total"] == pytest.approx(1.2) and found["zero_variance"] == 1.0
    assert all('"id": "test' in line for line in out.read_text().splitlines())
