"""Recording channels of domain `wild`: microphones, rooms, telephones and codecs, drawn at random.

A recording of a person passes a channel that nobody knows. Its level says nothing of how loudly the person spoke, and
its spectrum is partly the microphone's. The domains a and b have one level and nearly one microphone; a model that
hears nothing else takes an ordinary telephone prompt for shouting.

The ranges are ours. They cover close and distant microphones, narrow-band telephony (300 to 3400 Hz), adaptive
multi-rate telephony, wide-band telephony (G.722), and lossy files from 8 to 64 kbit/s. Codecs run through the FFmpeg
inside PyAV, so their exact samples may differ between versions of PyAV.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from emolab_synth.prosody import Prosody
from emolab_synth.vocoder import SAMPLE_RATE
from emolab_synth.voice import Room, record

# codec → (sampling rate in Hz, bit rates in bit/s; 0 where the codec has one rate only)
CODECS: dict[str, tuple[int, tuple[int, ...]]] = {
    "pcm_mulaw": (8000, (0,)),
    "pcm_alaw": (8000, (0,)),
    "libopencore_amrnb": (8000, (4750, 7400, 12200)),
    "adpcm_g722": (16000, (0,)),
    "libopus": (16000, (8000, 16000, 32000)),
    "libmp3lame": (16000, (16000, 32000, 64000)),
    "aac": (16000, (16000, 32000, 64000)),
}
_FORMATS = {"libopus": "flt", "libmp3lame": "fltp", "aac": "fltp"}  # else 16-bit integers
_LONGEST_DELAY = 3000  # samples by which a codec may shift a recording
_BLOCK = 0.02  # seconds over which a compressor measures the level


@dataclass(frozen=True)
class Channel:
    """What happens to a sound between the mouth and the file, after the room."""

    level_db: float = -26.0  # RMS of the file, dB re full scale
    keeps_loudness: float = 0.0  # share of the talker's loudness that the automatic gain leaves
    slope_db: float = 0.0  # spectral slope of the microphone, dB per octave around 1 kHz
    peaks: tuple[tuple[float, float, float], ...] = ()  # resonances: (Hz, dB, width in octaves)
    low_hz: float = 40.0  # lower edge of the band
    high_hz: float = 8000.0  # upper edge of the band
    ratio: float = 1.0  # compression of level differences; 1 is none
    hum_db: float | None = None  # mains hum, dB below the level; None is none
    hum_hz: float = 50.0
    codec: str | None = None  # a key of CODECS
    bit_rate: int = 0


def sample_channel(rng: np.random.Generator) -> Channel:
    """A channel of domain `wild`: one in four is a telephone, one in two has passed a codec."""
    phone = rng.random() < 0.25
    codec = None
    if phone or rng.random() < 0.35:
        wanted = 8000 if phone else 16000
        names = [name for name, (rate, _) in CODECS.items() if rate == wanted]
        codec = names[int(rng.integers(len(names)))]
    rates = CODECS[codec][1] if codec else (0,)
    peaks = tuple(
        (
            round(float(2 ** rng.uniform(np.log2(150), np.log2(6500))), 1),
            round(float(rng.normal(0, 4)), 2),
            round(float(rng.uniform(0.3, 1.2)), 2),
        )
        for _ in range(int(rng.integers(4)))
    )
    narrow = rng.random() < 0.3
    return Channel(
        level_db=float(rng.uniform(-38, -13)),
        keeps_loudness=float(rng.choice([0.0, 0.5, 1.0], p=[0.5, 0.3, 0.2])),
        slope_db=float(np.clip(rng.normal(0, 1.2), -3, 3)),
        peaks=peaks,
        low_hz=float(rng.uniform(200, 320) if phone else rng.uniform(30, 160)),
        high_hz=float(rng.uniform(3100, 3600) if phone else rng.uniform(3600, 7500) if narrow else 8000.0),
        ratio=float(rng.uniform(1.5, 4.0)) if rng.random() < 0.4 else 1.0,
        hum_db=float(rng.uniform(25, 45)) if rng.random() < 0.1 else None,
        hum_hz=50.0 if rng.random() < 0.5 else 60.0,
        codec=codec,
        bit_rate=int(rates[int(rng.integers(len(rates)))]),
    )


def sample_wild_room(rng: np.random.Generator) -> Room:
    """A room of domain `wild`: from a dry booth to a hall, from silence to a loud street."""
    noisy = rng.random() < 0.35
    far = rng.random() < 0.35
    return Room(
        snr_db=float(rng.uniform(6, 22) if noisy else rng.uniform(22, 55)),
        rt60=float(rng.uniform(0.2, 0.8) if far else rng.uniform(0, 0.2)),
        level_db=-29.0,
        color=float(rng.uniform(0.0, 1.1)),
        lead=float(rng.uniform(0.0, 0.35)),
        tail=float(rng.uniform(0.02, 0.4)),
    )


def _equalised(wave: np.ndarray, channel: Channel) -> np.ndarray:
    """The microphone's slope and resonances, and the band, as one gain over frequency."""
    spectrum = np.fft.rfft(wave)
    hz = np.maximum(np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE), 20.0)
    gain = channel.slope_db * np.clip(np.log2(hz / 1000), -3, 3)
    for centre, height, width in channel.peaks:
        gain = gain + height * np.exp(-0.5 * (np.log2(hz / centre) / width) ** 2)
    gain = gain - 24 * np.clip(np.log2(channel.low_hz / hz), 0, 3)
    if channel.high_hz < 8000:
        gain = gain - 48 * np.clip(np.log2(hz / channel.high_hz), 0, 2)
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(wave))


def _compressed(wave: np.ndarray, ratio: float) -> np.ndarray:
    """Level differences above the mean level divided by `ratio`, as a broadcast compressor does."""
    from scipy.ndimage import gaussian_filter1d

    power = gaussian_filter1d(wave**2, _BLOCK * SAMPLE_RATE, mode="nearest", truncate=2.0)
    over = np.maximum(10 * np.log10((power + 1e-12) / (power.mean() + 1e-12)), -12.0)
    return wave * 10 ** (over * (1 / ratio - 1) / 20)


def coded(wave: np.ndarray, codec: str, bit_rate: int = 0) -> np.ndarray:
    """The wave (n,) at 16 kHz after a codec of `CODECS`, (n,) float64, with the codec's delay taken out.

    >>> coded(np.zeros(1600), "pcm_mulaw").shape
    (1600,)
    """
    import av
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from scipy.signal import resample_poly

    rate = CODECS[codec][0]
    small = wave if rate == SAMPLE_RATE else resample_poly(wave, 1, SAMPLE_RATE // rate)
    kind = _FORMATS.get(codec, "s16")
    floats = kind.startswith("flt")
    padded = np.pad(np.clip(small, -1, 1), (0, _LONGEST_DELAY))
    samples = padded.astype(np.float32) if floats else np.round(padded * 32767).astype(np.int16)
    out = av.CodecContext.create(codec, "w")
    out.sample_rate, out.format, out.layout, out.time_base = rate, kind, "mono", Fraction(1, rate)
    if bit_rate:
        out.bit_rate = bit_rate
    out.open()
    frames = _frames(samples, out.frame_size or 1024, kind, rate, AudioFrame)
    packets = [packet for frame in frames for packet in out.encode(frame)] + list(out.encode(None))
    back = av.CodecContext.create(_decoder(codec), "r")
    back.sample_rate, back.layout = rate, "mono"
    if out.extradata:
        back.extradata = out.extradata
    to_float = AudioResampler("fltp", "mono", SAMPLE_RATE)
    heard = [f for packet in [*packets, None] for f in back.decode(packet)]
    parts = [f.to_ndarray()[0] for frame in [*heard, None] for f in to_float.resample(frame)]
    return _aligned(np.concatenate(parts).astype(np.float64), wave)


def _decoder(codec: str) -> str:
    return {"libopencore_amrnb": "amrnb", "adpcm_g722": "g722", "libmp3lame": "mp3float"}.get(codec, codec)


def _frames(samples: np.ndarray, size: int, kind: str, rate: int, frame_class: Any) -> list:
    frames = []
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        if len(piece) < size:
            piece = np.pad(piece, (0, size - len(piece)))
        frame = frame_class.from_ndarray(piece[None, :], format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        frames.append(frame)
    return frames


def _aligned(decoded: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """`decoded` moved to where it correlates best with `wave`, and cut to its length."""
    from scipy.signal import fftconvolve

    decoded = np.pad(decoded, (0, max(0, len(wave) + _LONGEST_DELAY - len(decoded))))
    shifted = fftconvolve(decoded[: len(wave) + _LONGEST_DELAY], wave[::-1], "valid")
    delay = int(np.argmax(shifted)) if np.any(wave) else 0
    return decoded[delay : delay + len(wave)]


def transmit(wave: np.ndarray, channel: Channel, energy: float = 0.0) -> np.ndarray:
    """A recorded wave (n,) at 16 kHz after a channel, (n,) float32.

    Args: `energy` dB by which the talker spoke louder than usual; the automatic gain leaves
    `channel.keeps_loudness` of it.
    """
    wave = _equalised(np.asarray(wave, np.float64), channel)
    if channel.ratio > 1:
        wave = _compressed(wave, channel.ratio)
    rms = np.sqrt((wave**2).mean()) + 1e-9
    if channel.hum_db is not None:
        t = np.arange(len(wave)) / SAMPLE_RATE
        hum = sum(np.sin(2 * np.pi * k * channel.hum_hz * t) / k for k in (1, 2, 3))
        wave = wave + hum * rms * 10 ** (-channel.hum_db / 20)
    wave = wave / rms * 10 ** ((channel.level_db + channel.keeps_loudness * energy) / 20)
    loud = np.abs(wave)
    wave = np.where(loud > 0.8, np.sign(wave) * (0.8 + 0.2 * np.tanh((loud - 0.8) / 0.2)), wave)
    if channel.codec:
        wave = coded(wave, channel.codec, channel.bit_rate)
    return wave.astype(np.float32)


def record_wild(
    wave: np.ndarray, prosody: Prosody, rng: np.random.Generator, room: Room, channel: Channel
) -> np.ndarray:
    """Dry speech (n,) in a room and through a channel: (n + lead + tail,) float32 at 16 kHz."""
    return transmit(record(wave, prosody, rng, room), channel, prosody.energy)
