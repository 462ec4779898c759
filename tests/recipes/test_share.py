"""Sharing a run: cards say what the run's files say, and what is pushed to a hub is read back from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_hub import hub

from emolab.corpora.catalogue import CORPORA
from emolab.errors import EmolabError
from emolab.lalm import load_model
from emolab.lalm.tiny import TINY_FOLDER
from emolab.recipes.emo_rl import EmoRL
from emolab.recipes.share import card, corpus_facts, licence_note, push, repeat_command
from emolab.samples import Corpus

SETTINGS = {
    "model": "tiny-omni",
    "quantise": None,
    "reasoning": "direct",
    "cold_per_label": 1,
    "cold_epochs": 1.0,
    "steps": 1,
    "prompts_per_step": 2,
    "group_size": 2,
    "max_new_tokens": 4,
    "lora_rank": 2,
    "save_steps": 0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, noise_corpus: Corpus) -> Path:
    """A finished run of the loop itself, on noise that is called IEMOCAP."""
    out = tmp_path_factory.mktemp("run") / "emo-rl"
    corpus = replace(noise_corpus, name="iemocap")
    EmoRL(**SETTINGS).run(corpus, out, baseline=False, zero_shot=False, elsewhere=False, progress=False)
    return out


def test_a_card_says_what_the_run_was(run: Path) -> None:
    text = (run / "grpo" / "README.md").read_text(encoding="utf-8")
    result = json.loads((run / "result.json").read_text())
    assert yaml.safe_load(text.split("---")[1])["base_model"] == "tiny-omni"
    for part in (
        "LoRA adapters for `tiny-omni`",
        "GRPO, 1 steps of 2 prompts × 2 answers, seed 0",
        f"Reward: {', '.join(result['rewards'])}.",
        "IEMOCAP, 21 training samples. Licence: by signed agreement with USC SAIL, research only.",
        "sharing weights derived from the corpus; ask its owner",
        f"| GRPO | {result['grpo']['ua']:.3f} [{result['grpo']['ua_ci'][0]:.2f}, ",
        "| GRPO, silent | ",
        f"Chance is {result['chance']:.3f}.",
        "forbids AI systems that infer emotions",
        "emolab train emo-rl --seed 0 --set ",
        "--corpus iemocap:FOLDER",
    ):
        assert part in text
    for setting in ("steps=1", "lora_rank=2"):
        assert f"--set {setting}" in text
    assert "cold start" in (cold := card(run, "cold_start", {})) and "none, it is supervised" in cold


def test_the_folder_of_an_adapter_holds_its_processor(run: Path) -> None:
    from transformers import AutoFeatureExtractor, AutoTokenizer

    folder = run / "grpo"
    assert AutoTokenizer.from_pretrained(folder).audio_token == "<|AUDIO|>"
    assert AutoFeatureExtractor.from_pretrained(folder).feature_size == 128
    assert json.loads((folder / "preprocessor_config.json").read_text())["processor_class"] == "Qwen2_5OmniProcessor"


def test_the_command_of_a_card_is_read_by_the_command_line(run: Path) -> None:
    from emolab.cli.train import recipe_with

    identity, result = (json.loads((run / name).read_text()) for name in ("run.json", "result.json"))
    words = repeat_command(identity, result, EmoRL.cpu().settings_dict()).split()
    changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert recipe_with("emo-rl", changes, seed=0, test_per_label=None).settings_dict() == identity["settings"]


class Stated:
    """A reward that holds a thing without a description of its own, and states what it is."""

    identity = "loudness, version 2"

    def __call__(self, completions, **columns):
        return [0.0 for _ in completions]


def test_the_command_names_rewards_of_ones_own(run: Path, tmp_path: Path) -> None:
    from emolab.rewards import Format, Rubric, load_reward
    from emolab.rewards.source import reward_identity

    (tmp_path / "mine.py").write_text("def brief(completions, **columns):\n    return [0.5 for _ in completions]\n")
    brief = load_reward(f"{tmp_path / 'mine.py'}:brief")
    identity, result = (json.loads((run / name).read_text()) for name in ("run.json", "result.json"))
    stated = Stated()
    for parts, said in (
        ([(brief, 0.3), Format("direct")], "mine.py:brief --reward-weight 0.3"),
        ([(brief, 2.0)], "mine.py:brief --reward-weight 2 --no-own-rewards"),
        ([(stated, 0.5), Format("direct")], "FILE:Stated --reward-weight 0.5"),
        ([(load_reward("emo_rl"), 0.5), Format("direct")], "emo_rl --reward-weight 0.5"),
    ):
        rewards = reward_identity(Rubric.of(parts, "own"))
        command = repeat_command({**identity, "rewards": rewards}, result, identity["settings"])
        assert command.endswith(f"--reward {said}"), command
    assert "--reward" not in repeat_command(identity, result, identity["settings"])


def test_the_command_names_a_table_and_the_filter(run: Path) -> None:
    """A table of the embedded corpus's clips is no embedded corpus: its parts were drawn or stated."""
    identity = json.loads((run / "run.json").read_text())
    result = json.loads((run / "result.json").read_text())
    assert result["corpus"]["only_listening"] is False
    usual = identity["settings"]
    for name, read, said in (
        ("synthetic", {"protocol": None}, "--seed 0"),
        ("synthetic", {"protocol": "drawn", "only_listening": True}, "TABLE --only-listening --protocol drawn"),
        ("mine", {"protocol": "drawn"}, "--corpus TABLE --protocol drawn"),
        ("meld", {"protocol": "meld-official"}, "--corpus meld:FOLDER --protocol meld-official"),
    ):
        command = repeat_command({**identity, "corpus": {"name": name}}, {**result, "corpus": read}, usual)
        assert command.endswith(said), command


LOAD = """
import json, sys
import emolab as el
from emolab.lalm.checkpoint import load_checkpoint
model, note = load_checkpoint("somebody/emo-rl")
plain = el.load_model("somebody/emo-rl")
models = [[p for n, p in m.model.named_parameters() if "lora" in n] for m in (model, plain)]
sums = [sum(float(p.double().abs().sum()) for p in parts) for parts in models]
print(json.dumps({"name": model.name, "recipe": note["recipe"], "sums": sums}))
"""


def test_what_is_pushed_is_read_back(run: Path, tmp_path: Path) -> None:
    with hub() as (address, kept):
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_x"}
        environment |= {"HF_HUB_DISABLE_XET": "1"}
        environment.pop("HF_HUB_OFFLINE", None)

        def python(*words: str) -> Any:
            done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stderr[-3000:]
            return json.loads(done.stdout.splitlines()[-1]), done.stderr

        pushed, told = python("-m", "emolab", "push", str(run / "grpo"), "somebody/emo-rl", "--json")
        assert pushed["repo"] == "somebody/emo-rl" and not pushed["public"]
        assert kept.created[0].get("visibility", kept.created[0].get("private")) in ("private", True)
        assert "warning: IEMOCAP: by signed agreement" in told
        files = set(kept.repos["somebody/emo-rl"])
        assert {"adapter_model.safetensors", "adapter_config.json", "emolab.json", "README.md"} <= files
        assert {"tokenizer.json", "preprocessor_config.json", "chat_template.jinja"} <= files
        assert not [name for name in files if "scores" in name or "metrics" in name or "checkpoint" in name]
        read, _ = python("-c", LOAD)
    here = load_model(run / "grpo")
    total = sum(float(p.double().abs().sum()) for n, p in here.model.named_parameters() if "lora" in n)
    assert read["recipe"] == "emo-rl" and read["sums"] == pytest.approx([total, total])


def test_what_cannot_be_pushed_is_said(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmolabError, match="holds no adapter and no model"):
        push(tmp_path, "a/b")
    with pytest.raises(EmolabError, match=r"has no README.md"):
        push(TINY_FOLDER / "emo-rl", "a/b")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EmolabError, match=r"a/b: not uploaded to http://127.0.0.1:9 .*refused"):
        push(run / "grpo", "a/b")


@pytest.mark.parametrize("name", CORPORA)
def test_each_corpus_of_the_catalogue_is_found_by_name(name: str) -> None:
    assert corpus_facts(name) is CORPORA[name]


def test_licences() -> None:
    warned = {name for name in CORPORA if licence_note(name)}
    assert {"iemocap", "esd", "savee", "tess", "dfew", "mafw"} <= warned
    assert not warned & {"cremad", "emodb"} and licence_note("synthetic") == licence_note("my voices") == ""
