"""Rollouts by a server: what is pushed is what answers, differences are corrected, and too large ones stop the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_vllm import Server, serving
from training_helpers import PROMPT, letters, make_trainer, samples, small_lalm

from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.errors import TrainingError
from emolab.training.callbacks import History
from emolab.training.engine import Engine, write_decoder


@pytest.mark.parametrize(
    ("family", "quantise"),
    [("qwen2_5_omni", False), ("qwen2_audio", False), ("voxtral", False), ("qwen3_asr", False), ("qwen2_audio", True)],
)
def test_the_server_scores_as_the_model_does(family: str, quantise: bool, tmp_path: Path) -> None:
    lalm = small_lalm(family, quantise=quantise)
    server = Server(write_decoder(lalm, tmp_path / "decoder"))
    batch = lalm.encode(samples(3), PROMPT)
    with serving(server) as url:
        engine = Engine(lalm, tmp_path, url)
        engine.sync_weights()
        done = engine.generate(batch, n=2, max_new_tokens=5, seed=3, temperature=0.9, top_p=1.0, top_k=0, min_p=0.0)
        ours = lalm.logprobs(batch, done, temperature=0.9)
        assert done.logprobs is not None and float((ours - done.logprobs).abs().max()) < 2e-4
        assert [len(texts) for texts in done.texts] == [2, 2, 2]
        with lalm.reference():
            without = lalm.logprobs(batch, done, temperature=0.9)
        assert float((without - done.logprobs)[done.mask.bool()].abs().mean()) > 0.01, "the adapters matter"
        engine.sync_weights()
    assert list(server.models) == [engine.name] and [p.name for p in tmp_path.glob("emolab-*")] == [engine.name]


def test_training_pushes_every_step_corrects_and_stops(tmp_path: Path) -> None:
    lalm, history = small_lalm(), History(tmp_path / "metrics.jsonl")
    server = Server(write_decoder(lalm, tmp_path / "decoder"))
    settings: dict[str, Any] = {"clips": samples(4), "max_steps": 3, "learning_rate": 0.05}
    settings |= {"prompts_per_step": 2, "group_size": 2, "max_completion_length": 5, "history": history}
    with serving(server) as url:
        make_trainer(
            tmp_path, lalm, letters, trainer_options={"engine": Engine(lalm, tmp_path, url)}, **settings
        ).train()
        pushed = [content["lora_name"] for path, content in server.asked if path == "/v1/load_lora_adapter"]
        assert [name.rpartition("-")[2] for name in pushed] == ["1", "2", "3"]
        assert all(row["engine_difference_max"] < 2e-4 for row in history.rows)
        assert all(abs(row["engine_ratio"] - 1) < 1e-3 for row in history.rows)
        other = small_lalm()
        for name, parameter in other.model.named_parameters():
            if "lora_B" in name:
                parameter.data.mul_(-1)
        stale = Engine(lalm, tmp_path, url)
        stale.lalm = other
        stale.sync_weights()
        stale.sync_weights = lambda: None  # type: ignore[method-assign]
        with pytest.raises(TrainingError, match=r"step 1: the vLLM server's log-probabilities differ .* vllm serve"):
            make_trainer(tmp_path, small_lalm(), letters, trainer_options={"engine": stale}, **settings).train()


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="need adapters"):
        Engine(tiny_random("qwen2_5_omni"), tmp_path)
    lalm = small_lalm()
    with pytest.raises(TrainingError, match=r"no vLLM server answers at .*; start one: .*--enable-prompt-embeds"):
        Engine(lalm, tmp_path, "http://127.0.0.1:9")
    assert (tmp_path / "decoder" / "config.json").is_file(), "what the command serves is there"
    with serving(Server(tmp_path / "decoder")) as url:
        film = lalm.encode(noise_samples(1, frames=5), PROMPT)
        with pytest.raises(TrainingError, match="prompts with video"):
            Engine(lalm, tmp_path, url).generate(film, 2, 4, seed=0)
    lalm.decoder.config.model_type = "mamba"
    with pytest.raises(TrainingError, match="no text model that vLLM serves is known"):
        Engine(lalm, tmp_path)
