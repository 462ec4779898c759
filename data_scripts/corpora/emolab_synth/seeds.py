"""Seeds: neutral utterances analysed into pitch, envelope and timing, ready to be given any prosody.

`analyse` makes one from speech with an alignment; `shipped` reads one of those that the package ships (Ogg-Opus, one
file per base voice, made by `data_scripts/make_seeds.py`), so that nothing needs espeak-ng.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from emolab.errors import SynthError
from emolab.media.pitch import HOP, track_f0
from emolab_synth.espeak import Phone, Speech, Word
from emolab_synth.vocoder import SAMPLE_RATE, spectral_envelope

DATA = Path(__file__).parent / "data" / "seeds"
PHONE_CLASSES = (
    "silence",
    "vowel",
    "glide",
    "nasal",
    "voiced stop",
    "voiceless stop",
    "voiced fricative",
    "voiceless fricative",
)
_VOWELS = frozenset("aeiouIEUVO03@A&")
_CLASS_OF = {
    **dict.fromkeys("wjrl*", 2),
    **dict.fromkeys("mnN", 3),
    **dict.fromkeys("bdg", 4),
    **dict.fromkeys("ptk?", 5),
    **dict.fromkeys("vDzZ", 6),
    **dict.fromkeys("fTsShxCX", 7),
}
_EDGE = 0.025  # seconds of silence put around a seed, so that its ends are analysed whole
_APERIODICITY = 0.65  # of the upper band in voiced frames: what D4C finds on these voices (median 0.5 to 0.8)
_FRICATIVE_APERIODICITY = 0.92
_COMPRESSION = 0.9  # of Opus, 3.9 kB per second: envelopes within 1 dB below 4 kHz
_CODEC_GAP = 640  # samples of silence between utterances in one file


@dataclass(frozen=True)
class Seed:
    """A neutral utterance as 5 ms frames."""

    f0: float  # Hz, the talker's median
    contour: np.ndarray  # (T,) float32, semitones around that median
    voiced: np.ndarray  # (T,) bool
    log_power: np.ndarray  # (T, 513) float32, natural-log power envelope
    aperiodicity: np.ndarray  # (T,) float32, of the upper band
    vowel: np.ndarray  # (T,) float32, 0 to 1
    phone: np.ndarray  # (T,) int8, index into PHONE_CLASSES
    stress: np.ndarray  # (n,) seconds, middles of stressed vowels
    words: tuple[tuple[float, str], ...]  # onset in seconds, word

    def __len__(self) -> int:
        return len(self.contour)


def phone_class(label: str) -> int:
    """Index into PHONE_CLASSES of an espeak-ng phone mnemonic; affricates are fricatives, unknown marks silence.

    >>> PHONE_CLASSES[phone_class("dZ")], PHONE_CLASSES[phone_class("oU")]
    ('voiced fricative', 'vowel')
    """
    if label[:2] in ("tS", "dZ"):
        return 7 if label[0] == "t" else 6
    return 1 if label[0] in _VOWELS else _CLASS_OF.get(label[0], 0)


def to_16k(speech: Speech) -> np.ndarray:
    """The waveform at 16 kHz, (n,) float64."""
    from scipy.signal import resample_poly

    wave, common = speech.wave.astype(np.float64), gcd(SAMPLE_RATE, speech.rate)
    return wave if speech.rate == SAMPLE_RATE else resample_poly(wave, SAMPLE_RATE // common, speech.rate // common)


def analyse(speech: Speech, name: str = "this utterance") -> Seed:
    """Pitch, envelope and timing of a neutral utterance with its phones and words.

    Raises: SynthError if there is no voice in it (`name` says which).
    """
    from scipy.ndimage import gaussian_filter1d

    wave = np.pad(to_16k(speech), int(_EDGE * SAMPLE_RATE))
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
    words = tuple((w.start + _EDGE, w.text) for w in speech.words)
    return Seed(
        float(2 ** (median / 12)),
        gaussian_filter1d(contour, 4).astype(np.float32),
        voiced,
        spectral_envelope(wave, f0),
        aperiodicity.astype(np.float32),
        vowel,
        phone,
        np.array(stress),
        words,
    )


def pack(speeches: Sequence[Speech]) -> tuple[bytes, list[dict[str, Any]]]:
    """One Ogg-Opus file of many utterances, and where each is: what `data_scripts/make_seeds.py` ships.

    Entries hold "start" and "length" in samples at 16 kHz; "phones" (onsets in ms), "labels" (joined by spaces) and
    "stress" (indices of stressed phones); "words" (onsets in ms) and "said" (words joined by spaces).
    """
    import soundfile

    pieces, entries, at = [], [], 0
    for speech in speeches:
        wave = to_16k(speech)
        marks = speech.phones
        entries.append(
            {
                "start": at,
                "length": len(wave),
                "phones": [round(1000 * p.start) for p in marks],
                "labels": " ".join(p.label for p in marks),
                "stress": [i for i, p in enumerate(marks) if p.stress == 2],
                "words": [round(1000 * w.start) for w in speech.words],
                "said": " ".join(w.text for w in speech.words),
            }
        )
        pieces += [wave, np.zeros(_CODEC_GAP)]
        at += len(wave) + _CODEC_GAP
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.concatenate(pieces).astype(np.float32),
        SAMPLE_RATE,
        format="OGG",
        subtype="OPUS",
        compression_level=_COMPRESSION,
    )
    return buffer.getvalue(), entries


def unpack(wave: np.ndarray, entry: dict[str, Any]) -> Speech:
    """The utterance that an entry of `pack` describes, cut out of the decoded file (n,) at 16 kHz."""
    piece = wave[entry["start"] : entry["start"] + entry["length"]]
    starts, stressed = [ms / 1000 for ms in entry["phones"]], set(entry["stress"])
    ends = [*starts[1:], len(piece) / SAMPLE_RATE]
    phones = [
        Phone(start, end, label, 2 if i in stressed else 0)
        for i, (start, end, label) in enumerate(zip(starts, ends, entry["labels"].split(), strict=True))
    ]
    words = [Word(ms / 1000, text) for ms, text in zip(entry["words"], entry["said"].split(), strict=True)]
    return Speech(piece, SAMPLE_RATE, phones, words)


def as_shipped(speeches: Sequence[Speech]) -> list[Speech]:
    """The utterances at 16 kHz after the codec of the shipped seeds: new speech that sounds as they do."""
    import soundfile

    data, entries = pack(speeches)
    wave, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    return [unpack(wave, entry) for entry in entries]


@lru_cache(maxsize=1)
def index() -> dict[str, dict[str, dict[str, Any]]]:
    """What is shipped: base voice → sentence id → entry of `pack`. Raises SynthError if the files are not there."""
    files = sorted(DATA.glob("*.json"))
    if not files:
        raise SynthError(f"no speech seeds in {DATA}: the installation is incomplete; reinstall emolab-corpora")
    return {f.stem: json.loads(f.read_text(encoding="utf8")) for f in files}


@lru_cache(maxsize=8)
def _voice_wave(voice: str) -> np.ndarray:
    import soundfile

    path = DATA / f"{voice}.ogg"
    try:
        wave, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise SynthError(f"{path}: cannot be read ({error}); reinstall emolab-corpora") from error
    if rate != SAMPLE_RATE:
        raise SynthError(f"{path}: {rate} Hz, expected {SAMPLE_RATE}; reinstall emolab-corpora")
    return wave


def shipped_sentences(voice: str) -> tuple[str, ...]:
    """Ids of the sentences that a base voice says in the shipped seeds. Raises SynthError for an unknown voice."""
    if voice not in index():
        raise SynthError(f"no shipped voice {voice!r}; there are: {', '.join(index())}")
    return tuple(index()[voice])


def shipped_speech(voice: str, sentence: str) -> Speech:
    """The shipped neutral utterance of a sentence id by a base voice, with its phones and words.

    Raises: SynthError if that voice does not say that sentence.
    """
    known = shipped_sentences(voice)
    if sentence not in known:
        raise SynthError(
            f"voice {voice!r} has no seed of sentence {sentence!r}; it has {len(known)}, such as {known[0]!r}"
        )
    return unpack(_voice_wave(voice), index()[voice][sentence])


@lru_cache(maxsize=64)
def shipped(voice: str, sentence: str) -> Seed:
    """The shipped seed of a sentence id by a base voice, analysed (25 ms the first time, then from memory)."""
    return analyse(shipped_speech(voice, sentence), f"seed {voice}/{sentence}")
