"""Faces: what each action unit moves, and what must not depend on what."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_synth import face
from emolab_synth.describe_face import CLASSES, describe

from emolab.errors import SynthError

REST = dict.fromkeys(face.AUS, 0.0)
# Rows of a 64-pixel upright face where each unit must show, and where it must change (almost) nothing.
BROWS, EYES, NOSE, MOUTH = slice(10, 24), slice(20, 32), slice(26, 40), slice(40, 58)
REGIONS = {
    "AU1": (BROWS, MOUTH),
    "AU2": (BROWS, MOUTH),
    "AU4": (BROWS, MOUTH),
    "AU5": (EYES, MOUTH),
    "AU6": (EYES, BROWS),
    "AU7": (EYES, MOUTH),
    "AU9": (NOSE, slice(56, 64)),
    "AU10": (MOUTH, BROWS),
    "AU12": (MOUTH, BROWS),
    "AU15": (MOUTH, BROWS),
    "AU17": (MOUTH, BROWS),
    "AU20": (MOUTH, BROWS),
    "AU23": (MOUTH, BROWS),
    "AU24": (MOUTH, BROWS),
    "AU25": (MOUTH, BROWS),
    "AU26": (MOUTH, BROWS),
    "AU27": (MOUTH, BROWS),
}


def change(unit: str, rows: slice) -> float:
    """Mean absolute change of grey level in the rows of the face when one unit is fully shown."""
    who = face.FaceIdentity()
    a, b = (face.render(REST | {unit: level}, who).astype(float)[rows, 12:52] for level in (0.0, 1.0))
    return float(np.abs(a - b).mean())


@pytest.mark.parametrize("unit", face.AUS)
def test_a_unit_changes_its_own_region(unit: str) -> None:
    there, elsewhere = REGIONS[unit]
    assert change(unit, there) > 0.5
    assert change(unit, there) > 4 * change(unit, elsewhere)


def test_clip_is_pixels_and_reproducible() -> None:
    who, aus = face.identity("f", np.random.default_rng(1)), face.sample_any_aus(np.random.default_rng(2))
    one, two, other = (face.clip(aus, who, np.random.default_rng(s)) for s in (3, 3, 4))
    assert one.shape == (8, 64, 64, 3) and one.dtype == np.uint8
    assert (one == two).all() and (one != other).any()
    assert face.clip(aus, who, np.random.default_rng(3), n_frames=1, size=48).shape == (1, 48, 48, 3)
    assert (face.clip(aus, who, np.random.default_rng(3), look="b") != one).mean() > 0.5


def test_pose_and_light_do_not_depend_on_the_expression() -> None:
    """Border pixels (background, hair) of a clip are the same whatever the face shows."""
    who, frames = face.FaceIdentity(), []
    for emotion in face.EMOTION_AUS:
        aus = face.sample_aus(emotion, 1.0, np.random.default_rng(5))
        frames.append(face.clip(aus, who, np.random.default_rng(6))[:, :3])
    assert all((f == frames[0]).all() for f in frames)


def test_identity_does_not_depend_on_the_expression_and_varies() -> None:
    people = [face.identity(g, np.random.default_rng(s)) for s in range(30) for g in "fm"]
    assert len(set(people)) == 60
    assert {p.style for p in people} >= {"short", "long", "bob", "bun"}
    assert not any(p.beard for p in people[::2]) and any(p.beard for p in people[1::2])
    assert people[0] == face.identity("f", np.random.default_rng(0))


def test_expression_rises_and_the_apex_is_in_the_middle() -> None:
    for seed in range(20):
        shown = face.onset_apex(8, np.random.default_rng(seed))
        assert shown.shape == (8,) and shown[0] == 0.35 and shown.min() >= 0.35 and shown.max() <= 1
        assert 2 <= int(shown.argmax()) <= 5 and shown.max() > 0.9
    assert face.onset_apex(1, np.random.default_rng(0)) > 0.5


def test_lips_follow_the_voice() -> None:
    who, still = face.FaceIdentity(), np.zeros(8)
    loud = still.copy()
    loud[5] = 1.0
    quiet, spoken = (face.clip(REST, who, np.random.default_rng(0), speech=s).astype(float) for s in (still, loud))
    moved = np.abs(quiet - spoken)[:, MOUTH].mean((1, 2, 3))
    assert moved[5] > 3 * moved[:5].max()


def test_loudness_envelope() -> None:
    wave = np.zeros(16000)
    wave[8000:12000] = np.sin(np.arange(4000))
    level = face.loudness_envelope(wave, 8)
    assert level.shape == (8,) and level.max() == 1.0 and int(level.argmax()) in (4, 5) and level[0] == level[-1] == 0
    assert (face.loudness_envelope(np.zeros(100), 4) == 0).all()


def test_action_units_of_an_emotion() -> None:
    rng = np.random.default_rng(0)
    mean = {e: np.mean([face.to_vector(face.sample_aus(e, 0.9, rng)) for _ in range(60)], 0) for e in face.EMOTION_AUS}
    units = list(face.AUS)
    for emotion, prototype in face.EMOTION_AUS.items():
        for unit, value in prototype.items():
            assert mean[emotion][units.index(unit)] == pytest.approx(0.9 * value, abs=0.25)
    assert mean["neutral"].max() < 0.2
    with pytest.raises(SynthError, match="glum"):
        face.sample_aus("glum", 1.0, rng)


def test_arbitrary_faces_have_independent_units() -> None:
    rng = np.random.default_rng(0)
    vectors = np.stack([face.to_vector(face.sample_any_aus(rng)) for _ in range(3000)])
    off_diagonal = np.corrcoef(vectors.T) - np.eye(len(face.AUS))
    assert np.abs(off_diagonal).max() < 0.08
    assert vectors.min() >= 0 and vectors.max() <= 1.15


def test_descriptions_are_balanced_on_arbitrary_faces() -> None:
    rng = np.random.default_rng(0)
    found = [describe(face.sample_any_aus(rng)).dict() for _ in range(2000)]
    for attribute, classes in CLASSES.items():
        shares = [np.mean([f[attribute] == c for f in found]) for c in classes]
        assert sum(shares) == pytest.approx(1) and min(shares) > 0.15 and max(shares) < 0.62, (attribute, shares)


@pytest.mark.parametrize(
    ("units", "attribute", "expected"),
    [
        ({"AU1": 1.0, "AU2": 1.0}, "brows", "raised"),
        ({"AU4": 1.0}, "brows", "lowered"),
        ({"AU1": 1.0, "AU4": 0.8}, "brows", "slanted"),
        ({}, "brows", "level"),
        ({"AU5": 1.0}, "eyes", "wide"),
        ({"AU7": 1.0}, "eyes", "narrow"),
        ({"AU9": 0.8}, "nose", "wrinkled"),
        ({"AU12": 1.0}, "corners", "up"),
        ({"AU15": 1.0}, "corners", "down"),
        ({"AU20": 1.0}, "lips", "stretched"),
        ({"AU24": 1.0}, "lips", "pressed"),
        ({}, "lips", "relaxed"),
        ({"AU27": 1.0}, "mouth", "open"),
        ({"AU25": 1.0}, "mouth", "parted"),
        ({}, "mouth", "closed"),
    ],
)
def test_descriptions(units: dict[str, float], attribute: str, expected: str) -> None:
    assert describe(REST | units).dict()[attribute] == expected


def test_sentences_hold_every_attribute() -> None:
    attributes = describe(REST | {"AU1": 1.0, "AU4": 0.8, "AU26": 1.0})
    for wording in range(3):
        assert all(word in attributes.sentence(wording).lower() for word in attributes.dict().values())
