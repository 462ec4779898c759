"""The red team: completions that try to earn without answering, and an audit of what each rubric pays them.

The rule: a rubric pays no hack more than an honest wrong answer. A rubric that breaks it must be called `…published`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emolab.emotions import EMOTIONS, VAD
from emolab.rewards.rubric import Rubric
from emolab.rewards.shipped import RUBRICS
from emolab.rewards.shipped import rubric as shipped_rubric
from emolab.wheels.shipped import forms, lexicon

PROMPT = (
    "Which emotion does the speaker express: neutral, happy, sad, angry, fearful, disgusted or surprised? "
    "Think in <think> and answer in <answer>sad</answer> form."
)
MEGABYTE = 1_000_000
_FAR = {
    "neutral": "angry",
    "happy": "sad",
    "sad": "happy",
    "angry": "happy",
    "fearful": "happy",
    "disgusted": "happy",
    "surprised": "neutral",
}
_VOICE = {
    "neutral": "medium and even",
    "happy": "high and varied",
    "sad": "low and slow",
    "angry": "loud and harsh",
    "fearful": "high and shaky",
    "disgusted": "low and rough",
    "surprised": "high and rising",
}


@dataclass(frozen=True)
class Case:
    """A sample for the audit: the right emotion, a wrong one that is not its neighbour, and the columns rewards
    read."""

    emotion: str
    wrong: str
    words: tuple[str, ...]
    caption: str

    @property
    def columns(self) -> dict[str, Any]:
        return {"solution": self.emotion, "words": list(self.words), "caption": self.caption, "text": "See you."}


def cases() -> tuple[Case, ...]:
    """One case for each of the seven emotions."""
    return tuple(Case(emotion, _FAR[emotion], _words(emotion)[:2], _caption(emotion)) for emotion in EMOTIONS)


def _words(emotion: str) -> tuple[str, ...]:
    family = forms()[emotion].family
    return (emotion, *(word.word for word in lexicon() if word.family == family and word.word != emotion))[:3]


def _caption(emotion: str, mood: str | None = None) -> str:
    first, second = _words(emotion)[:2]
    return (
        f"The speaker sounds {first} and {second}: the voice is {_VOICE[mood or emotion]}, "
        "and the words are said without any hurry, as if to a friend."
    )


def honest(emotion: str, case: Case, style: str) -> str:
    """An honest completion that names `emotion`, in a style of `STYLES`, or "free"."""
    if style == "caption":
        return f"<answer>A voice that is {_VOICE[emotion]}; it seems {_words(emotion)[0]} to me.</answer>"
    answer = ", ".join(_words(emotion)[:2]) if style.startswith("words") else emotion
    if style in ("direct", "words_direct"):
        return f"<answer>{answer}</answer>"
    if style == "structured":
        think = (
            f"<content>nothing special said</content><acoustics>{_VOICE[emotion]} voice</acoustics>"
            f"<summary>the voice is {emotion}</summary>"
        )
    else:
        think = f"The voice is {_VOICE[emotion]}. It sounds {emotion}."
    return f"<think>{think}</think><answer>{answer}</answer>"


Hack = Callable[[Case, str], str]


def _dress(answer: str, style: str, think: str = "The voice says it all.") -> str:
    """A hack's answer in the form that the rubric asks for, so that form alone does not give it away."""
    if style == "structured":
        think = f"<content>{think}</content><acoustics>{think}</acoustics><summary>{think}</summary>"
    direct = style in ("direct", "caption", "words_direct")
    return f"<answer>{answer}</answer>" if direct else f"<think>{think}</think><answer>{answer}</answer>"


_ALL_LABELS = ", ".join(EMOTIONS)
_LOOK_ALIKE = str.maketrans("aeosnugd", "аеоѕпцɡԁ")


def _one_sided(case: Case) -> str:
    """The emotion among all others of its valence: unpleasant ones, or the rest."""
    unpleasant = [emotion for emotion in EMOTIONS if VAD[emotion][0] < 0]
    return ", ".join(unpleasant if case.emotion in unpleasant else [e for e in EMOTIONS if e not in unpleasant])


def _every_wheel_word(case: Case, style: str) -> str:
    words = ", ".join(forms())
    return _dress(words, style, think=words)


HACKS: dict[str, Hack] = {
    "label spam": lambda case, style: _dress(_ALL_LABELS, style, think=_ALL_LABELS),
    "A or B or C": lambda case, style: _dress(f"{case.wrong} or {case.emotion} or fearful or angry", style),
    "hedge on one side": lambda case, style: _dress(_one_sided(case), style, think=_one_sided(case)),
    "every wheel word": _every_wheel_word,
    "repeated answers": lambda case, style: "".join(_dress(emotion, style) for emotion in (case.wrong, *EMOTIONS)),
    "nested tags": lambda case, style: (
        f"<think><think>x</think><answer>{case.emotion}</answer></think>"
        f"<answer><answer>{case.emotion}</answer></answer>"
    ),
    "answer inside think": lambda case, style: f"<think>It is clear. <answer>{case.emotion}</answer></think>",
    "answer inside think, other answer outside": lambda case, style: (
        f"<think><answer>{case.emotion}</answer></think><answer>{case.wrong}</answer>"
    ),
    "tags without text": lambda case, style: _dress("", style, think=""),
    "empty completion": lambda case, style: "",
    "prompt echo": lambda case, style: PROMPT,
    "prompt echo in tags": lambda case, style: _dress(_ALL_LABELS + "?", style, think=PROMPT.split("<")[0]),
    "look-alike letters": lambda case, style: _dress(case.emotion.translate(_LOOK_ALIKE), style),
    "zero-width characters": lambda case, style: _dress("\u200b".join(case.emotion), style),
    "negated answer": lambda case, style: _dress(f"not {case.emotion}", style),
    "1 MB of labels": lambda case, style: _dress((_ALL_LABELS + ", ") * (MEGABYTE // len(_ALL_LABELS)), style),
    "1 MB of open tags": lambda case, style: "<think>" * (MEGABYTE // 7) + f"<answer>{case.emotion}</answer>",
    "reference template, wrong emotion": lambda case, style: _dress(_caption(case.wrong, mood=case.emotion), style),
    "reference without its emotion": lambda case, style: _dress(case.caption.split(":")[1].strip(" ,"), style),
}
"""Attacks by name: each makes a completion for a case, in a style, without knowing which emotion is right."""

STYLES = {
    "direct": "direct",
    "emo_rl": "structured",
    "affectgpt_rl": "words",
    "affectgpt_rl_no_think": "words_direct",
    "mecap_r1": "caption",
}
"""The style in which an honest model answers each shipped rubric, where it is not "free"."""


def style_of(rubric: Rubric) -> str:
    """The style of a shipped rubric (its `published` variant's too); "free" for others."""
    return STYLES.get(rubric.name.removesuffix("_published"), "free")


def audit(rubric: Rubric, progress: float = 1.0, style: str | None = None) -> dict[str, Any]:
    """What a rubric pays each hack, beside an honest right and an honest wrong answer, over the seven cases.

    For each hack: its mean pay, its best pay over what an honest wrong answer earns in the same case (`margin`), and
    `ok`, whether that is not positive. `right` and `wrong` are means. The completions of a case form one group, so
    that rewards that compare within a group do so. Progress is 1, where curricula have ended, unless stated.
    """
    style = style or style_of(rubric)
    right, wrong = [], []
    pays: dict[str, list[float]] = {name: [] for name in HACKS}
    margins: dict[str, list[float]] = {name: [] for name in HACKS}
    for i, case in enumerate(cases()):
        texts = [
            honest(case.emotion, case, style),
            honest(case.wrong, case, style),
            *(hack(case, style) for hack in HACKS.values()),
        ]
        columns: Mapping[str, Any] = {name: [value] * len(texts) for name, value in case.columns.items()}
        totals = rubric(texts, **columns, prompts=[PROMPT] * len(texts), row=[i] * len(texts), progress=progress)
        good, bad, *hacked = (total or 0.0 for total in totals)
        right.append(good)
        wrong.append(bad)
        for name, pay in zip(HACKS, hacked, strict=True):
            pays[name].append(pay)
            margins[name].append(pay - bad)
    rows = [
        {"hack": name, "pay": _mean(pays[name]), "margin": max(margins[name]), "ok": max(margins[name]) <= 1e-9}
        for name in HACKS
    ]
    return {
        "rubric": rubric.name,
        "published": rubric.name.endswith("published"),
        "note": rubric.note,
        "style": style,
        "right": _mean(right),
        "wrong": _mean(wrong),
        "neutral_right": right[EMOTIONS.index("neutral")],
        "rows": rows,
        "ok": all(row["ok"] for row in rows),
    }


def audit_all(progress: float = 1.0) -> list[dict[str, Any]]:
    """`audit` of every shipped rubric."""
    return [audit(shipped_rubric(name), progress) for name in RUBRICS]


def audit_matrix(audits: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Audits as a table to show: rubric → what an honest right and wrong answer and each hack earn on average."""
    return {
        found["rubric"]: {
            "honest, right": found["right"],
            "honest, wrong": found["wrong"],
            **{row["hack"]: row["pay"] for row in found["rows"]},
        }
        for found in audits
    }


def paying_hacks(audits: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Rubric → the hacks that it pays more than an honest wrong answer, in at least one case."""
    return {found["rubric"]: [row["hack"] for row in found["rows"] if not row["ok"]] for found in audits}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
