"""Frames from a video file (by time), a folder of images, or a strip image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from emolab.errors import MediaError
from emolab.media.files import MAX_SECONDS, is_folder, open_av, regular_file, too_long, unreadable

if TYPE_CHECKING:
    from av import VideoFrame

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
"""What may be opened as an image, whatever its name says: no PostScript, nothing that starts another program."""
MAX_SIDE = 1280  # pixels; larger pictures are scaled down, models see a few hundred
MAX_BYTES = 1 << 30  # decoded frames of one clip
MAX_PIXELS = 64_000_000  # of one image


def load_frames(
    path: str | Path, fps: float | None = None, max_frames: int | None = None, window: tuple[float, float] | None = None
) -> np.ndarray:
    """Read frames as uint8 (F, H, W, 3), RGB.

    `path` is a video file, a folder of images (in the order of the numbers in their names), or a strip image whose
    width is a multiple of its height. With `fps`, a video gives the frame shown at 0, 1/fps, 2/fps… seconds; folders
    and strips have no clock and give every frame. With `max_frames`, at most that many, evenly spaced. `window` is the
    part of a video to read, from and to in seconds. Frames come upright (rotation and orientation that the file states
    are applied), with square pixels, and at most `MAX_SIDE` pixels wide or high. Raises MediaError if there is nothing
    usable, if a video is longer than ten minutes, or if the frames would take more than 1 GiB.
    """
    if (fps is not None and fps <= 0) or (max_frames is not None and max_frames < 1):
        raise MediaError(f"{path}: fps must be above 0, max_frames at least 1; got {fps} and {max_frames}")
    path = Path(path)
    if is_folder(path):
        return _folder(path, max_frames)
    path = regular_file(path)
    return _strip(path, max_frames) if path.suffix.lower() in IMAGES else _video(path, fps, max_frames, window)


def spread(n: int, most: int | None) -> np.ndarray:
    """Indices of at most `most` of `n` items: the middles of equal parts, all of them if they are few enough."""
    if most is None or n <= most:
        return np.arange(n)
    return ((np.arange(most) + 0.5) * n / most).astype(int)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file, with its header read. Raises MediaError, also for pixels that cannot be read."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise unreadable(path, "an image", str(error)) from error


def _image(path: Path, scale: bool = True) -> np.ndarray:
    """One image as uint8 (H, W, 3), upright, scaled down to `MAX_SIDE` if asked."""
    with _opened(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise MediaError(f"{path}: {image.width} x {image.height} pixels, at most {MAX_PIXELS}; scale it down")
        if scale:
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        if scale:
            upright.thumbnail((MAX_SIDE, MAX_SIDE))
        return np.asarray(upright)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height that an image's header states. Raises MediaError if it is none."""
    with _opened(path) as image:
        return image.size


def _strip(path: Path, max_frames: int | None) -> np.ndarray:
    strip = _image(path, scale=False)
    height, width = strip.shape[:2]
    if width % height:
        raise MediaError(
            f"{path}: {width} x {height} pixels is no strip of square frames; its width must be a "
            "multiple of its height (put separate images in a folder)"
        )
    frames = strip.reshape(height, width // height, height, 3).swapaxes(0, 1)
    return np.ascontiguousarray(frames[spread(len(frames), max_frames)])


def _folder(path: Path, max_frames: int | None) -> np.ndarray:
    def order(file: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]

    files = sorted((f for f in path.iterdir() if f.suffix.lower() in IMAGES and not f.name.startswith(".")), key=order)
    if not files:
        raise MediaError(f"{path}: no image in this folder; expected {', '.join(sorted(IMAGES))}")
    frames: list[np.ndarray] = []
    chosen = [files[i] for i in spread(len(files), max_frames)]
    for file in chosen:
        frame = _image(regular_file(file))
        if frames and frame.shape != frames[0].shape:
            raise MediaError(
                f"{file}: {frame.shape[1]} x {frame.shape[0]} pixels, the first image of the folder has "
                f"{frames[0].shape[1]} x {frames[0].shape[0]}; bring them to one size"
            )
        _check_size(path, len(chosen), frame)
        frames.append(frame)
    return np.stack(frames)


def _check_size(path: Path, n: int, frame: np.ndarray) -> None:
    if n * frame.nbytes > MAX_BYTES:
        raise MediaError(
            f"{path}: {n} frames of {frame.shape[1]} x {frame.shape[0]} take more than "
            f"{MAX_BYTES >> 30} GiB; ask for fewer with fps= or max_frames="
        )


def _video(
    path: Path, fps: float | None, max_frames: int | None, window: tuple[float, float] | None = None
) -> np.ndarray:
    import av

    try:
        times = _frame_times(path)
        if window is not None:
            inside = times[(times >= window[0] - 1e-6) & (times < window[1] - 1e-6)]
            times = inside if len(inside) else times[-1:]
        wanted = _wanted(times, fps, max_frames)
        frames = _decode(path, times[wanted])
    except (av.FFmpegError, ValueError, OSError) as error:
        raise unreadable(path, "video", str(getattr(error, "strerror", None) or error)) from error
    if not frames:
        raise unreadable(path, "video", "none of its frames can be decoded")
    return np.stack(frames)


def _frame_times(path: Path) -> np.ndarray:
    """Presentation times of a video's frames in seconds, sorted, from its packets: nothing is decoded."""
    import av

    with open_av(path) as container:
        if not container.streams.video or container.streams.video[0].codec_context is None:
            raise MediaError(f"{path}: holds no video track to decode; use it as audio only, or give another")
        if container.duration and container.duration / av.time_base > MAX_SECONDS:
            raise too_long(path, container.duration / av.time_base, MAX_SECONDS)
        stream = container.streams.video[0]
        stamps = [p.pts if p.pts is not None else p.dts for p in container.demux(stream) if p.size]
        times = sorted(float(stamp * stream.time_base) for stamp in stamps if stamp is not None)
    if not times:
        raise MediaError(f"{path}: its video track holds no frame; copy or download it again")
    return np.asarray(times)


def _wanted(times: np.ndarray, fps: float | None, max_frames: int | None) -> np.ndarray:
    """Indices into `times` of the frames to keep, repeats included (a clip slower than `fps` shows a frame longer)."""
    if fps is None:
        return spread(len(times), max_frames)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / fps
    count = max(1, round((times[-1] - times[0] + step) * fps))
    clock = times[0] + spread(count, max_frames) / fps
    return np.clip(np.searchsorted(times, clock + 1e-6, side="right") - 1, 0, None)


def _decode(path: Path, wanted: np.ndarray) -> list[np.ndarray]:
    """The frames shown at the times `wanted` (sorted, seconds). A clip that ends early repeats its last frame."""
    frames: list[np.ndarray] = []
    shown: np.ndarray | None = None
    with open_av(path) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            if len(frames) == len(wanted):
                break
            if frame.time is None or frame.time + 1e-6 < wanted[len(frames)]:
                continue
            shown = _upright(frame, stream.codec_context.sample_aspect_ratio)
            _check_size(path, len(wanted), shown)
            while len(frames) < len(wanted) and frame.time + 1e-6 >= wanted[len(frames)]:
                frames.append(shown)
    if frames and len(wanted) - len(frames) > max(1, len(wanted) // 20):
        raise MediaError(
            f"{path}: truncated, {len(frames)} of the {len(wanted)} frames asked for can be decoded; "
            "copy or download it again"
        )
    return frames + [shown] * (len(wanted) - len(frames)) if shown is not None else []


def _upright(frame: VideoFrame, pixel: Fraction | None) -> np.ndarray:
    """A decoded frame as uint8 (H, W, 3): square pixels, rotated as its file says, scaled down to `MAX_SIDE`."""
    ratio = float(pixel) if pixel else 1.0
    width, height = frame.width * max(1.0, ratio), frame.height * max(1.0, 1 / ratio)
    scale = min(1.0, MAX_SIDE / max(width, height))
    size = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
    image = frame.reformat(format="rgb24", **size).to_ndarray()
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
