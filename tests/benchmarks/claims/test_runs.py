"""The ledger on a fake recipe: what is trained once, what is paired, what a killed ledger does, what is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import ALIKE, BAD, BASE, GOOD, FakeRecipe, claim

from benchmarks.claims.declare import Arm, Contrast
from benchmarks.claims.page import render, write_page
from benchmarks.claims.queue import jobs_of, work
from benchmarks.claims.results import (
    assess,
    claim_table,
    difference_table,
    load_claims,
    of_shipped_model,
    write_claim,
)
from benchmarks.claims.runs import ensure, folder_of, is_done, read_rows, rows_file, training_of
from emolab.errors import EvaluationError
from emolab.lalm.base import BASE_NOTE
from emolab.lalm.tiny import TAUGHT_FOLDER

Recipe = type[FakeRecipe]
UA = Contrast("good", "bad", "ua")


def run(*claims: object, seeds: int = 5, out: Path) -> list[str]:
    return work(jobs_of(list(claims), range(seeds), {}), out)  # type: ignore[arg-type]


def test_arms_share_their_cold_start_and_run_once(recipe: Recipe, tmp_path: Path) -> None:
    assert run(claim(UA), seeds=2, out=tmp_path) == []
    assert sorted(recipe.done) == ["cold 0", "cold 1", "grpo 0 0.5", "grpo 0 0.9", "grpo 1 0.5", "grpo 1 0.9"]
    assert run(claim(UA), claim(UA, name="another"), seeds=2, out=tmp_path) == []
    assert len(recipe.done) == 6, "everything was there, and two claims share it"
    assert run(claim(UA), seeds=3, out=tmp_path) == [] and recipe.done[6:] == ["cold 2", "grpo 2 0.9", "grpo 2 0.5"]


def test_all_claims_get_the_first_seed_first(recipe: Recipe, tmp_path: Path) -> None:
    other = claim(Contrast("alike", "bad", "ua"), arms=(ALIKE, BAD), name="another")
    seeds = [training.seed for training in jobs_of([claim(UA), other], range(3), {})]
    assert seeds == sorted(seeds) and len(seeds) == 3 * 4


def test_what_a_training_depends_on_names_its_folder(recipe: Recipe, tmp_path: Path) -> None:
    keys = {training_of(arm, 0, {}).key for arm in (BASE, GOOD, BAD, ALIKE)}
    assert len(keys) == 4
    assert training_of(GOOD, 0, {}).key != training_of(GOOD, 1, {}).key
    assert training_of(GOOD, 0, {}).key != training_of(GOOD, 0, {"fake": {"remark": "longer"}}).key
    own = training_of(Arm("good", "fake", {"skill": 0.9}), 0, {})
    assert own.key != training_of(GOOD, 0, {}).key, "it starts from another cold start"


def test_a_killed_measurement_is_made_again_without_training(recipe: Recipe, tmp_path: Path) -> None:
    run(claim(UA), seeds=1, out=tmp_path)
    training = training_of(GOOD, 0, {})
    before = read_rows(training, "home", tmp_path)
    rows_file(training, "home", tmp_path).unlink()
    assert not is_done(training, frozenset({"home"}), tmp_path)
    with pytest.raises(EvaluationError, match="not measured yet"):
        read_rows(training, "home", tmp_path)
    trained = list(recipe.done)
    ensure(training, frozenset({"home", "elsewhere"}), tmp_path)
    assert recipe.done == trained and read_rows(training, "home", tmp_path) == before
    assert {row["speaker"][0] for row in read_rows(training, "elsewhere", tmp_path)} == {"u"}
    assert json.loads((folder_of(training, tmp_path) / "run.json").read_text())["config"]["skill"] == 0.9


def test_what_fails_is_named_and_the_rest_is_made(recipe: Recipe, tmp_path: Path) -> None:
    broken = Arm("broken", "fake", {"remark": "fails"}, start={})
    failed = run(claim(Contrast("broken", "bad", "ua"), arms=(broken, BAD)), seeds=2, out=tmp_path)
    assert len(failed) == 2 and all("RuntimeError: no signal" in line for line in failed)
    assert is_done(training_of(BAD, 1, {}), frozenset({"home"}), tmp_path)


def test_verdicts_from_runs(recipe: Recipe, tmp_path: Path) -> None:
    up, down = Contrast("good", "bad", "ua"), Contrast("good", "bad", "zero_variance", sign=-1)
    same = Contrast("good", "alike", "ua")
    judged = claim(up, down, same, Contrast("bad", "good", "ua", "elsewhere"), arms=(GOOD, ALIKE, BAD))
    run(judged, out=tmp_path)
    result = assess(judged, range(5), {}, tmp_path)
    assert [c["verdict"] for c in result["contrasts"]] == ["holds", "holds", "does not", "does not"]
    assert result["contrasts"][0]["difference"] == pytest.approx(0.4, abs=0.1)
    assert result["contrasts"][2]["difference"] == 0 and result["verdict"] == "does not"
    answers = result["arms"][0]["answers"]
    assert answers["sad"]["sad"] > 60 and sum(answers["sad"].values()) == 5 * 16
    assert len(result["examples"]) == 3 and set(result["examples"][0]["said"]) == {"good", "alike", "bad"}
    few = assess(judged, range(4), {}, tmp_path)
    assert {c["verdict"] for c in few["contrasts"]} == {"undecided"}
    assert few["digest"] != result["digest"]


def test_one_arm_against_zero(recipe: Recipe, tmp_path: Path) -> None:
    alone = claim(Contrast("good", None, "ua"), arms=(GOOD,))
    run(alone, out=tmp_path)
    (contrast,) = assess(alone, range(5), {}, tmp_path)["contrasts"]
    assert contrast["verdict"] == "holds" and contrast["difference"] == pytest.approx(0.9, abs=0.05)


def test_arms_measured_on_other_clips_are_not_paired(recipe: Recipe, tmp_path: Path) -> None:
    import gzip

    run(claim(UA), out=tmp_path)
    path = rows_file(training_of(BAD, 3, {}), "home", tmp_path)
    path.write_bytes(gzip.compress(json.dumps(read_rows(training_of(BAD, 3, {}), "home", tmp_path)[1:]).encode()))
    with pytest.raises(EvaluationError, match="'good' and 'bad': were not measured on the same clips"):
        assess(claim(UA), range(5), {}, tmp_path)


def test_results_page_and_plot(recipe: Recipe, tmp_path: Path) -> None:
    spread = Contrast("good", "bad", "ua", of="spread", sign=-1)
    judged = claim(UA, Contrast("good", "cold start", "ua", count=False), spread)
    run(judged, out=tmp_path / "runs")
    result = assess(judged, range(5), {}, tmp_path / "runs")
    folder = tmp_path / "claims"
    write_claim(result, folder)
    assert (folder / "fake-claim.json").stat().st_size < 12_000
    loaded = load_claims("fake", folder)["fake-claim"]
    assert loaded["reading"] is None and loaded["arms"] == result["arms"]
    assert claim_table(loaded).loc["good", "UA %"].startswith("89.8 [")
    assert difference_table(loaded)["verdict"].tolist()[0] == "holds"
    page = write_page({"fake-claim": loaded}, ["fake-claim", "never-run"], folder).read_text()
    assert "| fake | [Title of fake-claim](#title-of-fake-claim) | **" in page and "never-run | not run yet" in page
    assert "`emolab bench claims fake-claim --seeds 5`" in page and result["config_hash"] in page
    assert "(holds; for orientation)" in page and "No reading was written" in page
    assert 5_000 < (folder / "plots" / "fake-claim.png").stat().st_size < 60_000
    with pytest.raises(EvaluationError, match="no results of emo-rl"):
        load_claims("emo-rl", folder)


def test_the_page_says_which_model_a_claim_was_run_with(recipe: Recipe, tmp_path: Path) -> None:
    run(claim(UA), out=tmp_path / "runs")
    assert assess(claim(UA), range(5), {}, tmp_path / "runs")["base"] is None
    shipped = json.loads((TAUGHT_FOLDER / BASE_NOTE).read_text())
    folders = [folder_of(training_of(arm, seed, {}), tmp_path / "runs") for arm in (GOOD, BAD) for seed in range(5)]
    for folder in folders:
        (folder / BASE_NOTE).write_text(json.dumps(shipped))
    result = assess(claim(UA), range(5), {}, tmp_path / "runs")
    assert of_shipped_model(result) and not of_shipped_model({**result, "base": "other"})
    pages = [render({"fake-claim": found}, ["fake-claim"]) for found in (result, {**result, "base": None})]
    assert "** | 5 |" in pages[0] and "** (older weights) | 5 |" in pages[1]
    (folders[0] / BASE_NOTE).write_text(json.dumps({**shipped, "fingerprint": "other"}))
    with pytest.raises(EvaluationError, match="began from 2 different models"):
        assess(claim(UA), range(5), {}, tmp_path / "runs")


def test_a_reading_is_shown_for_the_figures_it_was_written_for(recipe: Recipe, tmp_path: Path) -> None:
    run(claim(UA), out=tmp_path / "runs")
    result = assess(claim(UA), range(5), {}, tmp_path / "runs")
    write_claim(result, tmp_path)
    notes = tmp_path / "readings.toml"
    notes.write_text(f'[fake-claim]\ndigest = "{result["digest"]}"\ntext = "Skill helped."\n')
    assert load_claims(folder=tmp_path)["fake-claim"]["reading"] == "Skill helped."
    notes.write_text('[fake-claim]\ndigest = "00000000"\ntext = "Skill helped."\n')
    assert load_claims(folder=tmp_path)["fake-claim"]["reading"] is None


def test_a_claim_names_what_it_lacks() -> None:
    with pytest.raises(EvaluationError, match="no arm 'ugly'"):
        claim(Contrast("good", "ugly", "ua"))
    with pytest.raises(EvaluationError, match="stage 'during'"):
        Arm("x", "fake", stage="during")
