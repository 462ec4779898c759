"""GRPO as a ladder: six rungs of a few lines each, from the plain policy gradient to a trainer that checks its hearing.

    1 `plain_loss`        make every sampled token likelier, in proportion to the reward
    2 `advantage_loss`    compare each completion with its group
    3 `clipped_loss`      reuse a batch, but never move far on it
    4 `penalised_loss`    stay near the reference model (KL)
    5 `format_reward`     pay for answers that can be read
    6 `moved_by_hearing`  require that the log-probabilities depend on the sound

`roll_out` samples real completions from a model, and `update` takes the optimiser's steps. `grpo_loss` is rung 4 with
every loss type, which differ in what a long completion weighs. Nothing here is fast. The trainer that is fast
(`emolab.training.grpo`) is tested to take the same step, to 1e-5, for every loss type.

Shapes: N = B prompts × G completions, completions of one prompt next to each other; C = completion tokens,
right-padded. Sources: policy gradient, Williams 1992 (REINFORCE); GRPO, Shao et al. 2024 (arXiv 2402.03300, eq. 3-4);
clipping, Schulman et al. 2017 (PPO, 1707.06347, eq. 7); k3 estimator, Schulman 2020 ("Approximating KL divergence");
DAPO, Yu et al. 2025 (2503.14476); Dr. GRPO, Liu et al. 2025 (2503.20783); CISPO, MiniMax 2025 (2506.13585). "bnpo" is
the per-batch token mean, as TRL names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from emolab.parsing import parse
from emolab.rewards.groups import flat_groups

if TYPE_CHECKING:
    from emolab.lalm import LALM, Completions, PromptBatch
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample

LossType = Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo"]
LOSS_TYPES: tuple[LossType, ...] = ("grpo", "dr_grpo", "dapo", "bnpo", "cispo")


# Rung 1: the plain policy gradient ------------------------------------------------------------------------------------


def plain_loss(logprobs: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """−Σ weight · log π(token), averaged over all tokens: (N, C), (N,), (N, C) → one number.

    With `weights` = rewards this is REINFORCE. Where all rewards are positive, every sampled answer becomes likelier, a
    wrong one too.
    """
    return -(logprobs * weights[:, None] * mask).sum() / mask.sum()


# Rung 2: the group is the baseline ------------------------------------------------------------------------------------


def group_advantages(rewards: Tensor, group_size: int, scale: Literal["group", "batch", "none"] = "group") -> Tensor:
    """How much better each completion is than its siblings: (N,) → (N,).

    The mean of a group is the baseline, so no value network is needed. `scale` divides by the standard deviation of the
    group (GRPO) or of the batch, or not at all (Dr. GRPO, which avoids up-weighting prompts that are almost always
    solved or almost never). A group with equal rewards has advantage 0 everywhere.
    """
    groups = rewards.view(-1, group_size)
    advantages = groups - groups.mean(1, keepdim=True)
    if scale == "group":
        advantages = advantages / (groups.std(1, keepdim=True) + 1e-4)
    elif scale == "batch":
        advantages = advantages / (rewards.std() + 1e-4)
    return advantages.reshape(-1).masked_fill(flat_groups(rewards, group_size), 0.0)


def advantage_loss(logprobs: Tensor, rewards: Tensor, mask: Tensor, group_size: int) -> Tensor:
    """Rung 1 with advantages for rewards: an answer below its group's mean becomes less likely."""
    return plain_loss(logprobs, group_advantages(rewards, group_size), mask)


# Rung 3: several updates on one batch ---------------------------------------------------------------------------------


def clipped_loss(logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, epsilon: float = 0.2) -> Tensor:
    """Weigh each token by π/π_old, because the policy has moved since it sampled; clip the ratio to 1 ± ε.

    `old` holds the log-probabilities under the policy that sampled. A token whose ratio lies beyond the band on the
    side that its advantage wants gets no gradient. At ratio 1 the gradient is rung 2's.
    """
    return _token_mean(clipped_tokens((logprobs - old).exp(), advantages[:, None], epsilon, epsilon), mask)


def clipped_tokens(ratio: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """−min(ratio · A, clip(ratio, 1 − low, 1 + high) · A) for each token."""
    return -torch.min(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)


# Rung 4: stay near the reference --------------------------------------------------------------------------------------


def kl_k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """Per-token estimate of KL(policy ‖ reference), never negative and unbiased: r - log r - 1 with r = π_ref / π."""
    difference = reference - logprobs
    return difference.exp() - difference - 1


def penalised_loss(
    logprobs: Tensor, old: Tensor, reference: Tensor, advantages: Tensor, mask: Tensor, beta: float = 0.04
) -> Tensor:
    """Rung 3 plus β times the KL to the reference policy."""
    return clipped_loss(logprobs, old, advantages, mask) + beta * _token_mean(kl_k3(logprobs, reference), mask)


def _token_mean(losses: Tensor, mask: Tensor) -> Tensor:
    return (losses * mask).sum() / mask.sum().clamp(min=1)


# Rung 5: pay for the form ---------------------------------------------------------------------------------------------


def format_reward(completions: Sequence[str], **columns: Any) -> list[float | None]:
    """1 for an answer in the form that was asked for (`emolab.parsing` reads it), otherwise 0: added to the reward."""
    return [float(parse(text).format_ok) for text in completions]


# Rung 6: does the loss hear? ------------------------------------------------------------------------------------------


def moved_by_hearing(lalm: LALM, samples: Sequence[EmotionSample], prompt: Prompt, done: Completions) -> float:
    """How far the completions' log-probabilities move, at most, when the clips are exchanged for silence.

    0 means that the loss is deaf: the completions were sampled with the sound, and are learned without it.
    """
    with torch.no_grad():
        heard, deaf = (lalm.logprobs(lalm.encode(samples, prompt, absent=absent), done) for absent in ((), ("audio",)))
    return float((heard - deaf).abs().max())


# Real rollouts --------------------------------------------------------------------------------------------------------


@dataclass
class Rollout:
    """Sampled completions of B prompts and their rewards (N,): what every rung learns from."""

    lalm: LALM
    prompts: PromptBatch
    completions: Completions
    rewards: Tensor

    @property
    def mask(self) -> Tensor:
        """(N, C), 1 where a completion has a token."""
        return self.completions.mask.flatten(0, 1)

    def logprobs(self) -> Tensor:
        """(N, C) log-probabilities of the sampled tokens under the model as it is now, differentiable."""
        return self.lalm.logprobs(self.prompts, self.completions).flatten(0, 1)


def roll_out(
    lalm: LALM,
    samples: Sequence[EmotionSample],
    prompt: Prompt,
    reward: Callable[..., Sequence[float | None]],
    group_size: int = 8,
    max_new_tokens: int = 48,
    seed: int = 0,
) -> Rollout:
    """Sample `group_size` answers to each clip and pay them. A reward may read the columns `solution` (the label),
    `words` and `caption`."""
    prompts = lalm.encode(samples, prompt)
    done = lalm.generate(prompts, n=group_size, max_new_tokens=max_new_tokens, seed=seed)
    texts = [text for group in done.texts for text in group]
    columns = {
        name: [value(sample) for sample in samples for _ in range(group_size)]
        for name, value in {
            "prompts": prompt.text,
            "solution": lambda sample: sample.emotion,
            "words": lambda sample: list(sample.words),
            "caption": lambda sample: sample.caption,
        }.items()
    }
    values = [value or 0.0 for value in reward(completions=texts, **columns)]
    return Rollout(lalm, prompts, done, torch.tensor(values, device=done.ids.device))


# The whole objective, with every loss type ----------------------------------------------------------------------------


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
    return clipped_tokens(ratio, advantage, low, high)


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
