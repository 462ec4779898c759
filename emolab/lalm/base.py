"""The interface of every audio language model here, and all of it that does not depend on the family."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from emolab.errors import ContextError, EmolabError, ModelError
from emolab.files import write_json
from emolab.lalm import accel
from emolab.lalm.accel.attention import install
from emolab.lalm.batch import Completions, PromptBatch, Span, finite
from emolab.lalm.contract import Family
from emolab.lalm.layout import Clip, Row, as_text, build_row, choose_template, end_of_turn, messages
from emolab.lalm.likeness import Likeness, likeness_of
from emolab.lalm.sampling import Sampling, evaluating, sample_completions
from emolab.media import SAMPLE_RATE, FeatureCache, audio_of, content_hash, frame_seconds, frames_of, media_key
from emolab.parsing import opened_by
from emolab.prompts import Prompt
from emolab.samples import EmotionSample

__all__ = ["LALM", "Completions", "PromptBatch", "Span"]

CACHE_BYTES = 1 << 30
BASE_NOTE = "emolab_base.json"
"""Written beside an adapter: which weights it was trained on."""
TOWER_BATCH = 16
Donors = Mapping[str, "Sequence[EmotionSample]"]


def to_array(features: Tensor) -> np.ndarray:
    """Embeddings as an array that keeps their bytes: numpy knows no bfloat16, so its bits are kept as int16."""
    features = features.detach().cpu()
    return (features.view(torch.int16) if features.dtype == torch.bfloat16 else features).numpy()


def from_array(kept: np.ndarray) -> Tensor:
    """The embeddings that `to_array` kept."""
    features = torch.from_numpy(kept)
    return features.view(torch.bfloat16) if features.dtype == torch.int16 else features


@cache
def code_version() -> str:
    """What embeddings depend on beside weights: the files that read media and run towers, torch and transformers."""
    digest = hashlib.blake2b(f"{torch.__version__}/{transformers.__version__}".encode(), digest_size=16)
    here = Path(__file__).parent
    for file in sorted([*here.glob("*.py"), *(here.parent / "media").glob("*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class LALM(Family):
    """A language model that hears, and perhaps sees: prompts as embeddings, answers sampled and scored.

    Towers are frozen at construction, and what they compute is cached by content until `unfreeze_towers`.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        feature_extractor: Any,
        name: str = "",
        cache_bytes: int = CACHE_BYTES,
        cache_directory: str | Path | None = None,
    ) -> None:
        self.model = model
        self.tokenizer, self.feature_extractor, self.name = tokenizer, feature_extractor, name
        self.require_contract()
        self.cache = FeatureCache(cache_bytes, cache_directory)
        self.tokens = {m: tokenizer.convert_tokens_to_ids(token) for m, token in self.placeholders.items()}
        self.template = choose_template(tokenizer, self.chat_template, self.placeholders)
        self.template_end = end_of_turn(tokenizer, self.template)
        self.opening = opened_by(self.render("", "", []))
        self._fingerprint: str | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._reading: Future[None] | None = None
        self._read: dict[str, np.ndarray] = {}  # media that `read_ahead` decoded
        install(self.decoder)
        self.freeze_towers()

    def freeze_towers(self) -> None:
        """Train no tower, and cache what towers compute."""
        for tower in self.towers:
            tower.requires_grad_(False).eval()

    def unfreeze_towers(self) -> None:
        """Train the towers: they run for every `encode`, with a gradient, and the cache is dropped."""
        self.cache.clear()
        self._fingerprint = None
        for tower in self.towers:
            tower.requires_grad_(True)

    @cached_property
    def likeness(self) -> Likeness | None:
        """How far a clip lies from the training clips; None where no statistics of these towers are known."""
        return likeness_of(self, self.home)

    def encode(
        self,
        samples: Sequence[EmotionSample],
        prompt: Prompt,
        absent: Sequence[str] = (),
        replacements: Donors | None = None,
    ) -> PromptBatch:
        """Prompts of samples as embeddings.

        Shown are the modalities that the prompt names, the model takes and the sample has. Those in `absent` are
        replaced by silence or black frames of the same length, or by no transcript; those in `replacements` by
        another sample's (modality -> one donor for each sample). Raises ModelError if nothing is left to show, a
        clip is longer than `max_seconds`, or placeholders and clips do not match; MediaError for an unusable file.
        """
        if self._reading is not None:
            self._reading.result()
        donors = {m: list(given) for m, given in (replacements or {}).items()}
        for modality, given in donors.items():
            if len(given) != len(samples):
                raise ModelError(f"{len(given)} donors of {modality} for {len(samples)} samples; give one for each")
        sources = [
            {m: donors[m][i] if m in donors else sample for m in ("audio", "video", "text")}
            for i, sample in enumerate(samples)
        ]
        shown = [self._shown(sample.id, source, prompt) for sample, source in zip(samples, sources, strict=True)]
        media = {
            m: self._media(m, [(i, sources[i][m]) for i in range(len(samples)) if m in shown[i]], m in absent)
            for m in ("audio", "video")
        }
        rows, clips = [], []
        for i, sample in enumerate(samples):
            mine = {m: media[m][i][0] for m in ("audio", "video") if m in shown[i]}
            words = None if "text" in absent or "text" not in shown[i] else sources[i]["text"].text
            words = as_text(words, self.tokenizer) if words else words
            text = prompt.text(replace(sample, text=words))
            own = len(mine) == 2 and sample.audio == sample.video is not None
            film = self.interleaved(**mine) if own else ()
            rendered = self.render(prompt.system, text, ["video"] if film else list(mine))
            by_token = {self.tokens[m]: clip for m, clip in mine.items()}
            rows.append(build_row(self.tokenizer, rendered, words, by_token, sample.id, film))
            clips.append(list(mine.values()))
        features = [[media[m][i][1] for m in ("audio", "video") if m in shown[i]] for i in range(len(samples))]
        return self._collate(rows, clips, features, [s.id for s in samples])

    def render(self, system: str, text: str, media: Sequence[str]) -> str:
        """The prompt as the tokenizer is given it, one placeholder for each clip, up to where the answer starts."""
        return self.tokenizer.apply_chat_template(
            messages(system, text, media), chat_template=self.template, tokenize=False, add_generation_prompt=True
        )

    def _shown(self, name: str, source: Mapping[str, EmotionSample], prompt: Prompt) -> set[str]:
        shown = {m for m in prompt.modalities if m in self.modalities and source[m].has(m)}
        if not shown:
            raise ModelError(
                f"{name}: has none of {', '.join(prompt.modalities)} that prompt {prompt.name!r} shows "
                f"to a model taking {', '.join(self.modalities)}; choose another prompt or sample"
            )
        return shown

    def _media(
        self, modality: str, wanted: list[tuple[int, EmotionSample]], absent: bool
    ) -> dict[int, tuple[Clip, Tensor]]:
        """Clips and embeddings by sample index; unique content is computed once, in batches, and cached."""
        keys, sources = {}, {}
        for i, sample in wanted:
            keys[i], sources[keys[i]] = self._key(modality, sample, absent), sample
        frozen, run = self.frozen, self.audio_embeddings if modality == "audio" else self.video_embeddings
        missing = [k for k in sources if not frozen or self.cache.fetch(k) is None]
        # A clip's embeddings depend on it alone, to the last bit, where clips pass the tower one by one: on a CPU.
        size = TOWER_BATCH if self.device.type != "cpu" or not frozen else 1
        computed: dict[str, Tensor] = {}

        def content(key: str) -> np.ndarray:
            read = self._read.pop(key, None)
            return self._content(modality, sources[key], absent) if read is None else read

        def compute(key: str) -> Tensor:
            if key not in computed:
                waiting = [k for k in dict.fromkeys([key, *missing]) if k not in computed]
                for part in (waiting[i : i + size] for i in range(0, len(waiting), size)):
                    computed.update(zip(part, run([content(k) for k in part]), strict=True))
            return computed[key]

        def kept(key: str) -> np.ndarray:
            with torch.no_grad(), ExitStack() as stack:
                for tower in self.towers:  # a trainer may have put the whole model into training mode
                    stack.enter_context(evaluating(tower))
                return to_array(compute(key))

        def embedded(key: str) -> Tensor:
            return from_array(self.cache.get(key, lambda: kept(key))) if frozen else compute(key)

        clips = {}
        for key, sample in sources.items():
            features = embedded(key)
            clips[key] = (self._clip(modality, sample, features), features.flatten(0, -2))
        return {i: clips[keys[i]] for i, _ in wanted}

    def encoded(
        self, parts: Iterable[Sequence[EmotionSample]], prompt: Prompt, **options: Any
    ) -> Iterator[PromptBatch]:
        """`encode` of each part in turn. While the caller works on one, a thread reads the next one's media."""
        waiting = iter(parts)
        now = next(waiting, None)
        while now is not None:
            batch, now = self.encode(now, prompt, **options), next(waiting, None)
            if now is not None:
                self.read_ahead(now, prompt)
            yield batch

    def read_ahead(self, samples: Sequence[EmotionSample], prompt: Prompt) -> None:
        """Let a thread read what `encode` of these samples will need: embeddings from the cache, else media files.

        A file that cannot be read is left to `encode`, which raises where it can be told.
        """
        if self._reader is None:
            self._reader = ThreadPoolExecutor(1, "emolab-read")
        self.fingerprint()
        self._reading = self._reader.submit(self._read_media, list(samples), prompt)

    def _read_media(self, samples: list[EmotionSample], prompt: Prompt) -> None:
        self._read.clear()
        for sample in samples:
            for modality in {"audio", "video"} & {*prompt.modalities} & {*self.modalities}:
                with suppress(EmolabError):
                    key = self._key(modality, sample, False)
                    if not self.frozen or self.cache.fetch(key) is None:
                        self._read[key] = self._content(modality, sample, False)

    def _key(self, modality: str, sample: EmotionSample, absent: bool) -> str:
        content = media_key(sample, modality)
        settings = f"/{self.frames_per_second}/{self.max_frames}" if modality == "video" else ""
        return f"{self.fingerprint()}/{modality}/{content}{settings}{'/absent' if absent else ''}"

    def fingerprint(self) -> str:
        """What tells this model's embeddings from another's in a cache on disk: a hash of the towers' weights, of their
        dtype, and of the code that runs them."""
        if self.cache.directory is None:
            return self.name
        if self._fingerprint is None:
            digest = hashlib.blake2b(f"{type(self).__name__}/{self.dtype}/{code_version()}".encode(), digest_size=16)
            for tower in self.towers:
                for weight in tower.parameters():
                    digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def _content(self, modality: str, sample: EmotionSample, absent: bool) -> np.ndarray:
        if modality == "audio":
            content = audio_of(sample)
            if len(content) > self.max_seconds * SAMPLE_RATE:
                raise ModelError(
                    f"{sample.audio or sample.id}: {len(content) / SAMPLE_RATE:.1f} s of audio, and "
                    f"{self.name} takes at most {self.max_seconds:g} s; cut it into shorter clips"
                )
        else:
            content = frames_of(sample, self.frames_per_second, self.max_frames)
        return np.zeros_like(content) if absent else content

    def _clip(self, modality: str, sample: EmotionSample, features: Tensor) -> Clip:
        if modality == "audio":
            step = self.seconds_per_embedding
            return Clip("audio", [Span("audio", i, i + 1, i * step, (i + 1) * step) for i in range(features.shape[0])])
        time, height, width = features.shape[:3]
        covers = self.frames_per_step()
        step = covers * frame_seconds(sample, self.frames_per_second, self.max_frames)
        cells = enumerate(product(range(time), range(height), range(width)))
        spans = [Span("video", i, i + 1, t * step, (t + 1) * step, t * covers, (h, w)) for i, (t, h, w) in cells]
        return Clip("video", spans, (time, height, width), step)

    def _collate(
        self, rows: list[Row], clips: list[list[Clip]], features: list[list[Tensor]], ids: list[str]
    ) -> PromptBatch:
        width = max(len(row.ids) for row in rows)
        self.require_room(width, 0, ids[max(range(len(rows)), key=lambda i: len(rows[i].ids))])
        input_ids = torch.tensor([[self.pad_id] * (width - len(row.ids)) + row.ids for row in rows])
        mask = torch.tensor([[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows])
        spans = [[span.moved(width - len(row.ids)) for span in row.spans] for row in rows]
        positions = self.rope_positions(input_ids, mask, clips).to(self.device)
        with torch.no_grad():
            embeds = self.table(input_ids.to(self.device)).detach()  # a hook of PEFT may have made it need a gradient
        media = torch.zeros_like(input_ids, dtype=torch.bool)  # on the CPU still: looking there makes no card wait
        for i, row_features in enumerate(features):
            for clip, feature in zip(clips[i], row_features, strict=True):
                at = (input_ids[i] == self.tokens[clip.modality]).nonzero()[:, 0]
                media[i, at] = True
                where = torch.tensor(i, device=self.device), at.to(self.device)
                embeds = embeds.index_put(where, feature.to(self.device, embeds.dtype))
        mask, input_ids, media = (x.to(self.device) for x in (mask, input_ids, media))
        return PromptBatch(embeds, mask, positions, input_ids, media, spans, ids)

    def require_room(self, prompt: int, answer: int, name: str) -> None:
        """Raise ContextError where a prompt and an answer of so many tokens exceed the model's context."""
        if self.context is not None and prompt + answer > self.context:
            room = f" and an answer of up to {answer}" if answer else ""
            raise ContextError(
                f"{name}: a prompt of {prompt} tokens{room} exceeds the {self.context} tokens that {self.name} takes; "
                "use a shorter clip, fewer frames, a shorter transcript or a shorter answer"
            )

    def has_room(self, sample: EmotionSample, prompt: Prompt, answer: int = 0) -> bool:
        """Whether a sample's prompt and an answer of so many tokens fit the context.

        Only transcripts can grow without a bound: one of fewer bytes than half of the context is taken to fit.
        """
        if self.context is None or 2 * len((sample.text or "").encode()) < self.context:
            return True
        try:
            self.require_room(self.encode([sample], prompt).input_ids.shape[1], answer, sample.id)
        except ContextError:
            return False
        return True

    def generate(self, batch: PromptBatch, n: int = 1, max_new_tokens: int = 64, **settings: Any) -> Completions:
        """Sample `n` completions of each prompt; `settings` are the others of `emolab.lalm.sampling.Sampling`:
        `temperature`, `top_p`, `top_k`, `min_p`, `seed`, `greedy`, `share`."""
        how = Sampling(n, max_new_tokens, **settings)
        self.require_room(batch.input_ids.shape[1], max_new_tokens, batch.ids[0])
        return sample_completions(self, batch, how)

    def logprobs(
        self,
        batch: PromptBatch,
        completions: Completions,
        model: nn.Module | None = None,
        entropy: bool = False,
        temperature: float = 1.0,
    ) -> Any:
        """Log-probabilities (B, G, C), 0 where masked, differentiable; with `entropy` also entropies (B, G, C)."""
        out = accel.logprobs(self, batch, completions.flat(), model, entropy, temperature)
        shape = completions.ids.shape
        return tuple(x.view(shape) for x in out) if entropy else out.view(shape)

    def text_scores(self, batch: PromptBatch, texts: Sequence[Sequence[str]], eos: bool = True) -> Tensor:
        """Summed log-probability (B, G) of given answers, as many for each prompt; `eos` adds the end of the turn.

        Raises ModelError where a score is NaN or infinite.
        """
        completions = Completions.from_texts(self.tokenizer, texts, self.end_id if eos else None, self.device)
        return finite(self.logprobs(batch, completions).sum(-1), self.name)

    def label_scores(
        self, batch: PromptBatch, labels: Sequence[str], template: str = "<answer>{label}</answer>", eos: bool = True
    ) -> Tensor:
        """Summed log-probability (B, L) of each label's answer."""
        return self.text_scores(batch, [[template.format(label=label) for label in labels]] * len(batch), eos)

    def save(self, folder: str | Path) -> Path:
        """Write the adapter if there is one, else the whole model with its tokenizer: what `load_model` reads."""
        if hasattr(self.model, "peft_config"):
            self.model.save_pretrained(str(folder), save_embedding_layers=False)  # "auto" asks the hub about the base
            write_json(Path(folder) / BASE_NOTE, {"model": self.name, "fingerprint": self.base_fingerprint()})
        else:
            for part in (self.model, self.tokenizer, self.feature_extractor):
                part.save_pretrained(str(folder))
        return Path(folder)

    def base_fingerprint(self) -> str:
        """A hash of the final norm and of the first embedding rows in bfloat16: never quantised and never adapted."""
        parts = [self.decoder.norm.weight, self.table.weight[:256]]
        rounded = [part.detach().cpu().to(torch.bfloat16).view(torch.int16).numpy() for part in parts]
        return content_hash(np.concatenate([part.ravel() for part in rounded]))
