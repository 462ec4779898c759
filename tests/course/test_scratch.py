"""GRPO from scratch against values worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from emolab_course.scratch import (
    LOSS_TYPES,
    Settings,
    advantage_loss,
    clipped_loss,
    flat_groups,
    format_reward,
    group_advantages,
    grpo_loss,
    kl_k3,
    moved_by_hearing,
    penalised_loss,
    plain_loss,
    roll_out,
    token_losses,
    update,
)
from training_helpers import PROMPT, letters, samples, small_lalm, weights


def test_advantages_of_a_group_are_its_standard_scores() -> None:
    got = group_advantages(torch.tensor([1.0, 0.0, 0.0, 1.0, 3.0, 3.0, 3.0, 3.0]), 4)
    high = 0.5 / (math.sqrt(1 / 3) + 1e-4)
    assert torch.allclose(got, torch.tensor([high, -high, -high, high, 0, 0, 0, 0]))


def test_scale_none_and_batch() -> None:
    rewards = torch.tensor([1.0, 0.0, 4.0, 0.0])
    assert group_advantages(rewards, 2, "none").tolist() == [0.5, -0.5, 2.0, -2.0]
    assert torch.allclose(
        group_advantages(rewards, 2, "batch"), torch.tensor([0.5, -0.5, 2.0, -2.0]) / (rewards.std() + 1e-4)
    )


def test_k3_is_zero_at_equality_and_never_negative() -> None:
    a, b = torch.tensor([[-1.0, -2.0]]), torch.tensor([[-1.0, -1.0]])
    got = kl_k3(a, b)
    assert got[0, 0] == 0 and got[0, 1] == pytest.approx(math.e - 2)


def test_clipping_takes_the_gradient_away_only_beyond_the_band() -> None:
    old = torch.zeros(2, 1)
    logprobs = torch.tensor([[0.5], [0.5]], requires_grad=True)
    token_losses(logprobs, old, torch.tensor([1.0, -1.0]), Settings()).sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad[0] == 0  # ratio 1.65 > 1.2 and the advantage wants more of it
    assert logprobs.grad[1] == pytest.approx(math.exp(0.5))  # the advantage wants less: never clipped above


def test_cispo_keeps_the_gradient_of_clipped_tokens() -> None:
    logprobs = torch.tensor([[0.5]], requires_grad=True)
    token_losses(logprobs, torch.zeros(1, 1), torch.tensor([2.0]), Settings("cispo", epsilon_high=1.2)).sum().backward()
    assert logprobs.grad is not None and logprobs.grad[0, 0] == pytest.approx(-2.4)


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [
        ("grpo", -(1.0 + 0.0) / 2),
        ("bnpo", -(1 * 1 + 3 * 0) / 4),
        ("dapo", -1 / 4),
        ("cispo", -(1 * -1.0) / 4 * -1),
        ("dr_grpo", -1 / 16),
    ],
)
def test_what_a_long_completion_weighs(loss_type: str, expected: float) -> None:
    # one completion of 1 token with advantage 1, one of 3 tokens with advantage 0; ratios 1
    mask = torch.tensor([[1, 0, 0], [1, 1, 1]])
    logprobs = torch.full((2, 3), -1.0)
    settings = Settings(loss_type, epsilon_high=5.0 if loss_type == "cispo" else None, max_completion_length=8)  # type: ignore[arg-type]
    got = grpo_loss(logprobs, logprobs, None, torch.tensor([1.0, 0.0]), mask, settings)
    assert float(got) == pytest.approx(expected if loss_type != "cispo" else 0.25)


def test_beta_needs_a_reference() -> None:
    x = torch.zeros(1, 1)
    with pytest.raises(ValueError, match="reference"):
        grpo_loss(x, x, None, torch.ones(1), torch.ones(1, 1), Settings(beta=0.1))


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_an_update_makes_rewarded_tokens_likelier(loss_type: str) -> None:
    logits = torch.zeros(5, requires_grad=True)
    tokens = torch.tensor([[0], [1]])
    policy = lambda: logits.log_softmax(0)[tokens]  # noqa: E731
    settings = Settings(loss_type, num_iterations=2, epsilon_high=5.0 if loss_type == "cispo" else None)  # type: ignore[arg-type]
    losses = update(policy, torch.optim.SGD([logits], 0.5), torch.tensor([1.0, -1.0]), torch.ones(2, 1), settings)
    assert len(losses) == 2 and logits[0] > 0 > logits[1]


def test_the_plain_gradient_raises_a_wrong_answer_and_the_advantage_lowers_it() -> None:
    for rewards, sign in ((torch.tensor([1.0, 0.2]), 1), (torch.tensor([0.2, 0.2]), 0)):
        logprobs = torch.zeros(2, 1, requires_grad=True)
        plain_loss(logprobs, rewards, torch.ones(2, 1)).backward()
        assert logprobs.grad is not None and (logprobs.grad < 0).all(), "every sampled answer becomes likelier"
        logprobs = torch.zeros(2, 1, requires_grad=True)
        advantage_loss(logprobs, rewards, torch.ones(2, 1), 2).backward()
        assert logprobs.grad is not None and torch.equal(logprobs.grad.sign()[:, 0], torch.tensor([-1.0, 1.0]) * sign)


def test_each_rung_is_the_one_below_it_where_nothing_has_moved() -> None:
    torch.manual_seed(0)
    mask, rewards = torch.ones(4, 3), torch.tensor([1.0, 0.0, 0.5, 0.5])
    advantages, grads = group_advantages(rewards, 2), []
    for rung in (
        lambda x: advantage_loss(x, rewards, mask, 2),
        lambda x: clipped_loss(x, x.detach(), advantages, mask),
        lambda x: penalised_loss(x, x.detach(), x.detach(), advantages, mask),
        lambda x: grpo_loss(x, x.detach(), x.detach(), advantages, mask, Settings("bnpo", beta=0.04)),
    ):
        logprobs = torch.full((4, 3), -1.0, requires_grad=True)
        rung(logprobs).backward()
        assert logprobs.grad is not None
        grads.append(logprobs.grad)
    assert all(torch.allclose(grads[0], grad, atol=1e-6) for grad in grads[1:])


def test_penalised_and_clipped_agree_with_the_whole_objective_after_a_move() -> None:
    torch.manual_seed(0)
    new, old, reference = (torch.randn(4, 3) * 0.3 - 1 for _ in range(3))
    advantages, mask = torch.tensor([1.0, -1.0, 0.5, -0.5]), torch.tensor([[1, 1, 0], [1, 1, 1]] * 2)
    settings = Settings("bnpo", beta=0.1, unbiased_kl=False)
    assert torch.allclose(
        penalised_loss(new, old, reference, advantages, mask, 0.1),
        grpo_loss(new, old, reference, advantages, mask, settings),
    )
    assert torch.allclose(
        clipped_loss(new, old, advantages, mask), grpo_loss(new, old, None, advantages, mask, Settings("bnpo"))
    )


def test_a_flat_group_has_no_advantage_whatever_rounding_says() -> None:
    rewards = torch.tensor([0.1 + 0.2, 0.3, 0.3, 0.3, 0.0, 1e-3, 0.0, 0.0])
    assert flat_groups(rewards, 4).tolist() == [True] * 4 + [False] * 4
    assert group_advantages(rewards, 4)[:4].tolist() == [0.0] * 4


def test_the_form_is_read_by_the_parser() -> None:
    good = "<think>low and slow</think><answer>sad</answer>"
    assert format_reward([good, "sad", good + " x"]) == [1.0, 0.0, 0.0]


def test_every_rung_learns_from_real_rollouts() -> None:
    batch = roll_out(small_lalm(), samples(2), PROMPT, letters, group_size=4, max_new_tokens=6, seed=1)
    assert batch.rewards.shape == (8,) and batch.mask.shape == batch.logprobs().shape
    advantages, old, reference = group_advantages(batch.rewards, 4), batch.logprobs().detach(), None
    with batch.lalm.reference():
        reference = batch.logprobs().detach()
    for rung in (
        lambda x: plain_loss(x, batch.rewards, batch.mask),
        lambda x: advantage_loss(x, batch.rewards, batch.mask, 4),
        lambda x: clipped_loss(x, old, advantages, batch.mask),
        lambda x: penalised_loss(x, old, reference, advantages, batch.mask),
    ):
        before = weights(batch.lalm)
        parameters = [p for p in batch.lalm.model.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(parameters, 0.1)
        rung(batch.logprobs()).backward()
        optimizer.step()
        optimizer.zero_grad()
        assert any(not torch.equal(before[k], v) for k, v in weights(batch.lalm).items())
    assert moved_by_hearing(batch.lalm, samples(2), PROMPT, batch.completions) > 1e-3
