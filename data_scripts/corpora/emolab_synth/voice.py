"""A seed and a prosody give speech, a room and a microphone a recording; the truth stays known frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolab.errors import SynthError
from emolab.media.pitch import HOP
from emolab_synth.prosody import Prosody
from emolab_synth.seeds import Seed
from emolab_synth.vocoder import BINS, FREQUENCIES, SAMPLE_RATE, synthesise

_OCTAVES = np.log2(np.maximum(FREQUENCIES, 500.0) / 500.0).astype(np.float32)
_DB = np.log(10) / 10  # natural-log power per decibel
_TILT_BAND = slice(32, 385, 4)  # 0.5 to 6 kHz
_FINAL = 0.32  # seconds of the final F0 movement


@dataclass(frozen=True)
class Utterance:
    """Speech and what it was made from, in 5 ms frames."""

    wave: np.ndarray  # (n,) float64, dry, of no particular level
    f0: np.ndarray  # (T,) Hz, 0 where unvoiced
    semitones: np.ndarray  # (T,) F0 around the talker's neutral median
    tilt: np.ndarray  # (T,) slope of the envelope from 0.5 to 6 kHz, dB per octave
    phone: np.ndarray  # (T,) index into seeds.PHONE_CLASSES
    words: tuple[tuple[float, str], ...]  # onset in seconds, word
    prosody: Prosody

    @property
    def seconds(self) -> float:
        return len(self.wave) / SAMPLE_RATE


@dataclass(frozen=True)
class Room:
    """Where and how a voice is recorded."""

    snr_db: float | None = 30.0  # noise below the talker's neutral level; None is no noise
    rt60: float = 0.0  # seconds of reverberation
    level_db: float = -29.0  # RMS of a neutral voice, dB re full scale
    color: float = 0.4  # noise falls with frequency to this power (amplitude)
    lead: float = 0.08  # seconds of room before and after the voice
    tail: float = 0.12
    band_hz: float | None = None  # upper edge of the microphone, None is 8 kHz


def sample_room(rng: np.random.Generator, domain: str = "a") -> Room:
    """A room of domain "a" (quiet, dry) or "b" (noisier, more reverberant, half of the microphones dull)."""
    if domain not in ("a", "b"):
        raise SynthError(f"no domain {domain!r}; there are: a, b")
    snr, rt60 = ((18.0, 38.0), 0.25) if domain == "a" else ((12.0, 28.0), 0.45)
    band = None if domain == "a" or rng.random() < 0.5 else float(rng.uniform(3800, 6000))
    return Room(
        snr_db=float(rng.uniform(*snr)),
        rt60=float(rng.uniform(0, rt60)),
        level_db=-29.0 + float(rng.normal()),
        color=float(rng.uniform(0.2, 0.6)),
        lead=float(rng.uniform(0.04, 0.2)),
        tail=float(rng.uniform(0.08, 0.25)),
        band_hz=band,
    )


def _timing(seed: Seed, prosody: Prosody, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Position in the seed (frames, float) of every output frame, and which output frames are inserted pauses."""
    factor = 2.0**prosody.rate
    duration = np.where(seed.vowel > 0.5, factor**-1.15, factor**-0.8)  # vowels stretch more than consonants
    pauses, mean = np.zeros(len(seed)), prosody.pause / 1000
    for onset, _ in seed.words[1:]:
        if rng.random() < min(0.9, mean / 0.06):
            pauses[min(len(seed) - 1, int(onset / HOP))] = rng.gamma(2.0, 0.5) * max(mean, 0.04) / HOP
    end = np.cumsum(duration + pauses)
    start = end - duration
    frames = np.arange(int(end[-1]))
    source = np.clip(np.searchsorted(end, frames, side="right"), 0, len(seed) - 1)
    gap = frames < start[source]
    position = source + np.clip((frames - start[source]) / duration[source], 0, 0.999)
    kept = np.maximum.accumulate(np.where(gap, 0, np.arange(len(frames))))
    return np.where(gap, position[kept], position), gap


def _to_output(times: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Seconds in the seed to seconds in the output."""
    return np.interp(times / HOP, position, np.arange(len(position)) * HOP)


def _accents(prosody: Prosody, at: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F0 bumps in semitones, and 0-to-1 emphasis, of the stressed syllables at the times `at`."""
    bumps, emphasis = np.zeros(len(t)), np.zeros(len(t))
    half = 0.07 * 2.0**prosody.accent_width
    for k, centre in enumerate(at):
        weight = 1.0 if k == len(at) - 1 else 0.7  # the last one is the nucleus
        bumps += weight * prosody.accent * np.exp(-0.5 * ((t - centre) / half) ** 2)
        emphasis = np.maximum(emphasis, np.exp(-0.5 * ((t - centre) / 0.09) ** 2))
    return bumps, emphasis


def _ending(semitones: np.ndarray, final: float, t: np.ndarray, last: float) -> np.ndarray:
    """The contour with its last 320 ms of voice moved by `final`; a rise replaces the seed's own fall."""
    ramp = np.clip((t - (last - _FINAL)) / _FINAL, 0, 1)
    if final > 0:
        hold = min(1.0, final / 2.5)
        anchor = semitones[int(np.clip((last - _FINAL) / HOP, 0, len(t) - 1))]
        flat = anchor + 0.25 * (semitones - anchor)
        semitones = np.where(ramp > 0, semitones * (1 - hold) + hold * flat, semitones)
    return semitones + final * ramp**1.3


def _envelope(log_power: np.ndarray, prosody: Prosody, warp: float) -> tuple[np.ndarray, np.ndarray]:
    """The envelope with formants and tilt changed, and the gain (natural-log power) that keeps most of its level."""
    scale = warp * 2.0**prosody.formant
    if abs(scale - 1) > 1e-3:
        source = np.clip(np.arange(BINS) / scale, 0, BINS - 1.001)
        whole = source.astype(int)
        part = (source - whole).astype(np.float32)
        log_power = log_power[:, whole] * (1 - part) + log_power[:, whole + 1] * part
    before = np.exp(log_power).sum(1)
    log_power = log_power + np.float32(prosody.tilt * _DB) * _OCTAVES
    after = np.exp(log_power).sum(1)
    return log_power, 0.85 * np.log((before + 1e-12) / (after + 1e-12))  # tilt moves energy, it adds little


def _aperiodicity(band: np.ndarray, voiced: np.ndarray, breath: float) -> np.ndarray:
    """Noise share (T, 513): the upper band's value spread over frequency, raised by breath."""
    profile = np.clip((FREQUENCIES - 800) / 4500, 0, 1).astype(np.float32)
    share = np.clip(np.where(voiced, band, 1.0).astype(np.float32)[:, None] * profile + np.float32(0.004), 0, 1)
    if breath > 0:
        added = np.clip(breath * np.clip(0.25 + (FREQUENCIES - 600) / 2500, 0.12, 1.3), 0, 0.95).astype(np.float32)
        share = share + (1 - share) * added
    share[~voiced] = 1.0
    return share


def _roughen(wave: np.ndarray, voiced: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Roughness as irregular amplitude modulation at 50 to 90 Hz: sub-harmonics would halve the tracked pitch."""
    from scipy.ndimage import gaussian_filter1d

    n = np.arange(len(wave))
    weight = np.interp(n, np.arange(len(voiced)) * HOP * SAMPLE_RATE, gaussian_filter1d(voiced.astype(float), 3))
    rate = 70 + 20 * np.interp(n, np.linspace(0, len(wave), 24), rng.uniform(-1, 1, 24))
    return wave * (1 + 1.8 * amount * weight * np.sin(2 * np.pi * np.cumsum(rate) / SAMPLE_RATE))


def _pitch(
    seed: Seed, prosody: Prosody, position: np.ndarray, voiced: np.ndarray, wobble: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """F0 in semitones around the talker's median, and the emphasis of stressed syllables; both (T,)."""
    t = np.arange(len(position)) * HOP
    bumps, emphasis = _accents(prosody, _to_output(seed.stress, position), t)
    slope = prosody.slope * (t / (len(t) * HOP) - 0.5)
    semitones = seed.contour[position.astype(int)] * 2.0**prosody.range + slope + prosody.f0 + bumps
    last = t[voiced][-1] if voiced.any() else t[-1]
    semitones = _ending(semitones, prosody.final, t, last) + prosody.tremor * wobble
    return semitones + 12 * np.log2(1 + np.clip(prosody.jitter * rng.standard_normal(len(t)), -0.2, 0.2)), emphasis


def utter(
    seed: Seed, prosody: Prosody, rng: np.random.Generator, f0_shift: float = 0.0, warp: float = 1.0
) -> Utterance:
    """Speak a seed with a prosody, keeping the truth about every frame.

    Args: `f0_shift` semitones and `warp` frequency factor of the talker (`talkers.Talker`); `rng` draws pauses, jitter,
    shimmer and noise.
    """
    from scipy.ndimage import gaussian_filter1d

    position, gap = _timing(seed, prosody, rng)
    here = position.astype(int)
    there = np.minimum(here + 1, len(seed) - 1)
    part = (position - here).astype(np.float32)[:, None]
    voiced, n = seed.voiced[here] & ~gap, len(position)
    drift = 0.15 * np.cumsum(rng.standard_normal(n)) * np.sqrt(HOP)
    wobble = np.sin(2 * np.pi * (rng.uniform(5.5, 7.0) * np.arange(n) * HOP + drift) + rng.uniform(0, 2 * np.pi))
    semitones, emphasis = _pitch(seed, prosody, position, voiced, wobble, rng)
    f0 = np.where(voiced, np.clip(seed.f0 * 2.0 ** ((semitones + f0_shift) / 12), 55, 600), 0.0)

    log_power, gain = _envelope(seed.log_power[here] * (1 - part) + seed.log_power[there] * part, prosody, warp)
    shimmer = 1.8 * gaussian_filter1d(prosody.shimmer * rng.standard_normal(n), 1)
    level = prosody.energy_stress * (emphasis - 0.35) + shimmer + 0.8 * prosody.tremor * wobble
    log_power = log_power + (gain + level * _DB - 11.5 * gap).astype(np.float32)[:, None]
    wave = synthesise(f0, log_power, _aperiodicity(seed.aperiodicity[here], voiced, prosody.breath), rng)
    if prosody.rough > 0.02:
        wave = _roughen(wave, voiced, prosody.rough, rng)
    octaves = np.log2(FREQUENCIES[_TILT_BAND])
    octaves = octaves - octaves.mean()
    tilt = log_power[:, _TILT_BAND] @ octaves / (octaves**2).sum() / _DB
    onsets = _to_output(np.array([at for at, _ in seed.words]), position)
    return Utterance(
        wave,
        f0,
        semitones,
        tilt,
        np.where(gap, 0, seed.phone[here]),
        tuple((float(at), word) for at, (_, word) in zip(onsets, seed.words, strict=True)),
        prosody,
    )


def word_times(seed: Seed, prosody: Prosody, rng: np.random.Generator) -> list[tuple[str, float, float]]:
    """Each word with its start and end in seconds, as `utter` speaks them when given an `rng` in the same state.

    A word ends where the next one, or a pause before it, begins.
    """
    position, gap = _timing(seed, prosody, rng)
    starts = _to_output(np.array([at for at, _ in seed.words]), position)
    ends = []
    for start, end in zip(starts, [*starts[1:], len(position) * HOP], strict=True):
        frames = np.arange(int(start / HOP) + 1, max(int(start / HOP) + 2, round(end / HOP)))
        spoken = frames[~gap[np.minimum(frames, len(gap) - 1)]]
        ends.append(float((spoken[-1] + 1) * HOP) if len(spoken) else float(end))
    return [(word, float(start), end) for (_, word), start, end in zip(seed.words, starts, ends, strict=True)]


def speak(
    seed: Seed, prosody: Prosody, rng: np.random.Generator, f0_shift: float = 0.0, warp: float = 1.0
) -> np.ndarray:
    """Dry speech, (n,) float64 at 16 kHz; see `utter`."""
    return utter(seed, prosody, rng, f0_shift, warp).wave


def _reverberate(wave: np.ndarray, rt60: float, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import fftconvolve

    n = int(rt60 * SAMPLE_RATE)
    response = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)
    response *= 0.35 / np.sqrt((response**2).sum())
    response[0] = 1.0
    return fftconvolve(wave, response)[: len(wave)]


def _noise(n: int, color: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power whose amplitude falls as frequency to the power `color` above 60 Hz."""
    from scipy import fft

    size = fft.next_fast_len(n, real=True)
    spectrum = fft.rfft(rng.standard_normal(size))
    spectrum /= np.maximum(np.linspace(0, SAMPLE_RATE / 2, len(spectrum)), 60) ** color
    noise = fft.irfft(spectrum, size)[:n]
    return noise / (noise.std() + 1e-9)


def record(wave: np.ndarray, prosody: Prosody, rng: np.random.Generator, room: Room | None = None) -> np.ndarray:
    """Microphone and room: level, reverberation, noise, band, soft limit; (n + lead + tail,) float32 at 16 kHz.

    The noise follows the room's level and not the talker's loudness, so a quiet voice is nearer to the noise.
    """
    room = room or Room()
    scale = 10 ** ((room.level_db + prosody.energy) / 20) / (np.sqrt((wave**2).mean()) + 1e-9)
    wave = np.pad(wave * scale, (int(room.lead * SAMPLE_RATE), int(room.tail * SAMPLE_RATE)))
    if room.rt60 > 0.05:
        wave = _reverberate(wave, room.rt60, rng)
    if room.snr_db is not None:
        wave = wave + _noise(len(wave), room.color, rng) * 10 ** ((room.level_db - room.snr_db) / 20)
    if room.band_hz is not None:
        from scipy.signal import butter, sosfilt

        wave = sosfilt(butter(4, room.band_hz, fs=SAMPLE_RATE, output="sos"), wave)
    loud = np.abs(wave)
    return np.where(loud > 0.8, np.sign(wave) * (0.8 + 0.2 * np.tanh((loud - 0.8) / 0.2)), wave).astype(np.float32)


def _frame_energy(utterance: Utterance, frames: int) -> np.ndarray:
    """Level of 20 ms around every 5 ms frame, dB relative to the talker's neutral level."""
    hop = int(HOP * SAMPLE_RATE)
    square = np.pad(utterance.wave**2, (2 * hop, frames * hop + 2 * hop - len(utterance.wave)))
    total = np.concatenate([[0.0], np.cumsum(square)])
    mean = (total[4 * hop :: hop][:frames] - total[: -4 * hop : hop][:frames]) / (4 * hop)
    return 10 * np.log10(mean / (utterance.wave**2).mean() + 1e-5) + utterance.prosody.energy


def ground_truth(
    utterance: Utterance, hop: float = 0.010, lead: float = 0.0, seconds: float | None = None
) -> dict[str, np.ndarray]:
    """What every frame of a recording holds, from what it was made from.

    Args: `hop` seconds per frame, a multiple of 5 ms (0.04 for a 25 Hz encoder); `lead` seconds before the voice starts
    (`Room.lead`); `seconds` of the recording, by default lead + voice.
    Returns: arrays (F,), F = ceil(seconds / hop): "f0" log2(Hz) and "semitones" around the talker's neutral median
    (both 0 where unvoiced), "voiced" bool (half of the frame or more), "energy" dB relative to the talker's neutral
    level (floor −50), "tilt" dB per octave (0 in silence), "phone" int index into `seeds.PHONE_CLASSES`.
    """
    per, t = round(hop / HOP), len(utterance.f0)
    frames = int(np.ceil((seconds if seconds is not None else lead + utterance.seconds) / hop - 1e-6))
    first, room = round(lead / HOP), frames * per

    def laid(values: np.ndarray, fill: float) -> np.ndarray:
        row = np.full(max(room, first + t), fill)
        row[first : first + t] = values
        return row[:room].reshape(frames, per)

    voiced = laid((utterance.f0 > 0).astype(float), 0.0)
    some = np.maximum(voiced.sum(1), 1)
    mask = voiced.mean(1) >= 0.5
    phone = laid(utterance.phone, 0).astype(int)
    sounding = phone > 0
    tilt = (laid(utterance.tilt, 0.0) * sounding).sum(1) / np.maximum(sounding.sum(1), 1)
    energy = 10 * np.log10((10 ** (laid(_frame_energy(utterance, t), -60.0) / 10)).mean(1))
    return {
        "f0": (laid(np.log2(np.maximum(utterance.f0, 1.0)), 0.0) * voiced).sum(1) / some * mask,
        "semitones": (laid(utterance.semitones, 0.0) * voiced).sum(1) / some * mask,
        "voiced": mask,
        "energy": np.maximum(energy, -50.0),
        "tilt": tilt,
        "phone": phone[:, per // 2],
    }
