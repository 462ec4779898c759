"""Sampling many completions of each prompt: one prefill a prompt, whose keys are then read by all of its completions.

The key-value cache of a prompt is never repeated: a step's queries of one prompt are stacked and multiplied with the
one copy, so that memory and reading fall by the group's size. Completions' own keys grow beside it. On a CPU, those
that are equal so far are one row, which branches where they part, and rows leave that nobody needs. On a CUDA card
each completion is a row from the start, and steps are recorded (`emolab.lalm.accel.recording`): rows leave by halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emolab.errors import ModelError
from emolab.lalm.accel.folding import enabled, folded
from emolab.lalm.accel.recording import Recorded, Step, experts_recordable, recorder_for
from emolab.lalm.batch import Completions, finite
from emolab.lalm.quantise import adapters_in

if TYPE_CHECKING:
    from emolab.lalm.batch import PromptBatch
    from emolab.lalm.contract import Family

FIRST_CAPACITY, FIRST_RECORDED = 32, 512  # a recording costs as much as a dozen tokens, empty places little
SHRINK_AT, SHRINK_RECORDED_AT = 0.75, 0.5
LOOK_EVERY = 8  # decoding steps between two looks at who has ended, on a GPU


class DecodeCache:
    """Keys and values of B prompts, and of G rows of each as they grow: what a decoder is given as its cache.

    Own buffers are (B, G, K, capacity, d) for each layer, `positions` (R, B·G, 1) are the last tokens'. It is also the
    `packed` layout of a step: it attends. A step computes the rows `used` (r,) of the B·G, or all (None). With
    `constant`, a step attends the whole buffers: `at` (1,) says where it writes, `hidden` (capacity,) what is empty.
    """

    is_compileable = False
    longest = 0
    used: Tensor | None = None

    def __init__(self, prompt: Any, mask: Tensor, last: Tensor, n: int, most: int, constant: bool = False) -> None:
        self.prompt = [(layer.keys, layer.values) for layer in prompt.layers]
        self.bias = None
        if not bool(mask.all()):
            zeros = torch.zeros_like(mask, dtype=self.prompt[0][0].dtype)
            self.bias = zeros.masked_fill(mask == 0, float("-inf"))[:, None, None]
        self.rows, self.n, self.most, self.length = mask.shape[0], n, most, 0
        self.positions = last[..., None].repeat_interleave(n, 1)
        first = min(FIRST_RECORDED if constant else FIRST_CAPACITY, most)
        self.own: list[list[Tensor]] = [[self._empty(x, first) for x in pair] for pair in self.prompt]
        self.at = torch.full((1,), -1, device=mask.device) if constant else None
        self.hidden = self.prompt[0][0].new_full((first,), float("-inf"))

    def _empty(self, like: Tensor, capacity: int) -> Tensor:
        return like.new_zeros(self.rows, self.n, like.shape[1], capacity, like.shape[3])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Prompts, rows of each, and capacity: while it is the same, steps with `constant` do the same."""
        return self.rows, self.n, self.own[0][0].shape[3]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens before this step."""
        return self.prompt[0][0].shape[2] + self.length

    def step(self) -> None:
        """Make room for one more token of every row."""
        self.length += 1
        capacity = self.own[0][0].shape[3]
        if self.length > capacity:
            more = min(2 * capacity, self.most)
            self.hidden = F.pad(self.hidden, (0, more - capacity), value=float("-inf"))
            for pair in self.own:
                for i, old in enumerate(pair):
                    pair[i] = self._empty(old[:, 0], more)
                    pair[i][:, :, :, :capacity] = old
        self.longest = self.get_seq_length() if self.at is None else self.prompt[0][0].shape[2] + self.shape[2]

    def advance(self) -> None:
        """The part of `step` that is done on the device, and recorded."""
        self.positions += 1
        if self.at is not None:
            self.hidden.index_fill_(0, self.at.add_(1), 0)

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Store this step's keys and values (r, K, 1, d); returns all own ones, (B, G, K, length, d)."""
        own = self.own[layer_idx]
        for buffer, new in zip(own, (keys, values), strict=True):
            if self.at is None:
                every = slice(None) if self.used is None else self.used
                buffer.flatten(0, 1)[every, :, self.length - 1] = new[:, :, 0]
            else:
                buffer.index_copy_(3, self.at, new.view(self.rows, self.n, *new.shape[1:]))
        length = self.length if self.at is None else None
        return own[0][:, :, :, :length], own[1][:, :, :, :length]

    def attend(self, module: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """One query of each row (r, H, 1, d) over its prompt and itself -> (r, 1, H, d)."""
        prompt_key, prompt_value = self.prompt[module.layer_idx]
        B, G, K, length = key.shape[:4]
        H, d = query.shape[1], query.shape[3]
        if self.used is not None:
            query = query.new_zeros(B * G, H, 1, d).index_copy(0, self.used, query)
        own = (query * scale).view(B, G, K, H // K, d)
        before = own.transpose(1, 2).reshape(B, K, -1, d) @ prompt_key.transpose(-1, -2)
        if self.bias is not None:
            before = before + self.bias
        since = (own @ key.transpose(-1, -2)).transpose(1, 2).reshape(B, K, -1, length)
        if self.at is not None:
            since = since + self.hidden
        weights = torch.cat([before, since], -1).softmax(-1, dtype=torch.float32).to(value.dtype)
        split = prompt_key.shape[2]
        out = (weights[..., :split] @ prompt_value).view(B, K, G, H // K, d)
        own = weights[..., split:].view(B, K, G, H // K, length).transpose(1, 2) @ value
        out = (own + out.transpose(1, 2)).reshape(B * G, 1, H, d)
        return out if self.used is None else out[self.used]

    def keep(self, prompts: Tensor, parents: Tensor) -> None:
        """Keep the given prompts (B',), and go on with G' rows of each: copies of the given ones (B', G') before."""
        if len(prompts) < self.rows:
            self.prompt = [(k[prompts], v[prompts]) for k, v in self.prompt]
            self.bias = None if self.bias is None else self.bias[prompts]
        self.positions = self.positions[:, (prompts[:, None] * self.n + parents).flatten()]
        self.rows, self.n = parents.shape
        for pair in self.own:
            pair[:] = [old[prompts[:, None], parents] for old in pair]


class Forward:
    """Logits (r, V) behind one more token (r,) of each row of a cache. Where its steps are constant, they are recorded
    for each shape of the cache."""

    def __init__(self, lalm: Family, cache: DecodeCache) -> None:
        self.lalm, self.cache, self.dummy = lalm, cache, torch.ones(1, 1, 1, 1, device=lalm.device)
        self.shape: tuple[int, ...] = ()
        self.run: Step = self.step

    def step(self, token: Tensor) -> Tensor:
        """What is recorded."""
        self.cache.advance()
        embeds = self.lalm.table(token[:, None])
        positions = self.cache.positions if self.cache.used is None else self.cache.positions[:, self.cache.used]
        with nullcontext() if self.cache.at is None else experts_recordable(self.lalm):
            return _next(self.lalm, embeds, self.dummy, positions, self.cache, packed=self.cache)

    def __call__(self, token: Tensor) -> Tensor:
        self.cache.step()
        if self.cache.at is not None and self.shape != self.cache.shape:
            self.shape, self.run = self.cache.shape, Recorded(self.step, self.lalm.decoder)
        return self.run(token)

    def close(self) -> None:
        """Free the recording and its memory now: a graph that waits for the garbage collector is freed during another
        one's recording, which CUDA does not allow."""
        self.run = self.step


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn: `n` of each prompt, each until its end-of-turn token or `max_new_tokens`.

    Truncations follow transformers (and TRL): temperature first, then top-k (0: off), top-p (1: off), min-p (0: off);
    `greedy` takes the likeliest token instead. The same `seed` gives the same completions; without one, torch's global
    generator decides. A batch that is part i of N equal ones draws what it would draw in the whole with `share` (i, N).
    Raises ModelError for a setting out of range.
    """

    n: int = 1
    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    greedy: bool = False
    share: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        fits = {"n": self.n >= 1, "max_new_tokens": self.max_new_tokens >= 1, "temperature": self.temperature > 0}
        fits |= {"top_p": 0 < self.top_p <= 1, "top_k": self.top_k >= 0, "min_p": 0 <= self.min_p <= 1}
        if wrong := next((name for name, good in fits.items() if not good), None):
            raise ModelError(
                f"{wrong} = {getattr(self, wrong)} is out of range for sampling; use greedy=True for the likeliest "
                "answer"
            )


class Chooser:
    """Draws the next tokens of `rows` completions."""

    def __init__(self, how: Sampling, rows: int, device: torch.device) -> None:
        from transformers import generation

        self.greedy, self.temperature = how.greedy, float(how.temperature)
        self.warpers = generation.LogitsProcessorList()
        for value, off, warper in (
            (self.temperature, 1.0, generation.TemperatureLogitsWarper),
            (how.top_k, 0, generation.TopKLogitsWarper),
            (how.top_p, 1.0, generation.TopPLogitsWarper),
            (how.min_p, 0.0, generation.MinPLogitsWarper),
        ):
            if value != off:
                self.warpers.append(warper(value))
        # drawn at once on the CPU for every row, so that neither device nor who has finished changes a draw
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())) if how.seed is None else how.seed)
        part, parts = how.share
        drawn = torch.empty(0, 0) if how.greedy else torch.rand(how.max_new_tokens, rows * parts, generator=generator)
        self.draws = drawn[:, part * rows : (part + 1) * rows].to(device)

    def __call__(self, logits: Tensor, step: int, rows: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (s, V), and completions `rows` (r,) that read those at `source` (r,) -> each one's token (r,), and its
        log-probability under softmax(logits / temperature), (r,)."""
        logits = logits.float()
        if self.greedy:
            token = logits.argmax(-1)[source]
        else:
            heaped = self.warpers(None, logits).softmax(-1).cumsum(-1)[source]
            total = heaped[:, -1:]
            point = torch.minimum(
                self.draws[step, rows][:, None] * total, torch.nextafter(total, torch.zeros_like(total))
            )
            token = torch.searchsorted(heaped, point, right=True)[:, 0]
        return token, (logits / self.temperature).log_softmax(-1)[source, token]


def look_every(device: torch.device) -> int:
    """Decoding steps between two looks at who has ended."""
    return LOOK_EVERY if device.type == "cuda" else 1


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode, and back: with checkpointing on, training mode would drop the cache."""
    training = [m for m in model.modules() if m.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@torch.no_grad()
def sample_completions(lalm: Family, batch: PromptBatch, how: Sampling) -> Completions:
    """Sample completions (B, n, C) of each prompt of a batch."""
    n, rows = how.n, len(batch) * how.n
    choose = Chooser(how, rows, lalm.device)
    size = prompts_at_once(lalm, batch.input_ids.shape[1], n * how.max_new_tokens, len(batch))
    with evaluating(lalm.model), adapters_in(lalm, lalm.dtype), folded(lalm):
        parts = [
            _decode(lalm, batch.select(range(at, min(at + size, len(batch)))), n, how.max_new_tokens, choose, at * n)
            for at in range(0, len(batch), size)
        ]
    ids, logprobs, lengths = (torch.cat(found) for found in zip(*parts, strict=True))
    width = int(lengths.max())
    mask = (torch.arange(width, device=ids.device) < lengths[:, None]).long()
    ids, logprobs = ids[:, :width].masked_fill(mask == 0, lalm.pad_id), logprobs[:, :width] * mask
    kept = [row[:size] for row, size in zip(ids.tolist(), lengths.tolist(), strict=True)]
    texts = [lalm.opening + text for text in lalm.tokenizer.batch_decode(kept, skip_special_tokens=True)]
    grouped = [texts[i : i + n] for i in range(0, rows, n)]
    ids, mask, logprobs = (x.view(len(batch), n, width) for x in (ids, mask, logprobs))
    return Completions(ids, mask, grouped, logprobs)


def prompts_at_once(lalm: Family, before: int, after: int, prompts: int) -> int:
    """How many of `prompts` prompts are decoded together: on a GPU, as many as have room in nine tenths of the free
    memory for the keys and values of `before` + `after` tokens, and for a layer's work on the first; on a CPU all."""
    if lalm.device.type != "cuda":
        return prompts
    free = torch.cuda.mem_get_info(lalm.device)[0] + torch.cuda.memory_reserved(lalm.device)
    free -= torch.cuda.memory_allocated(lalm.device)
    config = lalm.decoder.config
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * config.num_hidden_layers * heads * width * (before + after)
    layer = before * (3 * config.intermediate_size + 6 * config.hidden_size)
    return min(prompts, max(1, int(0.9 * free / (lalm.dtype.itemsize * (kept + layer)))))


def _next(lalm: Family, embeds: Tensor, mask: Tensor, positions: Tensor, cache: Any, **options: Any) -> Tensor:
    """Logits (B, V) behind the last of some positions, whose keys and values go into `cache`."""
    hidden = lalm.running_decoder(
        inputs_embeds=embeds,
        attention_mask=mask,
        position_ids=positions[0] if len(positions) == 1 else positions,
        past_key_values=cache,
        use_cache=True,
        **options,
    ).last_hidden_state
    return lalm.head(hidden[:, -1]) / lalm.logits_scaling


def _prefill(lalm: Family, batch: PromptBatch) -> tuple[Tensor, Any, Tensor]:
    """Logits (B, V) behind each prompt, the cache, and the mask. Raises ModelError where a logit is NaN or infinite."""
    from transformers import DynamicCache

    first = int(batch.mask.argmax(-1).min())  # columns that are padding in every row
    media, mask, cache = batch.media[:, first:, None], batch.mask[:, first:], DynamicCache()
    embeds = torch.where(media, batch.embeds[:, first:], lalm.table(batch.input_ids[:, first:]))
    return finite(_next(lalm, embeds, mask, batch.positions[:, :, first:], cache), lalm.name), cache, mask


def _decode(
    lalm: Family, batch: PromptBatch, n: int, steps: int, choose: Chooser, begin: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (B·n, steps), their log-probabilities, and lengths (B·n,). `begin` is the number of the first completion.

    Which completions have ended stays on the device. It is read every `LOOK_EVERY` steps on a GPU, where reading makes
    the host wait, and at every step on a CPU.
    """
    logits, prompt, mask = _prefill(lalm, batch)
    device, total = logits.device, len(batch) * n
    constant, look = recorder_for(lalm).startswith("recorded"), look_every(logits.device)
    merged = look == 1 and not constant and enabled()
    cache = DecodeCache(prompt, mask, batch.positions[:, :, -1], 1 if merged else n, steps, constant)
    ids, logprobs = (torch.zeros(total, steps, dtype=kind, device=device) for kind in (torch.long, torch.float32))
    lengths = torch.full((total,), steps, device=device)
    rows = torch.arange(total, device=device)  # completions that take part
    source, place = rows // n, rows // n if merged else rows  # whose logits each reads, and its row of the cache
    alive, eos = torch.ones_like(rows, dtype=torch.bool), torch.tensor(lalm.eos_ids, device=device)
    with closing(Forward(lalm, cache)) as forward:
        for step in range(steps):
            token, logprob = choose(logits, step, rows + begin, source)
            ids[rows, step], logprobs[rows, step] = token * alive, logprob * alive
            ended = alive & (token[:, None] == eos).any(-1)
            lengths[rows] = torch.where(ended, step + 1, lengths[rows])
            alive = alive & ~ended
            if step + 1 == steps:
                break
            if (step + 1) % look == 0:
                seen, rows, place, token = torch.stack([alive.long(), rows, place, token]).cpu()  # one wait
                rows, place, token = rows[seen > 0], place[seen > 0], token[seen > 0]
                if not len(rows):
                    break
                place = regrouped(cache, place, token if merged else None)
                rows, place, token = rows.to(device), place.to(device), token.to(device)
                alive = torch.ones_like(rows, dtype=torch.bool)
            width = cache.rows * cache.n if cache.used is None else len(cache.used)
            logits, source = forward(token.new_zeros(width).index_copy(0, place, token)), place
    return ids, logprobs, lengths


def regrouped(cache: DecodeCache, place: Tensor, token: Tensor | None) -> Tensor:
    """The computed rows (c,) that completions go on in, which were in the rows `place` (c,) before; both on the CPU.

    Given each one's next `token` (c,), a row branches where they differ. Rows that nobody reads are not computed any
    more, unless steps are constant, and leave the cache when no more than a share of all would be left.
    """
    place = place if cache.used is None else cache.used.cpu()[place]
    width = 1 if token is None else int(token.max()) + 1
    children, child = (place if token is None else place * width + token).unique(return_inverse=True)
    parents = children // width
    prompts, prompt, count = torch.unique_consecutive(parents // cache.n, return_inverse=True, return_counts=True)
    most = int(count.max())
    at, device = parents, cache.positions.device
    shrink_at = SHRINK_AT if cache.at is None else SHRINK_RECORDED_AT
    if len(parents.unique_consecutive()) < len(parents) or len(prompts) * most <= shrink_at * cache.rows * cache.n:
        at = prompt * most + torch.arange(len(parents)) - (count.cumsum(0) - count)[prompt]
        kept = parents.new_zeros(len(prompts) * most).index_copy(0, at, parents % cache.n)
        cache.keep(prompts.to(device), kept.view(-1, most).to(device))
    if cache.at is not None:
        return at[child]
    cache.used = None if len(at) == cache.rows * cache.n else at.to(device)
    return child
