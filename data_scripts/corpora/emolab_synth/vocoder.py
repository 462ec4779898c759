"""A source-filter vocoder in numpy, after WORLD: spectral envelope, and speech from it and a pitch. No compiled code.

- `spectral_envelope`: CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech
  synthesis").
- `synthesise`: minimum-phase pulses plus shaped noise, as in WORLD (Morise, Yokomori & Ozawa 2016).

Everything is mono at 16 kHz; frames are 5 ms apart and the first frame is centred on sample 0.
"""

from __future__ import annotations

import numpy as np

from emolab.media.audio import SAMPLE_RATE

HOP_SAMPLES = 80
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
FREQUENCIES = np.arange(BINS) * SAMPLE_RATE / FFT_SIZE

_PRE_ECHO = 16  # samples kept before a pulse, for its fractional delay


def _adaptive_power(wave: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """Power spectra (frames, 513) under Hann windows three periods long, with energy below F0 mirrored back."""
    from scipy import fft

    half = np.round(1.5 * SAMPLE_RATE / f0).astype(int)
    widest = int(half.max())
    k = np.arange(-widest, widest + 1)
    centre = np.arange(len(f0)) * HOP_SAMPLES
    padded = np.pad(wave, (widest + 1, widest + 1 + HOP_SAMPLES))
    frames = padded[centre[:, None] + k + widest + 1]
    window = np.where(np.abs(k) <= half[:, None], 0.5 + 0.5 * np.cos(np.pi * k * f0[:, None] / 1.5 / SAMPLE_RATE), 0.0)
    window /= np.sqrt((window**2).sum(1, keepdims=True))
    frames = frames * window
    frames -= window * (frames.sum(1) / window.sum(1))[:, None]
    spectrum = fft.rfft(frames, FFT_SIZE, axis=1)
    power = spectrum.real**2 + spectrum.imag**2 + 1e-12
    f0_bins = f0 / FREQUENCIES[1]
    reach = 41
    low = np.arange(reach) < np.minimum(f0_bins.astype(int), reach - 1)[:, None]
    mirror = np.clip(np.round(f0_bins)[:, None] - np.arange(reach), 0, None).astype(int)
    power[:, :reach] += np.where(low, np.take_along_axis(power, mirror, 1), 0.0)
    return power


def _smooth(power: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """Rectangular smoothing over 2/3 F0 along frequency."""
    pad = 32
    total = np.cumsum(np.concatenate([power[:, pad:0:-1], power, power[:, -2 : -pad - 2 : -1]], 1), 1)
    half = f0 / 3 / FREQUENCIES[1]
    rows = np.arange(len(f0))[:, None]

    def integral(offset: np.ndarray) -> np.ndarray:
        whole = np.floor(offset).astype(int)
        part = (offset - whole)[:, None]
        index = np.arange(BINS) + pad + whole[:, None]
        return total[rows, index] * (1 - part) + total[rows, index + 1] * part

    return (integral(half - 0.5) - integral(-half - 0.5)) / (2 * half)[:, None]


def spectral_envelope(wave: np.ndarray, f0: np.ndarray, q1: float = -0.15) -> np.ndarray:
    """Natural-log power envelope of every 5 ms frame, (frames, 513) float32.

    Args: `wave` (n,) at 16 kHz; `f0` (frames,) in Hz, 0 where unvoiced; `q1` compensates the smoothing.
    """
    from scipy import fft

    pitch = np.where(f0 > 0, f0, 300.0)
    smoothed = _smooth(_adaptive_power(np.asarray(wave, np.float64), pitch), pitch)
    cepstrum = fft.irfft(np.log(np.maximum(smoothed, 1e-12)), axis=1)[:, :BINS]
    phase = pitch[:, None] * (np.arange(BINS) / SAMPLE_RATE)
    lifter = np.sinc(phase) * (1 - 2 * q1 + 2 * q1 * np.cos(2 * np.pi * phase))
    cepstrum = (cepstrum * lifter).astype(np.float32)
    symmetric = np.concatenate([cepstrum, cepstrum[:, -2:0:-1]], 1)
    return fft.rfft(symmetric, axis=1).real.astype(np.float32)


def _noise_part(log_power: np.ndarray, aperiodicity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White noise in 10 ms Hann frames through a zero-phase filter, overlap-added; (frames * 80,)."""
    from scipy import fft

    frames, size, before = len(log_power), 512, 2
    noise = rng.standard_normal((frames + 2) * HOP_SAMPLES, dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(noise, 2 * HOP_SAMPLES)[::HOP_SAMPLES][:frames]
    windows = windows * np.sqrt(np.hanning(2 * HOP_SAMPLES + 1)[:-1]).astype(np.float32)
    gain = np.exp(0.5 * log_power[:, ::2]) * aperiodicity[:, ::2]
    shaped = fft.irfft(fft.rfft(windows, size, axis=1) * gain, axis=1)
    shaped = np.roll(shaped, before * HOP_SAMPLES, axis=1)  # what came before the frame first
    blocks = -(-size // HOP_SAMPLES)
    shaped = np.pad(shaped, ((0, 0), (0, blocks * HOP_SAMPLES - size))).reshape(frames, blocks, HOP_SAMPLES)
    out = np.zeros((frames + blocks, HOP_SAMPLES))
    for k in range(blocks):
        out[k : k + frames] += shaped[:, k]
    start = (before + 1) * HOP_SAMPLES  # a frame's centre is a hop after its start
    return out.reshape(-1)[start : start + frames * HOP_SAMPLES]


def _pulse_times(f0: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample index, fraction of a sample since the true instant, and F0 of every glottal pulse."""
    n = len(f0) * HOP_SAMPLES
    pitch = np.interp(np.arange(n), np.arange(len(f0)) * HOP_SAMPLES, f0)
    pitch = np.where(np.repeat(f0 > 0, HOP_SAMPLES), np.maximum(pitch, 50.0), 0.0)
    cycles = np.cumsum(pitch / SAMPLE_RATE)
    at = np.flatnonzero(np.floor(cycles[1:]) > np.floor(cycles[:-1])) + 1
    fraction = (cycles[at] - np.floor(cycles[at])) / np.maximum(pitch[at] / SAMPLE_RATE, 1e-9)
    return at, fraction, np.maximum(pitch[at], 50.0)


def _pulse_part(f0: np.ndarray, log_power: np.ndarray, aperiodicity: np.ndarray) -> np.ndarray:
    """Minimum-phase pulses at the pitch; (frames * 80,)."""
    from scipy import fft

    frames = len(f0)
    out = np.zeros(frames * HOP_SAMPLES + 2 * FFT_SIZE)
    at, fraction, pitch = _pulse_times(f0)
    if len(at):
        position = np.minimum(at / HOP_SAMPLES, frames - 1.001)
        whole = position.astype(int)
        part = (position - whole).astype(np.float32)[:, None]
        level = log_power[whole] * (1 - part) + log_power[whole + 1] * part
        level = 0.5 * (level + np.log(np.maximum(1 - aperiodicity[whole] ** 2, 1e-9)))
        cepstrum = fft.irfft(level, axis=1)
        cepstrum[:, 1 : FFT_SIZE // 2] *= 2
        cepstrum[:, FFT_SIZE // 2 + 1 :] = 0
        omega = (2 * np.pi * np.arange(BINS) / FFT_SIZE).astype(np.float32)
        spectrum = np.exp(fft.rfft(cepstrum, axis=1) + 1j * omega * fraction.astype(np.float32)[:, None])
        spectrum[:, 0] = 0
        pulses = fft.irfft(spectrum, axis=1) * np.sqrt(SAMPLE_RATE / pitch).astype(np.float32)[:, None]
        pulses = np.roll(pulses, _PRE_ECHO, 1)
        for pulse, start in zip(pulses, at + FFT_SIZE // 2 - _PRE_ECHO, strict=True):
            out[start : start + FFT_SIZE] += pulse
    return out[FFT_SIZE // 2 : FFT_SIZE // 2 + frames * HOP_SAMPLES]


def synthesise(f0: np.ndarray, log_power: np.ndarray, aperiodicity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speech from its parameters.

    Args: `f0` (frames,) Hz, 0 where unvoiced; `log_power` (frames, 513) natural-log power envelope; `aperiodicity`
    (frames, 513) share of the amplitude that is noise, 0 to 1; `rng` draws the noise.
    Returns: (frames * 80,) float64 at 16 kHz.
    """
    log_power, aperiodicity = (np.asarray(a, np.float32) for a in (log_power, aperiodicity))
    return _noise_part(log_power, aperiodicity, rng) + _pulse_part(np.asarray(f0, float), log_power, aperiodicity)
