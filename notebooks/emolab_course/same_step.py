"""The trainer's own update beside one that a learner writes, on the same answers from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emolab.rewards.base import Reward

if TYPE_CHECKING:
    from torch import Tensor

    from emolab_course.scratch import Rollout
    from emolab_course.short_run import Practice

RATE = 0.05


@dataclass(frozen=True)
class TrainersStep:
    """What the trainer did on one batch: the answers that it sampled, and its weights after `updates` on them."""

    practised: Practice
    rollout: Rollout
    after: Mapping[str, Tensor]
    group_size: int
    updates: int

    def compare(self, loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> dict[str, float]:
        """Take the same updates with `loss(logprobs, old, rewards, mask)` by plain gradient descent, from the same
        weights. Returns how far the trainer's weights moved at most, and how far the learner's end from them."""
        import torch

        self.practised.reset()
        start = _weights(self.practised)
        parameters = [p for p in self.practised.lalm.model.parameters() if p.requires_grad]
        optimiser = torch.optim.SGD(parameters, RATE)
        old = self.rollout.logprobs().detach()
        for _ in range(self.updates):
            value = loss(self.rollout.logprobs(), old, self.rollout.rewards, self.rollout.mask)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
        optimiser.zero_grad()
        mine = _weights(self.practised)
        self.practised.reset()
        return {
            "the trainer moved a weight by up to": _largest(start, self.after),
            "my weights differ from its by up to": _largest(mine, self.after),
        }


def trainers_step(practised: Practice, reward: Reward, clips: int = 8, updates: int = 2) -> TrainersStep:
    """Let the trainer sample answers to a few clips from the cold start, and update `updates` times on them.

    It is the trainer of every recipe, with plain gradient descent and a loss that averages over all tokens ("bnpo").
    """
    import torch

    from emolab.recipes.data import reward_columns
    from emolab.training.grpo import AudioGRPOTrainer, grpo_config
    from emolab_course.scratch import Rollout

    lalm, recipe = practised.lalm, practised.recipe
    some, group = practised.clips[:clips], min(8, recipe.group_size)
    prompt = recipe.prompt(practised.parts.train.labels)
    seen: list[dict[str, Any]] = []

    def recorded(completions: Any, **columns: Any) -> list[float | None]:
        values = [value or 0.0 for value in reward(completions, **columns)]
        seen.append({"rows": columns["row"], "ids": columns["completion_ids"], "rewards": values})
        return list(values)

    settings: dict[str, Any] = {"loss_type": "bnpo", "optim": "sgd", "lr_scheduler_type": "constant"}
    args = grpo_config(
        practised.folder / "same-step",
        prompts_per_step=len(some),
        group_size=group,
        max_steps=updates,
        num_iterations=updates,
        learning_rate=RATE,
        max_completion_length=recipe.max_new_tokens,
        **settings,
    )
    practised.reset()
    AudioGRPOTrainer(lalm, some, prompt, recorded, args, columns=reward_columns(some)).train()
    after = _weights(practised)
    practised.reset()
    rows = list(dict.fromkeys(seen[0]["rows"]))
    batch = lalm.encode([some[row] for row in rows], prompt)
    completions = _completions(lalm, seen[0]["ids"], group)
    rewards = torch.tensor(seen[0]["rewards"], device=completions.ids.device)
    return TrainersStep(practised, Rollout(lalm, batch, completions, rewards), after, group, updates)


def _completions(lalm: Any, ids: list[list[int]], group: int) -> Any:
    """Sampled tokens, a list a completion, as (B, G, C)."""
    import torch

    from emolab.lalm import Completions

    width = max(map(len, ids))
    table = torch.full((len(ids), width), lalm.tokenizer.pad_token_id or 0, dtype=torch.long, device=lalm.device)
    mask = torch.zeros_like(table)
    for i, row in enumerate(ids):
        table[i, : len(row)] = torch.as_tensor(list(row))
        mask[i, : len(row)] = 1
    texts = lalm.tokenizer.batch_decode([list(row) for row in ids], skip_special_tokens=True)
    grouped = [texts[i : i + group] for i in range(0, len(texts), group)]
    return Completions(table.view(-1, group, width), mask.view(-1, group, width), grouped)


def _weights(practised: Practice) -> dict[str, Tensor]:
    return {n: p.detach().clone() for n, p in practised.lalm.model.named_parameters() if p.requires_grad}


def _largest(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)
