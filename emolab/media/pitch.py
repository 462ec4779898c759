"""The pitch of a voice: F0 of every frame, in numpy and scipy. librosa's pyin costs a second a clip.

Normalised autocorrelation (Boersma 1993, "Accurate short-term analysis of the fundamental frequency") with a Viterbi
search over four candidates a frame. Everything is mono at 16 kHz; the first frame is centred on sample 0.
"""

from __future__ import annotations

import numpy as np

from emolab.media.audio import SAMPLE_RATE

HOP = 0.005  # seconds between analysis frames

_CANDIDATES = 4
_OCTAVE_COST = 0.02  # prefers short lags, which breaks ties between a period and its multiples
_JUMP_COST = 1.2  # per octave of change between neighbouring frames
_MIN_ISLAND = 0.025  # seconds; shorter voiced stretches are taken for noise


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
