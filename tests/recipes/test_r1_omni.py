"""R1-Omni: its targets, its reward, what it counts by modality and by rationale, and a whole run on a random model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emolab.emotions import EMOLAB_7
from emolab.errors import TrainingError
from emolab.recipes.r1_omni import R1Omni, by_evidence, evidence_of, naming
from emolab.rewards.shipped import rubric as shipped_rubric
from emolab.samples import Corpus, EmotionSample

CAPTION = (
    "The words are neutral. The mouth is open with corners up and relaxed lips, the nose smooth, the eyes narrow, the "
    "brows level. One hears a high, lively voice, loud and fast, clear, ending in a rise. The speaker is glad."
)


PARTS = {
    "voice": "a high, lively voice, loud and fast",
    "face": "the mouth is open with corners up and relaxed lips, the nose smooth, the eyes narrow, the brows level",
    "words": "the words are neutral",
}


def row(carriers: list[str] | None, emotion: str = "happy", distractors: tuple[str, ...] = (), parts=PARTS):
    extra = {} if carriers is None else {"carriers": carriers, "distractors": list(distractors), "condition": "x"}
    return EmotionSample("r", text="it is late", emotion=emotion, caption=CAPTION, extra=extra, parts=parts)


def test_a_rationale_names_the_carriers_and_describes_only_these():
    named, described = R1Omni(reasoning="named"), R1Omni(reasoning="described")
    assert named.target(row(["video", "audio"])) == (
        "<think>the voice and the face tell it</think><answer>happy</answer>"
    )
    face = described.target(row(["video"]))
    assert "the face tells it; the mouth is open" in face and "voice" not in face and "brows level</think>" in face
    assert described.target(row(["text"])) == "<think>the words tell it</think><answer>happy</answer>"
    assert "nothing tells it" in described.target(row([], "neutral"))


def test_a_real_row_is_described_by_its_parts_or_its_caption():
    told = "; ".join(PARTS.values())
    assert R1Omni().target(row(None)) == f"<think>{told}</think><answer>happy</answer>"
    assert R1Omni().target(row(None, parts={})) == f"<think>{CAPTION}</think><answer>happy</answer>"
    with pytest.raises(TrainingError, match="neither parts nor a caption"):
        R1Omni().target(EmotionSample("r", text="t", emotion="sad"))
    with pytest.raises(TrainingError, match="no label"):
        R1Omni().target(EmotionSample("r", text="t", caption="c"))


@pytest.mark.parametrize("reasoning", ["named", "described", "direct"])
def test_the_reward_pays_form_and_accuracy_equally(reasoning: str):
    recipe = R1Omni(reasoning=reasoning)
    good = recipe.target(row(["video"]))
    other = recipe.target(row(["video"], "sad"))
    assert recipe.rewards()([good, other, "well"], solution=["happy"] * 3) == [2.0, 1.0, 0.0]


def test_the_shipped_rubric_is_the_recipes_and_the_published_one_asks_for_the_exact_string():
    text = ["<think>the face tells it</think><answer>Happy.</answer>"]
    ours, released = R1Omni().rewards(), R1Omni(published=True).rewards()
    assert (ours.name, ours.parts) == ("r1_omni", shipped_rubric("r1_omni", EMOLAB_7).parts)
    assert released.parts == shipped_rubric("r1_omni_published", EMOLAB_7).parts
    assert ours(text, solution=["happy"]) == [2.0] and released(text, solution=["happy"]) == [1.0]
    with pytest.raises(TrainingError, match="asks for a think block"):
        R1Omni(published=True, reasoning="direct")
    with pytest.raises(TrainingError, match="'named', 'described' or 'direct'"):
        R1Omni(reasoning="loud")


def test_where_the_evidence_lies():
    assert [evidence_of(row(c)) for c in (["text"], ["audio", "text"], [], None)] == ["text", "agree", "neutral", None]
    assert evidence_of(row(["audio"], distractors=("text",))) == "conflict"


def test_scores_by_evidence(tmp_path: Path):
    samples = [
        EmotionSample(str(i), text="t", emotion=gold, extra={"carriers": c, "distractors": [], "condition": name})
        for i, (gold, c, name) in enumerate(
            [("sad", ["audio"], "A"), ("sad", ["audio"], "A"), ("happy", ["audio"], "A"), ("sad", ["video"], "V")]
        )
    ]
    said = ["sad", "happy", "happy", None]
    rows = [{"id": s.id, "gold": s.emotion, "predicted": p} for s, p in zip(samples, said, strict=True)]
    found = by_evidence(rows, Corpus(tmp_path, samples, "c"))
    assert found["ua_audio"] == 0.75 and found["ua_video"] == 0.0 and "ua_text" not in found
    assert found["by_condition"] == {"A": {"ua": 0.75, "n": 3}, "V": {"ua": 0.0, "n": 1}}
    bare = Corpus(tmp_path, [EmotionSample("0", text="t", emotion="sad")], "c")
    assert by_evidence(rows[:1], bare) == {}


def test_naming_counts_by_hand():
    texts = [
        f"<think>{t}</think><answer>sad</answer>"
        for t in (
            "the voice tells it",
            "the voice tells it",
            "the face and the words tell it",
            "it is so",
            "nothing tells it",
        )
    ]
    carriers = [["audio"], ["video"], ["video"], ["text", "audio"], []]
    found = naming(texts, carriers, [True, False, True, True, True], ["a", "b", "b", "c", "c"], n_boot=50)
    assert found["names_carrier"] == pytest.approx(1 / 3) and found["names_audio"] == 1.0 and found["names_video"] == 0
    assert found["names_wrong"] == pytest.approx(2 / 4)  # the voice and the words, of four that are named
    assert found["names_nothing"] == pytest.approx(1 / 4) and found["names_text"] is None
    assert found["right_when_named"] == 1.0 and found["right_otherwise"] == 0.5
    low, high = found["names_carrier_ci"]
    assert 0 <= low <= found["names_carrier"] <= high <= 1


def test_a_habit_names_no_better_than_its_own_shuffle():
    carriers = [[m] for m in ("audio", "video", "text")] * 20
    habit = ["<think>the face tells it</think><answer>sad</answer>"] * 60
    found = naming(habit, carriers, [True] * 60, list(range(60)), n_boot=20)
    assert found["names_carrier"] == found["names_carrier_shuffled"] == pytest.approx(1 / 3)


@pytest.fixture(scope="module")
def seen_corpus(noise_corpus: Corpus) -> Corpus:
    """The noise corpus with faces, carriers and a second domain."""
    root, rng = noise_corpus.root, np.random.default_rng(0)
    frames = rng.integers(0, 255, (64, 512, 3)).astype(np.uint8)
    Image.fromarray(frames).save(root / "face.jpg")
    samples = []
    for i, sample in enumerate(noise_corpus):
        carriers = [["audio"], ["video"], ["text"], ["audio", "video"]][i % 4]
        extra = {"carriers": carriers, "distractors": [], "condition": str(i % 4), "domain": "a", "fps": 4}
        data = {**vars(sample), "video": "face.jpg"}
        samples.append(EmotionSample(**{**data, "extra": extra}))
        if sample.split == "test":
            samples.append(EmotionSample(**{**data, "id": f"b{i}", "extra": {**extra, "domain": "b"}}))
    return Corpus(root, samples, "seen")


def test_a_whole_run_counts_modalities_and_names(random_model: str, seen_corpus: Corpus, tmp_path: Path):
    tiny = {
        "cold_per_label": 1,
        "cold_epochs": 1,
        "cold_batch": 4,
        "steps": 2,
        "prompts_per_step": 2,
        "group_size": 2,
        "max_new_tokens": 6,
        "sft_epochs": 0.5,
        "lora_rank": 2,
    }
    recipe = R1Omni.cpu(model=random_model, beta=0.02, **tiny)
    result = recipe.run(seen_corpus, tmp_path, progress=False)
    json.dumps(result)
    assert result["recipe"] == "r1-omni" and result["metric"] in result["grpo"]
    assert set(result["controls"]) == {"silent", "swapped", "no_transcript", "no_video"}
    for stage in ("cold_start", "grpo"):
        assert {"ua_audio", "ua_video", "ua_text", "ua_agree", "names_carrier", "names_wrong"} <= set(result[stage])
        assert result[stage]["n"] == result["elsewhere"][stage]["n"] == 14
    assert "names_carrier" not in result["sft"] and "ua_video" in result["sft"]
    assert "names_carrier" in result["controls"]["no_video"]
