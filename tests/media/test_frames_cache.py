"""Frames by time from videos, folders and strips; hashes of content; the feature cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from corpus_trees.media import clip, image
from PIL import Image

from emolab.media import FeatureCache, MediaError, content_hash, frames_of, load_frames
from emolab.media.frames import spread
from emolab.media.probe import MediaInfo, probe
from emolab.samples import EmotionSample


def left_edge(frames):
    """Column at which the bright square of `clip` starts in each frame."""
    return [int(np.argmax(frame[14].mean(axis=1) > 150)) for frame in frames]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return clip(tmp_path_factory.mktemp("video") / "a.mp4", 1.0)  # eight frames, the square moves by two pixels


def test_frames_by_time(video):
    assert load_frames(video).shape == (8, 32, 32, 3)
    assert left_edge(load_frames(video)) == pytest.approx([4, 6, 8, 10, 12, 14, 16, 18], abs=1)
    assert left_edge(load_frames(video, fps=4)) == pytest.approx([4, 8, 12, 16], abs=1)
    twice = [column for column in (4, 6, 8, 10, 12, 14, 16, 18) for _ in range(2)]
    assert left_edge(load_frames(video, fps=16)) == pytest.approx(twice, abs=1)
    assert left_edge(load_frames(video, max_frames=2)) == pytest.approx([8, 16], abs=1)
    assert load_frames(video, fps=4, max_frames=3).shape[0] == 3


def test_headers_of_videos(tmp_path, video):
    assert probe(video).seconds == pytest.approx(1.0, abs=0.15)
    for name in ("a.mp4", "a.avi"):
        assert (probe(clip(tmp_path / name)).channels, probe(tmp_path / name).width) == (1, 32)
        assert probe(clip(tmp_path / f"mute_{name}", audio=False)).channels == 0
        assert probe(clip(tmp_path / f"blind_{name}", video=False)).width == 0
    assert probe(image(tmp_path / "a.png")) == MediaInfo(None, 0, 0, 32, 32)


def test_a_strip_is_cut_into_squares(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), dtype=np.uint8)
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(tmp_path / "strip.png")
    assert (load_frames(tmp_path / "strip.png") == frames).all()
    assert (load_frames(tmp_path / "strip.png", max_frames=1) == frames[2:3]).all()
    Image.fromarray(frames[0, :, :7]).save(tmp_path / "odd.png")
    with pytest.raises(MediaError, match="7 x 8 pixels is no strip"):
        load_frames(tmp_path / "odd.png")


def test_a_folder_is_ordered_by_number(tmp_path):
    for i in (10, 9, 1):
        image(tmp_path / f"frame{i}.png", i)
    image(tmp_path / "._frame2.png")
    assert left_edge(load_frames(tmp_path)) == [(4 + 2 * i) % 24 for i in (1, 9, 10)]
    Image.new("RGB", (8, 8)).save(tmp_path / "frame11.png")
    with pytest.raises(MediaError, match=r"frame11.png: 8 x 8 pixels"):
        load_frames(tmp_path)


def test_frames_that_cannot_be_had(tmp_path, video):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_bytes(b"\x89PNG nonsense")
    for path, says in (
        (tmp_path / "empty", "no image"),
        (tmp_path / "bad.png", "not readable as an image"),
        (tmp_path / "gone.mp4", "no such file"),
    ):
        with pytest.raises(MediaError, match=says):
            load_frames(path)
    for wrong in ({"fps": 0}, {"fps": -1}, {"max_frames": 0}):
        with pytest.raises(MediaError, match="fps must be above 0"):
            load_frames(video, **wrong)


def test_too_many_frames_are_refused_before_memory_is_full(video, monkeypatch):
    monkeypatch.setattr("emolab.media.frames.MAX_BYTES", 4 * 32 * 32 * 3)
    assert len(load_frames(video, max_frames=4)) == 4
    with pytest.raises(MediaError, match="ask for fewer"):
        load_frames(video)


def test_a_long_video_is_refused(video, monkeypatch):
    monkeypatch.setattr("emolab.media.frames.MAX_SECONDS", 0.5)
    with pytest.raises(MediaError, match="cut it into utterances"):
        load_frames(video, max_frames=1)


def test_frames_of_prefers_what_is_in_memory(video):
    sample = EmotionSample("1", video=str(video))
    assert frames_of(sample, max_frames=2).shape == (2, 32, 32, 3)
    held = np.zeros((6, 4, 4, 3), np.uint8)
    assert frames_of(replace(sample, extra={"frames": held}), max_frames=3).shape == (3, 4, 4, 3)
    with pytest.raises(MediaError, match="uint8"):
        frames_of(replace(sample, extra={"frames": held.astype(float)}))
    with pytest.raises(MediaError, match="no video"):
        frames_of(EmotionSample("1", text="hi"))


def test_spread_takes_the_middles():
    assert spread(3, None).tolist() == spread(3, 5).tolist() == [0, 1, 2]
    assert spread(9, 3).tolist() == [1, 4, 7]


def test_content_hash_follows_content_not_names(tmp_path):
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"other")
    assert content_hash(tmp_path / "a") != content_hash(tmp_path / "b")
    zeros = np.zeros(4, np.float32)
    assert len({content_hash(zeros), content_hash(zeros.reshape(2, 2)), content_hash(zeros.astype(np.int32))}) == 3
    before = content_hash(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert content_hash(tmp_path) != before


def test_cache_is_bounded_and_forgets_the_least_used():
    cache = FeatureCache(max_bytes=100)
    made = []

    def make(name):
        return cache.get(name, lambda: made.append(name) or np.zeros(5))

    for name in ("a", "b", "a", "c", "a", "b"):
        make(name)  # 40 bytes each: two fit
    assert made == ["a", "b", "c", "b"]
    assert cache.nbytes == 80 and len(cache) == 2
    assert cache.get("big", lambda: np.zeros(50)).shape == (50,)
    assert "big" not in cache
    cache.clear()
    assert len(cache) == cache.nbytes == 0


def test_cache_on_disk_survives_and_replaces_damage(tmp_path):
    value = np.arange(6.0).reshape(2, 3)
    FeatureCache(1000, tmp_path).get("k", lambda: value)
    (file,) = tmp_path.iterdir()
    assert (FeatureCache(1000, tmp_path).get("k", lambda: 1 / 0) == value).all()
    file.write_bytes(file.read_bytes()[:50])
    assert (FeatureCache(1000, tmp_path).get("k", lambda: value + 1) == value + 1).all()
    assert (np.load(file) == value + 1).all()
    with pytest.raises(MediaError, match="numpy arrays"):
        FeatureCache(1000, tmp_path).get("other", lambda: memoryview(b"1234"))


def test_cache_is_computed_once_by_many_threads():
    cache, made = FeatureCache(10_000), []
    threads = [threading.Thread(target=cache.get, args=("k", lambda: made.append(1) or np.zeros(3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def sideways(path, quarter_turns=1):
    """A clip whose track is marked as turned clockwise, as a telephone stores it: the matrix in `tkhd`."""
    content = bytearray(clip(path, 1.0, audio=False).read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    one, minus, zero = b"\x00\x01\x00\x00", b"\xff\xff\x00\x00", bytes(4)
    turned = {1: (zero, one, minus, zero), 2: (minus, zero, zero, minus), 3: (zero, minus, one, zero)}[quarter_turns]
    a, b, c, d = turned
    content[at : at + 36] = a + b + zero + c + d + zero + zero + zero + b"\x40\x00\x00\x00"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_film_stored_sideways_is_shown_upright(tmp_path, turns):
    plain = load_frames(clip(tmp_path / "plain.mp4", 1.0, audio=False)).astype(int)
    shown = load_frames(sideways(tmp_path / "turned.mp4", turns)).astype(int)
    assert np.abs(shown - np.rot90(plain, -turns, axes=(1, 2))).mean() < 1


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    import av

    with av.open(str(tmp_path / "wide.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for i in range(4):
            picture = np.full((32, 32, 3), 40 * i, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    assert load_frames(tmp_path / "wide.mp4").shape == (4, 32, 64, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_shown_as_they_were_taken(tmp_path, orientation):
    wanted = np.zeros((16, 24, 3), np.uint8)
    wanted[:8, :12] = 255
    stored = {
        1: wanted,
        2: wanted[:, ::-1],
        3: wanted[::-1, ::-1],
        4: wanted[::-1],
        5: wanted.swapaxes(0, 1),
        6: np.rot90(wanted, 1),
        7: np.rot90(wanted, 2).swapaxes(0, 1),
        8: np.rot90(wanted, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "1.png", exif=exif)
    assert (load_frames(tmp_path)[0] == wanted).all()


def test_a_folder_of_forty_large_photographs_can_be_used(tmp_path):
    Image.new("RGB", (4000, 3000), (200, 30, 30)).save(tmp_path / "1.jpg")
    for i in range(2, 41):
        (tmp_path / f"{i}.jpg").hardlink_to(tmp_path / "1.jpg")
    assert load_frames(tmp_path, max_frames=8).shape == (8, 960, 1280, 3)
    assert load_frames(tmp_path).shape == (40, 960, 1280, 3) if 40 * 960 * 1280 * 3 < 1 << 30 else True


def test_an_image_is_opened_as_one_of_four_formats(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n")
    with pytest.raises(MediaError, match=r"not .*an image"):
        load_frames(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.gif")
    (tmp_path / "b.gif").rename(tmp_path / "b.png")
    with pytest.raises(MediaError, match="not readable as an image"):
        load_frames(tmp_path / "b.png")


def test_a_cache_that_cannot_be_written_names_the_way_out(tmp_path, caplog):
    """A run goes on without it. An error would look like a clip that cannot be read."""
    (tmp_path / "file").write_text("")
    cache, made = FeatureCache(1000, tmp_path / "file" / "cache"), []
    for name in "abab":
        assert cache.get(name, lambda name=name: made.append(name) or np.full(2, ord(name)))[0] == ord(name)
    assert made == ["a", "b"]
    assert [record.message for record in caplog.records if "EMOLAB_BUILD" in record.message] == [caplog.messages[0]]


def test_a_cache_on_disk_is_bounded_and_keeps_a_part_of_what_is_read_in_turn(tmp_path):
    def scan(most):
        cache, made = FeatureCache(0, tmp_path, disk_bytes=most), []  # nothing in memory
        for i in range(40):
            assert cache.get(f"clip {i}", lambda i=i: made.append(i) or np.full(256, i, np.int32))[0] == i
        return 40 - len(made)

    assert scan(30_000) == 0
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 30_000
    assert scan(30_000) >= 12, "a cache of 26 files serves the second pass over 40 clips"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 30_000
    for file in tmp_path.iterdir():
        os.utime(file, (0, 0))
    old = {file.name for file in tmp_path.iterdir()}
    cache = FeatureCache(0, tmp_path, disk_bytes=30_000)
    new = [cache.get(f"other {i}", lambda: np.zeros(256, np.int32)) is not None for i in range(12)]
    assert all(new) and cache.fetch("other 11") is not None
    assert len(old & {file.name for file in tmp_path.iterdir()}) < len(old), "what was not used for days goes first"


def test_a_large_array_is_mapped_and_not_read(tmp_path):
    FeatureCache(0, tmp_path).get("k", lambda: np.arange(100_000))
    value = FeatureCache(0, tmp_path).get("k", lambda: 1 / 0)
    assert isinstance(value, np.memmap) and (value == np.arange(100_000)).all()


WORKER = """
import sys, numpy as np
from emolab.media import FeatureCache
cache = FeatureCache(0, sys.argv[1], disk_bytes=400_000)
for turn in range(4):
    for i in range(60):
        value = cache.get(f"clip {i}", lambda: np.full(20_000 if i % 3 == 0 else 100, i, np.int32))
        assert (value == i).all(), i
"""


def test_two_processes_share_a_folder(tmp_path):
    call = [sys.executable, "-c", WORKER, str(tmp_path)]
    running = [subprocess.Popen(call, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in running] == ["", ""]
    assert not list(tmp_path.glob("*.part"))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 500_000  # each may write between two looks
