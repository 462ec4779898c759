"""The words for a voice: right for clear cases, of like frequency under `sample_any`, worded variously from a seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from emolab_synth.describe_voice import ATTRIBUTES, QUALITIES, SCALES, describe, scale_value
from emolab_synth.prosody import BASE, PROFILES, Prosody, sample_any


@pytest.mark.parametrize(
    ("prosody", "attribute", "word"),
    [
        (Prosody(f0=-3), "pitch", "low"),
        (Prosody(f0=1), "pitch", "medium"),
        (Prosody(f0=5), "pitch", "high"),
        (Prosody(range=-1), "range", "flat"),
        (Prosody(range=0.8, accent=3), "range", "wide"),
        (Prosody(), "range", "moderate"),
        (Prosody(rate=-0.3), "pace", "slow"),
        (Prosody(), "pace", "steady"),
        (Prosody(rate=0.3), "pace", "fast"),
        (Prosody(energy=-5), "loudness", "quiet"),
        (Prosody(), "loudness", "medium"),
        (Prosody(energy=6), "loudness", "loud"),
        (Prosody(tilt=-2), "timbre", "dark"),
        (Prosody(), "timbre", "even"),
        (Prosody(tilt=2), "timbre", "bright"),
        (Prosody(final=-3), "ending", "falling"),
        (Prosody(), "ending", "level"),
        (Prosody(final=4), "ending", "rising"),
        (Prosody(breath=0.3), "quality", "breathy"),
        (Prosody(rough=0.3), "quality", "rough"),
        (Prosody(tremor=0.8), "quality", "shaky"),
        (BASE, "quality", "clear"),
        (Prosody(tremor=0.5, rough=0.4), "quality", "rough"),
    ],
)
def test_clear_cases(prosody: Prosody, attribute: str, word: str) -> None:
    assert getattr(describe(prosody), attribute) == word


def test_words_are_balanced_when_anything_can_be_heard() -> None:
    rng = np.random.default_rng(0)
    seen = [describe(sample_any(rng)) for _ in range(3000)]
    for attribute, words in ATTRIBUTES.items():
        share = Counter(getattr(s, attribute) for s in seen)
        assert set(share) == set(words)
        assert min(share.values()) / 3000 > 0.15 and max(share.values()) / 3000 < 0.42, (attribute, share)


def test_emotions_sound_different_in_words() -> None:
    assert len({describe(p) for p in PROFILES.values()}) == len(PROFILES)
    assert describe(PROFILES["sad"]).pace == "slow" and describe(PROFILES["angry"]).loudness == "loud"


def test_a_sentence_names_every_attribute_and_is_worded_from_the_seed() -> None:
    voice = describe(Prosody(f0=5, range=1, rate=0.3, energy=6, tilt=2, rough=0.3, final=4))
    said = {voice.sentence(np.random.default_rng(i)) for i in range(40)}
    assert len(said) > 8
    for line in said:
        assert all(w in line for w in ("high", "fast", "loud", "bright", "rough"))
        assert ("wide" in line or "lively" in line) and ("ris" in line)
    assert voice.sentence(np.random.default_rng(3)) == voice.sentence(np.random.default_rng(3))
    assert voice.sentence() == voice.sentence()


def test_thresholds_are_in_order_and_the_scale_is_the_weighted_sum() -> None:
    assert all(low < high for _, (low, high), _ in SCALES.values())
    assert scale_value(Prosody(range=0.5, accent=2.0), "range") == pytest.approx(2.0)
    assert set(QUALITIES) == set(ATTRIBUTES["quality"]) - {"clear"}
