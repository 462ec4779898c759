"""Our protocols as tasks of lmms-eval: the same clips, the same question, the same answers, the same numbers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import corpus_trees
import numpy as np
import pytest
import yaml

from emolab.corpora import load
from emolab.evaluate import run
from emolab.evaluate.results import numbers
from emolab.prompts import get_prompt

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "integrations" / "lmms_eval"
METRICS = ("ua", "wa", "weighted_f1", "parse_rate")
SIDE = "lmms-eval==0.7.3 loguru tenacity evaluate pytablewriter pytz aiohttp multidict yarl propcache aiohappyeyeballs"
SIDE += " aiosignal frozenlist DataProperty mbstrdecoder typepy tcolorpy tabledata pathvalidate sqlitedict dill"


def module(name):
    spec = importlib.util.spec_from_file_location(f"lmms_{name}", FOLDER / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


prepare, utils = module("prepare"), module("utils")


class Loader(yaml.SafeLoader):
    """Reads `!function utils.name` as the function, as lmms-eval does."""


Loader.add_constructor("!function", lambda loader, node: getattr(utils, node.value.removeprefix("utils.")))


def task(name):
    found = yaml.load((FOLDER / f"{name}.yaml").read_text(), Loader)
    base = yaml.load((FOLDER / found.pop("include")).read_text(), Loader) if "include" in found else {}
    return base | found


@pytest.fixture(scope="module", params=list(prepare.TASKS))
def prepared(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    corpus_trees.make(prepare.TASKS[request.param][0], root / "corpus")
    return request.param, root


def completions(rows):
    """Right, wrong, denied, unreadable and hedged answers in turn, whose words follow from the row's number."""
    kinds = ("<answer>{gold}</answer>", "I hear that the speaker is {other}.", "not {gold}", "", "{gold} or {other}")
    return {
        row["id"]: kinds[i % 5].format(gold=row["gold"], other=row["labels"][i % len(row["labels"])])
        for i, row in enumerate(rows)
    }


def ours(corpus, answers, monkeypatch):
    """`emolab evaluate` on those completions: everything but the model is its own code."""
    model = SimpleNamespace(name="canned", device="cpu", modalities=("audio",), max_seconds=9e9)
    model.has_room = lambda *_: True
    monkeypatch.setattr(run, "generate_texts", lambda lalm, samples, *_, **__: [answers[s.id] for s in samples])
    prompt = get_prompt("direct", corpus.labels).using("audio")
    return run.evaluate(model, corpus, prompt, n_boot=10, progress=False)


def test_there_is_a_task_and_its_twins_for_every_protocol():
    for name in prepare.TASKS:
        twins = {"": utils.voice, "_silent": utils.silent, "_swapped": utils.swapped}
        for twin, sound in twins.items():
            found = task(f"emolab_{name}{twin}")
            assert found["task"] == f"emolab_{name}{twin}" and found["doc_to_visual"] is sound
            assert found["dataset_kwargs"] == {"data_files": {"test": f"data/{name}.jsonl"}}
            assert {m["metric"] for m in found["metric_list"]} == {*METRICS, "ua_over_chance"}
            assert found["process_results"] is utils.scored and found["generation_kwargs"]["until"] == []
        assert task(f"emolab_{name}_group")["task"] == [f"emolab_{name}{twin}" for twin in twins]
    assert len(task("emolab_emotion")["task"]) == 3 * len(prepare.TASKS) == 24


def test_answers_and_numbers_are_those_of_emolab_evaluate(prepared, monkeypatch):
    name, root = prepared
    corpus = prepare.tested(name, root / "corpus")
    rows, _ = prepare.rows_of(corpus)
    answers = completions(rows)
    result = ours(corpus, answers, monkeypatch)
    assert [row["id"] for row in rows] == [row["id"] for row in result["rows"]]
    scored = [utils.scored(row, [answers[row["id"]].strip()]) for row in rows]
    for metric in METRICS:
        assert getattr(utils, metric)([row[metric] for row in scored]) == result[metric], metric
    assert [row["ua"]["predicted"] for row in scored] == [row["predicted"] for row in result["rows"]]
    assert [row["ua"]["gold"] for row in scored] == [row["gold"] for row in result["rows"]]
    over = utils.ua_over_chance([row["ua_over_chance"] for row in scored])
    assert over == pytest.approx(result["ua"] - 1 / len(corpus.labels))
    assert {row["question"] for row in rows} == {get_prompt("direct", corpus.labels).text()}


def test_the_twins_take_the_voice_away(prepared):
    rows, _ = prepare.rows_of(prepare.tested(prepared[0], prepared[1] / "corpus"))
    speaker = {row["audio"]: (row["speaker"], row["gold"]) for row in rows}
    for row in rows[:5]:
        assert utils.voice(row)[0]["sampling_rate"] == 16_000 and np.abs(utils.voice(row)[0]["array"]).max() > 0
        assert utils.silent(row)[0]["array"].shape == (32_000,) and not utils.silent(row)[0]["array"].any()
        who, felt = speaker[row["swapped"]]
        assert felt == row["donor_emotion"] != row["gold"] and (who is None or who != row["speaker"])
        assert np.array_equal(utils.swapped(row)[0]["array"], utils.voice(row | {"audio": row["swapped"]})[0]["array"])
    assert utils.question(rows[0], {"pre_prompt": "> "}).startswith("> What does")


def test_a_fold_is_part_of_all_folds_and_errors_are_one_line(tmp_path):
    corpus_trees.make("ravdess", tmp_path / "corpus")
    whole, _ = load("ravdess", tmp_path / "corpus")
    assert len(prepare.tested("ravdess", tmp_path / "corpus")) == len(whole)
    part = prepare.tested("ravdess", tmp_path / "corpus", "fold2")
    assert 0 < len(part) < len(whole)
    for given, said in ((["ravdess", "corpus", "--fold", "9"], "has fold1, fold2"), (["meld", "corpus"], "train_sent")):
        called = subprocess.run(
            [sys.executable, str(FOLDER / "prepare.py"), *given], cwd=tmp_path, capture_output=True, text=True
        )
        assert called.returncode == 1 and called.stderr.count("\n") == 1 and said in called.stderr


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """The Python of an environment with lmms-eval: the one that EMOLAB_LMMS_EVAL names, else that of a new one."""
    if named := os.environ.get("EMOLAB_LMMS_EVAL"):
        return named
    folder = tmp_path_factory.mktemp("side") / "env"
    venv.create(folder, with_pip=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "here.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", *SIDE.split()], check=True)
    return folder / "bin" / "python"


@pytest.mark.slow
def test_lmms_eval_itself_gives_the_same(prepared, side, tmp_path, monkeypatch):
    """Its own loader of tasks, its own loop and aggregation, on the voice of each clip and on both twins."""
    name, root = prepared
    corpus = prepare.tested(name, root / "corpus")
    rows, _ = prepare.rows_of(corpus)
    answers = completions(rows)
    for file in (*FOLDER.glob("*.yaml"), FOLDER / "_emolab_yaml", FOLDER / "utils.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    out = tmp_path / "out.json"
    call = [side, HERE / "lmms_run.py", tmp_path, f"emolab_{name}_group", tmp_path / "answers.json", out]
    where = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(call, env=os.environ | where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs, mine = json.loads(out.read_text()), ours(corpus, answers, monkeypatch)
    shown = {(task, doc): (length, loudness) for task, doc, _, length, loudness, _ in theirs["shown"]}
    assert {question for _, _, question, *_ in theirs["shown"]} == {row["question"] for row in rows}
    for twin in ("", "_silent", "_swapped"):
        found = theirs["results"][f"emolab_{name}{twin}"]
        assert {m: found[f"{m},none"] for m in METRICS} == {m: numbers(mine)[m] for m in METRICS}, twin
        said = {s["doc"]["id"]: s["ua"]["predicted"] for s in theirs["samples"][f"emolab_{name}{twin}"]}
        assert said == {row["id"]: row["predicted"] for row in mine["rows"]}, twin
        for row in rows:
            sound = {"": utils.voice, "_silent": utils.silent, "_swapped": utils.swapped}[twin](row)[0]["array"]
            length, loudness = shown[f"emolab_{name}{twin}", row["id"]]
            assert length == len(sound) and loudness == pytest.approx(float(np.abs(sound).sum())), (twin, row["id"])
