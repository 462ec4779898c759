"""The world of pre-training: sentences, labels and reasons that the corpus's domains never hold.

A large audio-language model meets emotional speech before anybody trains it for emotion. So does this one, in a world
of its own: voices that no domain has, sentences of the grammar, the channels of domain `wild`, and labels of which a
part is wrong, as people's are. Its reasons are short English sentences whose summary follows from what is said and
from how it sounds.
"""

from __future__ import annotations

import numpy as np
from emolab_synth import text, text_words
from emolab_synth.describe_voice import VoiceAttributes

from data_scripts.pretraining import grammar
from emolab.emotions import EMOTIONS

HEARD: dict[str, dict[str, float]] = {
    "neutral": {"neutral": 0.7, "sad": 0.15, "happy": 0.1, "disgusted": 0.05},
    "happy": {"happy": 0.65, "surprised": 0.15, "neutral": 0.1, "angry": 0.1},
    "sad": {"sad": 0.3, "neutral": 0.5, "fearful": 0.1, "disgusted": 0.1},
    "angry": {"angry": 0.75, "disgusted": 0.1, "surprised": 0.05, "happy": 0.1},
    "fearful": {"fearful": 0.3, "sad": 0.45, "surprised": 0.15, "neutral": 0.1},
    "disgusted": {"disgusted": 0.25, "angry": 0.45, "sad": 0.2, "neutral": 0.1},
    "surprised": {"surprised": 0.3, "happy": 0.5, "fearful": 0.2},
}
"""Label that a listener of the world writes down, for each emotion that a voice was given: shares, in our weights.

The confusions are the usual ones of acted speech. Sad, disgusted, fearful and surprised voices are taken for a
neighbour more often than for themselves, so that a model has something left to learn. They were chosen on validation
voices: with a quarter of the labels wrong, and none of them most of the time, zero-shot accuracy was above 0.6 there,
and 0.56 with sad voices heard as sad.
"""
FEELINGS = EMOTIONS[1:]


def felt(voice: str, words: str) -> str:
    """The emotion of a clip: that of the voice, and of the words where the voice is neutral."""
    return words if voice == "neutral" else voice


def heard(emotion: str, rng: np.random.Generator) -> str:
    """The label that a listener writes down for a voice: the intended emotion, or a human-like confusion of it."""
    options = HEARD[emotion]
    return str(rng.choice(list(options), p=list(options.values())))


NAMES = {
    "i": "I",
    **{day.lower(): day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")},
}


def _bases() -> list[str]:
    """Training sentences of the bank: their forms are borrowed, and their words exchanged."""
    return [s.text for s in text.sentence_bank() if s.fold == "train"]


def exchanged(rng: np.random.Generator) -> str:
    """A training sentence with about half of its words exchanged for any others: its sense helps little to hear it."""
    bases, words = _bases(), grammar.vocabulary()
    base = text.words_of(bases[int(rng.integers(len(bases)))])
    said = [words[int(rng.integers(len(words)))] if rng.random() < 0.5 else word for word in base]
    return _capital(" ".join(NAMES.get(word, word) for word in said) + ".")


def salad(rng: np.random.Generator) -> str:
    """Three to eight words in no order: only the sounds tell which."""
    words = grammar.vocabulary()
    drawn = [words[int(i)] for i in rng.integers(len(words), size=int(rng.integers(3, 9)))]
    return _capital(" ".join(NAMES.get(word, word) for word in drawn) + ".")


def sentence(rng: np.random.Generator) -> str:
    """What a voice of pre-training says: never a sentence of the bank."""
    bank = {s.text.lower().strip(" .!?") for s in text.sentence_bank()}
    while True:
        kind = rng.random()
        if kind < 0.45:
            said = grammar.random_sentence(rng)
        elif kind < 0.6:
            said = grammar.random_emotional(FEELINGS[int(rng.integers(len(FEELINGS)))], rng)
        else:
            said = exchanged(rng) if kind < 0.85 else salad(rng)
        if said.lower().strip(" .!?") not in bank:
            return said


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


# The attributes that speak for an emotion, strongest first: what a summary may name when the voice has them.
SPEAKS_FOR: dict[str, tuple[tuple[str, str], ...]] = {
    "neutral": (("range", "moderate"), ("loudness", "medium"), ("pace", "steady"), ("quality", "clear")),
    "happy": (("range", "wide"), ("timbre", "bright"), ("pitch", "high"), ("pace", "fast"), ("loudness", "loud")),
    "sad": (("loudness", "quiet"), ("pace", "slow"), ("range", "flat"), ("timbre", "dark"), ("quality", "breathy")),
    "angry": (("loudness", "loud"), ("quality", "rough"), ("timbre", "bright"), ("pace", "fast"), ("pitch", "high")),
    "fearful": (("quality", "shaky"), ("pitch", "high"), ("pace", "fast"), ("range", "flat"), ("quality", "breathy")),
    "disgusted": (("pitch", "low"), ("quality", "rough"), ("pace", "slow"), ("ending", "falling")),
    "surprised": (("ending", "rising"), ("range", "wide"), ("pitch", "high"), ("quality", "breathy")),
}
_NAMED = {
    "flat": "flat",
    "moderate": "even",
    "wide": "lively",
    "medium": "calm",
    "falling": "falling",
    "rising": "rising",
}


def cues(attributes: VoiceAttributes, emotion: str, most: int = 2) -> list[str]:
    """Adjectives of a voice that speak for an emotion, at most `most`, strongest first."""
    found = [value for name, value in SPEAKS_FOR[emotion] if getattr(attributes, name) == value]
    return list(dict.fromkeys(_NAMED.get(value, value) for value in found))[:most]


def _pick(options: tuple[str, ...] | list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def content(words_say: str, rng: np.random.Generator) -> str:
    """What the words say, as a clause: nothing, or a feeling."""
    if words_say == "neutral":
        return _pick(("neutral words", "the words are neutral", "plain words without feeling", "everyday words"), rng)
    return _pick(("words with feeling", f"the words sound {words_say}", f"the words tell of feeling {words_say}"), rng)


def summary(label: str, words_say: str, attributes: VoiceAttributes, rng: np.random.Generator) -> str:
    """What follows from the words and the voice for a label, in one clause."""
    adjectives = cues(attributes, label)
    voice = f"the {' and '.join(adjectives)} voice" if adjectives else "the voice"
    if words_say == label and label != "neutral":
        options = [f"the words say {label}", f"the words and {voice} sound {label}", f"what is said is {label}"]
    elif words_say != "neutral":
        options = [
            f"the words say {words_say}, but {voice} sounds {label}",
            f"it sounds {label}, whatever the words say",
        ]
    elif label == "neutral":
        options = ["it sounds neutral", f"{voice} sounds neutral", "nothing here shows a feeling, so it is neutral"]
    else:
        options = [
            f"it sounds {label}",
            f"{voice} sounds {label}",
            f"the words tell nothing, but {voice} sounds {label}",
        ]
    return _pick(options, rng)


def words_for(label: str, rng: np.random.Generator) -> str:
    """One to three words for a feeling, joined by commas."""
    family = text_words.family(label)
    return ", ".join(str(w) for w in rng.permutation(list(family))[: int(rng.integers(1, 4))])


def caption(label: str, words_say: str, described: str, rng: np.random.Generator) -> str:
    """The voice, the words and the feeling in two or three sentences."""
    feeling = words_for(label, rng).replace(", ", " and ") if label != "neutral" else "calm and neutral"
    sentences = [
        _capital(f"{_pick(('the speaker has', 'one hears'), rng)} {described}."),
        "The words are neutral." if words_say == "neutral" else "The words tell of a feeling.",
        _pick((f"The speaker is {feeling}.", f"The person comes across as {feeling}."), rng),
    ]
    return " ".join(sentences if rng.random() < 0.7 else [sentences[2], *sentences[:2]])
