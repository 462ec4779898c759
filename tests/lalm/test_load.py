"""Models and adapters to disk and back, in 4 bits or not, and what is said when that fails."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest
import torch
from lalm_helpers import FAMILIES, PROMPT, samples_for, tiny_random
from safetensors.torch import load_file, save_file

from benchmarks.tiny_models import quantise_model
from emolab.errors import ModelError
from emolab.lalm.load import FAMILIES as LOADABLE
from emolab.lalm.load import load_adapter, load_model
from emolab.lalm.quantise import add_lora, is_quantised


@pytest.fixture(scope="module", params=FAMILIES)
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    lalm = tiny_random(request.param, seed=4)
    return lalm.save(folder), lalm, samples_for(lalm, 2)


def scores(lalm, samples):
    with torch.no_grad():
        return lalm.label_scores(lalm.encode(samples, PROMPT), ["happy", "sad"])


def test_a_folder_gives_the_same_model(saved):
    folder, lalm, samples = saved
    loaded = load_model(folder, device="cpu")
    assert type(loaded) is type(lalm) and (scores(loaded, samples) - scores(lalm, samples)).abs().max() < 1e-6
    assert json.loads((folder / "config.json").read_text())["model_type"] in LOADABLE


def test_four_bits_and_adapter_come_back(saved, tmp_path):
    folder, _, samples = saved
    quantised = load_model(folder, quantise="nf4", device="cpu")
    in_memory = quantise_model(load_model(folder, device="cpu"))
    assert is_quantised(quantised) and (scores(quantised, samples) - scores(in_memory, samples)).abs().max() < 1e-5
    whole = [n for t in quantised.towers for n, p in t.named_parameters() if type(p).__name__ == "Params4bit"]
    assert not whole and type(quantised.head.weight).__name__ != "Params4bit"
    add_lora(quantised, rank=2)
    for name, parameter in quantised.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.3)
    quantised.save(tmp_path)
    again = load_model(tmp_path, quantise="nf4", device="cpu")  # the adapter names its model
    assert (scores(again, samples) - scores(quantised, samples)).abs().max() < 1e-5
    assert (scores(again, samples) - scores(in_memory, samples)).abs().max() > 1e-3
    assert {p.dtype for p in again.model.parameters() if p.requires_grad} == {torch.float32}
    with pytest.raises(ModelError, match="already in 4 bits"):
        quantise_model(in_memory)
    with pytest.raises(ModelError, match="before adding adapters"):
        quantise_model(quantised)


def test_a_full_omni_checkpoint_loads_its_thinker_only(tmp_path):
    lalm = tiny_random(seed=6)
    lalm.save(tmp_path)
    weights = {f"thinker.{k}": v for k, v in load_file(tmp_path / "model.safetensors").items()}
    weights["talker.model.embed_tokens.weight"] = weights["token2wav.some"] = torch.zeros(3, 3)
    save_file({k: v.clone() for k, v in weights.items()}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    thinker = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2_5_omni", "thinker_config": thinker}))
    samples = samples_for(lalm, 2)
    loaded = load_model(tmp_path, device="cpu")
    assert (scores(loaded, samples) - scores(lalm, samples)).abs().max() < 1e-6
    assert not [n for n, _ in loaded.model.named_parameters() if "talker" in n]


def test_errors_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="quantise = 'int3' is unknown"):
        load_model("tiny-omni", quantise="int3")
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="model type 'bert' is not one of qwen2_5_omni"):
        load_model(tmp_path)
    with pytest.raises(ModelError, match="not reachable on the hub"):
        load_model("nobody/no-such-model")
    lalm = tiny_random("qwen2_audio")
    with pytest.raises(ModelError, match=r"holds no adapter_config\.json"):
        load_adapter(lalm, tmp_path)
    lalm.save(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(tmp_path, broken, ignore=shutil.ignore_patterns("broken"))
    weights = load_file(broken / "model.safetensors")
    weights.pop(next(k for k in weights if "q_proj" in k))
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="1 weights are missing"):
        load_model(broken, device="cpu")
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer or feature extractor .* preprocessor_config\.json"):
        load_model(tmp_path, device="cpu")


def tekken(words):
    """A vocabulary file as Mistral publishes it, with every byte, `words`, and the tokens that Voxtral needs."""
    special = [
        "<unk>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "[AUDIO]",
        "[BEGIN_AUDIO]",
        "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]",
        "<pad>",
    ]
    tokens = [*(bytes([i]) for i in range(256)), *(word.encode() for word in words)]
    config = {
        "pattern": r"[^\s]+|\s+",
        "num_vocab_tokens": len(tokens),
        "version": "v13",
        "default_vocab_size": len(tokens) + len(special),
        "default_num_special_tokens": len(special),
    }
    vocab = [{"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for i, t in enumerate(tokens)]
    named = [{"rank": i, "token_str": text, "is_control": True} for i, text in enumerate(special)]
    return {"config": config, "vocab": vocab, "special_tokens": named}


def test_a_name_like_a_folder_that_is_here_asks_no_hub(tmp_path, monkeypatch):
    def asked(*_, **__):
        raise AssertionError("a hub was asked")

    monkeypatch.setattr("emolab.lalm.load.hf_hub_download", asked)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    with pytest.raises(ModelError, match=r"build/emo-rl: the folder build is here, and has no emo-rl"):
        load_model("build/emo-rl")
    with pytest.raises(AssertionError, match="a hub was asked"):
        load_model("somebody/emo-rl")


def test_voxtral_reads_a_tekken_tokenizer(tmp_path):
    lalm = tiny_random("voxtral")
    folder = lalm.save(tmp_path / "voxtral")
    for path in [*folder.glob("tokenizer*"), *folder.glob("chat_template*")]:
        path.unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "audio_token_id": 5}))
    with pytest.raises(ModelError, match="tokenizer"):
        load_model(folder, device="cpu")
    (folder / "tekken.json").write_text(json.dumps(tekken(["he", "ha", "hap", "an"])))
    loaded = load_model(folder, device="cpu")
    assert loaded.tokens == {"audio": 5} and loaded.tokenizer.eos_token_id is None
    assert loaded.end_id == loaded.eos_ids[0] == loaded.base.generation_config.eos_token_id
    samples = samples_for(loaded, 2)
    batch = loaded.encode(samples, PROMPT)
    assert loaded.tokenizer.decode(batch.input_ids[0][~batch.media[0]]).startswith("<s>[INST][BEGIN_AUDIO]")
    assert [s.word for s in batch.spans[0] if s.modality == "text"] == samples[0].text.split()
    with torch.no_grad():
        closed, open_ = (loaded.text_scores(batch, [["happy"]] * 2, eos=eos) for eos in (True, False))
    assert (closed < open_).all(), "the end of the turn is scored too"


def test_embeddings_are_kept_on_disk_for_every_later_load(saved, tmp_path, monkeypatch):
    folder, _, samples = saved
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    monkeypatch.setenv("EMOLAB_FEATURES_GB", "0.1")
    first, again = (load_model(folder, device="cpu") for _ in range(2))
    expected = first.encode(samples, PROMPT).embeds
    size = lambda: sum(file.stat().st_size for file in (tmp_path / "features").glob("*.npy"))  # noqa: E731
    assert first.cache.disk_bytes == 100_000_000 and (in_32_bits := size()) > 0
    monkeypatch.setattr(again, "audio_embeddings", lambda waves: pytest.fail("the towers ran again"))
    assert torch.equal(again.encode(samples, PROMPT).embeds, expected)
    rounded = load_model(folder, device="cpu", dtype=torch.bfloat16)
    assert rounded.fingerprint() != first.fingerprint()
    assert rounded.encode(samples, PROMPT).embeds.dtype == torch.bfloat16
    assert torch.equal(
        load_model(folder, device="cpu", dtype=torch.bfloat16).encode(samples, PROMPT).embeds,
        rounded.encode(samples, PROMPT).embeds,
    )
    assert 0.45 < (size() - in_32_bits) / in_32_bits < 0.7, "16-bit features take half of the bytes, and a header"
    monkeypatch.setenv("EMOLAB_FEATURES_GB", "0")
    assert load_model(folder, device="cpu").cache.directory is None
    monkeypatch.setenv("EMOLAB_FEATURES_GB", "much")
    with pytest.raises(ModelError, match="number of gigabytes"):
        load_model(folder, device="cpu")


def test_other_code_finds_no_embeddings_of_the_old(monkeypatch):
    from emolab.lalm import base

    lalm = tiny_random("qwen2_5_omni")
    lalm.cache.directory = Path("somewhere")
    before, lalm._fingerprint = lalm.fingerprint(), None
    monkeypatch.setattr(base, "code_version", lambda: "another")
    assert lalm.fingerprint() != before
