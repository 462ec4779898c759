"""Which samples a corpus has: pure and seeded. Who says what, in which condition, with which emotion in which modality.

In every condition one or more modalities *carry* the gold emotion,
and in a conflict another one *distracts*: it shows some
other emotion. Of a weak and a strong display the strong one is gold, so a model must weigh the evidence,
not the modality.
Emotions are balanced within condition, split and domain; talkers and sentences of the test split occur nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from emolab.emotions import EMOTIONS
from emolab.errors import CorpusError
from emolab_synth.talkers import VOICES, Talker, talkers
from emolab_synth.text import Sentence, sentences_of

LETTERS = {"A": "audio", "V": "video", "T": "text"}
CONDITIONS: dict[str, tuple[str, str]] = {
    "neutral": ("", ""),
    "A": ("A", ""),
    "T": ("T", ""),
    "V": ("V", ""),
    "AT": ("AT", ""),
    "AV": ("AV", ""),
    "TV": ("TV", ""),
    "ATV": ("ATV", ""),
    "A>T": ("A", "T"),
    "T>A": ("T", "A"),
    "A>V": ("A", "V"),
    "V>A": ("V", "A"),
    "T>V": ("T", "V"),
    "V>T": ("V", "T"),
}
"""Condition to the letters of its carriers and of its distractors. "A>T": the voice is right, the words are not."""

FEELINGS = EMOTIONS[1:]
# Samples of a feeling per (domain, split): condition A, each of T and V, each of AT AV TV ATV, each conflict.
# Counts of six or more are multiples of six, so that every feeling occurs as often; neutral comes to one in seven.
SIZES: dict[str, dict[tuple[str, str], tuple[int, int, int, int]]] = {
    "smoke": {
        ("a", "train"): (36, 1, 1, 1),
        ("a", "val"): (6, 0, 0, 0),
        ("a", "test"): (18, 2, 1, 1),
        ("b", "test"): (6, 1, 1, 1),
    },
    "course": {
        ("a", "train"): (984, 24, 18, 18),
        ("a", "val"): (90, 6, 6, 6),
        ("a", "test"): (360, 18, 18, 24),
        ("b", "train"): (72, 0, 0, 0),
        ("b", "test"): (180, 12, 12, 12),
    },
    "full": {
        ("a", "train"): (2916, 96, 72, 72),
        ("a", "val"): (240, 18, 18, 18),
        ("a", "test"): (900, 60, 60, 72),
        ("b", "train"): (216, 12, 12, 12),
        ("b", "test"): (480, 36, 36, 36),
    },
    # As many emotions in the face alone and in the words alone as in the voice: what a model that sees, hears and reads
    # is trained on, and what attribution is measured on.
    "omni": {
        ("a", "train"): (240, 240, 60, 24),
        ("a", "val"): (24, 24, 12, 6),
        ("a", "test"): (60, 60, 18, 12),
        ("b", "test"): (36, 36, 12, 6),
    },
    # Randomised channels and talkers: other levels, microphones, rooms, telephones, codecs, base pitches and habits.
    "wild": {
        ("wild", "train"): (480, 12, 6, 6),
        ("wild", "val"): (60, 6, 6, 6),
        ("wild", "test"): (180, 12, 6, 6),
    },
}
SARCASTIC_OVER = ("sad", "angry", "fearful", "disgusted")


@dataclass(frozen=True)
class Spec:
    """One sample to make. `shown` and `intensity` say what each modality shows and how strongly (0 to 1)."""

    id: str
    talker: Talker
    sentence: Sentence
    split: str
    domain: str
    condition: str
    emotion: str
    shown: dict[str, str] = field(hash=False)
    intensity: dict[str, float] = field(hash=False)
    seed: int

    @property
    def carriers(self) -> tuple[str, ...]:
        """Modalities that carry the gold emotion."""
        return tuple(LETTERS[letter] for letter in CONDITIONS[self.condition][0])

    @property
    def distractors(self) -> tuple[str, ...]:
        """Modalities that show another emotion."""
        return tuple(LETTERS[letter] for letter in CONDITIONS[self.condition][1])

    @property
    def sarcastic(self) -> bool:
        """Glad words in a negative voice."""
        return self.condition == "A>T" and self.shown["text"] == "happy" and self.emotion in SARCASTIC_OVER


class _Turns:
    """Draws from pools so that every member comes once before any comes again, in a new order each round."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.left: dict[tuple[str, ...], list[int]] = {}

    def next(self, key: tuple[str, ...], n: int) -> int:
        """The next of range(n) for the pool called `key`."""
        queue = self.left.setdefault(key, [])
        if not queue:
            queue += self.rng.permutation(n).tolist()
        return queue.pop()


def _counts(size: str) -> Iterator[tuple[str, str, str, int]]:
    """(domain, split, condition, number of samples) of every cell."""
    for (domain, split), (audio, single, agreeing, conflict) in SIZES[size].items():
        number = {"A": audio, "T": single, "V": single}
        for condition in CONDITIONS:
            if condition != "neutral":
                number.setdefault(condition, conflict if ">" in condition else agreeing)
        yield domain, split, "neutral", round(sum(number.values()) / len(FEELINGS))
        for condition, n in number.items():
            yield domain, split, condition, n


def _distractor(condition: str, gold: str, rng: np.random.Generator) -> str:
    """Another feeling than gold; glad words over a negative voice are common, as irony is."""
    if condition == "A>T" and gold in SARCASTIC_OVER and rng.random() < 0.5:
        return "happy"
    others = [e for e in FEELINGS if e != gold]
    return others[int(rng.integers(len(others)))]


def _display(condition: str, gold: str, rng: np.random.Generator) -> tuple[dict[str, str], dict[str, float]]:
    """What each modality shows, and how strongly: carriers 0.4 to 1, distractors below 0.55, the rest neutral."""
    carriers, distractors = CONDITIONS[condition]
    other = _distractor(condition, gold, rng) if distractors else "neutral"
    shown = {
        name: gold if letter in carriers else other if letter in distractors else "neutral"
        for letter, name in LETTERS.items()
    }
    strong, weak = np.clip(rng.beta(4, 1, 3), 0.4, 1), 0.55 * rng.beta(4, 2, 3)
    level = {
        name: float(strong[i] if letter in carriers else weak[i] if letter in distractors else 0.0)
        for i, (letter, name) in enumerate(LETTERS.items())
    }
    return shown, {name: round(value, 3) for name, value in level.items()}


def plan(size: str = "course", seed: int = 0) -> list[Spec]:
    """All samples of a corpus, in an order that says nothing about them.

    Raises: CorpusError for an unknown size or a negative seed.

    >>> len(plan("smoke")) == len({s.id for s in plan("smoke")})
    True
    """
    if size not in SIZES:
        raise CorpusError(f"no size {size!r} of the synthetic corpus; there are: {', '.join(SIZES)}")
    if seed < 0:
        raise CorpusError(f"seed {seed}: a seed is 0 or more")
    rng = np.random.default_rng([seed, list(SIZES).index(size)])
    turns, drafts = _Turns(rng), []
    for domain, split, condition, n in _counts(size):
        voices = talkers(split, domain)
        order = rng.permutation(len(FEELINGS))
        for k in range(n):
            gold = "neutral" if condition == "neutral" else FEELINGS[order[k % len(FEELINGS)]]
            shown, intensity = _display(condition, gold, rng)
            talker = voices[turns.next((domain, split, gold), len(voices))]
            home = VOICES[talker.voice].domain  # talkers of domain `wild` say what their base voice says
            pool = [s for s in sentences_of(talker.voice, split, home) if s.emotion == shown["text"]]
            said = pool[turns.next((talker.voice, shown["text"], gold), len(pool))]
            drafts.append((talker, said, split, domain, condition, gold, shown, intensity, int(rng.integers(2**31))))
    return [Spec(f"syn{i:05d}", *drafts[j]) for i, j in enumerate(rng.permutation(len(drafts)))]
