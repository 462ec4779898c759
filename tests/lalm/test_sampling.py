"""The chooser against transformers' own processors and against the distribution it must draw from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig

from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.errors import ModelError
from emolab.lalm import sampling
from emolab.lalm.sampling import Chooser, Sampling, prompts_at_once
from emolab.prompts import PROMPTS

SETTINGS = [
    {"temperature": 0.7},
    {"top_k": 5},
    {"top_p": 0.6},
    {"min_p": 0.2},
    {"temperature": 1.3, "top_k": 9, "top_p": 0.8, "min_p": 0.05},
]


@pytest.mark.parametrize("given", SETTINGS)
def test_draws_follow_transformers_processors(given):
    settings = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0} | given
    logits = 2 * torch.randn(1, 20, generator=torch.Generator().manual_seed(1))
    config = GenerationConfig(do_sample=True, **{k: v or None for k, v in settings.items()})
    processors = tiny_random().base._get_logits_processor(config, device="cpu")
    expected = processors(torch.zeros(1, 1, dtype=torch.long), logits.clone()).softmax(-1)[0]
    rows, steps = 1000, 8
    choose = Chooser(Sampling(max_new_tokens=steps, seed=0, **settings), rows, torch.device("cpu"))
    tokens = torch.cat(
        [choose(logits, step, torch.arange(rows), torch.zeros(rows, dtype=torch.long))[0] for step in range(steps)]
    )
    drawn = torch.bincount(tokens, minlength=20) / len(tokens)
    assert set(tokens.tolist()) <= set(expected.nonzero()[:, 0].tolist()), "never a truncated token"
    assert ((drawn - expected).abs() < 4.5 * (expected * (1 - expected) / len(tokens)).sqrt() + 1e-9).all()


def test_logprob_is_of_the_untruncated_distribution():
    logits = torch.randn(3, 11)
    choose = Chooser(Sampling(1, 1, 0.5, 0.5, 3, 0.0, seed=0), 3, torch.device("cpu"))
    token, logprob = choose(logits, 0, torch.arange(3), torch.arange(3))
    assert torch.allclose(logprob, (logits / 0.5).log_softmax(-1).gather(-1, token[:, None])[:, 0])


@pytest.mark.parametrize(
    "name, value",
    [("n", 0), ("max_new_tokens", 0), ("temperature", 0.0), ("top_p", 0.0), ("top_k", -1), ("min_p", 1.5)],
)
def test_meaningless_settings_are_errors(name, value):
    fine = {"n": 1, "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}
    Sampling(**fine)
    with pytest.raises(ModelError, match=f"{name} = "):
        Sampling(**(fine | {name: value}))


def test_a_whole_number_is_a_temperature():
    whole, broken = (Chooser(Sampling(4, 1, t, 1.0, 0, 0.0, seed=0), 4, torch.device("cpu")) for t in (2, 2.0))
    given = (torch.randn(4, 11), 0, torch.arange(4), torch.arange(4))
    assert all(torch.equal(a, b) for a, b in zip(whole(*given), broken(*given), strict=True))


def test_as_many_prompts_are_decoded_at_once_as_a_card_has_room_for(monkeypatch):
    """Beside keys and values, a layer's work on the prompts needs room."""
    lalm = tiny_random()
    config = lalm.decoder.config
    assert prompts_at_once(lalm, 100, 50, 64) == 64, "a CPU takes all"
    card = SimpleNamespace(decoder=lalm.decoder, dtype=torch.bfloat16, device=torch.device("cuda"))
    kept = (
        2
        * config.num_hidden_layers
        * config.num_key_value_heads
        * (config.hidden_size // config.num_attention_heads)
        * 150
    )
    layer = 100 * (3 * config.intermediate_size + 6 * config.hidden_size)
    for free, most in ((10.5 * 2 * (kept + layer) / 0.9, 10), (1, 1), (1 << 40, 64)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_, free=free: (int(free), 1 << 40))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *_: 0)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda *_: 0)
        assert prompts_at_once(card, 100, 50, 64) == most


def test_a_recording_is_freed_where_decoding_stops_with_an_error(monkeypatch):
    """Else the garbage collector would free it during another one's recording, which CUDA does not allow."""
    lalm, closed, real = tiny_random(), [], sampling.Chooser.__call__

    def choose(self, logits, step, *args):
        if step == 2:
            raise KeyboardInterrupt
        return real(self, logits, step, *args)

    monkeypatch.setattr(sampling.Chooser, "__call__", choose)
    monkeypatch.setattr(sampling.Forward, "close", lambda self: closed.append(self))
    with pytest.raises(KeyboardInterrupt):
        lalm.generate(lalm.encode(noise_samples(1), PROMPTS["direct"]), n=2, max_new_tokens=5, seed=0)
    assert len(closed) == 1
