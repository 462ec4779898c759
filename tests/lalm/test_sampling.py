"""The chooser against transformers' own processors and against the distribution it must draw from."""

from __future__ import annotations

import pytest
import torch
from transformers import GenerationConfig

from benchmarks.tiny_models import tiny_random
from emolab.errors import ModelError
from emolab.lalm.sampling import Chooser, Sampling

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
