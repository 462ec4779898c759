"""What a listener would write about a sample: open-vocabulary emotion words, and a caption in one of many wordings."""

from __future__ import annotations

import numpy as np

from emolab_synth.describe_face import describe as describe_face
from emolab_synth.describe_voice import describe as describe_voice
from emolab_synth.plan import Spec
from emolab_synth.prosody import Prosody
from emolab_synth.text_words import family

_FEELS = (
    "The speaker feels {words}.",
    "The speaker is {words}.",
    "Overall, this person seems {words}.",
    "The person comes across as {words}.",
)
_CALM = (
    "The speaker shows no strong feeling.",
    "The speaker is calm and neutral.",
    "Overall, this person seems neutral.",
)
_WORDS = {
    "plain": ("The words are neutral.", "What is said carries no feeling.", "The words alone tell nothing."),
    "telling": ("The words tell of it: \u201c{text}\u201d", "What is said fits: \u201c{text}\u201d"),
    "other": ("The words say something else: \u201c{text}\u201d", "What is said points elsewhere: \u201c{text}\u201d"),
}


def strength(intensity: float) -> int:
    """0 weak, 1 medium, 2 strong: the level of words that fits an intensity."""
    return int(intensity >= 0.65) + int(intensity >= 0.88)


def emotion_words(spec: Spec, rng: np.random.Generator) -> tuple[str, ...]:
    """Two to four words for what the speaker feels: mostly of the fitting strength, often with the plain label."""
    calm = spec.emotion == "neutral"
    level = int(rng.integers(3)) if calm else strength(max(spec.intensity.values()))
    near = list(family(spec.emotion, level))
    words = [near[i] for i in rng.permutation(len(near))[: int(rng.integers(2, 4))]]
    if spec.emotion not in words and rng.random() < 0.6:
        words.insert(int(rng.integers(len(words) + 1)), spec.emotion)
    return tuple(words)


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _joined(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _about_words(spec: Spec, rng: np.random.Generator) -> str:
    role = "telling" if "text" in spec.carriers else "other" if "text" in spec.distractors else "plain"
    return _pick(_WORDS[role], rng).format(text=spec.sentence.text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def describe(
    spec: Spec, prosody: Prosody, aus: dict[str, float], words: tuple[str, ...], rng: np.random.Generator
) -> tuple[str, dict[str, str]]:
    """A caption, and its clauses by `emolab.samples.PARTS`.

    The caption tells of the voice, the face, the words and the feeling, in this or another order. The clauses are
    what it says of each, without the sentences' openings and full stops; the tone is how the description of the voice
    begins.

    Args: `prosody` and `aus` as realised; `words` from `emotion_words`.
    """
    lead = _pick(("the speaker has", "one hears"), rng)
    voice = describe_voice(prosody).sentence(rng)
    face = describe_face(aus).sentence(int(rng.integers(3)))
    about_words = _about_words(spec, rng)
    evidence = [_sentence(f"{lead} {voice}"), _sentence(face), about_words]
    feeling = _pick(_CALM, rng) if spec.emotion == "neutral" else _pick(_FEELS, rng).format(words=_joined(words))
    parts = {
        "tone": voice[: voice.index("voice") + len("voice")],
        "voice": voice,
        "face": face,
        "words": about_words.rstrip("."),
        "feeling": feeling.rstrip("."),
    }
    if spec.sarcastic:
        irony = _pick(("It is meant sarcastically.", "The glad words are sarcasm."), rng)
        parts["irony"] = irony.rstrip(".")
        feeling += f" {irony}"
    return " ".join([feeling, *evidence] if rng.random() < 0.3 else [*evidence, feeling]), parts
