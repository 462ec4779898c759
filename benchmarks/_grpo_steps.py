"""A real step of each recipe, as the course trains it on a CPU, against the plain path.

The model is the shipped one after the recipe's cold start, with its adapters, in float32 on both sides. The step is the
recipe's first: its prompts, its group size, what the model writes there, and what the recipe's reward pays. Lengths are
ragged, answers repeat, and some groups teach nothing. The plain path pads, and runs every row; it stops where all rows
have ended.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmarks.grpo import Bench

RECIPES: dict[str, dict[str, str]] = {
    "emo-rl": {},
    "emo-rl-reasons": {"reasoning": "structured"},
    "affectgpt-rl": {},
    "mecap-r1": {},
    "r1-omni": {},
}
SHORT = {"cold_per_label": 2, "cold_epochs": 2.0, "prompts_per_step": 4, "group_size": 4, "max_new_tokens": 12}


@cache
def step_bench(name: str, quick: bool = False) -> StepBench:
    """The first step of a recipe; kept, because its cold start takes half a minute."""
    return StepBench(name, quick)


class StepBench(Bench):
    """The first GRPO step of a recipe, and both ways through it. `quick` takes the smallest corpus, a short cold start
    and few, short completions: a check that it runs."""

    def __init__(self, name: str, quick: bool = False):
        import torch
        from emolab_synth.embedded import embedded_corpus

        from emolab.recipes import get_recipe
        from emolab.training.runs import resolved

        settings: dict[str, Any] = {"quantise": None, **RECIPES[name], **(SHORT if quick else {})}
        recipe = get_recipe(name.removesuffix("-reasons")).cpu(**settings)
        self.recipe, corpus = recipe, embedded_corpus("smoke" if quick else recipe.corpus_size)
        parts = recipe.splits(corpus)
        self.lalm, self.prompt = recipe.load(), recipe.prompt(corpus.labels)
        recipe.cold_start(self.lalm, parts.cold, progress=False)
        self.lalm.model.eval()
        order = torch.randperm(len(parts.train), generator=torch.Generator().manual_seed(0))
        every = resolved(parts.train)
        self.samples = [every[i] for i in order[: recipe.prompts_per_step].tolist()]
        self.batch = self.lalm.encode(self.samples, self.prompt)
        self.seed, places = 0, torch.tensor(list(self.lalm.tokens.values()))
        while torch.isin((done := self.sampled()).ids, places).any():
            self.seed += 1  # transformers would look for media where an answer has a placeholder
        self.texts, self.ids, self.mask = done.texts, done.ids.flatten(0, 1), done.mask.flatten(0, 1)
        self.weights = self.advantages(recipe.rewards(corpus.labels, parts.train))
        self.features = self.repeated(self.media())
        self._fuse_head()

    def advantages(self, rubric: Any) -> Any:
        """What the reward pays, less the group's mean, over its spread (rows, 1); 0 where a group's are all equal."""
        import torch

        from emolab.recipes.data import reward_columns
        from emolab.training.grpo import reward_rows

        rows, group = reward_rows(self.samples, self.prompt, reward_columns(self.samples)), self.recipe.group_size
        columns = {name: [row[name] for row in rows for _ in range(group)] for name in rows[0] if name != "prompt"}
        paid = torch.tensor(rubric.score([t for texts in self.texts for t in texts], **columns).total)
        paid = paid.view(-1, group)
        spread = paid.std(1, keepdim=True)
        flat = paid.max(1, keepdim=True).values == paid.min(1, keepdim=True).values
        return ((paid - paid.mean(1, keepdim=True)) / (spread + 1e-4)).masked_fill(flat, 0.0).view(-1, 1)

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

    def repeated(self, media: list[dict[str, Any]]) -> dict[str, Any]:
        """Each sample's media as often as it has completions."""
        import torch

        names = list(dict.fromkeys(name for own in media for name in own))
        rows = [own for own in media for _ in range(self.recipe.group_size)]
        return {name: torch.cat([own[name] for own in rows if name in own]) for name in names}

    def plain_inputs(self) -> tuple[Any, Any]:
        """Ids and mask of every row's prompt, padded on the left."""
        group = self.recipe.group_size
        return self.batch.input_ids.repeat_interleave(group, 0), self.batch.mask.repeat_interleave(group, 0)

    def plain_logprobs(self) -> Any:
        import torch

        ids, mask = (torch.cat(pair, 1) for pair in zip(self.plain_inputs(), (self.ids, self.mask), strict=True))
        labels = ids.clone()
        labels[:, : -self.ids.shape[1]] = -100
        out = self.lalm.model(input_ids=ids, attention_mask=mask, labels=labels, fused_lm_head=True, **self.features)
        return out.log_probs[:, -self.ids.shape[1] :] * self.mask

    def our_logprobs(self) -> Any:
        return self.scored(self.weights[:, 0] != 0)

    def scored(self, live: Any) -> Any:
        """Log-probabilities of the rows that are `live`, 0 for the others, by our path."""
        import torch

        from emolab.lalm import accel
        from emolab.lalm.batch import FlatCompletions

        batch, rows = self.lalm.encode(self.samples, self.prompt), live.nonzero()[:, 0]
        flat = FlatCompletions(self.ids[rows], self.mask[rows], rows // self.recipe.group_size)
        scores = accel.logprobs(self.lalm, batch, flat)
        return torch.zeros_like(self.mask, dtype=scores.dtype).index_copy(0, rows, scores)

    def apart(self) -> float:
        """The largest difference of both paths' log-probabilities, over all rows."""
        import torch

        with torch.no_grad():
            return float((self.scored(self.mask.any(1)) - self.plain_logprobs()).abs().max())

    def plain_rollout(self) -> None:
        import torch

        ids, mask = self.plain_inputs()
        with torch.no_grad():
            self.lalm.model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                top_k=0,
                max_new_tokens=self.recipe.max_new_tokens,
                eos_token_id=self.lalm.eos_ids,
                pad_token_id=self.lalm.pad_id,
                **self.features,
            )

    def our_rollout(self) -> None:
        self.sampled()

    def sampled(self) -> Any:
        """The step's completions, encoded and sampled."""
        batch = self.lalm.encode(self.samples, self.prompt)
        return self.lalm.generate(batch, self.recipe.group_size, self.recipe.max_new_tokens, seed=self.seed)

    def described(self, what: str) -> dict[str, Any]:
        """What is measured: the longest prompt and completion, and the ratio of tokens that the paths run."""
        parts = [*([False] if what in ("rollout", "step") else []), *([True] if what != "rollout" else [])]
        plain, ours = map(sum, zip(*(self.tokens(live) for live in parts), strict=True))
        told = {"prompt": self.batch.input_ids.shape[1], "completion": self.ids.shape[1]}
        told |= {"group": self.recipe.group_size, "prompts": len(self.samples)}
        return {"limit": round(plain / max(1, ours), 3), **told}

    def tokens(self, live: bool) -> tuple[int, int]:
        """Tokens that the plain path runs, and that ours does, for the rows that teach or for all."""
        import torch

        from emolab.lalm.accel.packing import pack
        from emolab.lalm.batch import FlatCompletions

        rows = ((self.weights[:, 0] != 0) | (not live)).nonzero()[:, 0]
        row = pack(self.batch, FlatCompletions(self.ids[rows], self.mask[rows], rows // self.recipe.group_size))
        ours = 0 if row is None else row.input_ids.shape[1]
        return torch.cat([self.plain_inputs()[0], self.ids], 1).numel(), ours
