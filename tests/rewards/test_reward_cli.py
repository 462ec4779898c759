"""`emolab reward …` and `emolab bench rewards`: JSON on stdout, exit status, tables."""

import json
import runpy
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from emolab.cli.main import build
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


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def names_it(completions, solution, **columns):\n"
        "    return [float(gold in text) for text, gold in zip(completions, solution)]\n\n\n"
        "def short(completions, **columns):\n    return [float(len(text) < 30) for text in completions]\n"
    )
    return path


def test_audit_of_ones_own_reward_alone_and_beside_a_rubric(app, mine):
    alone = run(app, "audit", f"{mine}:names_it", "--labels", "calm, tense, bored")
    assert alone.exit_code == 1 and "HACKS PAY" in alone.stdout and "denial: not" in alone.stdout
    same = run(app, "audit", "--reward", f"{mine}:names_it", "--json")
    assert same.exit_code == 1 and json.loads(same.stdout)["rubrics"][0]["rubric"] == "own"
    beside = run(app, "audit", "direct", "--reward", f"{mine}:names_it", "--reward-weight", "0.5", "--json")
    assert beside.exit_code == 1 and json.loads(beside.stdout)["rubrics"][0]["rubric"] == "direct and own"
    for wrong, said in [
        (("audit", "direct", "--reward-weight", "0.5"), "1 --reward-weight for 0 --reward"),
        (("audit", "direct", "--language", "fr"), "expected one of en, zh"),
        (("audit", "direct", "--style", "odd"), "expected one of direct"),
        (("audit", "direct", "--labels", "nope-4"), "no label set 'nope-4'"),
        (("audit", f"{mine}:none"), "no 'none' in it; it defines names_it, short"),
    ]:
        done = run(app, *wrong, "--json")
        assert done.exit_code == 1 and said in json.loads(done.stdout)["error"]


def test_audit_takes_labels_and_a_language(app):
    found = json.loads(run(app, "audit", "emo_rl", "--labels", "iemocap-4", "--language", "zh", "--json").stdout)
    assert found["ok"] and found["rubrics"][0]["labels"] == "iemocap-4" and found["rubrics"][0]["language"] == "zh"


def test_score_of_rollouts(app, tmp_path):
    path = write_rollouts(
        tmp_path / "r.jsonl",
        from_rows([{"row": 0, "completion": "<answer>sad</answer>", "solution": gold} for gold in ("sad", "happy")]),
    )
    found = json.loads(run(app, "score", "direct", str(path), "--json").stdout)
    assert found["accuracy"] == 0.5 and found["n"] == 2
    assert json.loads(run(app, "rescore", "direct", str(path), "--json").stdout) == found
    missing = run(app, "score", "affectgpt_rl", str(path), "--json")
    assert missing.exit_code == 1 and "column 'words'" in json.loads(missing.stdout)["error"]


def test_score_of_completions_given_here(app, mine):
    given = ("--text", "<answer>calm</answer>", "--text", "<answer>tense</answer>", "--solution", "calm")
    own = ("--labels", "calm, tense, bored", "--reward", f"{mine}:short", "--reward-weight", "0.5")
    rows = json.loads(run(app, "score", "direct", *given, *own, "--json").stdout)["rows"]
    assert [row["total"] for row in rows] == pytest.approx([1.7, 0.7]) and rows[0]["short"] == 1.0
    assert "<answer>calm</answer>" in run(app, "score", "direct", *given, *own).stdout
    assert "give a file of rollouts" in run(app, "score", "direct").stderr
    alone = json.loads(run(app, "score", f"{mine}:short", "--text", "x", "--json").stdout)
    assert alone["rows"] == [{"completion": "x", "short": 1.0, "total": 1.0}]


def test_export_writes_a_file_and_says_what_stands_still(tmp_path):
    from emolab.cli.export import register as register_export

    application = typer.Typer()
    application.callback()(lambda: None)
    register_export(application)
    out = tmp_path / "plugin.py"
    done = run(application, "reward", "affectgpt_rl", "--for", "verl", "--out", str(out))
    assert done.exit_code == 0 and "def compute_score(" in out.read_text() and "note: perception" in done.stderr
    wrong = run(application, "reward", "emo_rl", "--for", "nothing", "--json")
    assert wrong.exit_code == 1 and "no tool 'nothing'" in json.loads(wrong.stdout)["error"]


def test_quirks_come_with_the_course():
    told = run(build(), "reward", "quirks", "--json").stdout
    assert {row["kind"] for row in json.loads(told)["quirks"]} == {"label spam"}


def test_bench_has_its_limits():
    bench = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "rewards.py"))
    rollouts = bench["completions"](40)
    assert len(set(rollouts["completion"])) == 40 and len(set(rollouts["row"])) == 5
    scores = bench["six_parts"]().rescore(rollouts)
    assert len(scores.parts) == 6 and len(scores.total) == 40
    assert bench["LIMITS"] == {"affectgpt_rl, 10,000 completions": 5.0, "re-score 2,000 rollouts, six parts": 0.5}


def test_speed_is_near_its_limits():
    """The limits hold on an idle core (`emolab bench rewards`); a busy test machine gets three times as long."""
    bench = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "rewards.py"))
    many, few = bench["completions"](2_000), bench["completions"](2_000, seed=1)
    assert bench["cold"](lambda: rubric("affectgpt_rl").rescore(many), repeats=2) < 3 * 5.0 / 5
    assert bench["cold"](lambda: bench["six_parts"]().rescore(few), repeats=2) < 3 * 0.5


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
