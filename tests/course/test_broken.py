"""The saved broken runs can be told apart by what notebook 04 shows; and a learner's loss is held to the trainer's."""

from __future__ import annotations

import json

import pytest
from emolab_course.broken import LETTERS, SHOWN, broken_answers, broken_curves
from emolab_course.exercises import EXERCISES

from benchmarks.broken import RESULT, RUNS


@pytest.fixture(scope="module")
def saved():
    return json.loads(RESULT.read_text(encoding="utf-8"))


def last(run, key, count=10):
    values = [row[key] for row in run["rows"] if key in row][-count:]
    return sum(values) / len(values)


def test_every_broken_run_has_a_letter_and_is_the_exercises_answer(saved):
    assert {*LETTERS.values(), "sound"} == set(RUNS) == set(saved["runs"])
    assert EXERCISES["4.4"].example == LETTERS
    assert all(len(run["rows"]) == saved["settings"]["steps"] for run in saved["runs"].values())


def test_each_fault_shows_in_the_curves(saved):
    runs = saved["runs"]
    assert all(row["zero_variance"] == 1 for row in runs["constant reward"]["rows"])
    for name in ("audio not fed", "learning rate × 10", "labels of other clips"):
        assert last(runs["sound"], "reward") > last(runs[name], "reward") + 0.1, name
    assert runs["sound"]["ua"][1] > runs["sound"]["ua"][0]
    harmless = "no cold start"
    broken = [name for name in LETTERS.values() if name != harmless]
    assert max(runs[name]["ua"][1] for name in broken) < runs["sound"]["ua"][1]
    assert runs[harmless]["ua"][0] < runs["sound"]["ua"][0], "it starts lower"
    assert runs[harmless]["rows"][0]["parse_rate"] > 0.9, "it can be read from the first step"
    low, high = runs["sound"]["ua_ci"][1]
    assert low <= runs[harmless]["ua"][1] <= high, "it ends beside the sound run"
    starts = {name: runs[name]["ua"][0] for name in ("labels of other clips", "audio not fed")}
    assert starts["labels of other clips"] == runs["sound"]["ua"][0] > starts["audio not fed"]


def test_the_pictures_show_every_run(saved):
    figure = broken_curves(saved)
    assert len(figure.axes) == len(LETTERS) * len(SHOWN)
    assert [axis.get_ylabel() for axis in figure.axes[:: len(SHOWN)]] == [f"run {letter}" for letter in LETTERS]
    assert [axis.get_title("left") for axis in figure.axes[: len(SHOWN)]] == list(SHOWN.values())
    assert list(broken_answers(saved).index) == [*LETTERS, "sound"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_right_loss_ends_where_the_trainer_does_and_a_wrong_one_does_not(monkeypatch):
    from emolab_course import practice, scratch, setup, trainers_step

    monkeypatch.setenv("EMOLAB_COURSE", "smoke")
    practised = practice(setup("04", threads=1), group_size=4)
    texts = iter(range(10**6))
    step = trainers_step(practised, lambda completions, **columns: [float(next(texts) % 2) for _ in completions])

    def right(now, old, rewards, mask):
        return scratch.clipped_loss(now, old, scratch.group_advantages(rewards, step.group_size), mask)

    def unclipped_rewards(now, old, rewards, mask):
        return scratch.plain_loss(now, rewards, mask)

    moved, off = step.compare(right).values()
    assert off < 1e-5 < moved / 10
    assert step.compare(unclipped_rewards)["my weights differ from its by up to"] > 10 * off
