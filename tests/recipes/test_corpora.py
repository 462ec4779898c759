"""Recipes on corpora as published: their labels, their folds, other corpora, rewards of one's own, what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus_trees
import pytest
from corpus_trees.media import garbage, wav

from emolab.corpora import CORPORA, load_corpus
from emolab.errors import CorpusError, EmolabError, TrainingError
from emolab.recipes import RECIPES, get_recipe
from emolab.recipes.emo_rl import EmoRL
from emolab.rewards import ESWR

SMALL: dict[str, Any] = {
    "cold_per_label": 1,
    "cold_epochs": 0.2,
    "cold_batch": 4,
    "steps": 1,
    "prompts_per_step": 2,
    "group_size": 2,
    "max_new_tokens": 4,
    "sft_epochs": 0.1,
    "lora_rank": 2,
    "test_per_label": 1,
}
FAST: dict[str, Any] = {"controls": False, "baseline": False, "zero_shot": False, "progress": False}
REASONS: dict[str, dict[str, Any]] = {
    "emo-rl": {"reasoning": "structured"},
    "affectgpt-rl": {"thinking": True},
    "r1-omni": {"reasoning": "described"},
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A function that makes a fixture corpus once and gives its specification."""
    made: dict[str, str] = {}

    def spec(name: str) -> str:
        if name not in made:
            root = tmp_path_factory.mktemp(name) / "corpus"
            corpus_trees.make(name, root)
            made[name] = f"{name}:{root}"
        return made[name]

    return spec


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A table of 24 recordings with labels of one's own, by four speakers."""
    rows = ["path,emotion,speaker,text"]
    for i in range(24):
        wav(tmp_path / "mine" / f"{i}.wav")
        rows.append(f"{i}.wav,{('calm', 'tense', 'bored')[i % 3]},s{i // 3 % 4},number {i}")
    table = tmp_path / "mine" / "mine.csv"
    table.write_text("\n".join(rows) + "\n")
    return str(table)


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_finds_its_parts_in_every_corpus_or_says_in_a_sentence_what_is_missing(
    name: str, recipe: str, published: Callable[[str], str]
) -> None:
    chosen = get_recipe(recipe).cpu(**{**SMALL, **REASONS.get(recipe, {})})
    corpus = load_corpus(published(name))
    if recipe == "mecap-r1" and not any(s.caption for s in corpus):
        with pytest.raises(CorpusError, match=r"mecap-r1 needs captions .*, and no sample has any"):
            chosen.splits(corpus)
        return
    if recipe == "mecap-r1" and name in ("mer2025", "mer2026"):  # one clip or two of the listing have a caption
        with pytest.raises(CorpusError, match=r"trains on the split 'train' and measures on 'test'; there are"):
            chosen.splits(corpus)
        return
    # No voice to measure in the clips left of DFEW, no other recording of the speaker in LISTEN.
    silent = name == "dfew" and recipe in ("affectgpt-rl", "r1-omni")
    if silent or (name == "listen" and chosen.gives_reasons):
        with pytest.raises(CorpusError, match=r"teaches reasons, .* and no sample has any; choose answers without"):
            chosen.splits(chosen.readable(corpus, "test"))
        return
    parts = chosen.splits(chosen.readable(corpus, "test"))
    assert len(parts.cold) and len(parts.train) and len(parts.test)
    for sample in parts.cold:
        target = chosen.target(sample)
        assert "<answer>" in target and (recipe not in REASONS or "<think>" in target)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [("ravdess", "emo-rl"), ("mafw", "r1-omni"), ("emotiontalk", "mecap-r1"), ("savee", "affectgpt-rl")],
)
def test_a_published_corpus_runs_to_its_end(
    name: str, recipe: str, published: Callable[[str], str], random_model: str, tmp_path: Path
) -> None:
    chosen = get_recipe(recipe).cpu(**{**SMALL, **REASONS.get(recipe, {}), "model": random_model})
    told: list[str] = []
    result = chosen.run(published(name), tmp_path / "run", say=told.append, **FAST)
    labels = load_corpus(published(name)).labels
    assert result["labels"] == list(labels) and result["chance"] == pytest.approx(1 / len(labels))
    assert result["grpo"]["n"] and told.index("load") > 0, "what was left out is told before the model is loaded"
    assert not labels or recipe in ("mecap-r1", "affectgpt-rl") or result["prompt"].endswith(labels.name)


def test_every_fold_and_their_mean(published: Callable[[str], str], random_model: str, tmp_path: Path) -> None:
    recipe = EmoRL.cpu(model=random_model, **SMALL)
    options = {"labels": "iemocap-4", "protocol": "iemocap-5fold", "fold": "all"}
    result = recipe.run(published("iemocap"), tmp_path / "run", **options, **FAST)
    assert list(result["folds"]) == [f"Session{i}" for i in range(1, 6)] and result["chance"] == 0.25
    each = [fold["grpo"]["ua"] for fold in result["folds"].values()]
    assert result["grpo"]["ua"] == pytest.approx(sum(each) / 5) and "ua_sd" in result["grpo"]
    assert result["grpo"]["n"] == sum(fold["grpo"]["n"] for fold in result["folds"].values())
    assert (tmp_path / "run" / "Session3" / "grpo" / "scores.json").is_file()
    assert json.loads((tmp_path / "run" / "result.json").read_text())["corpus"]["fold"] == "all"
    corpus = load_corpus(published("iemocap"), labels="iemocap-4")
    again = recipe.run(corpus, tmp_path / "run", fold="all", **FAST)
    assert again["grpo"]["ua"] == result["grpo"]["ua"], "the same folds of a corpus at hand, which are read"
    with pytest.raises(CorpusError, match="has one fold"):
        recipe.run(published("meld"), tmp_path / "one", fold="all", **FAST)


def test_trained_on_one_corpus_and_measured_on_another(
    published: Callable[[str], str], random_model: str, tmp_path: Path
) -> None:
    told: list[str] = []
    recipe = EmoRL.cpu(model=random_model, **SMALL)
    result = recipe.run(published("meld"), tmp_path, test=published("iemocap"), say=told.append, **FAST)
    assert result["labels"] == ["neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"]
    rows = json.loads((tmp_path / "grpo" / "scores.json").read_text())["key"]["samples"]
    assert [part["name"] for part in rows] == ["iemocap"]
    test = load_corpus(published("iemocap"), labels="meld-7")
    assert test.report is not None and any("fru" in reason for reason in test.report.skipped)


def loud(completions: list[str], audio: list[str], **columns: Any) -> list[float]:
    return [float(Path(path).is_absolute()) for path in audio]


def louder(completions: list[str], audio: list[str], **columns: Any) -> list[float]:
    return [2.0 for _ in audio]


def test_a_reward_of_ones_own_belongs_to_the_run(own: str, random_model: str, tmp_path: Path) -> None:
    recipe, out = EmoRL.cpu(model=random_model, **SMALL), tmp_path / "run"
    corpus = load_corpus(own, labels="calm, tense, bored")
    rewards = [(loud, 0.5), ESWR(corpus.labels)]
    result = recipe.run(corpus, out, rewards=rewards, **FAST)
    assert result["rewards"] == ["loud", "eswr"] and result["chance"] == pytest.approx(1 / 3)
    assert json.loads((out / "grpo" / "metrics.jsonl").read_text().splitlines()[0])["reward/loud"] == 1.0
    assert recipe.run(corpus, out, rewards=rewards, **FAST)["grpo"] == result["grpo"]
    for other in ([(louder, 0.5), ESWR(corpus.labels)], [(loud, 0.6), ESWR(corpus.labels)], None):
        with pytest.raises(TrainingError, match=r"other rewards .*use --out .*run-2"):
            recipe.run(corpus, out, rewards=other, **FAST)
    with pytest.raises(TrainingError, match="other corpus"):
        recipe.run(corpus.where(lambda s: s.id != corpus.where(split="train")[0].id), out, rewards=rewards, **FAST)


def test_the_command_with_a_reward_that_is_edited_in_place(own: str, random_model: str, tmp_path: Path) -> None:
    import typer
    from typer.testing import CliRunner

    from emolab.cli import train

    app = typer.Typer()
    train.register(app)
    mine = tmp_path / "my_rewards.py"
    mine.write_text("def short(completions, **columns):\n    return [float(len(c) < 9) for c in completions]\n")
    small = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    words = ["emo-rl", "--corpus", own, "--labels", "calm, tense, bored", "--model", random_model, *small]
    words += ["--no-baseline", "--no-controls", "--out", str(tmp_path / "run"), "--json"]
    paid = ["--reward", f"{mine}:short", "--reward-weight", "0.5"]
    done = CliRunner().invoke(app, [*words, *paid])
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["rewards"] == ["eswr", "format", "short"] and result["labels"] == ["calm", "tense", "bored"]
    mine.write_text(mine.read_text().replace("< 9", "< 8"))
    edited = CliRunner().invoke(app, [*words, *paid])
    assert edited.exit_code == 1 and "other rewards" in edited.stderr and "use --out" in edited.stderr
    for wrong, message in {
        ("--reward", f"{mine}:long"): "no 'long' in it; it defines short",
        ("--reward-weight", "0.5"): "need a --reward",
        ("--labels", "no-such-set"): "no label set",
        ("--fold", "nine"): "fold 'nine'",
        ("--corpus", "nowhere:x"): "no such table or folder",
        ("--long-clips", "shrink"): "long_clips 'shrink'",
    }.items():
        failed = CliRunner().invoke(app, [*words, *wrong])
        assert failed.exit_code == 1 and message in failed.stderr, failed.stderr


def test_unreadable_media_are_left_out_and_long_clips_cut(own: str, random_model: str, tmp_path: Path) -> None:
    garbage(Path(own).parent / "3.wav")
    wav(Path(own).parent / "4.wav", seconds=31.0)
    for policy in ("window", "skip"):
        told: list[str] = []
        recipe = EmoRL.cpu(model=random_model, **{**SMALL, "test_per_label": 9})
        corpus = load_corpus(own, labels="calm, tense, bored", check="exists")
        recipe.run(corpus, tmp_path / policy, say=told.append, long_clips=policy, **FAST)
        before = told[: told.index("load")]
        assert any("3.wav" in line for line in before), told


def test_a_control_that_cannot_be_made_is_left_out_before_anything_is_trained(
    own: str, random_model: str, tmp_path: Path
) -> None:
    told: list[str] = []
    recipe = EmoRL.cpu(model=random_model, **SMALL)
    corpus = load_corpus(own, labels="calm, tense, bored")  # one speaker is tested: no voice to exchange with
    result = recipe.run(corpus, tmp_path, say=told.append, **{**FAST, "controls": True})
    assert set(result["controls"]) == {"silent"}
    assert any("control swapped is left out" in line for line in told[: told.index("load")])


def test_a_rationale_from_nothing_needs_a_voice(tmp_path: Path) -> None:
    rows = ["text,emotion,speaker"] + [f"hello {i},{('sad', 'happy')[i % 2]},s{i % 4}" for i in range(16)]
    (tmp_path / "words.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(EmolabError):
        EmoRL(reasoning="structured").splits(load_corpus(str(tmp_path / "words.csv")))
