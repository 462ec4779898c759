"""AffectGPT-RL: its targets, what its reward pays under each setting, and whole runs on a random model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from emolab_synth.plan import plan
from emolab_synth.realise import realise, to_sample

from emolab.errors import CorpusError, TrainingError
from emolab.evaluate.words import METRICS
from emolab.recipes.affectgpt_rl import REWARDS, AffectGPTRL
from emolab.recipes.data import brief
from emolab.rewards.wheel import PENALTIES, reasoning_words
from emolab.samples import Corpus, EmotionSample

SAD = EmotionSample(
    "x",
    text="it is late",
    emotion="sad",
    words=("gloomy", "sad"),
    caption="The speaker is gloomy and sad. One hears a low, flat voice, dark and slow. The mouth is closed with "
    "corners down and relaxed lips, the nose smooth, the eyes open, the brows slanted. The words are neutral.",
    parts={
        "tone": "a low, flat voice",
        "voice": "a low, flat voice, dark and slow",
        "face": "the mouth is closed with corners down and relaxed lips, the nose smooth",
        "words": "the words are neutral",
    },
)


def recipe(**changes: Any) -> AffectGPTRL:
    return AffectGPTRL.cpu(**changes)


def pay(chosen: AffectGPTRL, *texts: str, words: tuple[str, ...] = SAD.words) -> list[float]:
    rubric = chosen.rewards()
    return [float(v or 0.0) for v in rubric(list(texts), words=[list(words)] * len(texts))]


def test_reasons_are_the_parts_in_brief_and_a_feeling() -> None:
    assert (
        brief(SAD)
        == "a low, flat voice; the mouth is closed with corners down and relaxed lips; the words are neutral; gloomy"
    )
    real = replace(SAD, caption="A tired man sighs; he seems hopeless.", parts={})
    assert recipe(thinking=True).target(real) == f"<think>{real.caption}</think><answer>gloomy, sad</answer>"
    with pytest.raises(TrainingError, match="x: has neither parts nor a caption"):
        recipe(thinking=True).target(replace(SAD, caption=None, parts={}))
    with pytest.raises(TrainingError, match="x: has no emotion words"):
        recipe(thinking=False).target(replace(SAD, words=()))


def test_every_sample_of_the_embedded_corpus_gives_brief_reasons() -> None:
    for spec in plan("smoke"):
        sample = to_sample(spec, realise(spec))
        voice, face, words, feeling = brief(sample).split("; ")
        assert voice.endswith("voice") and face and "," not in face and feeling == sample.words[0]
        assert words == ("words with feeling" if spec.sentence.emotion != "neutral" else "neutral words"), (
            sample.caption
        )


def test_a_label_is_the_one_word_of_a_sample_without_words() -> None:
    corpus = Corpus(Path(), [replace(SAD, words=()), replace(SAD, id="y")], "x")
    assert [s.words for s in recipe().select(corpus)] == [("sad",), ("gloomy", "sad")]
    with pytest.raises(CorpusError, match=r"affectgpt-rl needs emotion words \(column 'words'\) or a label"):
        recipe().select(corpus.replace([replace(SAD, words=(), emotion=None)]))


@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("reward", REWARDS)
def test_the_cold_starts_target_earns_the_most(thinking: bool, reward: str) -> None:
    chosen = recipe(thinking=thinking, reward=reward)
    right = chosen.target(SAD)
    wrong, unreadable, other_form = (
        right.replace("gloomy, sad", "happy"),
        "<answer>",
        recipe(thinking=not thinking).target(SAD),
    )
    best, worse, nothing, misplaced = pay(chosen, right, wrong, unreadable, other_form)
    assert best > worse >= nothing < 0.1, "perception compares within the group, so that nothing earns a little"
    assert (best > misplaced) == (reward != "accuracy")
    names = {part.name for part in chosen.rewards().parts}
    assert names == set(REWARDS[reward]) & ({"wheel_f", "format"} if not thinking else set(REWARDS["all"]))
    assert reasoning_words(recipe(thinking=True).target(SAD)) == ("gloomy",)


def test_unguarded_a_hedge_pays_and_each_penalty_makes_spam_dearer() -> None:
    hedge, spam = "<answer>sad, angry</answer>", "<answer>sad, angry, happy, fearful, amazed</answer>"
    assert pay(recipe(reward="accuracy", guards=True), spam) == [0.0]
    paid = {kind: pay(recipe(reward="accuracy", guards=False, length_penalty=kind), hedge, spam) for kind in PENALTIES}
    assert paid["none"][0] == pytest.approx(2 / 3, abs=0.1) and paid["none"][1] > 0.3
    assert all(paid[kind][0] == paid["none"][0] for kind in PENALTIES), "two words are no more than gold has"
    by_spam = sorted(PENALTIES, key=lambda kind: paid[kind][1])
    assert by_spam == ["P1", "P2", "P3", "smoothed", "none"]
    thinking = recipe(guards=False, thinking=True).rewards()
    assert all(part.gate is None for part in thinking.parts)
    assert any(part.gate for part in recipe(guards=True, thinking=True).rewards().parts)


def test_settings_are_checked() -> None:
    with pytest.raises(TrainingError, match="'P9': expected 'none', 'P1'"):
        recipe(length_penalty="P9")
    with pytest.raises(TrainingError, match="'five': expected 'accuracy', 'format' or 'all'"):
        recipe(reward="five")


def tiny(model: str, **changes: Any) -> AffectGPTRL:
    small: dict[str, Any] = {"model": model, "cold_per_label": 1, "cold_epochs": 1, "cold_batch": 4, "steps": 2}
    small |= {"prompts_per_step": 2, "group_size": 2, "max_new_tokens": 6, "sft_epochs": 0.5, "lora_rank": 2}
    return recipe(**{**small, **changes})


def test_a_whole_run_on_a_random_model(random_model: str, noise_corpus: Corpus, tmp_path: Path) -> None:
    result = tiny(random_model, test_per_label=1).run(noise_corpus, tmp_path / "direct", progress=False)
    for stage in ("zero_shot", "cold_start", "grpo", "sft"):
        assert set(result[stage]) >= {*METRICS, "wheel_f_ci", "n", "parse_rate", "seed", "seconds"}, stage
        assert result[stage]["n"] == 7
    assert result["metric"] == "wheel_f" and set(result["controls"]) == set(AffectGPTRL.controls)
    json.dumps(result, allow_nan=False)
    steps = [json.loads(line) for line in (tmp_path / "direct" / "grpo" / "metrics.jsonl").read_text().splitlines()]
    assert len(steps) == 2 and "reward/wheel_f" in steps[0]


def test_a_checkpoint_that_thinks_says_so(random_model: str, noise_corpus: Corpus, tmp_path: Path) -> None:
    from emolab.lalm.checkpoint import checkpoint_info

    options = {"baseline": False, "controls": False, "zero_shot": False, "progress": False}
    result = tiny(random_model, thinking=True, test_per_label=1).run(noise_corpus, tmp_path, **options)
    assert result["grpo"]["n"] == 7
    info = checkpoint_info(tmp_path / "grpo")
    assert info["prompt"] == "words" and info["recipe"] == "affectgpt-rl" and info["settings"]["thinking"] is True
