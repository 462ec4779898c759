"""The plain paths: what every accelerated one must equal, written to be read.

A completion is scored in a row of its own, behind a copy of its prompt. A token is sampled from a forward over
everything before it. Nothing is shared, nothing is cached, nothing is exchanged in the model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from emolab.lalm.batch import FlatCompletions, PromptBatch
from emolab.lalm.contract import Family


def plain_logits(
    lalm: Family, batch: PromptBatch, flat: FlatCompletions, model: torch.nn.Module | None = None
) -> Tensor:
    """Logits (N, C + 1, V) behind each completion's prompt and behind each of its tokens.

    Prompts are padded on the left, so that every completion starts in the same column.
    """
    prompts, width = batch.select(flat.owner), flat.ids.shape[1]
    start = torch.where(prompts.media[..., None], prompts.embeds, lalm.table(prompts.input_ids))
    after = prompts.positions[..., -1:] + 1 + torch.arange(width, device=flat.ids.device)
    positions = torch.cat([prompts.positions, after], -1)
    logits = (lalm.model if model is None else model)(
        inputs_embeds=torch.cat([start, lalm.table(flat.ids)], 1),
        attention_mask=torch.cat([prompts.mask, flat.mask.long()], 1),
        position_ids=positions if len(positions) > 1 else positions[0],
        use_cache=False,
    ).logits
    return logits[:, -width - 1 :]


def plain_logprobs(
    lalm: Family, batch: PromptBatch, flat: FlatCompletions, model: Any, entropy: bool, temperature: float
) -> Any:
    """`emolab.lalm.accel.logprobs`, with the same arguments, from one row for each completion."""
    logits = plain_logits(lalm, batch, flat, model)[:, :-1].float() / temperature
    every = logits.log_softmax(-1)
    scores = every.gather(-1, flat.ids[..., None])[..., 0] * flat.mask
    return (scores, (-(every.exp() * every).sum(-1) * flat.mask).detach()) if entropy else scores
