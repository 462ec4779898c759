"""EMO-RL end to end on a random model: every stage runs, every result has its keys, checkpoints answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from emolab.errors import CorpusError, TrainingError
from emolab.lalm.checkpoint import load_checkpoint
from emolab.prompts import get_prompt
from emolab.recipes import emo_rl
from emolab.recipes.data import take_per_label
from emolab.recipes.emo_rl import EmoRL
from emolab.samples import Corpus, EmotionSample

KEYS = {"ua", "wa", "ua_ci", "n", "parse_rate", "seed", "seconds"}


def tiny(model: str, **changes: Any) -> EmoRL:
    return EmoRL.cpu(
        **{
            "model": model,
            "reasoning": "structured",
            "cold_per_label": 1,
            "cold_epochs": 1,
            "cold_batch": 4,
            "steps": 2,
            "prompts_per_step": 2,
            "group_size": 2,
            "max_new_tokens": 6,
            "sft_epochs": 0.5,
            "lora_rank": 2,
            **changes,
        }
    )


def test_a_whole_run_and_its_checkpoints(random_model: str, noise_corpus: Corpus, tmp_path: Path) -> None:
    said: list[str] = []
    result = tiny(random_model).run(noise_corpus, tmp_path, progress=False, say=said.append)
    for stage in ("zero_shot", "cold_start", "grpo", "sft"):
        assert set(result[stage]) >= KEYS, stage
        assert result[stage]["n"] == 14 and 0 <= result[stage]["ua"] <= 1
    assert set(result["controls"]) == {"silent", "shuffled", "swapped"} and result["metric"] == "ua"
    assert result["n"] == {"cold": 7, "train": 14, "test": 14} and "grpo" in result["seconds"]
    json.dumps(result)
    assert json.loads((tmp_path / "result.json").read_text())["grpo"] == result["grpo"]
    assert said[0] == "load" and "grpo" in said
    assert len((tmp_path / "grpo" / "metrics.jsonl").read_text().splitlines()) == 2
    lalm, info = load_checkpoint(tmp_path / "grpo")
    assert info["quantise"] == "nf4" and info["prompt"] == "structured"
    prompt = get_prompt(info["prompt"]).using(*info["modalities"])
    again = tiny(random_model).measure(lalm, noise_corpus.where(split="test"), prompt, progress=False)
    assert again["ua"] == result["grpo"]["ua"] and again["parse_rate"] == result["grpo"]["parse_rate"]
    with pytest.raises(TrainingError, match=r"other settings \(seed: 1 here, 0 there\); use --out .*-2"):
        tiny(random_model, seed=1).run(noise_corpus, tmp_path, progress=False)


def test_cold_start_through_the_command_line(
    random_model: str, noise_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emolab.cli import train

    monkeypatch.setattr(
        emo_rl.EmoRL,
        "cpu",
        classmethod(
            lambda cls, **k: cls(**{"cold_per_label": 1, "cold_epochs": 0.5, "max_new_tokens": 4, "lora_rank": 2, **k})
        ),
    )
    app = typer.Typer()
    train.register(app)
    out = CliRunner().invoke(
        app,
        [
            "cold-start",
            "--corpus",
            str(noise_corpus.root),
            "--out",
            str(tmp_path / "run"),
            "--model",
            random_model,
            "--reasoning",
            "direct",
            "--test-per-label",
            "1",
            "--json",
        ],
    )
    assert out.exit_code == 0, out.stderr
    result = json.loads(out.stdout)
    assert result["cold_start"]["n"] == 7 and set(result["zero_shot"]) >= KEYS and result["grpo"] is None
    wrong = CliRunner().invoke(
        app,
        [
            "cold-start",
            "--corpus",
            str(noise_corpus.root),
            "--out",
            str(tmp_path),
            "--model",
            random_model,
            "--reasoning",
            "loud",
            "--json",
        ],
    )
    assert wrong.exit_code == 1 and "'structured', 'free' or 'direct'" in wrong.stderr


def test_splits_are_disjoint_and_balanced(noise_corpus: Corpus) -> None:
    parts = EmoRL(cold_per_label=1, seed=3).splits(noise_corpus)
    ids = [{s.id for s in part} for part in (parts.cold, parts.train, parts.test)]
    assert not ids[0] & ids[1] and not ids[1] & ids[2] and set(parts.cold.counts().values()) == {1}
    assert [s.id for s in parts.cold] != [s.id for s in EmoRL(cold_per_label=1, seed=4).splits(noise_corpus).cold]
    with pytest.raises(CorpusError, match=r"measures on 'test'; there are {'train': 21}"):
        EmoRL(cold_per_label=1).splits(noise_corpus.where(split="train"))


def test_a_label_with_few_clips_gives_half_of_them_to_the_cold_start(noise_corpus: Corpus) -> None:
    parts = EmoRL(cold_per_label=9).splits(noise_corpus)
    assert set(parts.cold.counts().values()) == {1} and set(parts.train.counts().values()) == {2}
    assert len(take_per_label(noise_corpus, 99, 0)) == len(noise_corpus)
    one = noise_corpus.replace([s for s in noise_corpus if s.split == "test" or s.id in ("train-0", "train-3")])
    parts = EmoRL(cold_per_label=9).splits(one)
    assert len(parts.cold) == len(parts.train) == 1, "with one clip a label, half of the clips"
    with pytest.raises(CorpusError, match="1 training samples are too few"):
        EmoRL(cold_per_label=9).splits(one.where(lambda s: s.id != "train-3"))


SAD = EmotionSample(
    "x",
    text="it is late",
    emotion="sad",
    caption="This person seems low. One hears a low, flat voice, dark and slow. The words are neutral.",
    parts={"voice": "a low, flat voice, dark and slow", "words": "the words are neutral"},
    extra={"carriers": ["audio"], "distractors": []},
)


def test_rationales_use_the_fields_of_the_row_only() -> None:
    structured, free = EmoRL(reasoning="structured"), EmoRL(reasoning="free")
    text = structured.target(SAD)
    assert text == (
        "<think><content>neutral words</content><acoustics>a low, flat voice, dark and slow</acoustics>"
        "<summary>it sounds sad</summary></think><answer>sad</answer>"
    )
    from emolab.rewards import ESWR, Format, Structure

    assert Structure()([text]) == [1.0] and ESWR()([text], solution=["sad"]) == [1.0]
    assert Format("free")([free.target(SAD)]) == [1.0]
    loud = replace(SAD, extra={"carriers": ["audio"], "distractors": ["text"]})
    assert "<content>words with feeling</content>" in structured.target(loud)


def test_a_real_row_with_a_caption_alone_or_with_nothing() -> None:
    structured = EmoRL(reasoning="structured")
    real = EmotionSample("x", text="太晚了", emotion="sad", caption="语速缓慢，声音低沉")
    assert structured.target(real) == (
        "<think><content>太晚了</content><acoustics>语速缓慢，声音低沉</acoustics>"
        "<summary>it sounds sad</summary></think><answer>sad</answer>"
    )
    with pytest.raises(TrainingError, match="x: has neither parts nor a caption"):
        structured.target(EmotionSample("x", text="t", emotion="sad"))
    with pytest.raises(TrainingError, match="no label"):
        structured.target(EmotionSample("x", text="t"))
    assert EmoRL(reasoning="direct").target(EmotionSample("x", emotion="sad")) == "<answer>sad</answer>"


@pytest.mark.parametrize("reasoning", ("structured", "free", "direct"))
def test_the_rubric_pays_a_right_and_well_formed_answer_most(reasoning: str) -> None:
    recipe = EmoRL(reasoning=reasoning)
    good, bare, wrong = recipe.rewards()([recipe.target(SAD), "sad", "<answer>happy</answer>"], solution=["sad"] * 3)
    assert good == pytest.approx(1.2) and bare == pytest.approx(1.0) and (wrong or 0) < 0.3


def test_labels_of_the_corpus_reach_prompt_and_rewards() -> None:
    from emolab.emotions import label_set

    own, recipe = label_set("calm, tense, bored"), EmoRL(reasoning="direct", reward="accuracy")
    assert (
        "calm, tense, bored" in recipe.prompt(own).text() and "calm, tense, bored" in recipe.direct_prompt(own).text()
    )
    paid = recipe.rewards(own)(["<answer>tense</answer>", "<answer>sad</answer>"], solution=["tense"] * 2)
    assert paid[0] == pytest.approx(1.2) and (paid[1] or 0) < 0.3
