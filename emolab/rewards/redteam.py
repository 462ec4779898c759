"""The red team: an audit of what a reward pays for completions that try to earn without answering.

The rule: a reward pays no hack more than an honest wrong answer, and no answer that ignores the clip more than the best
single guess. A rubric that breaks it must be called `…published`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.rewards.base import Reward, reward_name
from emolab.rewards.guard import Guarded
from emolab.rewards.hacks import HACKS, LANGUAGES, STYLES, Case, cases, dress, honest
from emolab.rewards.rubric import Rubric
from emolab.rewards.shipped import RUBRICS, rubric
from emolab.wheels.shipped import families, forms, lexicon

__all__ = ["HACKS", "LANGUAGES", "STYLES", "audit", "audit_all", "cases", "honest", "paying_hacks", "style_of"]

_TOLERANCE = 1e-9


def style_of(reward: Reward) -> str:
    """The style in which an honest model answers for a reward, told from its parts: what they read, and their form."""
    parts = [part.reward for part in reward.parts] if isinstance(reward, Rubric) else [reward]
    columns = {column for part in parts for column in getattr(part, "columns", ())}
    form = {getattr(part, "style", "structured" if reward_name(part) == "structure" else None) for part in parts}
    if "caption" in columns:
        return "caption"
    if "words" in columns:
        return "words_direct" if "direct" in form else "words"
    return next((style for style in ("structured", "direct") if style in form), "free")


def audit(
    reward: Reward,
    progress: float = 1.0,
    style: str | None = None,
    labels: LabelSet | Sequence[str] | str = EMOLAB_7,
    language: str = "en",
    thorough: bool = False,
) -> dict[str, Any]:
    """What a reward (a rubric, or a plain function) pays each kind of hack, beside an honest right and wrong answer.

    For each kind: its mean pay, its best pay over what an honest wrong answer earns in the same case (`margin`), the
    completion that earned it (`example`), and `ok`, whether the margin is not positive. `right` and `wrong` are means
    over the cases, one for each label. `blind` compares answers that ignore the clip, found by search: what the best
    single guess earns over all cases, what the best guess of several emotions earns, and `ok`, whether that is more by
    less than 1% of a right answer.

    The completions of a case form one group, so that rewards that compare within a group do so. Progress is 1, where
    curricula have ended, unless stated. One completion of each kind is tried, all with `thorough`.
    """
    chosen = label_set(labels)
    style = style or style_of(reward)
    rows: dict[str, dict[str, Any]] = {}
    right, wrong = [], []
    for case in cases(chosen, language):
        texts, kinds = [honest(case.emotion, case, style), honest(case.wrong, case, style)], ["", ""]
        for kind, build in HACKS.items():
            made = build(case, style) if thorough or kind != "1 MB" else ()
            texts += made if thorough else made[:1]
            kinds += [kind] * (len(texts) - len(kinds))
        good, bad, *paid = pay(reward, case, texts, progress)
        right.append(good)
        wrong.append(bad)
        for kind, text, value in zip(kinds[2:], texts[2:], paid, strict=True):
            row = rows.setdefault(kind, {"hack": kind, "pay": [], "margin": -math.inf, "example": ""})
            row["pay"].append(value)
            if value - bad > row["margin"]:
                row |= {"margin": value - bad, "example": _shown(text)}
    found = [row | {"pay": fmean(row["pay"]), "ok": row["margin"] <= _TOLERANCE} for row in rows.values()]
    blind = best_blind(reward, progress, style, chosen, language)
    blind["ok"] = blind["several"] <= blind["single"] + 0.01 * abs(fmean(right))
    name = reward_name(reward)
    return {
        "rubric": name,
        "published": name.endswith("published"),
        "note": getattr(reward, "note", ""),
        "style": style,
        "labels": chosen.name,
        "language": language,
        "right": fmean(right),
        "wrong": fmean(wrong),
        "neutral_right": right[chosen.labels.index("neutral")] if "neutral" in chosen.labels else None,
        "rows": found,
        "blind": blind,
        "notes": _notes(chosen, language, style),
        "ok": blind["ok"] and all(row["ok"] for row in found),
    }


def pay(
    reward: Reward, case: Case, texts: Sequence[str], progress: float = 1.0, rows: Sequence[int] | None = None
) -> list[float]:
    """What a reward pays completions of one case, in one group unless `rows` tells groups apart; None counts 0."""
    columns: Mapping[str, Any] = {name: [value] * len(texts) for name, value in case.columns.items()}
    rows = [0] * len(texts) if rows is None else list(rows)
    totals = Guarded(reward)(texts, **columns, prompts=[case.prompt] * len(texts), row=rows, progress=progress)
    return [total or 0.0 for total in totals]


def best_blind(reward: Reward, progress: float, style: str, labels: LabelSet, language: str = "en") -> dict[str, Any]:
    """The answer that earns most over all cases without hearing the clip, by search over labels and lexicon words.

    All single emotions are tried, then all pairs of the twelve best, then the best pair with one more, up to four.
    Each answer is a group of its own. In a caption a single emotion is named by two words of its family, so that its
    text is as long as a pair's.
    """
    every = cases(labels, language)

    def mean_pay(answers: Sequence[tuple[str, ...]]) -> list[float]:
        texts = [_blind_text(answer, every[0], style) for answer in answers]
        table = [pay(reward, case, texts, progress, range(len(texts))) for case in every]
        return [fmean(column) for column in zip(*table, strict=True)]

    names, most = _names(every, style), 2 if style == "caption" else 4
    singles = sorted(zip(mean_pay(list(names.values())), names, strict=True), key=lambda pair: -pair[0])
    single = (singles[0][0], names[singles[0][1]])
    tried: list[tuple[str, ...]] = list(combinations([name for _, name in singles[:12]], 2))
    several = max(zip(mean_pay(tried), tried, strict=True)) if tried else single
    while tried and len(several[1]) < min(most, len(names)):
        tried = [(*several[1], name) for name in names if name not in several[1]]
        longer = max(zip(mean_pay(tried), tried, strict=True))
        if longer[0] <= several[0]:
            break
        several = longer
    return {
        "single": single[0],
        "single_answer": _blind_text(single[1], every[0], style),
        "several": several[0],
        "several_answer": _blind_text(several[1], every[0], style),
    }


def _names(every: Sequence[Case], style: str) -> dict[str, tuple[str, ...]]:
    """The emotions that a blind answer may name, each with the words that name it alone.

    These are the labels; for words and captions also one entry for each family of the lexicon.
    """
    words, zh = style not in ("direct", "free", "structured"), every[0].language == "zh"
    found = [case.words() if words else (case.name(),) for case in every]
    if words:
        for family in families():
            known = (f for w in lexicon() if w.family == family for f in (w.word, *w.forms) if zh != f.isascii())
            found.append(tuple(known))
    size = 2 if style == "caption" else 1
    return {names[0]: names[:size] for names in reversed(found) if names}


def _blind_text(names: Sequence[str], case: Case, style: str) -> str:
    joined = {"name": case.speech["and"].join(names)}
    if style == "caption":
        return dress(case.speech["blind"].format(**joined), style)
    return dress(", ".join(names), style, case.speech["sounds"].format(**joined).strip())


def _notes(labels: LabelSet, language: str, style: str) -> list[str]:
    """What an audit could not look at: labels that the lexicon does not know, where the reward reads words."""
    unknown = [case.emotion for case in cases(labels, language) if case.words()[0] not in forms()]
    if not unknown or style not in ("words", "words_direct", "caption"):
        return []
    return [f"the lexicon knows no word for {', '.join(unknown)}: rewards on words pay nothing there"]


def audit_all(
    progress: float = 1.0,
    labels: LabelSet | Sequence[str] | str = EMOLAB_7,
    language: str = "en",
    thorough: bool = False,
) -> list[dict[str, Any]]:
    """`audit` of every shipped rubric."""
    return [audit(rubric(name, labels), progress, None, labels, language, thorough) for name in RUBRICS]


def paying_hacks(audits: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Rubric → the hacks that it pays more than an honest wrong answer, in at least one case."""
    return {found["rubric"]: [row["hack"] for row in found["rows"] if not row["ok"]] for found in audits}


def _shown(text: str, width: int = 200) -> str:
    """The start of a completion, as JSON and terminals take it: half a surrogate pair becomes its escape."""
    return text[:width].encode("utf-8", "backslashreplace").decode()
