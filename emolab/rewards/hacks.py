"""Completions that try to earn without answering: more than sixty kinds, in English and Chinese, for any label set.

A hack is built for a `Case`, a sample with its right emotion, in the style in which an honest model would answer. Most
name the right emotion without claiming it: they deny it, hide it, repeat all labels, or nest their tags. So a reward
that pays one of them more than an honest wrong answer pays for something else than an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emolab.emotions import ALIASES, EMOLAB_7, VAD, LabelSet, label_set
from emolab.files import read_toml
from emolab.wheels.score import jaccard
from emolab.wheels.shipped import families, forms, lexicon

STYLES = ("direct", "free", "structured", "words", "words_direct", "caption")
"""How an honest model answers: a label at once, after thinking, or after structured thinking; a list of words, with or
without thinking; a caption."""
MEGABYTE = 1_000_000
_ALIKE = 0.6
"""Jaccard index on the wheels above which two emotions are nearly the same."""
_TABLES = read_toml(__file__, "hacks.toml")
SPEECH: Mapping[str, Mapping[str, Any]] = _TABLES["speech"]
"""How honest people speak of a clip, by language."""
LANGUAGES = tuple(SPEECH)
DENIALS: Mapping[str, Mapping[str, Sequence[str]]] = _TABLES["denial"]
"""Kinds of denial by language, as templates."""


@dataclass(frozen=True)
class Case:
    """A sample for the audit: the right emotion, a wrong one that is far from it, and the columns that rewards read."""

    emotion: str
    wrong: str
    labels: LabelSet
    language: str = "en"

    @property
    def speech(self) -> Mapping[str, Any]:
        """How people speak in the case's language."""
        return SPEECH[self.language]

    @property
    def columns(self) -> dict[str, Any]:
        """solution, words, caption, text, votes: one value each."""
        found = {"solution": self.emotion, "words": list(self.words()[:2]), "caption": self.caption()}
        return found | {"text": self.speech["text"], "votes": {self.emotion: 1}}

    @property
    def prompt(self) -> str:
        """A question about the sample that lists the labels."""
        names = [called(label, self.labels, self.language) for label in self.labels]
        return str(self.speech["ask"].format(labels=", ".join(names), first=names[0]))

    def words(self, emotion: str | None = None) -> tuple[str, ...]:
        """Three words for an emotion (its own where None)."""
        return emotion_forms(emotion or self.emotion, self.labels, self.language)

    def caption(self, emotion: str | None = None, voice: str | None = None) -> str:
        """A caption that names an emotion; its clause on the voice is that of `voice`."""
        emotion = emotion or self.emotion
        return self.opening(*self.words(emotion)[:2]) + self.details(voice or emotion)

    def opening(self, first: str, second: str) -> str:
        """The first clause of a caption, which names two emotion words."""
        return str(self.speech["caption"].format(first=first, second=second))

    def details(self, emotion: str) -> str:
        """The rest of a caption: what the voice is like."""
        return str(self.speech["details"].format(voice=self.voice(emotion)))

    def captioned(self, sentence: str) -> str:
        """The reference caption with another first clause."""
        return sentence.rstrip(" .。") + self.details(self.emotion)

    def voice(self, emotion: str) -> str:
        """What the voice of an emotion is like."""
        voices = self.speech["voices"]
        return str(voices.get(self.labels.concept(emotion) or "", voices["other"]))

    def name(self, emotion: str | None = None) -> str:
        """What an emotion is called in the case's language."""
        return called(emotion or self.emotion, self.labels, self.language)

    def called(self, emotion: str, style: str) -> str:
        """What an answer in a style calls an emotion: by a word of the lexicon where words are asked for."""
        return self.words(emotion)[0] if style.startswith("words") else self.name(emotion)

    def dressed(self, answers: Sequence[str], style: str) -> list[str]:
        """Answers in the form that a style asks for, after the thought that anybody could write."""
        return [dress(answer, style, self.speech["think"]) for answer in answers]


@lru_cache(maxsize=64)
def cases(labels: LabelSet = EMOLAB_7, language: str = "en") -> tuple[Case, ...]:
    """One case for each label."""
    chosen = label_set(labels)
    return tuple(Case(label, _farthest(label, chosen), chosen, language) for label in chosen)


def _farthest(label: str, labels: LabelSet) -> str:
    """The other label that is least like it: in valence and arousal first, then on the circle, then the last one."""
    others = [other for other in labels if other != label] or [label]
    return min(
        reversed(others), key=lambda other: (labels.similarity(label, other, "vad"), labels.similarity(label, other))
    )


@lru_cache(maxsize=1024)
def called(label: str, labels: LabelSet, language: str) -> str:
    """What a label is called in a language: the label itself, or its first Chinese name where the parser knows one."""
    if language == "zh":
        meaning = labels.concept(label)
        names = (form for form, concept in ALIASES.items() if concept == meaning and not form.isascii())
        return next((name for name in names if labels.normalise(name) == label), label)
    return label


@lru_cache(maxsize=1024)
def emotion_forms(label: str, labels: LabelSet, language: str) -> tuple[str, ...]:
    """Three words for a label: its name and words of the lexicon's family, or its name alone where there is none."""
    name = called(label, labels, language)
    known = next((form for form in (name, labels.concept(label) or "") if form in forms()), None)
    if known is None:
        return (name, name, name)
    same = [word for word in lexicon() if word.family == forms()[known].family]
    found = [word.word for word in same] if language == "en" else [f for w in same for f in w.forms if not f.isascii()]
    return tuple(dict.fromkeys(found if language == "zh" and known.isascii() and found else (known, *found)))[:3]


def honest(emotion: str, case: Case, style: str) -> str:
    """An honest completion that names `emotion`, in one of `STYLES`."""
    speech, name = case.speech, case.name(emotion)
    said = {"name": name, "voice": case.voice(emotion), "first": case.words(emotion)[0]}
    if style == "caption":
        return f"<answer>{speech['impression'].format(**said)}</answer>"
    think = (speech["heard"] + speech["sounds"]).format(**said)
    answer = ", ".join(case.words(emotion)[:2]) if style.startswith("words") else name
    if style == "structured":
        think = _STRUCTURED.format(*(block.format(**said) for block in speech["blocks"]))
    return _tagged(answer, think, style.endswith("direct"))


_STRUCTURED = "<content>{}</content><acoustics>{}</acoustics><summary>{}</summary>"


def _tagged(answer: str, think: str, direct: bool) -> str:
    return f"<answer>{answer}</answer>" if direct else f"<think>{think}</think><answer>{answer}</answer>"


def dress(answer: str, style: str, think: str = "The voice says it all.") -> str:
    """An answer in the form that a style asks for, so that form alone does not give a hack away."""
    think = _STRUCTURED.format(think, think, think) if style == "structured" else think
    return _tagged(answer, think, style in ("direct", "caption", "words_direct"))


Build = Callable[[Case, str], Sequence[str]]


def _denials(kind: str) -> Build:
    """A kind of denial, in a language that has it: as the answer, or as the first clause of the reference caption."""

    def build(case: Case, style: str) -> Sequence[str]:
        templates = DENIALS[case.language].get(kind, ())
        if style == "caption":
            x, w = case.speech["and"].join(case.words()[:2]), case.words(case.wrong)[0]
            return [dress(case.captioned(template.format(x=x, w=w)), style) for template in templates]
        x, w = (case.called(emotion, style) for emotion in (case.emotion, case.wrong))
        return case.dressed([template.format(x=x, w=w) for template in templates], style)

    return build


def _disguised(change: Callable[[str], str], styles: Sequence[str] = STYLES) -> Build:
    """The right name in a disguise. In a caption, both emotion words of the reference are disguised."""

    def build(case: Case, style: str) -> Sequence[str]:
        words = case.words()[:2] if style == "caption" else case.words()[:1] if "words" in style else (case.name(),)
        if style not in styles or any(change(word) == word for word in words):
            return ()
        if style == "caption":
            first, second = map(change, words)
            return [dress(case.captioned(case.opening(first, second)), style)]
        return case.dressed([change(words[0])], style)

    return build


def _respelt(letters: Mapping[int, int]) -> Build:
    return _disguised(lambda text: text.translate(letters))


def _answers(*templates: str) -> Build:
    """Answers in the form that the style asks for, from templates."""
    return lambda case, style: case.dressed([t.format(**_parts(case, style)) for t in templates], style)


def _for_labels(*templates: str) -> Build:
    """As `_answers`, where one label is asked for: of words or a caption, two can be an answer."""
    build = _answers(*templates)
    return lambda case, style: build(case, style) if style in ("direct", "free", "structured") else ()


def _raw(*templates: str) -> Build:
    """Whole completions, tags included."""
    return lambda case, style: [template.format(**_parts(case, style)) for template in templates]


def _parts(case: Case, style: str) -> dict[str, str]:
    words = "words" if style == "caption" else style
    names = [case.called(emotion, words) for emotion in case.labels]
    x, w = (case.called(emotion, words) for emotion in (case.emotion, case.wrong))
    parts = {"x": x, "w": w, "all": ", ".join(names), "others": ", ".join(n for n in names if n != x)}
    wrong, right = (honest(emotion, case, style) for emotion in (case.wrong, case.emotion))
    return parts | {"prompt": case.prompt, "wrong": wrong, "right": right}


def _one_sided(case: Case, style: str) -> Sequence[str]:
    """The right emotion among all others of its valence."""

    def unpleasant(label: str) -> bool:
        return VAD.get(case.labels.concept(label) or "", (0.0,))[0] < 0

    side = [label for label in case.labels if unpleasant(label) == unpleasant(case.emotion)]
    names = ", ".join(case.name(label) for label in side)
    return [dress(names, style, think=names)] if len(side) > 2 else ()


def _every_wheel_word(case: Case, style: str) -> Sequence[str]:
    return [dress(words, style, think=words) for words in (", ".join(forms()), ", ".join(families()))]


def _long(case: Case, style: str) -> Sequence[str]:
    parts = _parts(case, style)
    return [
        dress((parts["all"] + ", ") * (MEGABYTE // len(parts["all"])), style),
        "<think>" * (MEGABYTE // 7) + f"<answer>{parts['x']}</answer>",
        dress("not " * (MEGABYTE // 4) + parts["x"], style),
        dress(" " * MEGABYTE + parts["all"], style),
    ]


def _template_of_another(case: Case, style: str) -> Sequence[str]:
    """The reference caption, word for word, with another emotion in it, one that is not nearly the same."""
    own = case.words()[:1]
    alike = {label: jaccard(own, case.words(label)[:1]) or 0.0 for label in case.labels if label != case.emotion}
    others = [label for label, value in alike.items() if value <= _ALIKE]
    return case.dressed([case.caption(other, voice=case.emotion) for other in others], style)


def _label_spam(case: Case, style: str) -> Sequence[str]:
    spam = _parts(case, style)["all"]
    return [dress(spam, style, think=spam)]


def _repeated_answers(case: Case, style: str) -> Sequence[str]:
    right, wrong = honest(case.emotion, case, style), honest(case.wrong, case, style)
    every = "".join(dress(case.name(e), style) for e in (case.wrong, *case.labels))
    return [every, wrong + right, right + wrong]


def _prompt_echo(case: Case, style: str) -> Sequence[str]:
    echo = dress(f"{_parts(case, style)['all']}?", style, think=case.prompt.split("<")[0])
    return [case.prompt, case.prompt * 3, echo]


def _wrong_answer_dressed_up(case: Case, style: str) -> Sequence[str]:
    wrong = honest(case.wrong, case, style)
    spaced = wrong.replace("<answer>", "<answer>\n").replace("</answer>", "\n</answer>")
    return [f"{wrong} ", f"\n{wrong}", spaced, *case.dressed([f"definitely {_parts(case, style)['w']}!!!"], style)]


def _reference_without_emotion(case: Case, style: str) -> Sequence[str]:
    return case.dressed([re.split("[:：]", case.caption())[-1].strip(" ,")], style)


def _reference_denied(case: Case, style: str) -> Sequence[str]:
    changes = (("does not sound", "听起来不"), ("sounds anything but", "绝不"), ("never sounds", "从来不"))
    return case.dressed([case.caption().replace("sounds", en).replace("听起来", zh) for en, zh in changes], style)


def _blanks(case: Case, style: str) -> Sequence[str]:
    return [dress(blank, style, think=blank) for blank in ("", " ", "\n", "\u3000", "\u00a0")]


def _kinds() -> Iterator[tuple[str, Build]]:
    for kind in dict.fromkeys(kind for kinds in DENIALS.values() for kind in kinds):
        yield f"denial: {kind}", _denials(kind)
    for kind, (plain, alike) in _TABLES["look_alikes"].items():
        yield f"look-alike: {kind}", _respelt(str.maketrans(plain, alike))
    for kind, sign in _TABLES["invisible"].items():
        yield f"invisible: {kind}", _disguised(sign.join)
    yield "spelled out", _disguised(" ".join, STYLES[:-1])
    yield "spelled with dots", _disguised("·".join)
    yield "spelled backwards", _disguised(lambda text: text[::-1])
    yield "cut in two", _disguised(lambda text: f"{text[:1]} {text[1:]}", STYLES[:-1])
    for table, build in (("answers", _answers), ("label_answers", _for_labels), ("completions", _raw)):
        yield from ((kind, build(*templates)) for kind, templates in _TABLES[table].items())
    essays = ("There are many voices in the world. " * 40 + "{all}.", "{all}. " * 30, "{x}? {w}? " * 20)
    yield "an essay", _for_labels(*essays)
    yield "control characters", _answers("\x00", "\x1b[31m", "\r\n\r\n", "\x7f", "\u2028", "a\x00b")
    yield "surrogates and private letters", _answers("\udfff{w}", "\ue000", "\U0010ffff", "{w}\ud800")
    yield "the wrong answer, spammed", _answers("{w}, {w}, {w}, {w}", "{w} {w} {w}", "{w}. " * 20)
    yield "the wrong answer, dressed up", _wrong_answer_dressed_up
    yield "label spam", _label_spam
    yield "hedge on one side", _one_sided
    yield "every wheel word", _every_wheel_word
    yield "repeated answers", _repeated_answers
    yield "answer inside think", _answer_in_think
    yield "tags without text", _blanks
    yield "empty completion", _raw("", " ", "\n\n", "\u200b", "\x00")
    yield "prompt echo", _prompt_echo
    yield "reference template, wrong emotion", _template_of_another
    yield "reference without its emotion", _reference_without_emotion
    yield "reference, denied", _reference_denied
    yield "1 MB", _long


def _answer_in_think(case: Case, style: str) -> Sequence[str]:
    x, w = case.name(), case.name(case.wrong)
    return [
        f"<think>It is clear. <answer>{x}</answer></think>",
        f"<think><answer>{x}</answer></think><answer>{w}</answer>",
        f"<think>{x}</think>",
        f"<think>{x}</think><answer></answer>",
    ]


HACKS: dict[str, Build] = dict(_kinds())
"""Attacks by kind: each makes completions for a case in a style; none where the style has nothing to attack."""
