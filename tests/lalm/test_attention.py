"""Tree attention against one masked attention over the whole row."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F

from benchmarks.tiny_models import noise_samples, tiny_random
from emolab.errors import ModelError
from emolab.lalm.accel.attention import TreeAttention, TreeLayout, dense_attention, packed_attention
from emolab.lalm.accel.packing import PrefixTree
from emolab.prompts import PROMPTS


def layout_of(prompts, sizes):
    """Prompts of the given lengths, each followed by completions of the given sizes; also who owns each position."""
    spans, starts, owner, at, number = [], [], [], 0, 0
    for prompt, completions in zip(prompts, sizes, strict=True):
        begin = at
        owner += [(len(spans), -1)] * prompt
        at += prompt
        for size in completions:
            starts.append((at, size))
            owner += [(len(spans), number)] * size
            at, number = at + size, number + 1
        spans.append((begin, begin + prompt, at))
    kept = [(start, size) for start, size in starts if size]
    width = max((size for _, size in kept), default=0)
    index = [[start + min(i, size - 1) for i in range(width)] for start, size in kept]
    own = torch.tensor(index, dtype=torch.long).view(len(kept), width)
    real = torch.tensor([[i < size for i in range(width)] for _, size in kept], dtype=torch.bool).view(len(kept), width)
    layout = TreeLayout(spans, own, real.flatten().nonzero()[:, 0], own[real], at)
    mask = torch.tensor(
        [[p == q and d in (-1, c) and j <= i for j, (q, d) in enumerate(owner)] for i, (p, c) in enumerate(owner)]
    )
    return layout, mask


@pytest.mark.parametrize(
    "prompts, sizes", [([5], [[3, 1, 4]]), ([4, 7], [[2, 0, 5], [6]]), ([3, 2, 6], [[], [1], [4, 4]]), ([6], [[]])]
)
def test_tree_and_dense_equal_one_mask_with_gradients(prompts, sizes):
    require_equal(*layout_of(prompts, sizes))


@pytest.mark.parametrize("seed", range(6))
def test_completions_that_begin_alike_share_those_tokens(seed):
    """Against a mask that is made by comparing beginnings; equal completions, and ones that end in others, too."""
    draw, tree, nodes = random.Random(seed), PrefixTree(), []
    for prompt in range(3):
        size, begun = draw.randint(1, 4), set()
        tree.open(size)
        nodes += [(prompt, None, i) for i in range(size)]
        for _ in range(draw.randint(0, 6)):
            tokens = tuple(draw.randint(7, 8) for _ in range(draw.randint(1, 5)))
            tree.add(tokens)
            fresh = [tokens[:k] for k in range(1, len(tokens)) if tokens[:k] not in begun]
            nodes += [(prompt, beginning, 0) for beginning in fresh]
            begun |= set(fresh)

    def sees(query, key):
        if key[1] is None:
            return query[0] == key[0] and (query[1] is not None or key[2] <= query[2])
        return query[0] == key[0] and query[1] is not None and query[1][: len(key[1])] == key[1]

    layout = tree.layout(torch.device("cpu"))
    assert len(tree) == len(nodes), "each distinct beginning lies there once"
    require_equal(layout, torch.tensor([[sees(query, key) for key in nodes] for query in nodes]))


def require_equal(layout, mask):
    """That both attentions give what one mask over the row gives, with their gradients."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, heads, len(mask), 8) for heads in (4, 2, 2)]
    given = [torch.randn(shape, generator=generator, dtype=torch.float32) for shape in shapes]
    weights = torch.randn(shapes[0], generator=generator)

    def run(attend):
        tensors = [x.clone().requires_grad_() for x in given]
        out = attend(*tensors)
        (out * weights).sum().backward()
        return [out.detach(), *(x.grad for x in tensors)]

    expected = run(
        lambda q, k, v: F.scaled_dot_product_attention(
            q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1), mask, scale=0.4
        )
    )
    for attend in (
        lambda q, k, v: TreeAttention.apply(q, k, v, layout, 0.4),
        lambda q, k, v: dense_attention(q, k, v, layout, 0.4),
    ):
        for ours, theirs in zip(run(attend), expected, strict=True):
            assert (ours - theirs).abs().max() < 1e-5


def test_autocast_stays_close_and_trains():
    lalm = tiny_random()
    batch = lalm.encode(noise_samples(2), PROMPTS["direct"])
    completions = lalm.generate(batch, n=2, max_new_tokens=5, seed=0)
    exact = lalm.logprobs(batch, completions)
    with torch.autocast("cpu", torch.bfloat16):
        rough = lalm.logprobs(batch, completions)
    rough.sum().backward()
    assert 0 < (rough - exact).abs().max() < 0.1
    assert all(p.grad is not None and p.grad.isfinite().all() for p in lalm.decoder.layers[0].self_attn.parameters())


def test_the_longest_context_has_no_last_token():
    """It is predicted, and has no state: a window as long as prompt and completion, less one, is enough."""
    tree = PrefixTree()
    tree.open(5)
    tree.add([1, 2, 3])
    assert tree.longest == tree.layout(torch.device("cpu")).longest == 7 == len(tree)


def test_a_window_that_is_too_small_is_an_error():
    layout, mask = layout_of([5], [[3]])
    query = torch.zeros(1, 2, len(mask), 8)
    with pytest.raises(ModelError, match="context of 8 tokens exceeds this model's attention window of 4"):
        packed_attention(None, query, query, query, None, packed=layout, sliding_window=4)
