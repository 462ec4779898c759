"""The exercises of notebook 10: stated and measured reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _hallucination(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    empty = named & ~(values > threshold)
    return float(empty.sum() / named.sum()) if named.any() else 0.0


def _rationale_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats]]:
    yield np.zeros((2, 3)), rng.normal(size=(2, 3)), np.full(3, 0.1)
    yield np.array([[1.0, 0, 0], [1, 1, 1]]), np.array([[0.5, 0, 0], [-2.0, 0.3, 0.05]]), np.array([0.1, 0.1, 0.1])
    for _ in range(8):
        n = int(rng.integers(3, 12))
        yield (rng.random((n, 3)) < 0.5).astype(float), rng.normal(size=(n, 3)).round(2), np.array([0.1, 0.2, 0.3])


def _of_everything(stated: Floats, values: Floats, threshold: Floats) -> float:
    return float((np.asarray(stated, bool) & ~(values > threshold)).mean())


def _unsigned(stated: Floats, values: Floats, threshold: Floats) -> float:
    return _hallucination(stated, np.abs(values), threshold)


def _omission(stated: Floats, values: Floats, threshold: Floats) -> float:
    named, counted = np.asarray(stated, bool), values > threshold
    return float((counted & ~named).sum() / counted.sum()) if counted.any() else 0.0


def _of_contributing(stated: Floats, values: Floats, threshold: Floats) -> float:
    named, counted = np.asarray(stated, bool), values > threshold
    return float((named & ~counted).sum() / counted.sum()) if counted.any() else 0.0


def _precision(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    return float((named & (values > threshold)).sum() / named.sum()) if named.any() else 0.0


def _mean_over_samples(stated: Floats, values: Floats, threshold: Floats) -> float:
    named = np.asarray(stated, bool)
    empty = named & ~(values > threshold)
    rates = [row.sum() / names.sum() for row, names in zip(empty, named, strict=True) if names.any()]
    return float(np.mean(rates)) if rates else 0.0


HALLUCINATION_RATE = FunctionExercise(
    number="10.2",
    title="The hallucination rate",
    kind="implement",
    stars=1,
    minutes=10,
    why="it turns 'the model explains itself' into a number that can be false.",
    hints=(
        "What is counted, and out of what? Read the sentence in the text above once more.",
        (
            "Stated and not contributed, divided by stated. Contributed means larger than the threshold of "
            "that modality, with its sign."
        ),
        (
            "stated = np.asarray(stated, bool); return (stated & ~(values > threshold)).sum() / stated.sum(), "
            "and 0 where nothing is stated."
        ),
    ),
    reasoning=(
        "The denominator is what the rationales *state*, as in a precision. What contributed and was not "
        "named is an omission, the counterpart of a recall. The sign stays: a modality with a large "
        "negative value argued against the answer, and a rationale that thanks it is wrong. A student who "
        "states nothing hallucinates nothing, so this rate must be read beside the omission rate."
    ),
    reference=_hallucination,
    inputs=_rationale_inputs,
    mistakes={
        "of everything": Mistake(
            _of_everything, "you divide by all modalities; divide by those that the rationales state"
        ),
        "unsigned": Mistake(
            _unsigned, "a modality that argued against the answer did not contribute to it: keep the sign of its value"
        ),
        "omission": Mistake(
            _omission, "that is the omission rate: what contributed and was not stated; turn it around"
        ),
        "of contributing": Mistake(
            _of_contributing, "you divide by what contributed; divide by what the rationales state"
        ),
        "precision": Mistake(
            _precision, "that is the share of stated modalities that did contribute; ask for the others"
        ),
        "mean over samples": Mistake(
            _mean_over_samples,
            "you average each rationale's rate; count over all rationales together, then divide once",
        ),
    },
)


def _rewritten(text: str, reason: str) -> str:
    start, end = text.index("<think>") + len("<think>"), text.index("</think>")
    return text[:start] + reason + text[end:]


def _told(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    reason = "the voice tells it"
    yield "<think>the face tells it</think><answer>sad</answer>", reason
    yield "<think>the face\ntells it</think>\n<answer>sad</answer>", reason
    yield "<think>I think so</think><answer>I think: sad</answer>", reason
    yield "<think>the face tells it</think><answer>happy</answer>", "the words \\1 tell it"
    yield "<think></think><answer>angry</answer>", reason
    yield "<think>one</think><answer>Sad.</answer>", reason
    for _ in range(2):
        label, words = str(rng.choice(["sad", "happy", "angry", "neutral"])), int(rng.integers(2, 9))
        yield f"<think>{'really ' * words}</think><answer>{label}</answer>", f"{reason}, {words} times"


_THINK = re.compile(r"(<think>).*?(</think>)", re.DOTALL)


def _everything(text: str, reason: str) -> str:
    return f"<think>{reason}</think>"


def _new_answer(text: str, reason: str) -> str:
    from emolab.parsing import parse_label

    return f"<think>{reason}</think><answer>{parse_label(text)}</answer>"


def _one_line(text: str, reason: str) -> str:
    return re.sub(r"<think>.*?</think>", lambda _: f"<think>{reason}</think>", text)


def _added(text: str, reason: str) -> str:
    return text.replace("<think>", f"<think>{reason} ")


def _first_word(text: str, reason: str) -> str:
    return text.replace("the face", "the voice")


def _template(text: str, reason: str) -> str:
    return re.sub(r"<think>.*?</think>", f"<think>{reason}</think>".replace("\\", "/"), text, flags=re.DOTALL)


PARROT = FunctionExercise(
    number="10.1",
    title="A parrot by rewriting",
    kind="implement",
    stars=2,
    minutes=15,
    why="two students with identical answers prove that a score cannot see reasons; one changed letter would spoil it.",
    hints=(
        "Which characters of the text may change? Which must stay exactly as they are?",
        "Find where the think block's content begins and ends, and put the reason in between.",
        'start, end = text.index("<think>") + 7, text.index("</think>"); text[:start] + reason + text[end:]',
    ),
    reasoning=(
        "Only what stands between the two think tags is exchanged; every other character stays, so answers are "
        "identical *by construction* and nobody has to trust a second model. A block can run over several lines. A "
        "reason may hold a backslash, which a pattern's replacement would read as a command: cutting the string is "
        "safer. Building the answer anew from the parsed label would change capital letters and full stops."
    ),
    reference=_rewritten,
    inputs=_told,
    mistakes={
        "answer lost": Mistake(_everything, "the answer is lost: keep what follows the think block"),
        "new answer": Mistake(_new_answer, "do not write the answer anew: every character of it must stay"),
        "one line": Mistake(_one_line, "a think block can have several lines: a dot matches them with re.DOTALL only"),
        "added": Mistake(_added, "the old reasons are still there: replace them"),
        "one word": Mistake(_first_word, "replace the whole content of the think block, not a phrase in it"),
        "template": Mistake(
            _template, "a backslash in the reason must come out as it is: cut the string, or use a function in re.sub"
        ),
    },
)

FaithReward = Callable[..., Any]
_LIMIT = [0.1, 0.1, 0.1]


def _reasons(*names: str) -> str:
    from emolab.attribution.stated import evidence_sentence

    return f"<think>{evidence_sentence(names) if names else 'I just know'}</think><answer>sad</answer>"


def _faithful(reward: FaithReward) -> tuple[str, str]:
    told = {
        "names both that count": _reasons("audio", "text"),
        "names one of two": _reasons("audio"),
        "names all three": _reasons("audio", "video", "text"),
        "names the wrong one": _reasons("video"),
        "names nothing": _reasons(),
    }
    values = [[0.8, -0.9, 0.4]] * len(told)
    given = reward(list(told.values()), values=values, threshold=_LIMIT)
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != len(told):
        return "not a list", f"For {len(told)} completions it returned {type(given).__name__}."
    both, one, three, wrong, nothing = (float(v) for v in given)
    measured = "; ".join(f"{name} {float(v):.2f}" for name, v in zip(told, given, strict=True)) + "."
    if len({round(float(v), 9) for v in given}) == 1:
        return "constant", measured
    if nothing >= both:
        return "pays silence", measured
    if one >= both:
        return "pays the safe half", measured
    if wrong > nothing + 0.01:
        return "ignores the sign", measured
    return ("pays naming everything" if three >= both else ""), measured


def _overlap(completions: Sequence[str], values: Any, threshold: Any, **columns: Any) -> list[float]:
    """The Jaccard index of what is stated and what contributed."""
    return [_share(*sets, "union") for sets in _sets(completions, values, threshold)]


def _sets(
    completions: Sequence[str], values: Any, threshold: Any, sign: bool = True
) -> list[tuple[set[str], set[str]]]:
    from emolab.attribution.stated import stated_modalities
    from emolab.samples import MODALITIES

    found = []
    for text, row in zip(completions, values, strict=True):
        counted = {m for m, v, t in zip(MODALITIES, row, threshold, strict=True) if (v if sign else abs(v)) > t}
        found.append((stated_modalities(text), counted))
    return found


def _share(stated: set[str], counted: set[str], of: str) -> float:
    whole = {"union": stated | counted, "stated": stated, "counted": counted}[of]
    return len(stated & counted) / len(whole) if whole else 0.0


def _no_list(completions: Sequence[str], **columns: Any) -> float:
    return 1.0


def _always(completions: Sequence[str], **columns: Any) -> list[float]:
    return [1.0 for _ in completions]


def _no_hallucination(completions: Sequence[str], values: Any, threshold: Any, **columns: Any) -> list[float]:
    return [1.0 - len(s - c) / max(1, len(s)) for s, c in _sets(completions, values, threshold)]


def _precision_of(completions: Sequence[str], values: Any, threshold: Any, **columns: Any) -> list[float]:
    return [_share(*sets, "stated") for sets in _sets(completions, values, threshold)]


def _recall_of(completions: Sequence[str], values: Any, threshold: Any, **columns: Any) -> list[float]:
    return [_share(*sets, "counted") for sets in _sets(completions, values, threshold)]


def _unsigned_overlap(completions: Sequence[str], values: Any, threshold: Any, **columns: Any) -> list[float]:
    sets = _sets(completions, values, threshold, sign=False)
    return [_share(s, c, "union") + 0.5 * (len(s) == 2) for s, c in sets]


FAITHFUL_REWARD = JudgedExercise(
    number="10.3",
    title="A reward for faithful reasons",
    kind="design",
    stars=3,
    minutes=30,
    why="if nobody pays for true reasons, training has no cause to keep them true.",
    hints=(
        "A rationale can fail in two ways: it names what did not count, or it leaves out what did.",
        "stated_modalities(text) is what it names. What counted has a value above its threshold, with its sign.",
        "The size of the intersection over the size of the union, and 0 where both are empty.",
    ),
    reasoning=(
        "Precision alone pays one safe word, recall alone pays naming everything, and *one minus the hallucination "
        "rate* pays silence. The Jaccard index punishes both faults at once and gives silence 0. The sign counts: a "
        "face with a large negative value spoke against the answer. It costs eight passes of the model for each "
        "answer, so it is a reward for a few clips, or for a judge that was trained on such measurements."
    ),
    takes=Callable,
    example=_overlap,
    judge=_faithful,
    mistakes={
        "not a list": Mistake(_no_list, "return a list with one number for each completion"),
        "constant": Mistake(_always, "all rationales earn the same: compare what is stated with what contributed"),
        "pays silence": Mistake(_no_hallucination, "who states nothing hallucinates nothing: silence must earn less"),
        "pays the safe half": Mistake(
            _precision_of, "naming one of two earns as much as naming both: what is left out?"
        ),
        "pays naming everything": Mistake(_recall_of, "naming all three earns as much: punish what did not contribute"),
        "ignores the sign": Mistake(
            _unsigned_overlap, "the face argued against the answer: a negative value is no contribution"
        ),
    },
)

_MEASURED = np.array([[0.9, 0.0, 0.0]] * 6 + [[0.7, 0.5, 0.0]] * 2 + [[0.0, 0.8, 0.0], [0.0, 0.0, 0.9]])


def _habit(text: str) -> tuple[str, str]:
    from emolab.attribution.stated import stated_modalities
    from emolab.parsing import parse

    stated = stated_modalities(text)
    paid = float(np.mean(_overlap([text] * len(_MEASURED), _MEASURED, _LIMIT)))
    measured = f"It names {', '.join(sorted(stated)) or 'nothing'}, and earns {paid:.2f} on average."
    if paid >= 0.65:
        return "", measured
    if not parse(text).think:
        return "no reasons", measured
    if len(stated) != 1:
        return {0: "silent", 3: "everything"}.get(len(stated), "two"), measured
    return f"only the {next(iter(stated))}", measured


FAITHFUL_ATTACK = JudgedExercise(
    number="10.4",
    title="And its attack",
    kind="break",
    stars=2,
    minutes=15,
    why="a reward that measures faithfulness can be earned by a habit, as long as the habit is right often enough.",
    hints=(
        "Suppose that you may write one rationale for all clips, without hearing any of them. What would you write?",
        "Look at the table of values: which modality contributes in most of the clips?",
        "<think>the voice tells it</think><answer>sad</answer>",
    ),
    reasoning=(
        "The voice contributes in eight of ten clips, alone in six of them, so *the voice tells it* earns 0.7 "
        "without listening. The reward measures agreement, and agreement can come from a base rate. It is the lazy "
        "guess of notebook 00 again. The cure is the same: pay only what exceeds the same rationales exchanged "
        "between clips, or balance the clips so that no habit is right more often than chance."
    ),
    takes=str,
    example="<think>the voice tells it</think><answer>sad</answer>",
    judge=_habit,
    mistakes={
        "no reasons": Mistake("<answer>sad</answer>", "write a think block: without reasons nothing is paid"),
        "silent": Mistake("<think>I just know</think><answer>sad</answer>", "silence earns nothing: name a modality"),
        "everything": Mistake(
            "<think>the voice and the face and the words tell it</think><answer>sad</answer>",
            "naming all three is punished where one contributed",
        ),
        "two": Mistake(
            "<think>the voice and the face tell it</think><answer>sad</answer>",
            "in most clips only one of the two contributed: name fewer",
        ),
        "only the video": Mistake(
            "<think>the face tells it</think><answer>sad</answer>", "the face contributes in three of ten clips only"
        ),
        "only the text": Mistake(
            "<think>the words tell it</think><answer>sad</answer>", "the words contribute in one of ten clips only"
        ),
    },
)

EXERCISES = (HALLUCINATION_RATE, PARROT, FAITHFUL_REWARD, FAITHFUL_ATTACK)
