"""The exercises of notebook 01: the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import ChoiceExercise, FunctionExercise, Mistake

Floats = NDArray[np.float64]


def _normalise_by_talker(features: Floats, talkers: Sequence[str]) -> Floats:
    from emolab.baselines import per_speaker

    return per_speaker(features, talkers)


def _feature_inputs(rng: np.random.Generator) -> Iterator[tuple[Floats, list[str]]]:
    yield np.array([[100.0], [120.0], [200.0], [240.0]]), ["m1", "m1", "f1", "f1"]
    yield np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]]), ["m1", "m1", "m1"]
    yield np.array([[180.0, 3.0]]), ["f1"]
    for _ in range(10):
        n = int(rng.integers(4, 12))
        yield rng.normal(5.0, 2.0, (n, 3)), rng.choice(["m1", "m2", "f1"], n).tolist()


def _over_everyone(features: Floats, talkers: Sequence[str]) -> Floats:
    return (features - features.mean(0)) / (features.std(0) + (features.std(0) == 0))


def _each_group(features: Floats, talkers: Sequence[str], scale: Any, centre: bool = True) -> Floats:
    out = np.array(features, float)
    for talker in set(talkers):
        rows = np.array(talkers) == talker
        own = out[rows]
        out[rows] = (own - centre * own.mean(0)) / scale(own)
    return out


def _centred_only(features: Floats, talkers: Sequence[str]) -> Floats:
    return _each_group(features, talkers, lambda own: 1.0)


def _divides_by_zero(features: Floats, talkers: Sequence[str]) -> Floats:
    with np.errstate(all="ignore"):
        return _each_group(features, talkers, lambda own: own.std(0))


def _mean_of_everyone(features: Floats, talkers: Sequence[str]) -> Floats:
    return _each_group(features - features.mean(0), talkers, lambda own: own.std(0) + (own.std(0) == 0), centre=False)


def _sample_deviation(features: Floats, talkers: Sequence[str]) -> Floats:
    def spread(own: Floats) -> Floats:
        found = own.std(0, ddof=1) if len(own) > 1 else np.zeros(own.shape[1])
        return np.where(found == 0, 1.0, found)

    return _each_group(features, talkers, spread)


TALKER_NORMALISATION = FunctionExercise(
    number="1.4",
    title="Normalise by speaker",
    kind="implement",
    stars=1,
    minutes=10,
    why="a high voice is not an excited voice: without this step a classifier learns who speaks.",
    hints=(
        ("The mean of whom is taken off? Listen to the two voices again: one speaker's calm is another one's panic."),
        (
            "Loop over the speakers; select the rows of one speaker with a mask; use the mean and the "
            "standard deviation over axis 0."
        ),
        ("out[rows] = (own - own.mean(axis=0)) / spread, where spread is own.std(axis=0) with each 0 replaced by 1."),
    ),
    reasoning=(
        "The mean and the spread are those of the speaker's own rows, feature by feature (axis 0). What "
        "is left says how unusual a value is *for this person*. A feature that never varies has spread 0. "
        "Its centred values are 0 as well, so dividing by 1 keeps them at 0, and dividing by 0 would give "
        "NaN. The price: one needs several clips of a speaker before anything can be said."
    ),
    reference=_normalise_by_talker,
    inputs=_feature_inputs,
    mistakes={
        "over everyone": Mistake(
            _over_everyone,
            "you normalise over everyone; use each talker's own mean and spread, or a low voice stays low",
        ),
        "centred only": Mistake(
            _centred_only, "you subtract the talker's mean; divide by the talker's standard deviation too"
        ),
        "divides by zero": Mistake(
            _divides_by_zero,
            "a feature that never varies for a talker has spread 0; divide by 1 there, so that it becomes 0",
        ),
        "mean of everyone": Mistake(
            _mean_of_everyone, "you take off everyone's mean and divide by the speaker's spread; both are the speaker's"
        ),
        "sample deviation": Mistake(
            _sample_deviation, "use the spread that divides by n, np.std as it comes: with one clip, n - 1 would be 0"
        ),
    },
    relative=1e-4,  # forgives a small constant in the denominator
)


Bools = NDArray[np.bool_]
Evaluate = Callable[[Bools, Bools], int]


def in_turn(evaluate: Evaluate, groups: Sequence[object]) -> float:
    """The share right where each group is left out in turn and tested by a model of the others."""
    owner = np.array(groups)
    return sum(evaluate(owner != group, owner == group) for group in sorted(set(groups), key=str)) / len(owner)


def _lie(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    return in_turn(evaluate, range(len(speakers))) - in_turn(evaluate, speakers)


def nearest_neighbour(features: Floats, labels: NDArray[Any]) -> Evaluate:
    """A nearest-neighbour classifier, as a function of two masks: how many test clips it gets right."""

    def evaluate(train: Bools, test: Bools) -> int:
        train, test = np.asarray(train), np.asarray(test)
        if train.dtype != bool or test.dtype != bool or not len(train) == len(test) == len(labels):
            raise TypeError("evaluate takes two masks: True or False for each clip, not the places of some clips")
        if not train.any():
            return 0
        known, asked = features[train], features[test]
        nearest = ((asked[:, None] - known[None]) ** 2).sum(-1).argmin(1)
        return int((labels[train][nearest] == labels[test]).sum())

    return evaluate


def _recordings(rng: np.random.Generator) -> Iterator[tuple[Evaluate, list[str]]]:
    """Clips in which each speaker has a manner that looks like one emotion more than another."""
    for n_speakers, each in ((3, 4), (4, 5), (5, 3), (3, 7)):
        sizes = each + np.arange(n_speakers) % 3
        owner = np.repeat(np.arange(n_speakers), sizes)
        labels = np.where(rng.random(len(owner)) < 0.75, owner % 2, rng.integers(0, 3, len(owner)))
        features = rng.normal(size=(n_speakers, 4))[owner] * 3 + rng.normal(size=(len(owner), 4)) + labels[:, None] / 2
        yield nearest_neighbour(features, labels), [f"s{i}" for i in owner]


def _turned(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    return -_lie(evaluate, speakers)


def _leaky_score(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    return in_turn(evaluate, range(len(speakers)))


def _honest_score(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    return in_turn(evaluate, speakers)


def _on_training_clips(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    everyone = np.ones(len(speakers), bool)
    return evaluate(everyone, everyone) / len(speakers) - in_turn(evaluate, speakers)


def _mean_over_speakers(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    owner = np.array(speakers)
    shares = [evaluate(owner != s, owner == s) / (owner == s).sum() for s in sorted(set(speakers))]
    return in_turn(evaluate, range(len(speakers))) - float(np.mean(shares))


def _counts(evaluate: Evaluate, speakers: Sequence[str]) -> float:
    return _lie(evaluate, speakers) * len(speakers)


LEAKED_SPEAKER = FunctionExercise(
    number="1.2",
    title="Leak a speaker, and measure the lie",
    kind="diagnose",
    stars=2,
    minutes=20,
    why="many published scores come from splits by clip; the gap to a split by speaker is what they owe to leakage.",
    hints=(
        "Test every clip twice: once by a model that knows its speaker, once by a model that does not.",
        "Leave out one clip at a time for the first score, all clips of one speaker at a time for the second.",
        "owner = np.array(speakers); for s in set(speakers): right += evaluate(owner != s, owner == s); divide by n.",
    ),
    reasoning=(
        "Both scores test every clip once, with the same classifier, so they differ in one thing: whether training "
        "had other clips of the same speaker. With one clip left out the classifier may recognise the speaker and "
        "repeat that person's most frequent label. That is worth nothing for a stranger. The difference is the lie, "
        "in points of accuracy. Count over clips, so that both scores weigh every clip alike."
    ),
    reference=_lie,
    inputs=_recordings,
    mistakes={
        "turned": Mistake(_turned, "the lie is the leaky score minus the honest one; you have it the other way round"),
        "leaky score": Mistake(_leaky_score, "that is the leaky score; take off the score with the speaker left out"),
        "honest score": Mistake(_honest_score, "that is the honest score; it belongs behind the minus sign"),
        "on training clips": Mistake(
            _on_training_clips, "you test on the very clips that were trained on; leave the tested clip out of training"
        ),
        "mean over speakers": Mistake(
            _mean_over_speakers, "count right answers over all clips, then divide by the number of clips"
        ),
        "counts": Mistake(_counts, "divide by the number of clips: a share is asked for, not a count"),
    },
)


def _fix_octaves(f0: Floats) -> Floats:
    from emolab_course.demos import without_octave_errors

    return without_octave_errors(f0)


def _tracks(rng: np.random.Generator) -> Iterator[tuple[Floats]]:
    yield (np.array([0.0, 200.0, 410.0, 205.0, 98.0, 0.0]),)
    yield (np.array([0.0, 0.0, 0.0]),)
    yield (np.array([120.0, 140.0, 160.0, 110.0, 100.0]),)
    yield (np.array([0.0, 0.0, 0.0, 0.0, 0.0, 200.0, 190.0, 410.0]),)
    yield (np.array([100.0, 102.0, 104.0, 202.0, 206.0]),)
    for _ in range(8):
        track = rng.uniform(110, 140) * np.exp(rng.normal(0, 0.08, 15))
        track[rng.integers(0, 15, 2)] *= 2
        track[rng.integers(0, 15, 1)] /= 2
        track[rng.integers(0, 15, 4)] = 0
        yield (track.round(1),)


def _by_median(f0: Floats, middle: float, high: float = 1.5) -> Floats:
    out = np.array(f0, float)
    out[out > high * middle] /= 2
    out[(out > 0) & (out < middle / high)] *= 2
    return out


def _median_of_all(f0: Floats) -> Floats:
    return _by_median(f0, float(np.median(f0)))


def _mean_of_voiced(f0: Floats) -> Floats:
    voiced = f0[f0 > 0]
    return _by_median(f0, float(voiced.mean())) if len(voiced) else f0


def _jumps_down_only(f0: Floats) -> Floats:
    voiced = f0[f0 > 0]
    return np.where(f0 > 1.5 * np.median(voiced), f0 / 2, f0) if len(voiced) else f0


def _set_to_median(f0: Floats) -> Floats:
    voiced = f0[f0 > 0]
    if not len(voiced):
        return f0
    middle = np.median(voiced)
    return np.where((f0 > 1.5 * middle) | ((f0 > 0) & (f0 < middle / 1.5)), middle, f0)


def _dropped(f0: Floats) -> Floats:
    return np.where(_fix_octaves(f0) == f0, f0, 0.0)


def _nan_without_voice(f0: Floats) -> Floats:
    if not (f0 > 0).any():
        return np.full_like(f0, np.nan)
    return _fix_octaves(f0)


OCTAVE_ERRORS = FunctionExercise(
    number="1.3",
    title="Mend octave errors",
    kind="implement",
    stars=2,
    minutes=15,
    why="a pitch tracker that jumps an octave makes a calm voice look excited, and every feature on it inherits that.",
    hints=(
        "A voice rarely leaves a fifth around its middle within a sentence, and a tracker errs by exactly a factor 2.",
        "Take the median of the voiced frames (above 0). Halve what is far above it, double what is far below it.",
        "m = np.median(f0[f0 > 0]); halve where f0 > 1.5 * m, double where 0 < f0 < m / 1.5; zeros stay zeros.",
    ),
    reasoning=(
        "Unvoiced frames hold 0. They must not enter the median, nor be changed. The median is robust: a few frames "
        "at twice the pitch do not move it, while they do move a mean. Halving and doubling keep the small movements "
        "of the voice, which setting the frame to the median would erase. The rule fails for a voice that truly "
        "leaps, as in a shout. So look at the picture before and after."
    ),
    reference=_fix_octaves,
    inputs=_tracks,
    mistakes={
        "median of all": Mistake(
            _median_of_all, "the zeros of unvoiced frames pull your median down: take the median of the voiced frames"
        ),
        "mean": Mistake(_mean_of_voiced, "the mean moves with the very errors that you want to find: take the median"),
        "one way only": Mistake(
            _jumps_down_only, "a tracker can jump down as well: double what is far below the median"
        ),
        "set to the median": Mistake(
            _set_to_median, "do not set the frame to the median: halve or double it, so that its own movement stays"
        ),
        "dropped": Mistake(_dropped, "do not throw the frame away: the voice was there, an octave off"),
        "no voice": Mistake(_nan_without_voice, "a clip without any voiced frame has no median: give it back as it is"),
    },
)

HONEST_CLAIM = ChoiceExercise(
    number="1.1",
    title="What may this split claim?",
    kind="read",
    stars=1,
    minutes=5,
    why="a split decides what a score is about, and papers often claim more than their split can show.",
    hints=(
        "Ask of each claim: which clips of the test would have to be new for it?",
        "The test has new people. Does it have new sentences, new rooms, new languages?",
        "Only what differs between training and test is tested; everything that is shared may have been memorised.",
    ),
    reasoning=(
        "The split is by actor, so the score speaks about new people. All of them say the two sentences that training "
        "has heard hundreds of times, in the same studio, acted in the same way. A model may have learned how *these "
        "sentences* sound when angry. Whether it works for other sentences, rooms or spontaneous speech is not tested."
    ),
    options={
        "a": "The model recognises acted emotions in speech.",
        "b": "The model recognises acted emotions of new actors who say these two sentences in this studio.",
        "c": "The model recognises emotions of new people in everyday conversation.",
        "d": "The model recognises acted emotions of new actors in new sentences.",
        "e": "Nothing, because only two sentences occur.",
        "f": "The model hears what people feel.",
    },
    right="b",
    mistakes={
        "a": Mistake("a", "Speech in general has more than two sentences and one studio. Name what the test varied."),
        "c": Mistake("c", "Nobody in the test speaks spontaneously. Acted speech exaggerates."),
        "d": Mistake("d", "Actors are new in the test; the sentences are the two of the training set."),
        "e": Mistake("e", "It does say something: the test has people whom the model never heard."),
        "f": Mistake("f", "The label is what the actor was told to show. Nobody asked what anybody felt."),
    },
)

EXERCISES = (TALKER_NORMALISATION, LEAKED_SPEAKER, OCTAVE_ERRORS, HONEST_CLAIM)
