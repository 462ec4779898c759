"""What a caption says of each thing, so that a reference can keep what a model is shown and leave out the rest.

A caption of the embedded corpus describes the voice, the face, the words and the feeling, in some order. A model that
is shown no face cannot learn to describe one, and each token of a caption costs a decoding step in every rollout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emolab.errors import TrainingError

CAPTION_PARTS = ("tone", "voice", "face", "words", "irony", "feeling")
_SENTENCES = {
    "voice": r"(?:The speaker has|One hears) an? [^.]*\bvoice\b[^.]*\.",
    "face": r"(?:The brows are|The mouth is|(?:Raised|Level|Lowered|Slanted) brows,) [^.“”]*\.",
    "words": r"The words (?:are neutral|alone tell nothing)\.|What is said carries no feeling\."
    r"|(?:The words (?:tell of it|say something else)|What is said (?:fits|points elsewhere)): “[^”]*”",
    "irony": r"It is meant sarcastically\.|The glad words are sarcasm\.",
}


def caption_parts(caption: str) -> dict[str, str]:
    """The sentences of a caption by `CAPTION_PARTS`, those that it has; what is none of the others is the feeling, and
    the tone is how the description of the voice begins.

    >>> caption_parts("The speaker is sad and lonely. One hears a low, flat voice, slow and quiet. The words are neutral.")
    {'voice': 'One hears a low, flat voice, slow and quiet.', 'words': 'The words are neutral.', 'tone': 'One hears a low, flat voice.', 'feeling': 'The speaker is sad and lonely.'}
    """  # noqa: E501
    found, rest = {}, caption
    for part, pattern in _SENTENCES.items():
        if match := re.search(pattern, rest):
            found[part] = match.group(0)
            rest = rest[: match.start()] + rest[match.end() :]
    if match := re.match(r".*?\bvoice\b", found.get("voice", "")):
        found["tone"] = f"{match.group(0)}."
    if feeling := " ".join(rest.split()):
        found["feeling"] = feeling
    return found


def reference(caption: str, parts: Sequence[str] = ("voice", "feeling")) -> str:
    """The sentences of `caption` on `parts`, in that order. A caption that does not describe a voice in the embedded
    corpus's form, such as a real corpus's, is returned as it is.

    >>> reference("The speaker is sad. One hears a low, flat voice, slow and quiet. The words are neutral.")
    'One hears a low, flat voice, slow and quiet. The speaker is sad.'

    Raises TrainingError for an unknown part.
    """
    if unknown := [part for part in parts if part not in CAPTION_PARTS]:
        raise TrainingError(f"caption part {unknown[0]!r}: expected some of {', '.join(CAPTION_PARTS)}")
    found = caption_parts(caption)
    return " ".join(found[part] for part in parts if part in found) if "voice" in found else caption
