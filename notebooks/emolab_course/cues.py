"""Reading descriptions back: which attributes of a voice or of a face a text states.

The inverse of `describe_voice` and `describe_face`, for scoring a model's descriptions and for checking what a
rationale claims. `stated_cues` scores descriptions against what is true of the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from emolab_synth.describe_face import CLASSES
from emolab_synth.describe_voice import ATTRIBUTES, ENDING_WORDS, RANGE_WORDS, describe
from emolab_synth.prosody import Prosody
from numpy.typing import NDArray

from emolab.attribution.stated import stated_modalities
from emolab.metrics.bootstrap import interval, mean_interval
from emolab.samples import MODALITIES

Floats = NDArray[np.float64]


def _face_pattern(name: str) -> str:
    """An attribute's noun with one of its classes after it ("the brows are raised") or before it ("raised brows")."""
    classes = "|".join(CLASSES[name])
    return rf"\b{name}(?: are| is| that is)? ({classes})\b|\b({classes}) {name}\b"


def _voice_words() -> dict[str, dict[str, str]]:
    """Attribute → stated phrase → class."""
    words = {name: {word: word for word in options} for name, options in ATTRIBUTES.items()}
    words["pitch"] = {"high": "high", "low": "low", "mid-pitched": "medium"}
    words["loudness"] = {"quiet": "quiet", "loud": "loud", "medium loudness": "medium"}
    words["range"] = {phrase: name for name, phrases in RANGE_WORDS.items() for phrase in phrases}
    words["ending"] = {phrase: name for name, phrases in ENDING_WORDS.items() for phrase in phrases}
    del words["timbre"]["even"]
    return words


def voice_attributes_in(text: str) -> dict[str, str]:
    """Attributes of a voice that `text` states: attribute to class; one that is not stated is left out.

    A described voice without a word for its timbre has an even one.

    >>> voice_attributes_in("a high, lively voice, fast and loud, bright and clear, ending in a rise")["range"]
    'wide'
    """
    stated: dict[str, str] = {}
    for name, phrases in _voice_words().items():
        for phrase, meaning in phrases.items():
            if re.search(rf"\b{re.escape(phrase)}\b", text):
                stated[name] = meaning
                break
    if "quality" in stated and "timbre" not in stated:
        stated["timbre"] = "even"
    return stated


def face_attributes_in(text: str) -> dict[str, str]:
    """Attributes of a face that `text` states: attribute to class; one that is not stated is left out.

    >>> face_attributes_in("raised brows, wide eyes, a smooth nose")
    {'brows': 'raised', 'eyes': 'wide', 'nose': 'smooth'}
    """
    stated = {}
    for name in CLASSES:
        match = re.search(_face_pattern(name), text)
        if match:
            stated[name] = match[1] or match[2]
    return stated


def stated_cues(texts: Sequence[str], true: Sequence[Mapping[str, str]], seed: int = 0) -> dict[str, Any]:
    """Do the voice attributes that texts state fit the recording? `true` maps attribute to class for each text.

    `wrong` is the share of stated attributes that do not fit, with a 95% interval over texts. `wrong_shuffled` is the
    same after exchanging the texts between recordings: a plausible description gets that far without listening.
    `by_attribute` is the share of right ones. `silent` counts the texts that state nothing.
    """
    stated = [voice_attributes_in(text) for text in texts]
    pairs = [(s, t) for s, t in zip(stated, true, strict=True) if s]
    result: dict[str, Any] = {"n": len(pairs), "silent": len(texts) - len(pairs)}
    if not pairs:
        return result | {"wrong": None, "wrong_ci": None, "wrong_shuffled": None, "by_attribute": {}}
    wrong = np.array([np.mean([t.get(name) != value for name, value in s.items()]) for s, t in pairs])
    order = np.random.default_rng(seed).permutation(len(pairs))
    shuffled = [
        np.mean([pairs[j][1].get(k) != v for k, v in s.items()]) for (s, _), j in zip(pairs, order, strict=True)
    ]
    names = sorted({name for s, _ in pairs for name in s})
    right = {k: float(np.mean([t.get(k) == s[k] for s, t in pairs if k in s])) for k in names}
    return result | {
        "wrong": float(wrong.mean()),
        "wrong_ci": mean_interval(wrong),
        "wrong_shuffled": float(np.mean(shuffled)),
        "by_attribute": right,
    }


def true_cues(truth: Mapping[str, Any]) -> dict[str, str]:
    """The voice attributes of a recording, from its row of the corpus's truth (`emolab_synth.corpus.read_truth`)."""
    return dict(asdict(describe(Prosody(**truth["prosody"]))))


def stated_against_measured(
    texts: Sequence[str],
    values: Floats,
    threshold: Floats,
    groups: Sequence[Hashable],
    modalities: Sequence[str] = MODALITIES,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Do rationales name the modality that moved the answer?

    A modality contributed where its φ (N, M) exceeds the `threshold` (M,), which is what an uninformative modality
    gets. `hallucination` is the share of stated modalities that did not contribute, `omission` the share of
    contributing modalities that are not stated, and `agreement` the share of rationales that state the modality with
    the largest φ. `silent` counts the rationales that state nothing.
    """
    stated = np.array([[m in stated_modalities(t) for m in modalities] for t in texts]).reshape(
        len(texts), len(modalities)
    )
    counted = values > threshold
    top = np.argmax(values, axis=1) if len(values) else np.zeros(0, int)
    speaks = np.flatnonzero(stated.any(1))
    result: dict[str, Any] = {"n": len(speaks), "silent": len(texts) - len(speaks)}
    if not len(speaks):
        return result | {"hallucination": None, "omission": None, "agreement": None}
    owners = [groups[int(i)] for i in speaks]

    def ratio(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Callable[[NDArray[np.int_]], float]:
        return lambda i: float(part[i].sum() / whole[i].sum()) if whole[i].any() else float("nan")

    s, c = stated[speaks], counted[speaks]
    named = s[np.arange(len(s)), top[speaks]][:, None]
    parts = {"hallucination": (s & ~c, s), "omission": (c & ~s, c), "agreement": (named, np.ones_like(named))}
    for name, (part, whole) in parts.items():
        result[name] = ratio(part, whole)(np.arange(len(speaks)))
        result[f"{name}_ci"] = interval(ratio(part, whole), owners, n_boot, seed)
    return result


def with_reasons(text: str, reasons: str) -> str:
    """A completion with the same answer and other reasons; one without an answer block stays as it is.

    >>> with_reasons("<think>the face tells it</think><answer>sad</answer>", "the voice tells it")
    '<think>the voice tells it</think><answer>sad</answer>'
    """
    start = text.rfind("<answer>")
    return text if start < 0 else f"<think>{reasons}</think>{text[start:]}"
