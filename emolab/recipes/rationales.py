"""What a cold start's rationale says of a sample, from the fields of its row and nothing else.

A row may state what the voice, the face and the words are like (`EmotionSample.parts`). Where it has a caption alone,
the caption is the rationale. No file of truth is read.
"""

from __future__ import annotations

from emolab.errors import TrainingError
from emolab.samples import EmotionSample


def label_of(sample: EmotionSample) -> str:
    """The label of a sample. Raises TrainingError where it has none."""
    if sample.emotion is None:
        raise TrainingError(f"{sample.id}: has no label to write a rationale for")
    return sample.emotion


def voice_of(sample: EmotionSample) -> str:
    """What the voice is like, as the row states it; else the caption. Raises TrainingError where there is neither."""
    return sample.parts.get("voice") or _caption(sample)


def words_of(sample: EmotionSample) -> str:
    """What the words are like: whether they carry a feeling, where the row says so; else as it describes them, or the
    words themselves.

    >>> words_of(EmotionSample("x", text="It is late.", extra={"carriers": ["audio"]}))
    'neutral words'
    >>> words_of(EmotionSample("x", text="It is late."))
    'It is late.'
    """
    if (carriers := sample.extra.get("carriers")) is not None:
        shown = [*carriers, *sample.extra.get("distractors", ())]
        return "words with feeling" if "text" in shown else "neutral words"
    return sample.parts.get("words") or sample.text or "the words are not known"


def reasons_of(sample: EmotionSample) -> str:
    """All that the row says of voice, face and words; else the caption. Raises TrainingError where there is neither."""
    found = [sample.parts[part] for part in ("voice", "face", "words") if sample.parts.get(part)]
    return "; ".join(found) or _caption(sample)


def brief(sample: EmotionSample) -> str:
    """The first clause on the voice, the face and the words, and a feeling; else the caption.

    Raises TrainingError where there is neither.
    """
    parts = sample.parts
    clauses = [parts.get("tone") or _first(parts.get("voice")), _first(parts.get("face"))]
    if parts.get("words"):
        clauses.append(words_of(sample) if "carriers" in sample.extra else _first(parts["words"]))
    if not any(clauses):
        return _caption(sample)
    return "; ".join([clause for clause in clauses if clause] + list(sample.words[:1]))


def _first(clause: str | None) -> str | None:
    return clause.split(",")[0].split("\uff0c")[0] if clause else None


def _caption(sample: EmotionSample) -> str:
    if not sample.caption:
        raise TrainingError(
            f"{sample.id}: has neither parts nor a caption to write a rationale from; choose samples that have, or "
            "answers without reasons (reasoning=direct, thinking=false)"
        )
    return sample.caption.strip()
