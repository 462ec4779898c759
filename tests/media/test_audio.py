"""Audio of every format comes out as the same 16 kHz mono wave; the limits are where the documentation says."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile as sf
from corpus_trees.media import clip

from emolab.media import MAX_SECONDS, SAMPLE_RATE, MediaError, audio_of, check_audio, load_audio, probe
from emolab.media.check import check_wave
from emolab.samples import EmotionSample


def tone(rate, seconds=1.0, hertz=440.0):
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def level_at(wave, hertz):
    """Amplitude of a sine of this frequency in a wave at 16 kHz, edges left out."""
    middle = wave[1600:-1600]
    phase = 2j * np.pi * hertz * np.arange(len(middle)) / SAMPLE_RATE
    return 2 * abs(np.mean(middle * np.exp(-phase)))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
def test_formats_and_rates(tmp_path, kind, rate):
    if kind in ("mp3", "ogg") and rate == 96_000:
        rate = 48_000  # the highest rate of these
    sf.write(tmp_path / f"a.{kind}", tone(rate), rate)
    wave = load_audio(tmp_path / f"a.{kind}")
    assert wave.dtype == np.float32
    assert len(wave) == pytest.approx(SAMPLE_RATE, rel=0.1 if kind == "mp3" else 0.001)
    assert level_at(wave, 440) == pytest.approx(0.4, rel=0.05)
    assert probe(tmp_path / f"a.{kind}").rate == rate


@pytest.mark.parametrize(
    ("name", "codec"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.mkv", "pcm_s16le"), ("a.avi", "pcm_s16le")]
)
def test_containers(tmp_path, name, codec):
    with av.open(str(tmp_path / name), "w", format="mp4" if name.endswith("m4a") else None) as output:
        stream = output.add_stream(codec, rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((tone(16_000) * 32_767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = 16_000
        resampler = av.AudioResampler(stream.format, stream.layout, stream.rate, stream.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode())
    assert level_at(load_audio(tmp_path / name), 440) == pytest.approx(0.4, rel=0.05)


def test_nothing_folds_back_when_resampling_down(tmp_path):
    sf.write(tmp_path / "high.wav", tone(48_000, hertz=13_000), 48_000)  # 13 kHz would alias to 3 kHz
    assert level_at(load_audio(tmp_path / "high.wav"), 3_000) < 1e-3


def test_blocks_join_without_a_seam(tmp_path):
    sf.write(tmp_path / "long.wav", tone(44_100, 25.0), 44_100)  # read in blocks of ten seconds
    wave = load_audio(tmp_path / "long.wav")
    assert len(wave) == 25 * SAMPLE_RATE
    ideal = 0.4 * np.sin(2 * np.pi * 440 * np.arange(len(wave)) / SAMPLE_RATE)
    assert np.abs(wave - ideal)[100:-100].max() < 1e-3


def test_stereo_is_the_mean_of_its_channels(tmp_path):
    left, right = tone(16_000), tone(16_000, hertz=1_000)
    sf.write(tmp_path / "s.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    assert np.allclose(load_audio(tmp_path / "s.wav"), (left + right) / 2, atol=1e-6)


def test_the_limits(tmp_path):
    for seconds, says in ((0.02, "less than"), (3.0, "the limit is")):
        sf.write(tmp_path / "a.wav", tone(16_000, seconds), 16_000)
        with pytest.raises(MediaError, match=says):
            load_audio(tmp_path / "a.wav", max_seconds=2.0)
    sf.write(tmp_path / "a.wav", tone(16_000, 2.0), 16_000)
    assert len(load_audio(tmp_path / "a.wav", max_seconds=2.0)) == 32_000
    assert MAX_SECONDS == 600


def test_a_file_that_ends_early_is_told_beyond_a_twentieth_of_a_second(tmp_path):
    sf.write(tmp_path / "a.wav", tone(16_000), 16_000)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: -2 * 700])
    assert len(load_audio(tmp_path / "a.wav")) == 16_000 - 700
    (tmp_path / "a.wav").write_bytes(whole[: -2 * 1000])
    with pytest.raises(MediaError, match=r"truncated, it holds 0.94 of the 1.00 s"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone.wav", "no such file"),
        ("", "a folder"),
        ("empty.wav", "empty"),
        ("text.wav", "a text file"),
        ("page.wav", "an HTML page"),
        ("lfs.wav", "git lfs pull"),
        ("nan.wav", "first at 0.250 s"),
        ("scale.wav", "full scale is 1"),
        ("none.wav", "no samples"),
    ],
)
def test_messages_name_the_cause(tmp_path, name, says):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("Dear diary, today I recorded nothing.")
    (tmp_path / "page.wav").write_text("<html><body>Not found</body></html>")
    (tmp_path / "lfs.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n")
    broken = tone(16_000)
    broken[4_000] = np.nan
    for file, wave in (("nan", broken), ("scale", tone(16_000) * 32_768), ("none", broken[:0])):
        sf.write(tmp_path / f"{file}.wav", wave, 16_000, subtype="FLOAT")
    with pytest.raises(MediaError, match=says) as caught:
        load_audio(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_check_audio_says_what_is_odd(tmp_path):
    sf.write(tmp_path / "quiet.wav", np.zeros((8_000, 2)), 8_000)
    found = check_audio(tmp_path / "quiet.wav")
    assert (found.silent, found.channels, found.rate, found.seconds, found.ok) == (True, 2, 8_000, 1.0, False)
    assert len(found.warnings) == 3  # silent, band-limited, stereo
    good = check_wave(tone(16_000))
    assert good.ok and not good.warnings
    assert good.rms_db == pytest.approx(20 * np.log10(0.4 / np.sqrt(2)), abs=0.01)
    assert check_wave(np.clip(tone(16_000) * 10, -1, 1)).clipped
    assert "short" in check_wave(tone(16_000, 0.1)).warnings[0]
    assert "cut into windows" in check_wave(tone(16_000, 31.0)).warnings[0]


def test_audio_of_prefers_what_is_in_memory(tmp_path):
    path = clip(tmp_path / "a.mp4")
    sample = EmotionSample("1", audio=str(path))
    assert len(audio_of(sample)) > 7_000
    assert audio_of(replace(sample, extra={"waveform": [0.0, 0.5]})).tolist() == [0.0, 0.5]
