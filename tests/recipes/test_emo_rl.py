"""EMO-RL end to end on a random model: every stage runs, every result has its keys, checkpoints answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from emolab.errors import CorpusError, TrainingError
from emolab.recipes import common, emo_rl
from emolab.recipes.emo_rl import EmoRL
from emolab.recipes.rationales import rationale, voice_clause
from emolab.samples import Corpus, EmotionSample

KEYS = {"ua", "wa", "ua_ci", "n", "parse_rate", "seed", "seconds"}


def tiny_settings(model: str, **changes: Any) -> emo_rl.EmoRLSettings:
    return emo_rl.EmoRLSettings.cpu(
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
    result = EmoRL(tiny_settings(random_model)).run(noise_corpus, tmp_path, progress=False, say=said.append)
    for stage in ("zero_shot", "before", "after", "sft"):
        assert set(result[stage]) >= KEYS, stage
        assert result[stage]["n"] == 14 and 0 <= result[stage]["ua"] <= 1
    assert set(result["controls"]) == {"silent", "shuffled", "swapped"} and result["metric"] == "ua"
    assert result["n"] == {"cold": 7, "train": 14, "test": 14} and "grpo" in result["seconds"]
    json.dumps(result)
    assert json.loads((tmp_path / "result.json").read_text())["after"] == result["after"]
    assert said[0] == "load" and "grpo" in said
    assert len((tmp_path / "grpo" / "metrics.jsonl").read_text().splitlines()) == 2
    lalm, info = common.load_checkpoint(tmp_path / "after")
    assert info["quantise"] == "nf4" and info["prompt"] == "structured"
    prompt = common.prompt_named(info["prompt"], info["modalities"])
    again = common.measure(lalm, noise_corpus.where(split="test"), prompt, seed=0, max_new_tokens=6, progress=False)
    assert again["ua"] == result["after"]["ua"] and again["parse_rate"] == result["after"]["parse_rate"]
    with pytest.raises(TrainingError, match=r"other settings \(seed\)"):
        EmoRL(tiny_settings(random_model, seed=1)).run(noise_corpus, tmp_path, progress=False)


def test_cold_start_through_the_command_line(
    random_model: str, noise_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emolab.cli import train

    monkeypatch.setattr(
        emo_rl.EmoRLSettings,
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
    assert result["before"]["n"] == 7 and set(result["zero_shot"]) >= KEYS and result["recipe"] == "cold-start"
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
    assert wrong.exit_code == 1 and "structured, free, direct" in wrong.stderr


def test_splits_are_disjoint_and_balanced(noise_corpus: Corpus) -> None:
    parts = common.split(noise_corpus, 1, seed=3)
    ids = [{s.id for s in part} for part in (parts.cold, parts.train, parts.test)]
    assert not ids[0] & ids[1] and not ids[1] & ids[2] and set(parts.cold.counts().values()) == {1}
    assert [s.id for s in parts.cold] != [s.id for s in common.split(noise_corpus, 1, seed=4).cold]
    with pytest.raises(CorpusError, match="make a larger corpus"):
        common.split(noise_corpus, 9, seed=0)
    with pytest.raises(CorpusError, match="split 'train' and 'test'"):
        common.split(noise_corpus.where(split="train"), 1, seed=0)


def test_rationales_use_the_caption_and_the_label_only() -> None:
    sample = EmotionSample(
        "x",
        text="it is late",
        emotion="sad",
        caption="This person seems low. One hears a low, flat voice, dark and slow. The words are neutral.",
    )
    assert voice_clause(sample.caption) == "a low, flat voice, dark and slow"
    text = rationale(sample)
    assert text == (
        "<think><content>neutral words</content><acoustics>a low, flat voice, dark and slow</acoustics>"
        "<summary>it sounds sad</summary></think><answer>sad</answer>"
    )
    from emolab.rewards import ESWR, Format, Structure

    assert Structure()(["p"], [text]) == [1.0] and ESWR()(["p"], [text], solution=["sad"]) == [1.0]
    assert Format("free")(["p"], [rationale(sample, "free")]) == [1.0]
    with pytest.raises(TrainingError, match="x: its caption"):
        rationale(EmotionSample("x", text="t", emotion="sad", caption="Tired."))
    with pytest.raises(TrainingError, match="no label"):
        rationale(EmotionSample("x", text="t"))


@pytest.mark.parametrize("reasoning", emo_rl.REASONING)
def test_the_rubric_pays_a_right_and_well_formed_answer_most(reasoning: str) -> None:
    sample = EmotionSample(
        "x", text="t", emotion="sad", caption="The speaker has a low voice, slow and dark. The words are neutral."
    )
    rubric = EmoRL(emo_rl.EmoRLSettings(reasoning=reasoning)).rubric()
    good, bare, wrong = rubric([rationale(sample, reasoning), "sad", "<answer>happy</answer>"], solution=["sad"] * 3)
    assert good == pytest.approx(1.2) and bare == pytest.approx(1.0) and (wrong or 0) < 0.3
