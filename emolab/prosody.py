"""Prosodic features of an utterance: what a classical baseline hears, and what attributes are measured against.

The numbers that a phonetician would name, in the families of the extended Geneva set (Eyben et al. 2016, "The Geneva
minimalistic acoustic parameter set"): pitch, level, timing, voice quality, spectrum. F0 comes from
`emolab.media.pitch`; spectra, mel bands and cepstra are librosa's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from emolab.errors import MediaError
from emolab.media import FeatureCache, audio_of, media_key
from emolab.media.audio import SAMPLE_RATE
from emolab.media.pitch import track_f0
from emolab.paths import build_folder
from emolab.samples import Corpus, EmotionSample, resolve

_HOP, _WINDOW = 160, 512  # samples: 10 ms, 32 ms
_SHORTEST = 4000  # samples; shorter clips are padded with silence
_LOW, _HIGH = 65.0, 550.0  # Hz, where F0 is sought

FEATURES = (
    "f0_median", "f0_sd", "f0_low", "f0_high", "f0_slope", "f0_final", "f0_jitter", "f0_movement", "f0_tremor",
    "level_mean", "level_sd", "level_peak", "level_slope",
    "duration", "syllable_rate", "voiced_share", "voiced_rate", "pause_share", "pause_mean",
    "tilt", "alpha_ratio", "hammarberg_band", "high_band", "centroid", "f1_region", "f2_region", "flux",
    "mfcc_1", "mfcc_2", "mfcc_3", "mfcc_4", "mfcc_5", "mfcc_6",
    "hnr_mean", "hnr_sd", "am_rough", "am_tremor",
)  # fmt: skip


def _frames(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Power spectra (T, 257), level in dB (T,), F0 in Hz (T,), and which frames belong to the utterance."""
    import librosa

    power = np.abs(librosa.stft(wave, n_fft=_WINDOW, hop_length=_HOP).T) ** 2 + 1e-10
    square = librosa.feature.rms(y=wave, frame_length=_WINDOW, hop_length=_HOP)[0] ** 2
    level = 10 * np.log10(square + 1e-10)
    f0 = track_f0(wave, _HOP / SAMPLE_RATE, _LOW, _HIGH)
    frames = min(len(power), len(f0))
    floor, top = np.percentile(level, (5, 97))
    return power[:frames], level[:frames], f0[:frames], level[:frames] >= max(floor + 0.35 * (top - floor), -60)


def _runs(mask: np.ndarray) -> list[np.ndarray]:
    """Index arrays of the stretches of True."""
    index = np.flatnonzero(mask)
    return np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(index) else []


def _tremor(track: np.ndarray) -> float:
    """Log of the F0 modulation at about 3 to 10 Hz, from a track in semitones with NaN where unvoiced."""
    from scipy.ndimage import uniform_filter1d

    voiced = np.flatnonzero(~np.isnan(track))
    whole = np.interp(np.arange(len(track)), voiced, track[voiced])
    band = uniform_filter1d(whole, 5) - uniform_filter1d(whole, 21)
    return float(np.log(band[voiced].std() + 1e-3))


def _pitch(f0: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    index = np.flatnonzero(voiced)
    semitones = 12 * np.log2(f0[index] / 100)
    median = float(np.median(semitones))
    kept = np.abs(semitones - median) < 14
    index, semitones = index[kept], semitones[kept]
    time = (index - index.mean()) * _HOP / SAMPLE_RATE
    residual = semitones - np.polyval(np.polyfit(time, semitones, 3), time)
    track = np.full(len(f0), np.nan)
    track[index] = semitones
    stretches = [track[run] for run in _runs(~np.isnan(track)) if len(run) > 4]
    second = np.concatenate([np.diff(s, 2) for s in stretches] or [np.zeros(1)])
    return {
        "f0_median": median,
        "f0_sd": float(semitones.std()),
        "f0_low": float(np.percentile(semitones, 10) - median),
        "f0_high": float(np.percentile(semitones, 90) - median),
        "f0_slope": float(np.polyfit(time, semitones, 1)[0]),
        "f0_final": float(semitones[-12:].mean() - semitones[-35:-12].mean()) if len(semitones) > 40 else 0.0,
        "f0_jitter": float(np.log(np.std(second) + 1e-3)),
        "f0_movement": float(residual.std()),
        "f0_tremor": _tremor(track),
    }


def _level_and_timing(level: np.ndarray, active: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    from scipy.signal import find_peaks

    on = np.flatnonzero(active)
    span = slice(on[0], on[-1] + 1)
    seconds = (span.stop - span.start) * _HOP / SAMPLE_RATE
    pauses = [len(run) for run in _runs(~active[span]) if len(run) > 6]
    envelope = np.convolve(level[span], np.hanning(9) / np.hanning(9).sum(), "same")
    syllables = len(find_peaks(envelope, prominence=2.0)[0])
    time = np.linspace(-0.5, 0.5, span.stop - span.start)
    slope = np.polyfit(time[active[span]], level[span][active[span]], 1)[0] if len(on) > 2 else 0.0
    return {
        "level_mean": float(level[active].mean()),
        "level_sd": float(level[active].std()),
        "level_peak": float(np.percentile(level, 95) - np.percentile(level, 50)),
        "level_slope": float(slope),
        "duration": seconds,
        "syllable_rate": syllables / seconds,
        "voiced_share": float(voiced[span].mean()),
        "voiced_rate": len([r for r in _runs(voiced) if len(r) > 3]) / seconds,
        "pause_share": sum(pauses) / (span.stop - span.start),
        "pause_mean": float(np.mean(pauses)) * _HOP / SAMPLE_RATE if pauses else 0.0,
    }


def _band_ratio(power: np.ndarray, frequency: np.ndarray, high: tuple[float, float], low: tuple[float, float]) -> float:
    def total(band: tuple[float, float]) -> float:
        return float(power[:, (frequency > band[0]) & (frequency <= band[1])].sum())

    return 10 * float(np.log10(total(high) / total(low)))


def _spectrum(power: np.ndarray) -> dict[str, float]:
    """Shape of the spectrum of voiced frames, power (V, 257)."""
    import librosa

    frequency = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=_WINDOW)
    mean = power.mean(0)
    middle = (frequency > 300) & (frequency < 6500)
    mel = librosa.feature.melspectrogram(S=power.T, sr=SAMPLE_RATE, n_mels=40, fmin=50, fmax=7600)
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=7).mean(1)[1:]

    def centroid(low: float, high: float) -> float:
        band = (frequency > low) & (frequency < high)
        return float((mean * frequency)[band].sum() / mean[band].sum() / 1000)

    shape = np.sqrt(power / power.sum(1, keepdims=True))
    return {
        "tilt": float(np.polyfit(np.log2(frequency[middle]), 10 * np.log10(mean[middle]), 1)[0]),
        "alpha_ratio": _band_ratio(power, frequency, (1000, 5000), (50, 1000)),
        "hammarberg_band": _band_ratio(power, frequency, (2000, 5000), (50, 2000)),
        "high_band": _band_ratio(power, frequency, (5000, 8000), (50, 5000)),
        "centroid": float(np.log2(1000 * centroid(0, 8001))),
        "f1_region": centroid(250, 1000),
        "f2_region": centroid(1000, 3000),
        "flux": float(np.sqrt((np.diff(shape, axis=0) ** 2).sum(1)).mean()),
        **{f"mfcc_{i}": float(c) for i, c in enumerate(cepstra, 1)},
    }


def _harmonicity(wave: np.ndarray, f0: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Harmonics-to-noise ratio in dB of the given frames, from the correlation of one period with the next."""
    period = np.round(SAMPLE_RATE / f0[index]).astype(int)
    start = np.clip(index * _HOP - _WINDOW // 2, 0, None)
    inside = start + _WINDOW + period < len(wave)
    start, period = start[inside, None], period[inside, None]
    if not len(start):
        return np.zeros(1)
    one, two = wave[start + np.arange(_WINDOW)], wave[start + period + np.arange(_WINDOW)]
    alike = (one * two).sum(1) / (np.sqrt((one**2).sum(1) * (two**2).sum(1)) + 1e-9)
    return 10 * np.log10(np.clip(alike, 0.05, 1) / np.clip(1 - alike, 1e-3, 1))


def _quality(wave: np.ndarray, f0: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    """Noise in the voice, and amplitude modulation in the bands of roughness and tremor."""
    harmonicity = _harmonicity(wave, f0, np.flatnonzero(voiced)[::3])
    envelope = np.abs(wave[: len(wave) // 64 * 64]).reshape(-1, 64).mean(1)  # at 250 Hz
    envelope = envelope / (np.convolve(envelope, np.ones(25) / 25, "same") + 1e-6)
    length = max(len(envelope), 128)  # half a second: below that no bin would lie in the lowest band
    power = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)), length)) ** 2 + 1e-9
    rate = np.fft.rfftfreq(length, 64 / SAMPLE_RATE)

    def between(low: float, high: float) -> float:
        return float(power[(rate > low) & (rate < high)].mean())

    return {
        "hnr_mean": float(harmonicity.mean()),
        "hnr_sd": float(harmonicity.std()),
        "am_rough": 10 * float(np.log10(between(45, 95) / between(10, 40))),
        "am_tremor": 10 * float(np.log10(between(5, 8) / between(2, 4.5))),
    }


def prosody_features(wave: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Prosodic features of one utterance.

    Args: `wave` (n,) mono at 16 kHz.
    Returns: (37,) float32, always finite, and their names (`FEATURES`): semitones re 100 Hz, dB, seconds, kHz, shares.
    A clip with less than 80 ms of voice (silence, noise) gives zeros.

    >>> bool(prosody_features(np.zeros(16000, np.float32))[0].any())
    False
    """
    wave = np.asarray(wave, np.float64)
    wave = np.pad(wave, (0, max(0, _SHORTEST - len(wave))))
    power, level, f0, active = _frames(wave)
    voiced = (f0 > 0) & active
    if voiced.sum() < 8:
        return np.zeros(len(FEATURES), np.float32), FEATURES
    values = {
        **_pitch(f0, voiced),
        **_level_and_timing(level, active, voiced),
        **_spectrum(power[voiced]),
        **_quality(wave, f0, voiced),
    }
    return np.array([values[name] for name in FEATURES], np.float32), FEATURES


@lru_cache(maxsize=4)
def _cache(folder: str) -> FeatureCache:
    return FeatureCache(64 << 20, folder)


def features_of(sample: EmotionSample) -> NDArray[np.float32]:
    """`prosody_features` of a sample with absolute paths, (37,); kept on disk in the build folder.

    Raises MediaError if the sample has no audio, or one that cannot be used.
    """
    key = f"prosody-1/{media_key(sample, 'audio')}"
    return _cache(str(build_folder() / "prosody")).get(key, lambda: prosody_features(audio_of(sample))[0])


def feature_table(samples: Sequence[EmotionSample], progress: bool = True) -> NDArray[np.float64]:
    """Prosodic features (N, 37) of samples with absolute paths, each computed once. NaN becomes 0."""
    bar = tqdm(samples, desc="prosody", unit="clip", disable=not progress or len(samples) < 100)
    return np.nan_to_num(np.asarray([features_of(sample) for sample in bar], float))


# A cue: its feature, the least difference that is called one (semitones, syllables a second, dB), words low to high.
CUES: dict[str, tuple[tuple[str, ...], float, tuple[str, str, str]]] = {
    "pitch": (("f0_median",), 0.7, ("low", "mid-pitched", "high")),
    "range": (("f0_high", "f0_low"), 0.8, ("flat", "moderately varied", "wide-ranging")),
    "pace": (("syllable_rate",), 0.3, ("slow", "steady", "fast")),
    "loudness": (("level_mean",), 1.5, ("quiet", "of medium loudness", "loud")),
}
SPREAD = 0.65
"""A cue is called low or high beyond this many standard deviations from the speaker's own mean."""
FEW = 3
"""Clips below which a speaker's mean says too little, and the mean of all speakers is taken."""


def with_voices(corpus: Corpus, progress: bool = True) -> Corpus:
    """The corpus with a clause on each voice under `parts["voice"]`, measured where nobody wrote one.

    Pitch, pitch range, pace and loudness are compared with the mean of the speaker's own clips in this corpus (of all
    clips, where a speaker is not stated or has fewer than three), and named where they differ by `SPREAD` standard
    deviations and by what can be heard: "a high, wide-ranging voice, fast and loud". `extra["voice_from"]` says that
    the clause was measured. Samples with a clause, without audio, or without voice in it stay as they are.

    The words are those of the embedded corpus, so that a rationale reads alike on every corpus. Samples whose audio
    cannot be used stay, too: `emolab.media.usable` reports them.
    """
    wanted = [i for i, s in enumerate(corpus) if not s.parts.get("voice") and s.has("audio")]
    values, measured = [], []
    for i in tqdm(wanted, desc="prosody", unit="clip", disable=not progress or len(wanted) < 100):
        try:
            found = features_of(resolve(corpus[i], corpus.root))
        except MediaError:
            continue
        if found.any():
            values.append(found)
            measured.append(i)
    if not measured:
        return corpus
    words = _words(np.asarray(values, float), [corpus[i].speaker for i in measured])
    samples = list(corpus)
    for i, said in zip(measured, words, strict=True):
        tone = f"{'an' if said['pitch'][0] in 'aeio' else 'a'} {said['pitch']}, {said['range']} voice"
        parts = {**samples[i].parts, "tone": tone, "voice": f"{tone}, {said['pace']} and {said['loudness']}"}
        samples[i] = replace(samples[i], parts=parts, extra={**samples[i].extra, "voice_from": "measured prosody"})
    return corpus.replace(samples)


def _words(values: NDArray[np.float64], speakers: Sequence[str | None]) -> list[dict[str, str]]:
    """The word of each of `CUES` for each clip, from features (N, 37)."""
    groups: dict[str | None, list[int]] = defaultdict(list)
    for i, speaker in enumerate(speakers):
        groups[speaker].append(i)
    everyone = list(range(len(values)))
    words: list[dict[str, str]] = [{} for _ in values]
    for cue, (names, audible, options) in CUES.items():
        columns = [values[:, FEATURES.index(name)] for name in names]
        track = columns[0] - columns[1] if len(columns) == 2 else columns[0]
        for speaker, own in groups.items():
            compared = track[own if speaker is not None and len(own) >= FEW else everyone]
            edge = max(audible, SPREAD * float(compared.std()))
            for i in own:
                away = track[i] - compared.mean()
                words[i][cue] = options[1 if abs(away) < edge else 2 if away > 0 else 0]
    return words
