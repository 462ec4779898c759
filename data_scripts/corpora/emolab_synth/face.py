"""Faces from action units: short clips with onset and apex, a moving head, blinks, and lips that follow the voice.

Expression (`face_aus`), identity (`face_identity`), geometry,
drawing and light are modules of their own; this one makes clips.
"""

from __future__ import annotations

import numpy as np

from emolab_synth.face_aus import AUS, EMOTION_AUS, sample_any_aus, sample_aus, to_vector
from emolab_synth.face_geometry import Pose
from emolab_synth.face_identity import FaceIdentity, identity
from emolab_synth.face_light import render
from emolab_synth.face_render import Scene

__all__ = [
    "AUS",
    "EMOTION_AUS",
    "FRAMES",
    "SIZE",
    "FaceIdentity",
    "Pose",
    "Scene",
    "clip",
    "identity",
    "loudness_envelope",
    "onset_apex",
    "render",
    "sample_any_aus",
    "sample_aus",
    "to_vector",
]

FRAMES, SIZE = 8, 64
FPS = 4.0  # nominal: the frames of a clip are spread over its voice, of about two seconds


def onset_apex(n: int, rng: np.random.Generator) -> np.ndarray:
    """How much of the expression shows in each of n frames, 0.35 to 1: it rises, stays, and half relaxes."""
    t = np.linspace(0, 1, n) if n > 1 else np.array([0.5])
    rise = np.clip(t / (0.3 * rng.uniform(0.6, 1.4)), 0, 1)
    fall = np.clip((1 - t) / (0.35 * rng.uniform(0.6, 1.4)), 0, 1)
    return np.maximum(0.35, np.minimum(rise**2 * (3 - 2 * rise), 0.5 + 0.5 * fall**2 * (3 - 2 * fall)))


def loudness_envelope(wave: np.ndarray, n: int, window: int = 800) -> np.ndarray:
    """Loudness of a waveform at n evenly spaced times, 0 to 1: float32 (n,). `window` in samples."""
    energy = np.concatenate([[0.0], np.cumsum(np.asarray(wave, float) ** 2)])
    centres = np.linspace(0, len(wave) - 1, n).astype(int)
    low, high = np.maximum(centres - window // 2, 0), np.minimum(centres + window // 2, len(wave))
    level = np.sqrt((energy[high] - energy[low]) / np.maximum(high - low, 1))
    return (level / max(float(level.max()), 1e-6)).astype(np.float32)


def _scene(rng: np.random.Generator, look: str) -> Scene:
    angle = rng.uniform(-2.6, 2.6)
    light = (float(np.sin(angle) * 0.6), float(0.25 + 0.5 * abs(np.cos(angle))))
    return Scene(
        light, float(rng.uniform(0.08, 0.42)), float(rng.uniform(0.84, 1.04)), float(rng.uniform(1.5, 6.0)), look
    )


def _poses(n: int, rng: np.random.Generator) -> list[Pose]:
    start, drift = rng.normal(0, (0.22, 0.12, 0.07)), rng.normal(0, (0.06, 0.04, 0.03))
    scale, shift, gaze = float(rng.uniform(0.92, 1.06)), rng.normal(0, 0.03, 2), rng.normal(0, 0.35, 2)
    blink = int(rng.integers(n)) if n > 1 and rng.random() < 0.35 else -1
    poses = []
    for i in range(n):
        yaw, pitch, roll = start + drift * 2 * (i / max(1, n - 1) - 0.5)
        poses.append(
            Pose(
                float(yaw),
                float(pitch),
                float(roll),
                (float(gaze[0]), float(gaze[1])),
                0.9 if i == blink else 0.0,
                scale,
                (float(shift[0]), float(shift[1])),
            )
        )
    return poses


def clip(
    aus: dict[str, float],
    who: FaceIdentity,
    rng: np.random.Generator,
    n_frames: int = FRAMES,
    size: int = SIZE,
    speech: np.ndarray | None = None,
    look: str = "a",
) -> np.ndarray:
    """A clip of a face that shows `aus` at its apex: uint8 (n_frames, size, size, 3).

    Args: `speech` (n_frames,) loudness 0 to 1 opens lips and jaw; `look` "a" or "b",
    the rendering of each domain. Head, light,
    camera and blinks come from `rng` and depend on nothing else.
    """
    scene, poses = _scene(rng, look), _poses(n_frames, rng)
    shown = onset_apex(n_frames, rng)
    frames = []
    for i, pose in enumerate(poses):
        now = {unit: value * float(shown[i]) for unit, value in aus.items()}
        if speech is not None:
            now["AU25"] = min(1.1, now["AU25"] + 0.55 * float(speech[i]))
            now["AU26"] = min(1.1, now["AU26"] + 0.38 * float(speech[i]))
        frames.append(render(now, who, pose, scene, size, rng))
    return np.stack(frames)
