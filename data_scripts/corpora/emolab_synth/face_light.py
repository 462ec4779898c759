"""From a drawn face to a picture: light on an ellipsoid, cheeks, camera noise, and the look of each domain."""

from __future__ import annotations

import numpy as np

from emolab_synth.face_geometry import FRAME, Pose, Units
from emolab_synth.face_identity import FaceIdentity
from emolab_synth.face_render import SUPERSAMPLE, Scene, Sketch, draw

UPRIGHT, STUDIO = Pose(), Scene()
_BLUSH = np.array([7, -3, -2], np.float32)
_WARM = np.array([1.10, 0.99, 0.84], np.float32)


def _cheeks(sketch: Sketch, size: int) -> np.ndarray:
    """Two soft blobs where the cheeks are: (size, size)."""
    aus, pixel = sketch.aus, np.arange(size, dtype=np.float32) + 0.5
    y = -0.13 + 0.07 * aus["AU6"] + 0.04 * aus["AU12"]
    radius = 0.17 * sketch.project.unit / SUPERSAMPLE
    out = np.zeros((size, size), np.float32)
    for px, py in sketch.project([(-0.46, y), (0.46, y)]):
        dx, dy = (pixel - px / SUPERSAMPLE) / radius, (pixel - py / SUPERSAMPLE) * 1.25 / radius
        out += np.exp(-dy * dy)[:, None] * np.exp(-dx * dx)[None, :]
    return out


def _shine(sketch: Sketch, scene: Scene, who: FaceIdentity, pose: Pose, size: int) -> np.ndarray:
    """Lambert's law on an ellipsoid in front of the head: factor (size, size)."""
    grid = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) / (FRAME * pose.scale)
    nx = ((grid - pose.shift[0]) / (0.95 * who.width) - sketch.project.sin_y)[None, :]
    ny = ((0.03 - grid - pose.shift[1]) / 1.2 - sketch.project.sin_p * 0.5)[:, None]
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.05, 1))
    return 1 + scene.contrast * 1.5 * (scene.light[0] * nx + scene.light[1] * ny + 0.75 * nz - 0.55)


def _domain_b(image: np.ndarray) -> np.ndarray:
    """Warm cast, less colour, a soft lens."""
    grey = image.mean(-1, keepdims=True)
    image = (grey + 0.45 * (image - grey)) * _WARM
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    soft = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] + 4 * image) / 8
    return 20 + 0.85 * soft


def render(
    aus: Units,
    who: FaceIdentity,
    pose: Pose = UPRIGHT,
    scene: Scene = STUDIO,
    size: int = 64,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """One picture, uint8 RGB (size, size, 3). `rng` draws the camera's noise; without it there is none."""
    image, mask, sketch = draw(aus, who, pose, size)
    cheeks = _cheeks(sketch, size)
    face = _shine(sketch, scene, who, pose, size) + cheeks * (0.04 + 0.08 * aus["AU6"])
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    back = 1 + 0.10 * (scene.light[0] * grid[None, :] - scene.light[1] * grid[:, None])
    image = image * (face[..., None] * mask + back[..., None] * (1 - mask))
    image += (cheeks[..., None] * mask) * _BLUSH * (0.4 + aus["AU6"])
    image *= scene.gain
    if scene.look == "b":
        image = _domain_b(image)
    if rng is not None and scene.noise:
        image += scene.noise * rng.standard_normal(image.shape, np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)
