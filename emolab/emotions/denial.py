"""Which emotions a text names, and which of them it denies: "not", "isn’t", "far from", "is wrong", 不, 没有, 并非 …

A text is cut into clauses. In a clause a word of denial reaches forward ("not", "far from", "instead of") to its end,
or denies all of it ("is wrong", "ruled out", 相反). A clause that only denies ("Happy? No.") speaks of the one before.
Idioms that deny nothing ("no doubt", "can't hide", 非常, 毫无疑问) are taken out first. Where a text can be read both
ways, the emotion counts as denied. Reading is linear in the text. English and Chinese are known; a text in another
script, or with letters that only look like ours, is not read at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from emolab.emotions.labels import EMOLAB_7, LabelSet, forms_of, label_set
from emolab.emotions.names import ALIASES, concept, plain
from emolab.files import read_toml

_FORWARD, _WHOLE, _BREAK = "\x01", "\x02", "\x03"
"""Marks of a denial of what follows, of a denial of its whole clause, and of the start of a new clause."""

_NEAR = 16
"""Words after an emotion among which a denial can speak of it."""
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[’‘‛ʼ＇´`′ʹꞌ](?=[^\W\d_])")
_SCRIPTS_MEET = re.compile(r"(?<=[一-鿿])(?=[a-z])|(?<=[a-z])(?=[一-鿿])")
_UNREADABLE = re.compile(r"~~|[\x00-\x1f\x7f]|[^\W\d_a-zà-öø-ÿā-ſ一-鿿㐀-䶿]")


@dataclass(frozen=True)
class Cues:
    """What denies, as `denial.toml` states it: phrases with the mark that replaces them, and sets of words by kind."""

    phrases: tuple[tuple[re.Pattern[str], str], ...]
    words: Mapping[str, frozenset[str]]
    chinese: Mapping[str, frozenset[str]]
    chinese_marks: Mapping[str, str]

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> Cues:
        """Read the file, once."""
        stated = read_toml(__file__, "denial.toml")
        marks = {"nothing": " ", "whole": f" {_WHOLE} ", "forward": f" {_FORWARD} "}
        phrases = []
        for kind, patterns in stated["phrases"].items():
            for pattern in patterns:
                for group, alternatives in stated["groups"].items():
                    pattern = pattern.replace(f"{{{group}}}", alternatives)
                phrases.append((re.compile(pattern), marks[kind]))
        chinese = {kind: frozenset(words.split()) for kind, words in stated["chinese"].items()}
        return cls(
            tuple(phrases),
            {kind: frozenset(words.split()) for kind, words in stated["words"].items()},
            chinese | {kind: frozenset(stated["chinese"][kind]) for kind in ("reply", "listed")},
            dict.fromkeys(chinese["nothing"], "")
            | dict.fromkeys(chinese["forward"], _FORWARD)
            | dict.fromkeys(chinese["whole"], _WHOLE)
            | dict.fromkeys(chinese["breaks"], _BREAK),
        )


_TOKEN = re.compile(
    r"(?P<mark>[\x01-\x03])|(?P<word>[^\W_一-鿿㐀-䶿]+(?:[-'][^\W_一-鿿㐀-䶿]+)*)|(?P<han>[一-鿿㐀-䶿]+)"
    r"|(?P<end>(?:\.(?!\w)|[,;:!?…()\[\]—–。，；：！？（）])+|\s-+\s)"
)


@dataclass
class Mention:
    """A form found in a text, and whether the text denies it."""

    form: str
    denied: bool = False


@dataclass
class _Clause:
    tokens: list[str | Mention] = field(default_factory=list)
    """Marks, words and mentions, in order. Han that is not known stands as one word a run."""
    end: str = ""

    @property
    def mentions(self) -> list[Mention]:
        return [token for token in self.tokens if isinstance(token, Mention)]

    @property
    def only_denies(self) -> bool:
        """No more than a denial: "no", "not really", "that is wrong", 不是的."""
        words = [token for token in self.tokens if token not in (_FORWARD, _WHOLE)]
        return len(words) < len(self.tokens) and all(isinstance(word, str) and _is("reply", word) for word in words)

    @property
    def bare(self) -> bool:
        """A continued list: mentions and words that join them."""
        return all(isinstance(token, Mention) or _is("listed", token) for token in self.tokens)


def _is(kind: str, word: str) -> bool:
    cues = Cues.load()
    return word in cues.words[kind] or cues.chinese[kind].issuperset(word)


class Finder:
    """Finds forms (one or two words, or Chinese) in texts, and says which of them a text denies.

    >>> Finder(["sad", "happy", "高兴"]).mentions("Not happy but sad. 她不高兴")
    [Mention(form='happy', denied=True), Mention(form='sad', denied=False), Mention(form='高兴', denied=True)]
    """

    def __init__(self, forms: Iterable[str]) -> None:
        known = {plain(form) for form in forms}
        self.han = sorted((form for form in known if _is_han(form)), key=len, reverse=True)
        self.words = frozenset(known.difference(self.han))
        self.starts = frozenset(form.split()[0] for form in self.words if " " in form)
        self.cues = Cues.load()
        alternatives = sorted({*self.han, *self.cues.chinese_marks}, key=lambda form: (-len(form), form))
        self._han_known = frozenset(self.han)
        self._han = re.compile("|".join(map(re.escape, alternatives)).replace("很难", "很难(?![过受])"))

    def mentions(self, text: str) -> list[Mention] | None:
        """The forms that `text` names, in order; None where it cannot be read (`readable_text`)."""
        readable = readable_text(text)
        if readable is None:
            return None
        for pattern, mark in self.cues.phrases:
            readable = pattern.sub(mark, readable)
        clauses = list(self._clauses(readable))
        _deny(clauses)
        return [mention for clause in clauses for mention in clause.mentions]

    def _clauses(self, text: str) -> Iterator[_Clause]:
        clause = _Clause()
        for token in self._tokens(text):
            if isinstance(token, tuple) or token == _BREAK:
                clause.end = token[0] if isinstance(token, tuple) else ""
                yield clause
                clause = _Clause()
            else:
                clause.tokens.append(token)
        yield clause

    def _tokens(self, text: str) -> Iterator[str | Mention | tuple[str]]:
        """Marks, words and mentions; the punctuation that ends a clause as a tuple of its first character."""
        words = [(found.lastgroup, found.group()) for found in _TOKEN.finditer(text)]
        skip, last = False, ""
        for i, (kind, value) in enumerate(words):
            if skip:
                skip = False
                continue
            if kind == "end":
                last = ""
                yield (value.strip()[0],)
            elif kind == "han":
                yield from self._han_tokens(value)
                last = ""
            elif kind == "mark":
                last = value
                yield value
            else:
                following = words[i + 1][1] if i + 1 < len(words) else ""
                if value in self.starts and f"{value} {following}" in self.words:
                    skip, last = True, ""
                    yield Mention(f"{value} {following}")
                    continue
                for token in self._word(value):
                    known = token if isinstance(token, str) else ""
                    starts = known in self.cues.words["breaks"] or (
                        known == "and" and following in self.cues.words["after_and"]
                    )
                    yield _BREAK if starts and last != _FORWARD else token
                    last = known

    def _word(self, value: str) -> Iterator[str | Mention]:
        whole = value.removesuffix("'s")
        for part in [whole] if whole in self.words or value.endswith("n't") else whole.split("-"):
            if part in self.words:
                yield Mention(part)
            elif part.endswith("n't"):
                yield from (part[:-3], _FORWARD)
            elif part in self.cues.words["forward"]:
                yield _FORWARD
            elif part in self.cues.words["whole"]:
                yield _WHOLE
            else:
                yield part

    def _han_tokens(self, run: str) -> Iterator[str | Mention]:
        end, last = 0, ""
        for found in self._han.finditer(run):
            if found.start() > end:
                last = run[end : found.start()]
                yield last
            end = found.end()
            form = found.group()
            if form in self._han_known:
                last = ""
                yield Mention(form)
            elif mark := self.cues.chinese_marks[form]:
                if mark != _BREAK or last != _FORWARD:
                    yield mark
                last = mark
        if end < len(run):
            yield run[end:]


def _is_han(form: str) -> bool:
    return any("㐀" <= character <= "鿿" for character in form)


def readable_text(text: str) -> str | None:
    """A text in lower case with plain apostrophes and single spaces; None where it cannot be read.

    It cannot where it holds a letter of a script other than Latin and Chinese, a look-alike letter, a zero-width or
    control character, a loose accent, or words struck out: what such a text denies is not known.
    """
    text = text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\ufe0f", "")
        if any(unicodedata.category(c) in ("Cf", "Mn", "Me", "Cs", "Co", "Cn") for c in text if not c.isascii()):
            return None
        text = _SCRIPTS_MEET.sub(" ", text)
    text = " ; ".join(" ".join(line.split()) for line in text.replace("_", " ").splitlines())
    text = _APOSTROPHE.sub("'", text)
    return None if _UNREADABLE.search(text) else text


def _deny(clauses: Collection[_Clause]) -> None:
    """Mark the mentions that their clauses, or the clauses around them, deny."""
    waiting = listed = False
    before: list[Mention] = []
    for clause in clauses:
        if not clause.tokens:
            if not clause.end:  # "…, but …" starts afresh
                waiting = listed = False
            continue
        mentions = clause.mentions
        strong = clause.end in (".", "!", ";", "。", "！", "；")
        if not mentions:
            if before and clause.only_denies:
                for mention in before:
                    mention.denied = True
                waiting = False
            else:
                reply = clause.tokens == [_FORWARD] and clause.end not in (":", "(", "[", "：", "（", "—", "–", "-")
                waiting = not strong and (waiting or (clause.tokens[-1] == _FORWARD and not reply))
            before, listed = [], False
            continue
        _deny_within(clause, waiting or (listed and clause.bare))
        listed = clause.end in (",", "，") and any(mention.denied for mention in mentions)
        before, waiting = mentions, False


def _deny_within(clause: _Clause, denied: bool) -> None:
    """Mark the mentions of one clause; `denied` is what a clause before it says."""
    whole = _WHOLE in clause.tokens or clause.tokens[-1] == _FORWARD
    forward = denied
    for i, token in enumerate(clause.tokens):
        if token == _FORWARD:
            forward = True
        elif isinstance(token, Mention):
            token.denied = forward or whole or _subject_of_denial(clause.tokens[i + 1 : i + _NEAR])


def _subject_of_denial(rest: list[str | Mention]) -> bool:
    """Whether what follows a mention says that it is not so: "… isn't what I hear", "… tone is not there"."""
    for i, token in enumerate(rest[:3]):
        if not isinstance(token, str):
            return False
        if token in Cues.load().words["auxiliaries"]:
            after = rest[i + 1 :]
            if _FORWARD not in after:
                return False
            said = after[after.index(_FORWARD) + 1 :]
            direct = i == 0 and not any(isinstance(word, Mention) for word in said)
            return direct or all(isinstance(word, str) and word in Cues.load().words["absent"] for word in said)
    return False


_MAX_CHARACTERS = 200
_MAX_WORDS = 16
_HAN_A_WORD = 2.5
"""Chinese characters that count as one word of a sentence's length."""


@lru_cache(maxsize=64)
def _finder(labels: LabelSet) -> Finder:
    return Finder([*forms_of(labels), *ALIASES])


def label_in_sentence(text: str, labels: LabelSet | Sequence[str] = EMOLAB_7) -> str | None:
    """The one of `labels` that a short sentence names ("The speaker sounds sad.", 说话人很难过), or None.

    None where it names no label or several, or another emotion beside it; where it denies the label ("not sad", "far
    from sad", 不难过); where it cannot be read (`emolab.emotions.denial`); and where it is longer than 16 words (40
    Chinese characters): an answer hidden in a list or an essay is not an answer.

    >>> [label_in_sentence(text) for text in ("Happy, no doubt.", "It isn’t happy.", "Not happy: sad.")]
    ['happy', None, 'sad']
    """
    asked = label_set(labels)
    exact = asked.normalise(text)
    if exact is not None or len(text) > _MAX_CHARACTERS or _length(text) > _MAX_WORDS:
        return exact
    return _read(text, asked)


@lru_cache(maxsize=4096)  # of texts of at most 200 characters: below 8 MB
def _read(text: str, asked: LabelSet) -> str | None:
    mentions = _finder(asked).mentions(text)
    if mentions is None:
        return None
    forms = forms_of(asked)
    affirmed = {mention.form for mention in mentions if not mention.denied}
    named = {forms.get(form, concept(form)) for form in affirmed}
    (label, *others) = named or (None,)
    if others or label not in asked.labels or any(m.denied and m.form in affirmed for m in mentions):
        return None
    return label


def _length(text: str) -> float:
    """Words of a text; Chinese characters count as parts of words."""
    han = sum("一" <= character <= "鿿" for character in text)
    return len(text.split()) + han / _HAN_A_WORD
