"""The one parser of model output: rewards, evaluation and widgets all read a completion through it.

A completion is `<answer>…</answer>`, or `<think>…</think><answer>…</answer>`; a structured think block holds
`<content>…</content><acoustics>…</acoustics>[<visual>…</visual>]<summary>…</summary>` (EMO-RL's explicit structured
reasoning, with our optional visual section). Parsing takes one pass over the text, so linear time, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from emolab.caches import text_cache
from emolab.emotions import EMOLAB_7, LabelSet, label_in_sentence

SECTIONS = ("content", "acoustics", "visual", "summary")
"""Sections of a structured think block, in their order; "visual" is optional."""

_TAG = re.compile(r"<(/?)(think|answer|content|acoustics|visual|summary)>")
_SEPARATORS = re.compile(r"[,;/|\n\t、，；。]+")
_WORD_EDGES = " .:!?\"'`*_()[]{}<>-–—“”‘’「」『』《》：！？（）【】"
_OPENED = re.compile(r"(?:<(?:think|answer)>\s*)+\Z")
_OPENED_LENGTH = 200
_MAX_WORD_LENGTH = 48
_MAX_LIST_LENGTH = 50_000
_MAX_TAGS = 500


@dataclass(frozen=True)
class Parsed:
    """What a completion says. Parts that are absent, repeated or misplaced are None, and named in `problems`."""

    think: str | None = None
    sections: dict[str, str] = field(default_factory=dict)
    answer: str | None = None
    format_ok: bool = False
    """One non-empty answer block, at most one non-empty think block before it, and only white space around them."""
    structure_ok: bool = False
    """`format_ok`, and the think block is content, acoustics, (visual,) summary, in this order, none empty."""
    problems: tuple[str, ...] = ()
    tagged: bool = False
    """Any of our tags occurs, well-formed or not."""


def opened_by(prompt: str) -> str:
    """The tags that a prompt, as the model reads it, opens at its end and leaves open, with the white space after them.

    A chat template of a thinking model may end in "<think>"; the completion then starts inside that block, and its text
    alone lacks the tag. Whoever hands a completion on (rollouts, evaluation) puts this in front of it. Rewards, parser
    and evaluation then see the whole answer.

    >>> opened_by("…<|im_start|>assistant\\n<think>\\n"), opened_by("Reply with <answer>emotion</answer>.")
    ('<think>\\n', '')
    """
    found = _OPENED.search(prompt[-_OPENED_LENGTH:])
    return found.group() if found else ""


@dataclass
class _Blocks:
    """Top-level blocks found in one pass, and what was wrong on the way (a dict as an ordered set)."""

    found: list[tuple[str, str]] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)
    tagged: bool = False


def _blocks(text: str, names: Sequence[str]) -> _Blocks:
    """Split `text` into its blocks among `names`, noting stray text and tags that repeat, nest or do not close."""
    blocks = _Blocks()
    open_name, start, end = None, 0, 0
    for count, tag in enumerate(_TAG.finditer(text)):
        if count == _MAX_TAGS:
            blocks.problems["too many tags"] = None
            break
        closing, name = tag.group(1) == "/", tag.group(2)
        blocks.tagged = True
        if name not in names:
            if open_name is None:
                blocks.problems[f"<{name}> is misplaced"] = None
            continue
        if open_name is None:
            if _is_text(text, end, tag.start()):
                blocks.problems["text outside the blocks"] = None
            if closing:
                blocks.problems[f"</{name}> without <{name}>"] = None
            else:
                open_name, start = name, tag.end()
        elif closing and name == open_name:
            blocks.found.append((name, text[start : tag.start()]))
            open_name = None
        else:
            blocks.problems[f"<{'/' if closing else ''}{name}> inside <{open_name}>"] = None
        end = tag.end()
    if open_name is not None:
        blocks.problems[f"<{open_name}> is not closed"] = None
    elif _is_text(text, end, len(text)):
        blocks.problems["text outside the blocks"] = None
    return blocks


def _is_text(text: str, start: int, end: int) -> bool:
    return end > start and not text[start:end].isspace()


def _unique(blocks: _Blocks, name: str) -> str | None:
    """The stripped content of the only block called `name`; None, with the problem noted, where there are several."""
    contents = [content.strip() for found, content in blocks.found if found == name]
    if len(contents) > 1:
        blocks.problems[f"several <{name}> blocks"] = None
    if len(contents) == 1 and not contents[0]:
        blocks.problems[f"<{name}> is empty"] = None
    return contents[0] if len(contents) == 1 else None


@text_cache()
def parse(text: str) -> Parsed:
    """Read one completion, with what its prompt has opened (`opened_by`) in front of it.

    >>> parse("<think>slow and low</think><answer>sad</answer>").answer
    'sad'
    """
    blocks = _blocks(text, ("think", "answer"))
    think, answer = _unique(blocks, "think"), _unique(blocks, "answer")
    order = [name for name, _ in blocks.found]
    if answer is None and "answer" not in order:
        blocks.problems["no <answer> block"] = None
    if order == ["answer", "think"]:
        blocks.problems["<think> comes after <answer>"] = None
    hidden = (" inside <think>", " inside <answer>", "too many tags")
    nested = any(problem.endswith(hidden) for problem in blocks.problems)
    if answer is not None and (nested or _TAG.search(answer)):
        blocks.problems["tags inside <answer> or nested blocks"] = None
        answer = None
    format_ok = not blocks.problems
    sections: dict[str, str] = {}
    structure_ok = False
    if think is not None:
        inner = _blocks(think, SECTIONS)
        sections = {name: content for name in SECTIONS if (content := _unique(inner, name))}
        in_order = [name for name, _ in inner.found]
        complete = {"content", "acoustics", "summary"} <= set(sections)
        if inner.tagged and not (complete and in_order == sorted(in_order, key=SECTIONS.index)):
            inner.problems["sections are missing or out of order"] = None
        structure_ok = format_ok and complete and not inner.problems
        if inner.tagged:
            blocks.problems.update(inner.problems)
    problems = tuple(blocks.problems)
    return Parsed(think or None, sections, answer or None, format_ok, structure_ok, problems, blocks.tagged)


def answer_text(text: str) -> str | None:
    """The answer of a completion: its only answer block, or all of it where the model used none of our tags."""
    parsed = parse(text)
    return parsed.answer if parsed.tagged else text.strip() or None


def parse_label(text: str, labels: LabelSet | Sequence[str] = EMOLAB_7) -> str | None:
    """The label a completion answers with, or None where it gives none, several, denies it, or hides it.

    Rewards and evaluation use this one function, so a parse rate is the share of completions for which it is not None.
    `labels` are those of the prompt (`prompt.labels`) or of the corpus.

    >>> parse_label("<answer>Sadness</answer>"), parse_label("It sounds sad."), parse_label("sad or angry")
    ('sad', 'sad', None)
    >>> parse_label("说话人很生气"), parse_label("Not happy but bored.", ("joy", "boredom"))
    ('angry', 'boredom')
    """
    answer = answer_text(text)
    return None if answer is None else label_in_sentence(answer, labels)


def split_words(answer: str) -> tuple[str, ...]:
    """The entries of a list written as text ("[angry, furious]", "angry; furious"), lower case, each once, in order.

    A text of more than 50,000 characters is no list: ().
    """
    if len(answer) > _MAX_LIST_LENGTH:
        return ()
    words = (" ".join(word.split()).strip(_WORD_EDGES).lower() for word in _SEPARATORS.split(answer))
    return tuple(dict.fromkeys(word for word in words if word and len(word) <= _MAX_WORD_LENGTH))


def parse_words(text: str) -> tuple[str, ...]:
    """The emotion words an open-vocabulary completion answers with, lower case, each once; () where there are none."""
    answer = answer_text(text)
    return () if answer is None else split_words(answer)
