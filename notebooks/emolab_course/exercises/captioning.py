"""The exercises of notebook 08: captions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake, NumberExercise

Floats = NDArray[np.float64]


def _cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _profile(text: Floats, anchors: Floats) -> Floats:
    return np.array([_cosine(text, anchor) for anchor in anchors])


def _consistency(generated: Floats, reference: Floats, anchors: Floats) -> float:
    mean = anchors.mean(axis=0)
    return _uncentred(generated - mean, reference - mean, anchors - mean)


def _embeddings(rng: np.random.Generator) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Small unit vectors around a direction that all of them share, as text embeddings are."""
    shared = np.array([3.0, 0.0, 0.0, 0.0])
    for size in (3, 4, 4, 4, 4):
        vectors = (shared + rng.normal(size=(size + 2, 4))).round(2)
        yield vectors[0], vectors[1], vectors[2:]


def _uncentred(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _cosine(_profile(generated, anchors), _profile(reference, anchors))


def _anchors_only(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _uncentred(generated, reference, anchors - anchors.mean(axis=0))


def _without_anchors(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _cosine(generated, reference)


def _each_its_own(generated: Floats, reference: Floats, anchors: Floats) -> float:
    return _uncentred(generated - generated.mean(), reference - reference.mean(), anchors - anchors.mean(1)[:, None])


def _products(generated: Floats, reference: Floats, anchors: Floats) -> float:
    mean = anchors.mean(axis=0)
    return _cosine((anchors - mean) @ (generated - mean), (anchors - mean) @ (reference - mean))


EMOTION_CONSISTENCY = FunctionExercise(
    number="8.2",
    title="Centred consistency",
    kind="implement",
    stars=2,
    minutes=15,
    why="uncentred, a wrong feeling still earns more than half of the pay: training hears little of what is wrong.",
    hints=(
        "All embeddings point in a shared direction. Which one vector says what is shared?",
        (
            "Take the mean of the anchors (axis 0) off the anchors and off both texts. Then a profile holds "
            "the cosines with the anchors."
        ),
        "Return the cosine of the two profiles; a cosine divides the product by both norms.",
    ),
    reasoning=(
        "The mean anchor is what emotions have in common as texts. With it, nearly all cosines are positive and "
        "alike, so two profiles agree whatever was said. It must come off the texts as well: else the "
        "anchors live in one frame and the texts in another. The cosine of the profiles then compares "
        "*patterns*: near which emotions, far from which."
    ),
    reference=_consistency,
    inputs=_embeddings,
    mistakes={
        "uncentred": Mistake(_uncentred, "that is the published form; take the mean anchor off all vectors first"),
        "anchors only": Mistake(_anchors_only, "take the mean anchor off the two texts too, not off the anchors alone"),
        "without anchors": Mistake(
            _without_anchors, "compare the profiles, the cosines with each anchor, not the embeddings themselves"
        ),
        "each its own": Mistake(
            _each_its_own, "the mean to take off is one vector, the mean over anchors (axis 0), the same for all"
        ),
        "products": Mistake(_products, "a profile holds cosines: divide each product by the norms of both vectors"),
    },
)


REFERENCE = "One hears a low, flat voice. The speaker is sad and lonely."


def _loved_by_bleu(text: str) -> tuple[str, str]:
    from emolab.metrics import caption_table
    from emolab.metrics.captions import emotion_words

    scores = caption_table([REFERENCE], [text])
    bleu, f1 = float(scores["bleu_4"]), float(scores["emotion_f1"])
    measured = f"BLEU-4 {bleu:.2f}, Emo-F1 {f1:.2f}."
    if text.strip() == REFERENCE:
        return "the reference", measured
    if bleu < 0.5:
        return ("other words" if f1 > 0 else "too far"), measured
    if not emotion_words(text):
        return "no feeling", measured
    return ("half right" if f1 > 0 else ""), measured


LOVED_BY_BLEU = JudgedExercise(
    number="8.1",
    title="A caption that BLEU loves and a person hates",
    kind="break",
    stars=1,
    minutes=10,
    why="a metric that cannot see the one word that matters will reward training for ignoring it.",
    hints=(
        "BLEU counts which words and word sequences two texts share. How many words carry the feeling?",
        "Keep the sentences as they are, and change only the words that say what the speaker feels.",
        "One hears a low, flat voice. The speaker is happy and …",
    ),
    reasoning=(
        "Two of eleven words were exchanged, and they are the last two, so only a few four-word sequences break: "
        "BLEU-4 stays high. Every person would call the caption wrong. Emo-F1 looks at emotion words alone and falls "
        "to 0. It is blind in its turn to everything else, so a reward needs both, or something in between."
    ),
    takes=str,
    example="One hears a low, flat voice. The speaker is happy and glad.",
    judge=_loved_by_bleu,
    mistakes={
        "the reference": Mistake(REFERENCE, "this is the reference itself; a person would like it"),
        "other words": Mistake(
            "Somebody quiet feels sad and lonely.", "the feeling is right and the words are not: do it the other way"
        ),
        "too far": Mistake("What a cheerful person!", "BLEU must like it: keep the sentences of the reference"),
        "no feeling": Mistake(
            "One hears a low, flat voice. The speaker is a man.",
            "name a feeling, and a wrong one: nobody hates silence",
        ),
        "half right": Mistake(
            "One hears a low, flat voice. The speaker is happy and lonely.", "one of the feelings is still right"
        ),
    },
)

Choices = Sequence[str]


def _kappa(mine: Choices, theirs: Choices) -> float:
    options = sorted({*mine, *theirs})
    agree = float(np.mean([a == b for a, b in zip(mine, theirs, strict=True)]))
    chance = sum((list(mine).count(o) / len(mine)) * (list(theirs).count(o) / len(theirs)) for o in options)
    return (agree - chance) / (1 - chance) if chance < 1 else 0.0


def _preferences(rng: np.random.Generator) -> Iterator[tuple[list[str], list[str]]]:
    yield ["A", "B", "A", "B"], ["A", "B", "A", "B"]
    yield ["A", "A", "A", "B"], ["A", "A", "B", "A"]
    for _ in range(8):
        n = int(rng.integers(6, 15))
        mine = rng.choice(["A", "B", "="], n, p=[0.5, 0.3, 0.2])
        theirs = np.where(rng.random(n) < 0.5, mine, rng.choice(["A", "B"], n, p=[0.7, 0.3]))
        yield mine.tolist(), theirs.tolist()
    yield ["A", "A", "A", "A"], ["A", "A", "A", "A"]  # the last: whatever else is wrong shows before it


def _raw_agreement(mine: Choices, theirs: Choices) -> float:
    return float(np.mean([a == b for a, b in zip(mine, theirs, strict=True)]))


def _fixed_chance(mine: Choices, theirs: Choices) -> float:
    return (_raw_agreement(mine, theirs) - 0.5) / 0.5


def _scott(mine: Choices, theirs: Choices) -> float:
    pooled = [*mine, *theirs]
    chance = sum((pooled.count(o) / len(pooled)) ** 2 for o in set(pooled))
    return (_raw_agreement(mine, theirs) - chance) / (1 - chance) if chance < 1 else 0.0


def _unscaled(mine: Choices, theirs: Choices) -> float:
    options = {*mine, *theirs}
    chance = sum((list(mine).count(o) / len(mine)) * (list(theirs).count(o) / len(theirs)) for o in options)
    return _raw_agreement(mine, theirs) - chance


def _nan_where_sure(mine: Choices, theirs: Choices) -> float:
    return float("nan") if len({*mine, *theirs}) == 1 else _kappa(mine, theirs)


def _divided_once(mine: Choices, theirs: Choices) -> float:
    agree, n = _raw_agreement(mine, theirs), len(mine)
    chance = sum(mine.count(o) * theirs.count(o) for o in {*mine, *theirs}) / n
    return (agree - chance) / (1 - chance) if chance != 1 else 0.0


def _without_ties(mine: Choices, theirs: Choices) -> float:
    kept = [(a, b) for a, b in zip(mine, theirs, strict=True) if "=" not in (a, b)]
    return _kappa([a for a, _ in kept], [b for _, b in kept]) if kept else 0.0


PREFERENCE_KAPPA = FunctionExercise(
    number="8.4",
    title="Do you and a classmate agree?",
    kind="implement",
    stars=2,
    minutes=20,
    why="before people judge a model, find out whether they judge alike; two judges who like A often agree by chance.",
    hints=(
        "How often would you agree if both of you decided without reading?",
        "Chance agreement: for each option, your share of it times your classmate's share of it, summed.",
        "(agree - chance) / (1 - chance), and 0 where chance is 1.",
    ),
    reasoning=(
        "Cohen's kappa takes chance agreement off and scales what is left: 1 is perfect, 0 is what two independent "
        "judges get, below 0 is disagreement. Each judge has a habit of their own, so chance is the product of *two* "
        "shares. Where both always give the same answer, agreement is certain and shows nothing, so 0 is returned "
        "here. With ten pairs kappa is uncertain by some tenths: bootstrap over the pairs."
    ),
    reference=_kappa,
    inputs=_preferences,
    mistakes={
        "raw": Mistake(_raw_agreement, "that is the share of agreement; take off what chance would give"),
        "fixed chance": Mistake(_fixed_chance, "chance is not one half: it depends on how often each judge says A"),
        "pooled": Mistake(_scott, "you pool the two judges (Scott's pi); multiply each judge's own shares"),
        "divided once": Mistake(_divided_once, "chance multiplies two shares: divide both counts by n, so twice"),
        "not scaled": Mistake(_unscaled, "divide by 1 - chance, so that perfect agreement is 1"),
        "NaN": Mistake(_nan_where_sure, "where both always say the same, chance is 1: return 0 there"),
        "without ties": Mistake(_without_ties, 'a tie ("=") is an option like any other: do not drop it'),
    },
)

QUIET_PART = NumberExercise(
    number="8.3",
    title="The say of a quiet part",
    kind="derive",
    stars=2,
    minutes=10,
    why="weights in a rubric are not influence: what varies little within a group is hardly heard.",
    hints=(
        "The advantage divides the sum by its spread. Which part makes that spread?",
        "Parts that vary independently add their variances, the squares of the spreads.",
        "0.05 ** 2 / (0.05 ** 2 + 0.2 ** 2)",
    ),
    reasoning=(
        "Variances add: 0.0025 + 0.04 = 0.0425. The first part makes 0.0025 of it, about 6%. So with equal "
        "weights the reward for overlap decides nearly everything, although a rubric reads *one half each*. "
        "To give both the same say, divide each part by its spread, or raise the quiet part's weight fourfold."
    ),
    value=0.05**2 / (0.05**2 + 0.2**2),
    tolerance=0.001,
    mistakes={
        "weights": Mistake(0.5, "that is its weight; ask how much of the variance of the sum it makes"),
        "spreads": Mistake(0.2, "you added spreads; independent parts add their variances"),
        "ratio of variances": Mistake(0.0625, "divide by the variance of the sum, not by that of the other part"),
        "ratio of spreads": Mistake(0.25, "that is one spread over the other; square both, and divide by the sum"),
        "the other": Mistake(0.04 / 0.0425, "that is the say of the other part"),
        "variance": Mistake(0.0025, "that is the variance of the part itself; divide by that of the sum"),
    },
)

EXERCISES = (EMOTION_CONSISTENCY, LOVED_BY_BLEU, PREFERENCE_KAPPA, QUIET_PART)
