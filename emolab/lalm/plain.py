"""The plain paths: what every accelerated one must equal, written to be read.

A completion is scored in a row of its own, behind a copy of its prompt. A token is sampled from a forward over
everything before it. Nothing is shared, nothing is cached, nothing is exchanged in the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from emolab.errors import ModelError

if TYPE_CHECKING:
    from emolab.lalm.base import LALM
    from emolab.lalm.batch import PromptBatch


def plain_logits(
    lalm: LALM, batch: PromptBatch, ids: Tensor, mask: Tensor, owner: Tensor, model: torch.nn.Module | None = None
) -> Tensor:
    """Logits (N, C + 1, V) behind each completion's prompt and behind each of its tokens.

    `ids`, `mask` (N, C) are right-padded completions; `owner` (N,) is each one's prompt in `batch`. Prompts are padded
    on the left, so that every completion starts in the same column.
    """
    prompts, width = batch.select(owner), ids.shape[1]
    table = lalm.table
    start = torch.where(prompts.media[..., None], prompts.embeds, table(prompts.input_ids))
    after = prompts.positions[..., -1:] + 1 + torch.arange(width, device=ids.device)
    positions = torch.cat([prompts.positions, after], -1)
    logits = (lalm.model if model is None else model)(
        inputs_embeds=torch.cat([start, table(ids)], 1),
        attention_mask=torch.cat([prompts.mask, mask.long()], 1),
        position_ids=positions if len(positions) > 1 else positions[0],
        use_cache=False,
    ).logits
    return logits[:, -width - 1 :]


def plain_logprobs(
    lalm: LALM,
    batch: PromptBatch,
    ids: Tensor,
    mask: Tensor,
    owner: Tensor,
    model: torch.nn.Module | None = None,
    entropy: bool = False,
    temperature: float = 1.0,
) -> Any:
    """Log-probabilities (N, C) of completions under softmax(logits / temperature), 0 where the mask is 0; with
    `entropy` also the entropies (N, C), detached. Raises ModelError if the shapes do not fit."""
    require_fit(ids, mask, owner)
    logits = plain_logits(lalm, batch, ids, mask, owner, model)[:, :-1].float() / temperature
    every = logits.log_softmax(-1)
    scores = every.gather(-1, ids[..., None])[..., 0] * mask
    return (scores, (-(every.exp() * every).sum(-1) * mask).detach()) if entropy else scores


def require_fit(ids: Tensor, mask: Tensor, owner: Tensor) -> None:
    """Raise ModelError where completions (N, C), their mask and their owners (N,) do not fit together."""
    if ids.shape != mask.shape or owner.shape != ids.shape[:1]:
        raise ModelError(
            f"completions {tuple(ids.shape)}, mask {tuple(mask.shape)} and owner {tuple(owner.shape)} do "
            f"not fit; expected (N, C), (N, C) and (N,)"
        )
