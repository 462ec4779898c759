"""Written rationales for a cold start, from what the rows of a training table state and nothing else.

A row states a transcript, a label, emotion words and a reference caption. The caption is somebody's description of
the voice ("the speaker has a low, flat voice, slow and quiet, …") and of the face ("the brows are raised, …"); the
acoustic and the visual part of a rationale are these clauses. Rows of the embedded corpus also state which modalities
carry the emotion (`extra["carriers"]`, as an annotator would note it), so that a rationale may name them. No file of
truth is read, and a row without a caption gets no rationale but the bare answer.
"""

from __future__ import annotations

import re

from emolab.errors import TrainingError
from emolab.samples import EmotionSample

STYLES = ("structured", "free", "direct")
_VOICE = re.compile(r"(?:[Tt]he speaker has|[Oo]ne hears) (an? [^.]*\bvoice\b[^.]*)\.")
_FACE = re.compile(
    r"(?:^|(?<=[.!?\u201d] ))((?:The brows are|The mouth is|(?:Raised|Level|Lowered|Slanted) brows,) [^.]*)\."
)
_PLAIN_WORDS = re.compile(r"words are neutral|carries no feeling|words alone tell nothing")


def voice_clause(caption: str | None) -> str | None:
    """What a caption says of the voice, or None.

    >>> voice_clause("The speaker has a low, flat voice, slow and quiet. The words are neutral.")
    'a low, flat voice, slow and quiet'
    """
    found = _VOICE.search(caption or "")
    return found.group(1) if found else None


def face_clause(caption: str | None) -> str | None:
    """What a caption says of the face, or None.

    >>> face_clause("The words are neutral. The brows are raised, the eyes wide and the mouth open.")
    'the brows are raised, the eyes wide and the mouth open'
    """
    found = _FACE.search(caption or "")
    return found.group(1)[0].lower() + found.group(1)[1:] if found else None


def evidence_rationale(sample: EmotionSample, cues: bool = False) -> str:
    """A completion whose reasons name where the evidence lies; with `cues`, also how it sounds and looks there.

    The modalities are those that the row states in `extra["carriers"]`, the cues the caption's clauses on the voice
    and the face. A row without stated carriers, such as a clip of a real corpus with a written rationale, has its
    caption as the reasons.

    >>> evidence_rationale(EmotionSample("x", emotion="sad", extra={"carriers": ["video"]}))
    '<think>the face tells it</think><answer>sad</answer>'

    Raises TrainingError for a sample without a label, or with neither carriers nor a caption.
    """
    from emolab.attribution.stated import evidence_sentence

    if sample.emotion is None:
        raise TrainingError(f"{sample.id}: has no label to write a rationale for")
    carriers = sample.extra.get("carriers")
    if carriers is None and not sample.caption:
        raise TrainingError(
            f"{sample.id}: states neither its carriers nor a caption to write a rationale from; choose rows with "
            "captions, or answers without reasons (reasoning 'direct')"
        )
    reasons = (sample.caption or "").strip() if carriers is None else evidence_sentence(carriers)
    if cues and carriers:
        found = {"audio": voice_clause(sample.caption), "video": face_clause(sample.caption)}
        clauses = [clause for modality, clause in found.items() if modality in carriers and clause]
        reasons = "; ".join([reasons, *clauses])
    return f"<think>{reasons}</think><answer>{sample.emotion}</answer>"


def rationale(sample: EmotionSample, style: str = "structured") -> str:
    """The target completion for a training sample, in one of `STYLES`.

    >>> rationale(EmotionSample("x", text="it is late", emotion="sad"), "direct")
    '<answer>sad</answer>'

    Raises TrainingError for an unknown style, a sample without a label, or one whose caption does not describe the
    voice.
    """
    if style not in STYLES:
        raise TrainingError(f"rationale style {style!r}: expected one of {', '.join(STYLES)}")
    if sample.emotion is None:
        raise TrainingError(f"{sample.id}: has no label to write a rationale for")
    answer = f"<answer>{sample.emotion}</answer>"
    if style == "direct":
        return answer
    voice = voice_clause(sample.caption)
    if voice is None:
        raise TrainingError(
            f"{sample.id}: its caption does not describe the voice ({sample.caption!r}); choose rows with captions "
            "of the embedded corpus's form, or the style 'direct'"
        )
    if style == "free":
        return f"<think>{voice}</think>{answer}"
    words = "neutral words" if _PLAIN_WORDS.search(sample.caption or "") else "words with feeling"
    return (
        f"<think><content>{words}</content><acoustics>{voice}</acoustics><summary>it sounds {sample.emotion}</summary>"
        f"</think>{answer}"
    )
