"""From a spec to what it is made of, to its row of the table, and to its media: all from the spec and its seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np

from emolab.corpora.embedded import NAME
from emolab.emotions import VAD
from emolab.samples import EmotionSample
from emolab_synth import captions, face
from emolab_synth.channel import Channel, record_wild, sample_channel, sample_wild_room
from emolab_synth.plan import Spec
from emolab_synth.prosody import WILD_CUE_SD, WILD_SPREAD, Prosody, sample_prosody, sample_style
from emolab_synth.seeds import shipped
from emolab_synth.talkers import Talker
from emolab_synth.voice import Room, record, sample_room, utter, word_times


@dataclass(frozen=True)
class Realised:
    """The truth about one sample."""

    prosody: Prosody
    aus: dict[str, float]
    room: Room
    channel: Channel | None = None  # of domain `wild`


def _rng(spec: Spec, purpose: int) -> np.random.Generator:
    return np.random.default_rng([spec.seed, purpose])


def realise(spec: Spec) -> Realised:
    """Draw a sample's prosody, action units and room: cheap, no media."""
    rng = _rng(spec, 0)
    if spec.domain == "wild":
        return _realise_wild(spec, rng)
    prosody = sample_prosody(spec.shown["audio"], spec.intensity["audio"], rng, spec.talker.expressivity, spec.domain)
    return Realised(
        prosody, face.sample_aus(spec.shown["video"], spec.intensity["video"], rng), sample_room(rng, spec.domain)
    )


def _realise_wild(spec: Spec, rng: np.random.Generator) -> Realised:
    shown, talker = spec.shown, spec.talker
    style = sample_style(np.random.default_rng([32, crc32(talker.id.encode())]))
    level = spec.intensity["audio"]
    prosody = sample_prosody(
        shown["audio"], level, rng, talker.expressivity, "wild", WILD_CUE_SD, WILD_SPREAD, style=style
    )
    aus = face.sample_aus(shown["video"], spec.intensity["video"], rng)
    return Realised(prosody, aus, sample_wild_room(rng), sample_channel(rng))


def affect(spec: Spec, rng: np.random.Generator) -> tuple[float, float, float]:
    """Valence, arousal and dominance in [-1, 1]: those of the gold emotion, weaker where it is, and a rater's noise."""
    share = 0.35 + 0.65 * max(spec.intensity.values()) if spec.emotion != "neutral" else 1.0
    v, a, d = np.clip(np.array(VAD[spec.emotion]) * share + rng.normal(0, 0.06, 3), -1, 1).round(3).tolist()
    return v, a, d


def to_sample(spec: Spec, made: Realised) -> EmotionSample:
    """The row of the table: all that a model, a learner and a reward may know."""
    rng = _rng(spec, 1)
    valence, arousal, dominance = affect(spec, rng)
    words = captions.emotion_words(spec, rng)
    caption, parts = captions.describe(spec, made.prosody, made.aus, words, rng)
    extra = {
        "condition": spec.condition,
        "carriers": list(spec.carriers),
        "distractors": list(spec.distractors),
        "domain": spec.domain,
        "sarcastic": spec.sarcastic,
        "sentence": spec.sentence.id,
        "voice": spec.talker.voice,
        "gender": spec.talker.sex,
        "snr_db": round(made.room.snr_db or 0.0, 1),
        "fps": face.FPS,
    }
    return EmotionSample(
        spec.id,
        f"audio/{spec.id}.flac",
        f"video/{spec.id}.jpg",
        spec.sentence.text,
        spec.emotion,
        spec.talker.id,
        spec.split,
        NAME,
        "en",
        valence,
        arousal,
        dominance,
        words,
        caption,
        extra,
        parts,
    )


def to_truth(spec: Spec, made: Realised) -> dict[str, Any]:
    """The row of the truth: what each modality shows, how strongly, and the parameters it was made from."""
    channel = {} if made.channel is None else {"channel": asdict(made.channel)}
    return {
        "id": spec.id,
        "shown": spec.shown,
        "intensity": spec.intensity,
        "prosody": {cue: round(value, 4) for cue, value in made.prosody.dict().items()},
        "aus": {unit: round(value, 4) for unit, value in made.aus.items()},
        "room": {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(made.room).items()},
        **channel,
    }


def face_of(talker: Talker) -> face.FaceIdentity:
    """The one face of a talker, in every corpus."""
    return face.identity(talker.sex, np.random.default_rng([77, crc32(talker.id.encode())]))


def render_voice(spec: Spec) -> np.ndarray:
    """The recording of a sample: float32 (n,) at 16 kHz.

    Raises: SynthError if the talker's voice has no seed of the sentence.
    """
    made, rng = realise(spec), _rng(spec, 2)
    seed = shipped(spec.talker.voice, spec.sentence.id)
    spoken = utter(seed, made.prosody, rng, spec.talker.f0_shift, spec.talker.warp)
    if made.channel is None:
        return record(spoken.wave, made.prosody, rng, made.room)
    return record_wild(spoken.wave, made.prosody, rng, made.room, made.channel)


def render(spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """The media: `render_voice`, and frames uint8 (8, 64, 64, 3) whose lips follow it.

    Raises: SynthError if the talker's voice has no seed of the sentence.
    """
    made, wave = realise(spec), render_voice(spec)
    look = "ab"[spec.seed % 2] if spec.domain == "wild" else spec.domain
    speech = face.loudness_envelope(wave, face.FRAMES)
    return wave, face.clip(made.aus, face_of(spec.talker), _rng(spec, 3), speech=speech, look=look)


def spoken_words(spec: Spec) -> list[tuple[str, float, float]]:
    """When each word is said in the recording that `render` makes: (word, start, end) in seconds.

    No media are made, but the seed is analysed on first use: a second or two.

    Raises: SynthError if the talker's voice has no seed of the sentence.
    """
    made = realise(spec)
    times = word_times(shipped(spec.talker.voice, spec.sentence.id), made.prosody, _rng(spec, 2))
    return [(word, start + made.room.lead, end + made.room.lead) for word, start, end in times]
