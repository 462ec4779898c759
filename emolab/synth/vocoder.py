"""A source-filter vocoder in numpy, after WORLD: pitch, spectral envelope, and speech back from them. No compiled code.

- `track_f0`: normalised autocorrelation (Boersma 1993, "Accurate short-term analysis of the fundamental frequency")
  with a Viterbi search over four candidates a frame.
- `spectral_envelope`: CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech
  synthesis").
- `synthesise`: minimum-phase pulses plus shaped noise, as in WORLD (Morise, Yokomori & Ozawa 2016).

Everything is mono at 16 kHz; frames are 5 ms apart and the first frame is centred on sample 0.
"""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16000
HOP = 0.005  # seconds between analysis frames
HOP_SAMPLES = 80
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
FREQUENCIES = np.arange(BINS) * SAMPLE_RATE / FFT_SIZE

_CANDIDATES = 4
_OCTAVE_COST = 0.02  # prefers short lags, which breaks ties between a period and its multiples
_JUMP_COST = 1.2  # per octave of change between neighbouring frames
_MIN_ISLAND = 0.025  # seconds; shorter voiced stretches are taken for noise
_PRE_ECHO = 16  # samples kept before a pulse, for its fractional delay


def _autocorrelation(
    wave: np.ndarray, times: np.ndarray, fmin: float, fmax: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Window-corrected autocorrelation (frames, lags up to 1 / fmin), RMS of each frame, and the smallest lag."""
    from scipy import fft

    width = int(3.0 / fmin * SAMPLE_RATE) // 2 * 2
    index = np.round(times * SAMPLE_RATE).astype(int)[:, None] + np.arange(width)
    frames = np.pad(wave, width // 2 + 1)[np.minimum(index, len(wave) + width + 1)]
    rms = np.sqrt((frames**2).mean(1))
    window = np.hanning(width)
    frames = (frames - frames.mean(1, keepdims=True)) * window
    size = fft.next_fast_len(int(1.4 * width), real=True)
    power = fft.rfft(frames, size, axis=1)
    power = power.real**2 + power.imag**2
    window_power = np.abs(fft.rfft(window, size)) ** 2
    high = int(SAMPLE_RATE / fmin) + 3
    window_corr = fft.irfft(window_power, size)[:high]
    corr = fft.irfft(power, size, axis=1)[:, :high]
    corr = corr / (corr[:, :1] + 1e-12) / (window_corr / window_corr[0])
    return corr, rms, int(SAMPLE_RATE / fmax)


def _best_path(score: np.ndarray, log_f0: np.ndarray) -> np.ndarray:
    """Viterbi: the chosen candidate of every frame. `score` and `log_f0` (octaves) are (frames, candidates)."""
    frames = len(score)
    jumps = -_JUMP_COST * np.minimum(np.abs(log_f0[1:, :, None] - log_f0[:-1, None, :]), 0.6)
    best, back = score[0].copy(), np.zeros((frames, score.shape[1]), int)
    for i in range(1, frames):
        through = best + jumps[i - 1]
        back[i] = through.argmax(1)
        best = np.maximum(through.max(1), best.max() - 1.0) + score[i]
    path = np.zeros(frames, int)
    path[-1] = best.argmax()
    for i in range(frames - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def _without_islands(voiced: np.ndarray, shortest: int) -> np.ndarray:
    """The mask without runs of True shorter than `shortest` frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(np.int8), [0]])))
    out = voiced.copy()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < shortest:
            out[start:end] = False
    return out


def track_f0(
    wave: np.ndarray, hop: float = HOP, fmin: float = 65.0, fmax: float = 420.0, threshold: float = 0.45
) -> np.ndarray:
    """F0 in Hz of every frame, 0 where unvoiced.

    Args: `wave` (n,) at 16 kHz; `hop` seconds; a frame is voiced above `threshold` of autocorrelation.
    Returns: (int(n / 16000 / hop) + 1,) float64.
    """
    wave = np.asarray(wave, np.float64)
    times = np.arange(int(len(wave) / SAMPLE_RATE / hop) + 1) * hop
    corr, rms, low = _autocorrelation(wave, times, fmin, fmax)
    middle = corr[:, low:-1]
    peak = (middle > corr[:, low - 1 : -2]) & (middle >= corr[:, low + 1 :])
    lags = np.arange(low, low + middle.shape[1])
    score = np.where(peak, middle - _OCTAVE_COST * np.log2(lags / low), -1.0)
    candidates = np.argpartition(-score, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    score = np.take_along_axis(score, candidates, 1)
    lag = candidates + low
    before, here, after = (np.take_along_axis(corr, lag + d, 1) for d in (-1, 0, 1))
    f0 = SAMPLE_RATE / (lag + 0.5 * (before - after) / (before - 2 * here + after - 1e-9))  # peak of a parabola
    path = _best_path(score, np.log2(np.clip(f0, fmin, fmax)))
    rows = np.arange(len(path))
    voiced = (score[rows, path] > threshold) & (rms > 0.02 * np.percentile(rms, 95))
    voiced = _without_islands(voiced, round(_MIN_ISLAND / hop))
    return np.where(voiced, f0[rows, path], 0.0)


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
