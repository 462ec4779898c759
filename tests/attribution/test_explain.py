"""Explanations of one sample on a tiny random model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from attribution_helpers import PROMPT, corpus, model
from emolab_course.measure import choose

from emolab.attribution.explain import Effort, Explainer, Settings, explain
from emolab.attribution.game import background_samples
from emolab.errors import AttributionError

QUICK = Settings(versions=2, gradient_steps=2)


def test_explain_gives_modalities_and_fine_players():
    sample = choose(corpus(), 1)[0]
    found = explain(model(), sample, PROMPT, background_samples(corpus()), settings=QUICK, effort=Effort(4))
    assert sum(found["phi"].values()) == pytest.approx(found["full"] - found["empty"], abs=1e-5)
    assert set(found["players"]) == {"word", "window", "spoken", "cell"} and found["word_times"] == "guessed"
    assert sum(found["parts_shares"].values()) == pytest.approx(1.0)
    assert [p["name"] for p in found["players"]["word"]] == sample.text.split()
    times = [("all", 0.0, 0.4), ("of it", 0.4, 1.0)]
    told = explain(model(), sample, PROMPT, [], None, "silence", QUICK, method="leave one out", times=times)
    assert [p["name"] for p in told["players"]["spoken"]] == ["all", "of it"] and told["word_times"] == "given"
    with pytest.raises(AttributionError, match="hangry"):
        explain(model(), sample, PROMPT, background_samples(corpus()), "hangry")


def test_steps_get_finer_and_end_where_explain_does():
    sample, background = choose(corpus(), 1)[0], background_samples(corpus())
    explainer = Explainer(model(), PROMPT, background)
    options = {"settings": QUICK, "effort": Effort(4, versions=1)}
    steps = list(explainer.steps(sample, pairs_per_step=2, **options))
    assert steps[0]["players"] == {} and steps[0]["phi"] == steps[-1]["phi"]
    done = [step["done"] for step in steps]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 1 and len(done) > 5
    sizes = [len(step["players"]) for step in steps]
    assert sizes == sorted(sizes) and sizes[-1] == 4
    whole = explain(model(), sample, PROMPT, background, **options)
    for kind, rows in whole["players"].items():
        assert {r["name"] for r in rows} == {r["name"] for r in steps[-1]["players"][kind]}


def test_another_label_measure_or_method_runs_no_prompt_of_the_modalities_again(monkeypatch):
    from emolab.attribution.game import Game

    explainer, sample = Explainer(model(), PROMPT, background_samples(corpus())), choose(corpus(), 1)[0]
    first = explainer.explain(sample, settings=QUICK, fine=False)
    monkeypatch.setattr(Game, "_run", lambda *_: pytest.fail("a known prompt is run again"))
    other = explainer.explain(sample, "angry", settings=QUICK, fine=False)
    assert other["label"] == "angry" and other["distribution"] == pytest.approx(first["distribution"])
    again = explainer.explain(sample, settings=QUICK, fine=False, method="leave one out")
    assert again["full"] == pytest.approx(first["full"]) and again["method"] == "leave one out"
    by_token = explainer.explain(sample, settings=replace(QUICK, measure="logprob"), fine=False)
    assert by_token["measure"] == "logprob" and by_token["full"] < 0


def test_media_pass_the_towers_once_for_all_maskers(monkeypatch):
    used, sample = model(), choose(corpus(), 1)[0]
    explainer, encoded = Explainer(used, PROMPT, background_samples(corpus())), []
    encode = type(used).encode
    monkeypatch.setattr(
        type(used), "encode", lambda self, rows, *a, **k: encoded.extend(rows) or encode(self, rows, *a, **k)
    )
    for masker in ("neutral", "swap", "mean"):
        explainer.explain(sample, settings=QUICK, fine=False, masker=masker)
    assert sum(row is sample for row in encoded) == 1


def test_a_second_recording_of_the_same_name_is_explained_anew():
    first, second = (replace(s, id="your recording") for s in choose(corpus(), 2))
    explainer = Explainer(model(), PROMPT, background_samples(corpus()))
    found = [explainer.explain(s, "angry", settings=QUICK, fine=False)["full"] for s in (first, second)]
    assert (
        found[0] != found[1]
        and found[1]
        == explain(model(), second, PROMPT, background_samples(corpus()), "angry", settings=QUICK, fine=False)["full"]
    )


def test_only_the_wanted_kinds_of_parts_are_computed():
    sample = choose(corpus(), 1)[0]
    effort = Effort(2, versions=1, kinds=("word", "cell"))
    found = explain(model(), sample, PROMPT, background_samples(corpus()), settings=QUICK, effort=effort)
    assert set(found["players"]) == {"word", "cell"} and found["done"] == 1.0


def test_without_neutral_clips_others_are_shown_and_without_clips_silence():
    sample, clips = choose(corpus(), 1)[0], background_samples(corpus())
    felt = [clip for clip in clips if clip.emotion != "neutral"]
    kinds = {"neutral": clips, "swap": felt, "silence": []}
    for kind, background in kinds.items():
        found = explain(model(), sample, PROMPT, background, settings=QUICK, fine=False)
        assert found["masker"] == kind and (found["errors_over"] == "") == (kind == "silence")
