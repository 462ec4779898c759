"""The stages that all recipes share: what is finished is not done again, and what several runs share is shared."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from emolab.errors import TrainingError
from emolab.profiles import PROFILES
from emolab.recipes import RECIPES, get_recipe
from emolab.recipes.emo_rl import EmoRL
from emolab.samples import Corpus


@dataclass(frozen=True)
class Counted(EmoRL):
    """EMO-RL whose trainings only note that they ran, and on what."""

    ran: ClassVar[list[str]]

    def cold_start(self, lalm: Any, corpus: Corpus, progress: bool = True) -> list[Any]:
        self.ran.append(f"cold {len(corpus)}")
        return []

    def sft(self, lalm: Any, corpus: Corpus, progress: bool = True) -> list[Any]:
        self.ran.append(f"sft {len(corpus)}")
        return []

    def grpo(self, lalm: Any, corpus: Corpus, out: str | Path, rewards: Any = None, **options: Any) -> list[Any]:
        self.ran.append(f"grpo {len(corpus)}")
        return []

    def measure(self, lalm: Any, corpus: Corpus, *args: Any, **options: Any) -> dict[str, Any]:
        self.ran.append(f"measure {len(corpus)}")
        return {"ua": 0.5, "n": len(corpus), "rows": [{"id": s.id, "text": ""} for s in corpus]}


def counted(model: str, **changes: Any) -> Counted:
    values = {"model": model, "reasoning": "direct", "cold_per_label": 1, "lora_rank": 2, "quantise": None}
    Counted.ran = []
    return Counted(**{**values, **changes})


@pytest.fixture(scope="module")
def two_domains(noise_corpus: Corpus) -> Corpus:
    """Domain a, and one test sample of each label in domain b; validation samples too."""
    samples = []
    for sample in noise_corpus:
        samples.append(replace(sample, extra={"domain": "a"}))
        if sample.split == "test" and int(sample.id.split("-")[1]) % 2:
            samples.append(replace(sample, id=sample.id + "b", extra={"domain": "b"}))
            samples.append(replace(sample, id=sample.id + "v", split="val", extra={"domain": "a"}))
    return Corpus(noise_corpus.root, samples, "two")


def test_a_finished_stage_is_read_and_not_run_again(random_model: str, two_domains: Corpus, tmp_path: Path) -> None:
    first = counted(random_model)
    result = first.run(two_domains, tmp_path, controls=False, progress=False)
    assert [step for step in first.ran if "measure" not in step] == ["sft 14", "cold 7", "grpo 14"]
    assert set(result["elsewhere"]) == {"zero_shot", "sft", "cold_start", "grpo"}
    assert result["elsewhere"]["grpo"]["n"] == 7 and result["grpo"]["n"] == 14
    again = counted(random_model)
    repeated = again.run(two_domains, tmp_path, controls=False, progress=False)
    assert again.ran == [] and {**repeated, "seconds": 0} == {**result, "seconds": 0}
    # another set of samples has to be measured, but nothing is trained
    other = counted(random_model)
    other.run(two_domains, tmp_path, controls=False, split="val", progress=False)
    assert other.ran == ["measure 7"] * 4
    rows = json.loads((tmp_path / "grpo" / "scores.json").read_text())
    assert rows["scores"]["ua"] == 0.5 and (tmp_path / "grpo" / "scores.parquet").is_file()


@dataclass(frozen=True)
class Watched(Counted):
    """A recipe that notes at each training which models there are."""

    loaded: ClassVar[list[Any]]
    alive: ClassVar[list[int]]

    def load(self) -> Any:
        model = super().load()
        self.loaded.append(weakref.ref(model.model))
        return model

    def cold_start(self, lalm: Any, *args: Any, **options: Any) -> list[Any]:
        gc.collect()
        self.alive.append(sum(model() is not None for model in self.loaded))
        return []

    sft = cold_start


def test_a_stage_has_the_card_to_itself(random_model: str, two_domains: Corpus, tmp_path: Path) -> None:
    """The model of the stage before is gone: on a card there is room for one."""
    Watched.ran, Watched.loaded, Watched.alive = [], [], []
    recipe = Watched(model=random_model, reasoning="direct", cold_per_label=1, lora_rank=2, quantise=None)
    recipe.run(two_domains, tmp_path, controls=False, grpo=False, progress=False)
    assert Watched.alive == [1, 1] and len(Watched.loaded) >= 3


def test_grpo_runs_where_the_model_is_and_as_it_is(random_model: str, noise_corpus: Corpus, monkeypatch: Any) -> None:
    """Not where a card happens to be: the profile decides. What is float16 has its loss scaled."""
    from emolab.training import grpo as module

    given: list[tuple[bool, bool]] = []

    class Noted(Exception):
        """Enough was seen."""

    def note(out: Any, **values: Any) -> Any:
        given.append((values["use_cpu"], values["fp16"]))
        raise Noted

    monkeypatch.setattr(module, "grpo_config", note)
    recipe = EmoRL.cpu(model=random_model, quantise=None, lora_rank=2)
    lalm = recipe.load()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for dtype in ("float32", "bfloat16", "float16"):
        lalm.model.to(getattr(torch, dtype))
        with pytest.raises(Noted):
            recipe.grpo(lalm, noise_corpus, noise_corpus.root / "grpo")
    assert given == [(True, False), (True, False), (True, True)]


def test_several_runs_share_a_cold_start(random_model: str, two_domains: Corpus, tmp_path: Path) -> None:
    options: dict[str, Any] = {"baseline": False, "zero_shot": False, "controls": False, "progress": False}
    first = counted(random_model)
    first.run(two_domains, tmp_path / "one", grpo=False, **options)
    arm = counted(random_model, alpha=0.5)
    result = arm.run(two_domains, tmp_path / "two", start=tmp_path / "one" / "cold_start", **options)
    assert arm.ran == ["grpo 14", "measure 14", "measure 7"], "the cold start is neither trained nor measured again"
    assert result["zero_shot"] is None and result["sft"] is None and result["cold_start"]["n"] == 14
    with pytest.raises(TrainingError, match="no checkpoint to start from"):
        counted(random_model).run(two_domains, tmp_path / "three", start=tmp_path / "nowhere", **options)


def test_measuring_on_another_corpus(random_model: str, two_domains: Corpus, noise_corpus: Corpus) -> None:
    recipe = counted(random_model)
    part = noise_corpus.replace(list(noise_corpus.where(split="test"))[:5])
    assert len(recipe.splits(two_domains, test=part).test) == 5
    bare = part.replace([replace(s, split=None) for s in part])
    assert len(recipe.splits(two_domains, test=bare).test) == 5, "a corpus without splits is measured whole"


def test_a_model_is_asked_only_for_what_it_takes(
    random_model: str, two_domains: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emolab.lalm.qwen2_5_omni import Qwen25Omni

    monkeypatch.setattr(Qwen25Omni, "modalities", ("audio", "text"))
    said: list[str] = []
    recipe = counted(random_model, modalities=("audio", "video", "text"))
    options: dict[str, Any] = {"baseline": False, "zero_shot": False, "controls": False, "grpo": False}
    result = recipe.run(two_domains, tmp_path, progress=False, say=said.append, **options)
    assert result["settings"]["modalities"] == ["audio", "text"]
    assert any("takes no video" in line for line in said)


def test_no_cold_start_leaves_the_model_as_it_is(random_model: str, noise_corpus: Corpus) -> None:
    recipe = EmoRL(model=random_model, cold_epochs=0)
    assert recipe.cold_start(None, noise_corpus) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_recipe_has_settings_for_every_profile(name: str, profile: str) -> None:
    recipe = get_recipe(name)
    chosen = PROFILES[profile]
    settings = recipe.for_profile(chosen, seed=3)
    assert settings.model == chosen.model and settings.seed == 3
    assert settings.name == name and settings.rewards().parts
    if profile != "cpu":
        assert settings.steps == chosen.steps and settings.learning_rate == chosen.learning_rate


def test_unknown_recipes_and_settings_are_named() -> None:
    from emolab.cli.train import recipe_with

    with pytest.raises(TrainingError, match=r"unknown recipe 'emo'.*emo-rl, affectgpt-rl"):
        get_recipe("emo")
    for change, message in {
        "steps=abc": "steps 'abc': expected a valid integer",
        "steps=2.5": "steps '2.5': expected a valid integer",
        "steps=true": "steps 'true': expected a valid integer",
        "steps=-1": "steps -1: expected 0 or more",
        "alpha=much": "alpha 'much': expected a valid number",
        "test_per_label=few": "test_per_label 'few': expected a valid integer",
    }.items():
        with pytest.raises(TrainingError, match=message):
            recipe_with("emo-rl", [change])
    assert recipe_with("emo-rl", ["modalities=audio"]).modalities == ("audio",)
    for wrong in ({"steps": "20"}, {"steps": True}, {"modalities": ["audio"]}, {"alpha": None}):
        with pytest.raises(TrainingError, match=f"{next(iter(wrong))} .*: expected"):
            EmoRL(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=r"emo-rl has no setting 'alfa'; it has .*alpha"):
        recipe_with("emo-rl", ["alfa=1"])
    with pytest.raises(TrainingError, match="expected KEY=VALUE"):
        recipe_with("emo-rl", ["alpha"])
    recipe = recipe_with("emo-rl", ["alpha=1", "modalities=audio,text", "reasoning=free"], seed=2)
    found: Sequence[Any] = (recipe.alpha, recipe.modalities, recipe.reasoning)
    assert found == (1, ("audio", "text"), "free") and recipe.seed == 2
    assert recipe_with("emo-rl", ["domain=null", "test_per_label=3", "quantise=none"]).settings_dict() | {
        "domain": None, "test_per_label": 3, "quantise": None
    } == recipe_with("emo-rl", ["domain=null", "test_per_label=3", "quantise=none"]).settings_dict()  # fmt: skip


def test_how_often_a_run_saves_is_a_setting_that_decides_nothing() -> None:
    often, never = EmoRL(save_steps=2), EmoRL(save_steps=0)
    assert often.settings_dict() == never.settings_dict(), "a run that saves more often is the same run"
