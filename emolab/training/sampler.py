"""Which prompts a step trains on: one deterministic stream for the whole run, so that resuming needs no replay of
epochs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class GroupSampler(Sampler[int]):
    """Row indices of a whole run: each generation draws `groups` prompts, each repeated `group_size` times in a row,
    and the generation is repeated `repeats` times, once for every micro-batch that reuses it (the order that TRL
    expects).

    Prompts come from successive permutations of all rows, seeded by (seed, pass), so the stream depends on nothing
    else and no prompt is dropped at the end of a pass. TRL's own sampler keeps a generator that a resumed run would
    restart.
    """

    def __init__(
        self,
        n_rows: int,
        *,
        groups: int,
        group_size: int,
        repeats: int,
        generations: int,
        seed: int,
        shuffle: bool = True,
    ):
        self.n_rows, self.groups, self.group_size = n_rows, groups, group_size
        self.repeats, self.generations, self.seed, self.shuffle = repeats, generations, seed, shuffle

    def _prompts(self) -> Iterator[int]:
        turn = 0
        while True:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + turn)
            yield from torch.randperm(self.n_rows, generator=generator).tolist() if self.shuffle else range(self.n_rows)
            turn += 1

    def __iter__(self) -> Iterator[int]:
        prompts = self._prompts()
        for _ in range(self.generations):
            chunk = [next(prompts) for _ in range(self.groups)]
            for _ in range(self.repeats):
                for row in chunk:
                    yield from [row] * self.group_size

    def __len__(self) -> int:
        return self.generations * self.repeats * self.groups * self.group_size
