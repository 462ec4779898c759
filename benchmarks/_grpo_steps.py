"""A real step of each recipe, as the course trains it on a CPU, against the plain path.

The model is the shipped one after the recipe's cold start, with its adapters, in float32 on both sides. The step is the
recipe's first: its prompts, its group size, what the model writes there, and what the recipe's reward pays. Lengths are
ragged, answers repeat, and some groups teach nothing. The plain path pads, and runs every row: it samples as many
tokens as our longest answer has, and its update takes `AT_ONCE` rows in a forward, which is faster here than all at
once. Both sides read the clips, and compute their features, in every rollout.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from benchmarks.grpo import Bench, Sizes

SETTINGS = {"emo-rl-reasons": {"reasoning": "structured"}}
"""What a step of that name has beside its recipe's own settings."""
AT_ONCE = 24
SHORT = {"cold_per_label": 2, "cold_epochs": 2.0, "prompts_per_step": 4, "group_size": 4, "max_new_tokens": 12}


@cache
def step_bench(name: str, quick: bool = False) -> StepBench:
    """The first step of a recipe; kept, because its cold start takes half a minute."""
    return StepBench(name, quick)


class StepBench(Bench):
    """The first GRPO step of a recipe, and both ways through it. `quick` takes the smallest corpus, a short cold start
    and few, short completions: a check that it runs."""

    at_once = AT_ONCE

    def __init__(self, name: str, quick: bool = False):
        import torch
        from emolab_synth.embedded import embedded_corpus

        from emolab.media import FeatureCache
        from emolab.recipes import get_recipe
        from emolab.training.runs import resolved

        settings: dict[str, Any] = {"quantise": None, **SETTINGS.get(name, {}), **(SHORT if quick else {})}
        recipe = get_recipe(name.removesuffix("-reasons")).cpu(**settings)
        corpus = embedded_corpus("smoke" if quick else recipe.corpus_size)
        parts = recipe.splits(corpus)
        self.lalm, self.prompt = recipe.load(), recipe.prompt(corpus.labels)
        recipe.cold_start(self.lalm, parts.cold, progress=False)
        self.lalm.model.eval()
        self.lalm.cache = FeatureCache(1 << 30)  # in memory alone
        order = torch.randperm(len(parts.train), generator=torch.Generator().manual_seed(0))
        every = resolved(parts.train)
        self.samples = [every[i] for i in order[: recipe.prompts_per_step].tolist()]
        self.batch = self.lalm.encode(self.samples, self.prompt)
        self.sizes = Sizes(self.batch.input_ids.shape[1], 0, recipe.group_size, 0.0, len(self.samples))
        self.most = recipe.max_new_tokens
        places = torch.tensor(list(self.lalm.tokens.values()))
        while torch.isin((done := self.our_rollout()).ids, places).any():
            self.seed += 1  # transformers would look for media where an answer has a placeholder
        self.texts, self.ids, self.mask = done.texts, done.ids.flatten(0, 1), done.mask.flatten(0, 1)
        self.length = self.ids.shape[1]
        self.sizes = replace(self.sizes, completion=self.length)
        self.weights = self.advantages(recipe.rewards(corpus.labels, parts.train))[:, None]
        self.live = self.weights.nonzero()[:, 0]
        self.own = self.media()
        self._fuse_head()

    def advantages(self, rubric: Any) -> Any:
        """What the reward pays, less the group's mean, over its spread (rows,); 0 where a group's are all equal."""
        import torch
        from emolab_course.scratch import group_advantages

        from emolab.recipes.data import reward_columns
        from emolab.training.grpo import reward_rows

        rows, group = reward_rows(self.samples, self.prompt, reward_columns(self.samples)), self.sizes.group
        columns = {name: [row[name] for row in rows for _ in range(group)] for name in rows[0] if name != "prompt"}
        paid = torch.tensor(rubric.score([t for texts in self.texts for t in texts], **columns).total)
        return group_advantages(paid, group)

    def media(self) -> list[dict[str, Any]]:
        """What transformers' processor would give for each sample: features of its sound, patches of its film."""
        import torch

        from emolab.lalm.audio_text import mel_frames
        from emolab.lalm.qwen2_5_omni import patchify
        from emolab.media import audio_of, frame_seconds, frames_of

        model, found = self.lalm, []
        waves = [audio_of(sample) for sample in self.samples]
        mels, lengths = mel_frames(model.feature_extractor, waves)
        masks = (torch.arange(mels.shape[-1]) < lengths[:, None]).long()
        for i, sample in enumerate(self.samples):
            own = {"input_features": mels[i : i + 1], "feature_attention_mask": masks[i : i + 1]}
            if "video" in self.prompt.modalities and sample.has("video"):
                frames = frames_of(sample, model.frames_per_second, model.max_frames)
                patches, grid = patchify(frames, model.base.config.vision_config)
                own["pixel_values_videos"] = torch.from_numpy(patches)
                own["video_grid_thw"] = torch.from_numpy(grid)[None]
                own["video_second_per_grid"] = torch.tensor(
                    [model.frames_per_step() * frame_seconds(sample, model.frames_per_second, model.max_frames)]
                )
            found.append(own)
        return found

    def features_of(self, rows: slice) -> dict[str, Any]:
        """The media of some rows: each sample's as often as it has completions."""
        import torch

        names = list(dict.fromkeys(name for own in self.own for name in own))
        found = [own for own in self.own for _ in range(self.sizes.group)][rows]
        return {name: torch.cat([own[name] for own in found if name in own]) for name in names}

    def plain_rollout(self) -> None:
        """Beside `generate`, what the processor computes of each clip once."""
        self.own = self.media()
        super().plain_rollout()

    def described(self, what: str) -> dict[str, Any]:
        """What is measured: the longest prompt and completion, and the ratio of tokens that the paths run."""
        from emolab.lalm.accel.packing import pack

        parts = {"rollout": (True,), "step": (True, False)}.get(what, (False,))  # every row, or those that teach
        packed = [pack(self.batch, self.completions(self.rows(every))) for every in parts]
        ours = sum(row.input_ids.shape[1] for row in packed if row is not None)
        plain = len(parts) * self.sizes.rows * (self.sizes.prompt + self.sizes.completion)
        return super().described(what) | {"limit": round(plain / max(1, ours), 3)}
