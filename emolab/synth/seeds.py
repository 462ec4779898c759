"""Seeds: neutral utterances analysed into pitch, envelope and timing, ready to be given any prosody.

`analyse` makes one from speech with an alignment; `shipped` reads one of those that the package ships (Ogg-Opus, one file per
base voice, made by `data_scripts/make_seeds.py`), so that nothing needs espeak-ng.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emolab.errors import SynthError
from emolab.synth.espeak import Phone, Speech, Word
from emolab.synth.vocoder import HOP, SAMPLE_RATE, spectral_envelope, track_f0

DATA = Path(__file__).parent / "data"
PHONE_CLASSES = ("silence", "vowel", "glide", "nasal", "voiced stop", "voiceless stop", "voiced fricative", "voiceless fricative")
_VOWELS = frozenset("aeiouIEUVO03@A&")
_CLASS_OF = {**dict.fromkeys("wjrl*", 2), **dict.fromkeys("mnN", 3), **dict.fromkeys("bdg", 4), **dict.fromkeys("ptk?", 5),
             **dict.fromkeys("vDzZ", 6), **dict.fromkeys("fTsShxCX", 7)}
_EDGE = 0.025                # seconds of silence put around a seed, so that its ends are analysed whole
_APERIODICITY = 0.65         # of the upper band in voiced frames: what D4C finds on these voices (median 0.5 to 0.8)
_FRICATIVE_APERIODICITY = 0.92


@dataclass(frozen=True)
class Seed:
    """A neutral utterance as 5 ms frames."""

    f0: float                # Hz, the talker's median
    contour: np.ndarray      # (T,) float32, semitones around that median
    voiced: np.ndarray       # (T,) bool
    log_power: np.ndarray    # (T, 513) float32, natural-log power envelope
    aperiodicity: np.ndarray  # (T,) float32, of the upper band
    vowel: np.ndarray        # (T,) float32, 0 to 1
    phone: np.ndarray        # (T,) int8, index into PHONE_CLASSES
    stress: np.ndarray       # (n,) seconds, middles of stressed vowels
    words: tuple[tuple[float, str], ...]     # onset in seconds, word

    def __len__(self) -> int:
        return len(self.contour)


def phone_class(label: str) -> int:
    """Index into PHONE_CLASSES of an espeak-ng phone mnemonic; affricates count as fricatives, unknown marks as silence.

    >>> PHONE_CLASSES[phone_class("dZ")], PHONE_CLASSES[phone_class("oU")]
    ('voiced fricative', 'vowel')
    """
    if label[:2] in ("tS", "dZ"):
        return 7 if label[0] == "t" else 6
    return 1 if label[0] in _VOWELS else _CLASS_OF.get(label[0], 0)


def _at_16k(speech: Speech) -> np.ndarray:
    from math import gcd

    from scipy.signal import resample_poly
    common = gcd(SAMPLE_RATE, speech.rate)
    wave = speech.wave.astype(np.float64)
    if speech.rate != SAMPLE_RATE:
        wave = resample_poly(wave, SAMPLE_RATE // common, speech.rate // common)
    return np.pad(wave, int(_EDGE * SAMPLE_RATE))


def analyse(speech: Speech, name: str = "this utterance") -> Seed:
    """Pitch, envelope and timing of a neutral utterance with its phones and words.

    Raises: SynthError if there is no voice in it (`name` says which).
    """
    from scipy.ndimage import gaussian_filter1d

    wave = _at_16k(speech)
    f0 = track_f0(wave)
    voiced = f0 > 0
    if voiced.sum() < 10:
        raise SynthError(f"{name}: no voiced speech in it, so there is no pitch to change")
    semitones = 12 * np.log2(np.maximum(f0, 1.0))
    median, index = float(np.median(semitones[voiced])), np.arange(len(f0))
    contour = np.clip(np.interp(index, index[voiced], semitones[voiced]) - median, -9, 9)
    aperiodicity = np.where(voiced, _APERIODICITY, 1.0)
    phone, stress = np.zeros(len(f0), np.int8), []
    for p in speech.phones:
        span = slice(int((p.start + _EDGE) / HOP), int((p.end + _EDGE) / HOP))
        phone[span] = phone_class(p.label)
        if PHONE_CLASSES[phone_class(p.label)] == "voiced fricative":
            aperiodicity[span] = _FRICATIVE_APERIODICITY
        if p.stress == 2:
            stress.append((p.start + p.end) / 2 + _EDGE)
    vowel = gaussian_filter1d((phone == 1).astype(np.float32), 3)
    return Seed(float(2 ** (median / 12)), gaussian_filter1d(contour, 4).astype(np.float32), voiced, spectral_envelope(wave, f0),
                aperiodicity.astype(np.float32), vowel, phone, np.array(stress), tuple((w.start + _EDGE, w.text) for w in speech.words))


@lru_cache(maxsize=1)
def index() -> dict[str, dict[str, Any]]:
    """What is shipped: base voice → {"sentences": {id: {"text", "start", "length", "phones", "words"}}} (samples at 16 kHz).

    Raises: SynthError if the files are not there.
    """
    files = sorted(DATA.glob("*.json"))
    if not files:
        raise SynthError(f"no speech seeds in {DATA}: the installation is incomplete; reinstall emolab")
    return {f.stem: json.loads(f.read_text()) for f in files}


@lru_cache(maxsize=4)
def _voice_wave(voice: str) -> np.ndarray:
    import soundfile

    wave, rate = soundfile.read(DATA / f"{voice}.ogg", dtype="float32")
    if rate != SAMPLE_RATE:
        raise SynthError(f"{DATA / f'{voice}.ogg'}: {rate} Hz, expected {SAMPLE_RATE}; reinstall emolab")
    return wave


def sentences_of(voice: str) -> tuple[str, ...]:
    """Ids of the sentences that a base voice says in the shipped seeds. Raises SynthError for an unknown voice."""
    if voice not in index():
        raise SynthError(f"no shipped voice {voice!r}; there are: {', '.join(index())}")
    return tuple(index()[voice]["sentences"])


def shipped_speech(voice: str, sentence: str) -> Speech:
    """The shipped neutral utterance of a sentence id by a base voice, with its phones and words.

    Raises: SynthError if that voice does not say that sentence.
    """
    if sentence not in sentences_of(voice):
        raise SynthError(f"voice {voice!r} has no seed of sentence {sentence!r}; it has {len(sentences_of(voice))}: "
                         f"emolab.synth.seeds.sentences_of({voice!r}) lists them")
    entry = index()[voice]["sentences"][sentence]
    wave = _voice_wave(voice)[entry["start"]:entry["start"] + entry["length"]]
    marks = entry["phones"]
    ends = [m[0] for m in marks[1:]] + [1000 * len(wave) // SAMPLE_RATE]
    phones = [Phone(start / 1000, end / 1000, label, stress) for (start, label, stress), end in zip(marks, ends, strict=True)]
    return Speech(wave, SAMPLE_RATE, phones, [Word(at / 1000, text) for at, text in entry["words"]])


@lru_cache(maxsize=64)
def shipped(voice: str, sentence: str) -> Seed:
    """The shipped seed of a sentence id by a base voice, analysed (about 30 ms the first time, then from memory)."""
    return analyse(shipped_speech(voice, sentence), f"seed {voice}/{sentence}")
