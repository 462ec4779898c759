"""GRPO from scratch, written to be read: rewards → advantages → a clipped loss with a KL penalty → an optimiser step.

Nothing here knows about audio, LoRA or packing, and nothing is fast. The trainer that is fast (`emolab.training.grpo`)
is tested against these functions: one optimiser step of both must agree to 1e-5 for every loss type below.

Shapes: N = prompts × G completions, completions of one prompt next to each other; C = completion tokens,
right-padded. Sources: GRPO, Shao et al. 2024 (arXiv 2402.03300, eq. 3-4); k3 estimator, Schulman 2020
("Approximating KL divergence"); DAPO, Yu et al. 2025 (2503.14476); Dr. GRPO, Liu et al. 2025 (2503.20783); CISPO,
MiniMax 2025 (2506.13585). "bnpo" is the per-batch token mean, as TRL names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

LossType = Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo"]
LOSS_TYPES: tuple[LossType, ...] = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo")


@dataclass(frozen=True)
class Settings:
    """What the loss depends on. `epsilon_high` None means `epsilon`; CISPO reads it as the cap on the ratio itself."""

    loss_type: LossType = "grpo"
    epsilon: float = 0.2
    epsilon_high: float | None = None
    beta: float = 0.0
    max_completion_length: int = 64
    num_iterations: int = 1
    max_grad_norm: float = 1.0
    unbiased_kl: bool = True


def group_advantages(rewards: Tensor, group_size: int, scale: Literal["group", "batch", "none"] = "group") -> Tensor:
    """How much better each completion is than its siblings: (N,) → (N,).

    The mean of a group is the baseline, so no value network is needed. `scale` divides by the standard deviation of the
    group (GRPO) or of the batch, or not at all (Dr. GRPO, which avoids up-weighting prompts that are almost always
    solved or almost never). A group with equal rewards has advantage 0 everywhere: it teaches nothing.
    """
    groups = rewards.view(-1, group_size)
    advantages = groups - groups.mean(1, keepdim=True)
    if scale == "group":
        advantages = advantages / (groups.std(1, keepdim=True) + 1e-4)
    elif scale == "batch":
        advantages = advantages / (rewards.std() + 1e-4)
    return advantages.reshape(-1)


def kl_k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """Per-token estimate of KL(policy ‖ reference), never negative and unbiased: r - log r - 1 with r = π_ref / π."""
    difference = reference - logprobs
    return difference.exp() - difference - 1


def token_losses(logprobs: Tensor, old: Tensor, advantages: Tensor, settings: Settings) -> Tensor:
    """(N, C) losses before averaging. `old` are the log-probabilities under the policy that sampled the tokens.

    The ratio π/π_old corrects for the policy having moved since; clipping it takes away the incentive to move further.
    CISPO instead keeps every token's gradient and caps only its weight.
    """
    low = settings.epsilon
    high = low if settings.epsilon_high is None else settings.epsilon_high
    ratio, advantage = (logprobs - old).exp(), advantages[:, None]
    if settings.loss_type == "cispo":
        return -ratio.clamp(max=high).detach() * advantage * logprobs
    return -torch.min(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)


def reduce_tokens(losses: Tensor, mask: Tensor, settings: Settings) -> Tensor:
    """One number from (N, C) token losses: the loss types differ mostly here, in what a long completion weighs.

    grpo: mean over a completion's tokens, then over completions (long answers dilute their tokens).
    dr_grpo: sum over all tokens, divided by a constant (no length bias).
    bnpo, dapo, cispo: mean over all tokens of the batch (a long answer weighs more than a short one).
    """
    mask = mask.to(losses.dtype)
    if settings.loss_type == "grpo":
        return ((losses * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()
    if settings.loss_type == "dr_grpo":
        return (losses * mask).sum() / (len(losses) * settings.max_completion_length)
    return (losses * mask).sum() / mask.sum().clamp(min=1)


def grpo_loss(
    logprobs: Tensor, old: Tensor, reference: Tensor | None, advantages: Tensor, mask: Tensor, settings: Settings
) -> Tensor:
    """The whole objective: clipped policy loss plus β times the KL to the reference policy.

    The tokens were sampled by the old policy, so the KL's *gradient* is that of KL(policy ‖ reference) only when each
    estimate is weighted by the ratio (`unbiased_kl`, TRL's default; DeepSeek-V3.2, arXiv 2512.02556). The GRPO paper
    leaves the ratio out.
    """
    losses = token_losses(logprobs, old, advantages, settings)
    if settings.beta:
        if reference is None:
            raise ValueError("beta > 0 needs the reference policy's log-probabilities")
        penalty = kl_k3(logprobs, reference)
        losses = losses + settings.beta * (penalty * (logprobs - old).exp() if settings.unbiased_kl else penalty)
    return reduce_tokens(losses, mask, settings)


def update(
    policy: Callable[[], Tensor],
    optimizer: torch.optim.Optimizer,
    advantages: Tensor,
    mask: Tensor,
    settings: Settings,
    reference: Tensor | None = None,
) -> list[float]:
    """Optimise on one batch of sampled completions, `num_iterations` times; returns the losses.

    `policy()` computes the (N, C) log-probabilities of the sampled tokens with the current weights. At the first
    iteration the policy *is* the sampler, every ratio is 1 and nothing is clipped: clipping only acts from the
    second on.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    old, losses = policy().detach(), []
    for _ in range(settings.num_iterations):
        loss = grpo_loss(policy(), old, reference, advantages, mask, settings)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer.step()
        losses.append(loss.item())
    return losses
