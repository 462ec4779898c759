"""Written rationales for a cold start, from what the rows of a training table state and nothing else.

A row states a transcript, a label, emotion words and a reference caption. The caption is somebody's description of
the voice ("the speaker has a low, flat voice, slow and quiet, …"); the acoustic part of a rationale is that clause.
No file of truth is read, and a row without a caption gets no rationale but the bare answer.
"""

from __future__ import annotations

import re

from emolab.errors import TrainingError
from emolab.samples import EmotionSample

STYLES = ("structured", "free", "direct")
_VOICE = re.compile(r"(?:[Tt]he speaker has|[Oo]ne hears) (an? [^.]*\bvoice\b[^.]*)\.")
_PLAIN_WORDS = re.compile(r"words are neutral|carries no feeling|words alone tell nothing")


def voice_clause(caption: str | None) -> str | None:
    """What a caption says of the voice, or None.

    >>> voice_clause("The speaker has a low, flat voice, slow and quiet. The words are neutral.")
    'a low, flat voice, slow and quiet'
    """
    found = _VOICE.search(caption or "")
    return found.group(1) if found else None


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
