"""Each cue moves what it is named after; each emotion draws from its profile; `sample_any` knows no emotion."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from emolab_synth import prosody, seeds
from emolab_synth.prosody import BASE, CUES, PROFILES, RANGES, Prosody, sample_any, sample_prosody, shifted
from emolab_synth.voice import Room, record, speak

from emolab.emotions import EMOTIONS
from emolab.errors import SynthError
from emolab.prosody import FEATURES, prosody_features

QUIET_ROOM = Room(snr_db=50.0, lead=0.05, tail=0.05)
SENTENCES = (("m01", 2), ("f02", 5), ("m04", 9), ("f06", 14))


def measured(p: Prosody) -> dict[str, float]:
    """Mean features of four talkers' utterances with this prosody."""
    rows = []
    for voice, number in SENTENCES:
        seed = seeds.shipped(voice, seeds.shipped_sentences(voice)[number])
        rng = np.random.default_rng(number)
        rows.append(prosody_features(record(speak(seed, p, rng), p, rng, QUIET_ROOM))[0])
    return dict(zip(FEATURES, np.mean(rows, axis=0).tolist(), strict=True))


@pytest.fixture(scope="module")
def neutral() -> dict[str, float]:
    return measured(BASE)


# cue, value, feature, least change in the direction of its sign
MOVES = [
    ("f0", 3.0, "f0_median", 2.5),
    ("f0", -2.0, "f0_median", -1.6),
    ("range", 1.0, "f0_sd", 0.5),
    ("range", -1.0, "f0_sd", -0.2),
    ("slope", 3.0, "f0_slope", 0.8),
    ("accent", 4.0, "f0_high", 0.6),
    ("final", 5.0, "f0_final", 1.5),
    ("final", -4.0, "f0_final", -1.0),
    ("rate", 0.3, "duration", -0.2),
    ("rate", -0.3, "duration", 0.2),
    ("rate", 0.3, "syllable_rate", 0.2),
    ("pause", 60.0, "duration", 0.1),
    ("pause", 60.0, "pause_share", 0.02),
    ("energy", 6.0, "level_mean", 5.0),
    ("energy", -5.0, "level_mean", -4.0),
    ("energy_stress", 5.0, "level_sd", 0.3),
    ("tilt", 2.0, "tilt", 1.2),
    ("tilt", -1.5, "alpha_ratio", -2.0),
    ("breath", 0.3, "hnr_mean", -0.5),
    ("jitter", 0.02, "f0_jitter", 0.2),
    ("tremor", 1.0, "f0_tremor", 0.2),
    ("rough", 0.35, "am_rough", 3.0),
    ("formant", 0.07, "centroid", 0.03),
    ("formant", -0.07, "f2_region", -0.02),
    ("shimmer", 1.5, "hnr_mean", -0.02),
]


@pytest.mark.parametrize(("cue", "value", "feature", "least"), MOVES)
def test_a_cue_moves_what_it_is_named_after(
    cue: str, value: float, feature: str, least: float, neutral: dict[str, float]
) -> None:
    change = measured(shifted(BASE, **{cue: value}))[feature] - neutral[feature]
    assert change * np.sign(least) > abs(least), f"{feature} changed by {change:.3f}"


def test_every_emotion_has_a_profile_and_neutral_deviates_in_nothing() -> None:
    assert tuple(PROFILES) == EMOTIONS
    assert not any(PROFILES["neutral"].dict().values())


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_draws_centre_on_the_profile_and_scale_with_intensity(emotion: str) -> None:
    rng = np.random.default_rng(0)
    full = np.mean([sample_prosody(emotion, 1.0, rng).f0 for _ in range(600)])
    half = np.mean([sample_prosody(emotion, 0.5, rng).f0 for _ in range(600)])
    assert full == pytest.approx(PROFILES[emotion].f0, abs=0.2)
    assert half == pytest.approx(PROFILES[emotion].f0 / 2, abs=0.2)


def test_intensity_zero_is_neutral_whatever_the_emotion() -> None:
    draws = [sample_prosody(e, 0.0, np.random.default_rng(3)) for e in EMOTIONS]
    assert all(d == draws[0] for d in draws)


def test_no_draw_is_below_its_floor() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        drawn = sample_prosody("happy", 1.0, rng, expressivity=1.2, domain="b")
        assert all(getattr(drawn, cue) >= floor for cue, floor in prosody.FLOOR.items())


def test_domain_b_uses_cues_otherwise() -> None:
    a, b = (sample_prosody("angry", 1.0, np.random.default_rng(2), domain=d) for d in "ab")
    assert b.energy < a.energy and b.accent < a.accent and b.range > a.range


@pytest.mark.parametrize(("arguments", "named"), [(("bored", 1.0), "bored"), (("sad", 1.0, "c"), "'c'")])
def test_unknown_names_are_refused_with_the_known_ones(arguments: tuple, named: str) -> None:
    emotion, intensity, *domain = arguments
    with pytest.raises(SynthError, match=named):
        sample_prosody(emotion, intensity, np.random.default_rng(0), domain=domain[0] if domain else "a")
    with pytest.raises(SynthError, match="tempo"):
        shifted(Prosody(), tempo=1.0)


def test_sample_any_can_know_no_emotion() -> None:
    assert list(inspect.signature(sample_any).parameters) == ["rng"]
    assert not {"PROFILES", "sample_prosody", "DOMAIN_WEIGHTS"} & set(sample_any.__code__.co_names)


def test_sample_any_draws_every_cue_on_its_own_over_its_whole_range() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([list(sample_any(rng).dict().values()) for _ in range(4000)])
    low, high = np.array([RANGES[c] for c in CUES]).T
    assert (drawn >= low).all() and (drawn <= high).all()
    assert (drawn.min(0) < low + 0.01 * (high - low)).all() and (drawn.max(0) > high - 0.02 * (high - low)).all()
    between = np.corrcoef(drawn.T) - np.eye(len(CUES))
    assert np.abs(between).max() < 0.08


def test_the_ranges_hold_every_profile_of_the_most_expressive_talkers() -> None:
    for emotion, profile in PROFILES.items():
        for cue in CUES:
            value = getattr(BASE, cue) + 1.12 * getattr(profile, cue)
            assert RANGES[cue][0] <= max(value, prosody.FLOOR.get(cue, value)) <= RANGES[cue][1], (emotion, cue)
