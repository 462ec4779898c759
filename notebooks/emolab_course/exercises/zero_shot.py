"""The exercises of notebook 02: what the model knows before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, JudgedExercise, Mistake

Floats = NDArray[np.float64]


def _calibrate(scores: Floats) -> Floats:
    from emolab.evaluate import calibrate

    return calibrate(scores, "mean")


def _score_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.log(np.array([[0.8, 0.2], [0.6, 0.4]])),)
    yield (np.array([[-3.0, -1.0, -2.0]]),)
    for _ in range(10):
        yield (rng.normal(-5.0, 2.0, (int(rng.integers(2, 6)), 7)),)


def _log_softmax(x: Floats) -> Floats:
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def _mean_over_labels(scores: Floats) -> Floats:
    return _log_softmax(scores - scores.mean(1, keepdims=True))


def _not_normalised(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return posterior - posterior.mean(0)


def _by_mean_probability(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return _log_softmax(posterior - np.log(np.exp(posterior).mean(0)))


def _median(scores: Floats) -> Floats:
    posterior = _log_softmax(scores)
    return _log_softmax(posterior - np.median(posterior, axis=0))


def _probabilities(scores: Floats) -> Floats:
    return np.exp(_calibrate(scores))


MEAN_CALIBRATION = FunctionExercise(
    number="2.2",
    title="Calibrate by the mean",
    kind="implement",
    stars=2,
    minutes=15,
    why=("models have favourite answers; taking them off needs no labels and often gains more than a better prompt."),
    hints=(
        "A favourite label is one whose score is high for every clip. Which mean shows that?",
        "Log-softmax each row, take off the mean of each column, and log-softmax each row again.",
        "np.logaddexp.reduce(x, axis=1, keepdims=True) is the log of the sum that a row must be freed of.",
    ),
    reasoning=(
        "The mean over clips (axis 0) of a label's log-posterior is what the model says about the label *without "
        "hearing this clip*. After it is taken off, rows do not sum to one any more, so they are normalised. The "
        "subtraction is done in logs: it divides each probability by the geometric mean of its column, which one "
        "very sure clip cannot dominate. One of the steps could be left out without changing any result; exercise "
        "2.3 asks which one."
    ),
    reference=_calibrate,
    inputs=_score_inputs,
    mistakes={
        "wrong axis": Mistake(
            _mean_over_labels, "you average over the labels of one input; the bias is each label's mean over the inputs"
        ),
        "not normalised": Mistake(
            _not_normalised, "after the subtraction the rows no longer sum to one; normalise them again"
        ),
        "mean of probabilities": Mistake(
            _by_mean_probability, "take the mean of the log-probabilities, not the log of the mean probability"
        ),
        "median": Mistake(_median, "take the mean of each label over the clips, not the median"),
        "probabilities": Mistake(_probabilities, "everything stays in logs: do not take exp at the end"),
    },
)


Ints = NDArray[np.int_]


def _label_score(logits: Floats, label: Ints) -> float:
    first = len(logits) - len(label) - 1
    rows = _log_softmax(logits[first:-1])
    return float(rows[np.arange(len(label)), label].sum())


def _logits(rng: np.random.Generator) -> Iterator[tuple[Floats, Ints]]:
    yield np.log(np.array([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]])), np.array([1])
    for length in (1, 2, 3, 3, 2):
        yield rng.normal(0, 2, (length + 3, 5)), rng.integers(0, 5, length)


def _not_shifted(logits: Floats, label: Ints) -> float:
    rows = _log_softmax(logits[len(logits) - len(label) :])
    return float(rows[np.arange(len(label)), label].sum())


def _raw(logits: Floats, label: Ints) -> float:
    first = len(logits) - len(label) - 1
    return float(logits[first:-1][np.arange(len(label)), label].sum())


def _from_the_start(logits: Floats, label: Ints) -> float:
    return float(_log_softmax(logits)[np.arange(len(label)), label].sum())


def _first_token(logits: Floats, label: Ints) -> float:
    return float(_log_softmax(logits)[len(logits) - len(label) - 1, label[0]])


def _as_probability(logits: Floats, label: Ints) -> float:
    return float(np.exp(_label_score(logits, label)))


def _mean_of_tokens(logits: Floats, label: Ints) -> float:
    return _label_score(logits, label) / len(label)


LABEL_SCORE = FunctionExercise(
    number="2.1",
    title="A label's score from logits",
    kind="implement",
    stars=2,
    minutes=15,
    why="an index that is off by one gives scores that look reasonable and mean nothing; it is a frequent bug.",
    hints=(
        "What a position predicts is not the token at this position.",
        "The last n tokens are the label. Position t predicts token t + 1, so take the n rows before the last one.",
        "rows = logits[len(logits) - n - 1 : -1], log-softmax over axis 1, pick rows[i, label[i]], and sum.",
    ),
    reasoning=(
        "The model reads prompt and label in one pass. The logits at a position are its guess about the *next* token. "
        "So the first label token is judged by the last row of the prompt, and the last row of all predicts what "
        "would follow the label. Log-softmax makes rows comparable. The sum of the logs is the log of the product: "
        "the probability that the model writes exactly this label. A long label has a small product, which is one "
        "reason for the calibration below."
    ),
    reference=_label_score,
    inputs=_logits,
    mistakes={
        "not shifted": Mistake(
            _not_shifted, "you read each token's probability where the token stands: it is predicted one row earlier"
        ),
        "raw": Mistake(_raw, "logits are not log-probabilities: apply the log-softmax to each row first"),
        "from the start": Mistake(_from_the_start, "you read the first rows, which belong to the prompt"),
        "first token": Mistake(_first_token, "a label can have several tokens: sum over all of them"),
        "probability": Mistake(_as_probability, "return the log-probability, without exp"),
        "mean": Mistake(
            _mean_of_tokens, "the mean asks how fluent the label is; the log-probability of the label is the sum"
        ),
    },
)

REDUNDANT_STEP = ChoiceExercise(
    number="2.3",
    title="The step that can be left out",
    kind="derive",
    stars=3,
    minutes=20,
    why="knowing which step does the work tells you what calibration assumes.",
    hints=(
        "Try it: leave each step of your function out in turn, and compare the results on random scores.",
        "Write the first normalisation as s_ij - c_i. What does it do to the mean over i? Does that depend on j?",
        "A number that is the same for all labels of a row disappears in the last normalisation.",
    ),
    reasoning=(
        "Let $s_{ij}$ be the score of label $j$ for clip $i$, and $c_i$ the constant that normalises row $i$. After "
        "the first step a score is $s_{ij} - c_i$, and a label's mean over clips is $\\bar s_j - \\bar c$. The "
        "difference is $s_{ij} - \\bar s_j - (c_i - \\bar c)$. The bracket is the same for all labels of the row, "
        "and the last normalisation removes whatever is the same for all labels of a row. So the first step never "
        "changes the result. With the mean of *probabilities* this would not hold, because a row's constant does not "
        "cancel inside a logarithm of a sum."
    ),
    options={
        "a": "The first normalisation over the labels.",
        "b": "The subtraction of each label's mean.",
        "c": "The last normalisation over the labels.",
        "d": "None: each of them changes the result.",
        "e": "The first normalisation, but only where all rows have the same sum already.",
        "f": "Both normalisations: the largest label is the same without them, and so are the numbers.",
    },
    right="a",
    mistakes={
        "b": Mistake("b", "Without it nothing is calibrated: the favourite label stays the favourite."),
        "c": Mistake("c", "Without it the rows do not sum to one. Try it on two clips and two labels."),
        "d": Mistake("d", "One of them never changes anything. Leave each out in turn on random scores, and compare."),
        "e": Mistake("e", "Try rows with very different sums: the results still agree. Can you see why from c_i?"),
        "f": Mistake("f", "The largest label stays the same, but the numbers are no log-posteriors without the last."),
    },
)

Draws = NDArray[np.int_]


def _speaker_interval(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    rows = _rows_of(speakers)
    shares = [np.concatenate([right[rows[i]] for i in draw]).mean() for draw in draws]
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def _rows_of(speakers: Sequence[str]) -> list[Draws]:
    return [np.flatnonzero(np.array(speakers) == name) for name in sorted(set(speakers))]


def _answers(rng: np.random.Generator) -> Iterator[tuple[Floats, list[str], Draws]]:
    for n_speakers in (3, 4, 6, 5):
        sizes = rng.integers(2, 9, n_speakers)
        owner = np.repeat(np.arange(n_speakers), sizes)
        skill = rng.random(n_speakers)[owner]
        right = (rng.random(len(owner)) < skill).astype(float)
        yield right, [f"s{i}" for i in owner], rng.integers(0, n_speakers, (60, n_speakers))


def _clips_drawn(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    shares = [right[rng.integers(0, len(right), len(right))].mean() for _ in draws]
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def _of_speaker_means(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    means = np.array([right[rows].mean() for rows in _rows_of(speakers)])
    shares = means[draws].mean(1)
    return float(np.percentile(shares, 2.5)), float(np.percentile(shares, 97.5))


def _ninety(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    rows = _rows_of(speakers)
    shares = [np.concatenate([right[rows[i]] for i in draw]).mean() for draw in draws]
    return float(np.percentile(shares, 5)), float(np.percentile(shares, 95))


def _each_once(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    return _speaker_interval(right, speakers, [np.unique(draw) for draw in draws])  # type: ignore[arg-type]


def _two_deviations(right: Floats, speakers: Sequence[str], draws: Draws) -> tuple[float, float]:
    rows = _rows_of(speakers)
    shares = np.array([np.concatenate([right[rows[i]] for i in draw]).mean() for draw in draws])
    return float(shares.mean() - 1.96 * shares.std()), float(shares.mean() + 1.96 * shares.std())


SPEAKER_BOOTSTRAP = FunctionExercise(
    number="2.5",
    title="An interval over speakers",
    kind="implement",
    stars=2,
    minutes=20,
    why="clips of one speaker succeed and fail together; an interval over clips is too narrow, often by half.",
    hints=(
        "What would be different if you repeated the study: other clips of the same people, or other people?",
        "A draw lists speakers, some of them twice. Collect all answers of the drawn speakers, and take the mean.",
        "shares = [np.concatenate([right[rows_of[i]] for i in draw]).mean() for draw in draws]; then percentiles.",
    ),
    reasoning=(
        "The claim is about new people, so people are what is drawn. One drawn twice brings all clips twice: that is "
        "how the draw imitates a study with another mixture of people. The mean is over clips, as the score itself "
        "is. The percentiles 2.5 and 97.5 bound the middle 95% of what such studies would find. With a handful of "
        "speakers the interval is wide, and rightly so."
    ),
    reference=_speaker_interval,
    inputs=_answers,
    mistakes={
        "clips": Mistake(_clips_drawn, "you draw clips; the numbers in draws stand for speakers, with all their clips"),
        "speaker means": Mistake(
            _of_speaker_means, "you average the means of speakers; the score is a mean over clips, so pool the clips"
        ),
        "ninety": Mistake(_ninety, "between the percentiles 5 and 95 lie 90%; a 95% interval takes 2.5 and 97.5"),
        "each once": Mistake(_each_once, "a speaker who is drawn twice counts twice: do not take the set of a draw"),
        "two deviations": Mistake(
            _two_deviations, "take the percentiles of the shares: a share near 0 or 1 is not spread symmetrically"
        ),
    },
)

Ask = Callable[[str, str], str]


def _listener(text: str, voice: str) -> str:
    return voice


def _reader(text: str, voice: str) -> str:
    return text


def _parrot(text: str, voice: str) -> str:
    return "sad"


def _both(text: str, voice: str) -> str:
    return text if voice == "neutral" else voice


_SUSPECTS: Mapping[str, tuple[Ask, bool]] = {
    "a model that reads the transcript": (_reader, True),
    "a model that listens": (_listener, False),
    "a model that always says sad": (_parrot, False),
    "a model that listens, and reads where the voice is neutral": (_both, False),
}
_CLIPS = [{"text": e, "voice": e, "emotion": e} for e in ("happy", "sad", "angry", "neutral", "fearful")]


def _catch(control: Callable[[Ask, Sequence[Mapping[str, str]]], Any]) -> tuple[str, str]:
    names = ("misses the reader", "accuses the listener", "accuses the parrot", "accuses one who does both")
    wrong = []
    for name, (what, (ask, reads)) in zip(names, _SUSPECTS.items(), strict=True):
        found = control(ask, [dict(clip) for clip in _CLIPS])
        if not isinstance(found, bool | np.bool_):
            return "not a bool", f"For {what} it returned {found!r}."
        if bool(found) is not reads:
            wrong.append((name, f"For {what} it returned {found}."))
    if len(wrong) > 1 and wrong[0][0] == "misses the reader":
        return "the wrong way round", " ".join(text for _, text in wrong)
    return wrong[0] if wrong else ("", f"It was tried on {len(_SUSPECTS)} models, and one of them reads")


def _example_control(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    pairs = [(a, b) for a in clips for b in clips if a["emotion"] != b["emotion"]]
    moved_by_voice = any(ask(a["text"], a["voice"]) != ask(a["text"], b["voice"]) for a, b in pairs)
    moved_by_text = any(ask(a["text"], a["voice"]) != ask(b["text"], a["voice"]) for a, b in pairs)
    return moved_by_text and not moved_by_voice


def _right_on_matched(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    return all(ask(c["text"], c["voice"]) != c["emotion"] for c in clips)


def _voice_swap_alone(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    return all(ask(a["text"], a["voice"]) == ask(a["text"], b["voice"]) for a in clips for b in clips)


def _text_swap_alone(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    return any(ask(a["text"], a["voice"]) != ask(b["text"], a["voice"]) for a in clips for b in clips)


def _turned_round(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    return not _example_control(ask, clips)


def _changed_share(ask: Ask, clips: Sequence[Mapping[str, str]]) -> float:
    return sum(ask(a["text"], "neutral") == ask(a["text"], a["voice"]) for a in clips) / len(clips)


def _any_voice(ask: Ask, clips: Sequence[Mapping[str, str]]) -> bool:
    return True


TRANSCRIPT_READER = JudgedExercise(
    number="2.4",
    title="Catch a transcript reader",
    kind="design",
    stars=3,
    minutes=25,
    why="most audio language models mostly read; a score without such a control cannot tell who listened.",
    hints=(
        "On clips whose words and voice agree, a reader and a listener give the same answers. So break the agreement.",
        "Ask about the text of one clip with the voice of another. What does each model answer?",
        "Call it a reader where another text changes some answer, and no other voice ever changes one.",
    ),
    reasoning=(
        "Two interventions are needed. Exchange the voice and keep the words: a listener changes its answers, a "
        "reader does not. But a model that always says *sad* does not change either, so exchange the words as well: "
        "only a reader changes now. A model that uses both changes in both, so it is no mere reader. The controls "
        "`swapped` and `no_transcript` of this notebook are these two interventions, with scores and intervals."
    ),
    takes=Callable,
    example=_example_control,
    judge=_catch,
    mistakes={
        "misses the reader": Mistake(
            _right_on_matched, "where words and voice agree, a reader is right as well: let them disagree"
        ),
        "accuses the listener": Mistake(_any_voice, "a model whose answers follow the voice is no reader"),
        "accuses the parrot": Mistake(
            _voice_swap_alone,
            "a model that never changes its answer is deaf, but it does not read: exchange the words too",
        ),
        "accuses one who does both": Mistake(
            _text_swap_alone, "words may matter to a model that listens: ask whether the voice matters as well"
        ),
        "the wrong way round": Mistake(_turned_round, "return True for the reader and False for the others"),
        "not a bool": Mistake(_changed_share, "return True or False: is this model a transcript reader?"),
    },
)

EXERCISES = (MEAN_CALIBRATION, LABEL_SCORE, REDUNDANT_STEP, SPEAKER_BOOTSTRAP, TRANSCRIPT_READER)
