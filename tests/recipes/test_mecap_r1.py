"""MECap-R1: its references, its reward and what the reward pays for, and a whole run on a random model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from emolab_synth.plan import plan
from emolab_synth.realise import realise, to_sample

from emolab.errors import CorpusError, TrainingError
from emolab.recipes.mecap_r1 import MECapR1
from emolab.rewards.captions import Cider
from emolab.samples import MODALITIES, Corpus, EmotionSample

VOICE = "One hears a low, flat voice, slow and quiet, dark and breathy, ending in a fall."
CAPTION = f"Overall, this person seems lonely and sad. {VOICE} Level brows, a smooth nose. The words are neutral."
SHORT = f"{VOICE} Overall, this person seems lonely and sad."


PARTS = {
    "tone": "a low, flat voice",
    "voice": "a low, flat voice, slow and quiet, dark and breathy, ending in a fall",
    "face": "level brows, a smooth nose",
    "words": "the words are neutral",
    "feeling": "overall, this person seems lonely and sad",
}


def test_every_sample_of_the_embedded_corpus_gives_a_short_reference() -> None:
    rows = [to_sample(spec, realise(spec)) for spec in plan("smoke")]
    for sample in recipe(parts=("tone", "feeling"), carriers=MODALITIES).select(Corpus(Path(), rows, "x")):
        assert "brows" not in str(sample.caption) and "voice" in str(sample.caption).split(". ")[0]


def test_a_reference_keeps_the_wanted_parts_in_order() -> None:
    def references(*parts: str) -> list[str | None]:
        rows = [sample("x", None), sample("real", None, "A tired man sighs. He sounds hopeless.", {})]
        return [s.caption for s in recipe(parts=parts).select(Corpus(Path(), rows, "x"))]

    assert references("voice", "feeling") == [SHORT, "A tired man sighs. He sounds hopeless."]
    assert references("words", "voice")[0] == f"The words are neutral. {VOICE}"
    with pytest.raises(TrainingError, match="'smell'"):
        recipe(parts=("smell",))


def recipe(**changes: Any) -> MECapR1:
    return MECapR1.cpu(**{"parts": ("voice", "feeling"), **changes})


ANSWERS = {
    "right": SHORT,
    "synonyms": SHORT.replace("lonely and sad", "unhappy and sorrowful"),
    "wrong feeling": SHORT.replace("lonely and sad", "delighted and happy"),
    "no feeling": VOICE,
}


def rewards(chosen: MECapR1) -> dict[str, float]:
    texts = [f"<answer>{text}</answer>" for text in ANSWERS.values()] + ["<answer>"]
    values = chosen.rewards()(texts, caption=[SHORT] * 5)
    return dict(zip([*ANSWERS, "unreadable"], (float(v or 0.0) for v in values), strict=True))


@pytest.mark.parametrize("guarded", [False, True])
def test_the_reward_pays_the_feeling_and_the_words(guarded: bool) -> None:
    paid = rewards(recipe(guarded=guarded))
    assert paid["right"] == pytest.approx(3.0)
    assert paid["right"] > paid["synonyms"] > paid["wrong feeling"] >= paid["unreadable"] == 0.0
    overlap = rewards(recipe(emotion_weight=0.0))
    assert (paid["wrong feeling"] >= overlap["wrong feeling"]) == guarded  # unguarded, a wrong feeling costs


def test_without_the_emotion_reward_a_wrong_feeling_in_the_right_words_pays_nearly_as_well() -> None:
    with_it, without = rewards(recipe()), rewards(recipe(emotion_weight=0.0))
    assert without["right"] == pytest.approx(2.0)
    assert without["wrong feeling"] == pytest.approx(without["synonyms"], abs=0.2)
    assert with_it["synonyms"] - with_it["wrong feeling"] > 0.4 + without["synonyms"] - without["wrong feeling"]
    assert rewards(recipe(overlap_weight=0.0))["right"] == pytest.approx(1.0)
    with pytest.raises(TrainingError, match="both 0"):
        recipe(emotion_weight=0.0, overlap_weight=0.0)
    with pytest.raises(TrainingError, match="carriers: 'smell'"):
        recipe(carriers=("smell",))


def test_uncentred_anchors_hardly_differ_within_a_group_and_the_log_says_so() -> None:
    spread = {}
    for centred in (True, False):
        logged: dict[str, float] = {}
        texts = [f"<answer>{text}</answer>" for text in ANSWERS.values()]
        recipe(centred=centred).rewards()(texts, caption=[SHORT] * 4, row=[5] * 4, log_metric=logged.__setitem__)
        spread[centred] = logged["reward/emo_grpo spread"]
        assert {"reward/emo_grpo", "reward/bleu", "reward/cider", "reward/cider spread"} <= set(logged)
    assert spread[True] > 2 * spread[False] > 0


def sample(
    name: str, carriers: list[str] | None, caption: str | None = CAPTION, parts: dict[str, str] = PARTS
) -> EmotionSample:
    extra = {} if carriers is None else {"carriers": carriers}
    return EmotionSample(name, audio="x.wav", emotion="sad", caption=caption, extra=extra, parts=parts)


def test_clips_whose_emotion_is_not_shown_are_left_out() -> None:
    rows = [sample("v", ["video"]), sample("av", ["audio", "video"]), sample("n", []), sample("t", ["text"])]
    rows += [sample("real", None), sample("mute", ["audio"], None)]
    corpus = Corpus(Path(), rows, "x")
    kept = recipe().select(corpus)
    assert [s.id for s in kept] == ["av", "n", "t", "real"] and {s.caption for s in kept} == {SHORT}
    assert [s.id for s in recipe(carriers=("video",)).select(corpus)] == ["v", "av", "n", "real"]
    assert recipe().target(kept[0]) == f"<answer>{SHORT}</answer>"
    with pytest.raises(CorpusError, match="mecap-r1 needs captions"):
        recipe().select(corpus.replace(rows[-1:]))


def test_a_whole_run(random_model: str, noise_corpus: Corpus, tmp_path: Path) -> None:
    corpus = noise_corpus.replace(replace(s, caption=f"The speaker is {s.emotion}. {VOICE}") for s in noise_corpus)
    small = {"cold_per_label": 1, "cold_epochs": 0, "cold_batch": 4, "steps": 2, "prompts_per_step": 2, "group_size": 2}
    small |= {"max_new_tokens": 6, "sft_epochs": 0.5, "lora_rank": 2, "test_per_label": 1, "beta": 0.5}
    chosen = recipe(model=random_model, **small)
    result = chosen.run(corpus, tmp_path, controls=False, zero_shot=False, progress=False)
    assert result["recipe"] == "mecap-r1" and result["metric"] == "emotion_f1" and result["n"]["test"] == 7
    for stage in ("cold_start", "grpo", "sft"):
        assert {"emotion_f1", "bleu_4", "distinct_2", "emotion_f1_ci", "parse_rate"} <= set(result[stage]), stage
    assert not [stage for stage in result["seconds"] if stage == "cold start"]
    cider = chosen.rewards(train=chosen.splits(corpus).train).parts[-1].reward
    assert isinstance(cider, Cider) and cider.size == 14
    lines = (tmp_path / "grpo" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2 and "reward/emo_grpo spread" in json.loads(lines[0])
