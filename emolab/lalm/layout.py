"""From a prompt and a sample to token ids with room for media, and to the spans that say what each position is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

from jinja2 import TemplateError

from emolab.errors import ModelError
from emolab.lalm.batch import Span


def chatml(audio: str, video: str = "", system: str = "You are a helpful assistant.") -> str:
    """A ChatML template whose audio and video parts are the given markers, opened by a default system turn if any."""
    opened = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    seen = f"{{% elif c['type'] == 'video' %}}{video}" if video else ""
    return (
        f"{{% for m in messages %}}{{% if loop.first and m['role'] != 'system' %}}{opened}"
        "{% endif %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
        f"{{% for c in m['content'] %}}{{% if c['type'] == 'audio' %}}{audio}{seen}"
        "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


@dataclass
class Clip:
    """The embeddings of one clip: their spans in the clip, and a video's grid (time, height, width)."""

    modality: str
    spans: list[Span]
    grid: tuple[int, int, int] | None = None
    seconds_per_grid: float = 0.0

    def __len__(self) -> int:
        return len(self.spans)


@dataclass
class Row:
    """Token ids of one prompt, placeholders repeated to their clips' lengths, and the spans of its evidence."""

    ids: list[int]
    spans: list[Span]


def messages(system: str, text: str, media: Sequence[str]) -> list[dict[str, Any]]:
    """A conversation for a chat template: the media in the given order, then the words."""
    parts: list[dict[str, Any]] = [{"type": modality} for modality in media]
    user = {"role": "user", "content": [*parts, {"type": "text", "text": text}]}
    return [{"role": "system", "content": system}, user] if system else [user]


def written(tokenizer: Any, template: str, talk: list[dict[str, Any]], answer: bool) -> str:
    """A conversation as a chat template writes it; empty where it refuses a role, or a list of parts as content."""
    try:
        return tokenizer.apply_chat_template(talk, chat_template=template, tokenize=False, add_generation_prompt=answer)
    except (TypeError, ValueError, TemplateError):
        return ""


def choose_template(tokenizer: Any, own: str, placeholders: Mapping[str, str]) -> str:
    """The tokenizer's chat template if it has a place for every modality and for words, else the family's own.

    Published tokenizers often carry a template for text alone; the one for media lies with their processor.
    """
    template = getattr(tokenizer, "chat_template", None)
    if not isinstance(template, str):
        return own
    probe = written(tokenizer, template, messages("", "words", list(placeholders)), True)
    whole = "words" in probe and all(probe.count(token) == 1 for token in placeholders.values())
    return template if whole else own


def end_of_turn(tokenizer: Any, template: str) -> int | None:
    """The special token that the chat template writes behind an assistant's answer; None where it writes none.

    A published tokenizer's `eos_token` often ends a document, and another token ends a turn.
    """
    mark = "the answer"
    talk = [*messages("", "words", []), {"role": "assistant", "content": mark}]
    before, found, after = written(tokenizer, template, talk, False).rpartition(mark)
    ids = tokenizer(after, add_special_tokens=False)["input_ids"] if found else []
    is_user = before.rpartition("words")[2].strip() == ""  # no sign of a new turn: the template knows one role only
    special = bool(ids) and ids[0] in special_ids(tokenizer)
    return int(ids[0]) if special and not is_user else None


def special_ids(tokenizer: Any) -> dict[int, str]:
    """The special tokens of a tokenizer, by id: what ends turns and holds media, and never stands in data."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    named = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=False))
    return named | {i: token.content for i, token in added.items() if token.special}


def as_text(words: str, tokenizer: Any) -> str:
    """A transcript in which special tokens are text: `<|im_end|>` becomes `< |im_end|>` and opens no turn."""
    for token in special_ids(tokenizer).values():
        if len(token) > 1 and token in words:
            words = words.replace(token, f"{token[0]} {token[1:]}")
    return words


def build_row(
    tokenizer: Any, rendered: str, words: str | None, clips: Mapping[int, Clip], name: str, film: Sequence[int] = ()
) -> Row:
    """Tokenise a rendered prompt, make room for `clips` (by placeholder token id) and locate the transcript's words.

    `film`: what stands in the place of a video with its sound inside. Raises ModelError naming the sample if the
    placeholders in the text are not exactly one for each clip, and none for such a sound.
    """
    encoded = tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=tokenizer.is_fast)
    ids: list[int] = encoded["input_ids"]
    filled = {t: film or [t] * len(clip) for t, clip in clips.items() if not film or clip.modality == "video"}
    for token, clip in clips.items():
        if (found := ids.count(token)) != (expected := int(token in filled)):
            raise ModelError(
                f"{name}: {found} placeholders for {expected} {clip.modality} clip in the prompt; its text must not "
                f"contain {tokenizer.convert_ids_to_tokens(token)!r}, and the chat template must have one place for it"
            )
    parts = [filled.get(token, [token]) for token in ids]
    out, place = list(chain(*parts)), [0, *accumulate(map(len, parts))]
    spans: list[Span] = []
    for token, clip in clips.items():
        at = [i for i, other in enumerate(out) if other == token]
        spans += [replace(span, start=i, end=i + 1) for i, span in zip(at, clip.spans, strict=True)]
    if words and tokenizer.is_fast:
        spans += word_spans(rendered, words, encoded["offset_mapping"], place)
    return Row(out, spans)


def word_spans(rendered: str, transcript: str, offsets: Sequence[tuple[int, int]], place: Sequence[int]) -> list[Span]:
    """One span for each word of `transcript` where it stands in the prompt; `place` maps tokens to positions."""
    begin = rendered.find(transcript)
    spans, used = [], -1
    for word in re.finditer(r"\S+", transcript) if begin >= 0 else ():
        first, last = begin + word.start(), begin + word.end()
        inside = [i for i, (a, b) in enumerate(offsets) if a < last and b > first and i > used]
        if inside:
            used = inside[-1]
            spans.append(Span("text", place[inside[0]], place[used] + 1, word=word.group()))
    return spans
