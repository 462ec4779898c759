"""Prompts with version names: what a model is asked, the same for every family, for rewards and for evaluation.

A prompt is the user's turn. Audio and video come before the words; the transcript is a line of its own, and only where
the
prompt presents text. Changing a wording means a new version, because every result file states it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from emolab.emotions import EMOTIONS
from emolab.errors import EmolabError
from emolab.samples import MODALITIES, EmotionSample


@dataclass(frozen=True)
class Prompt:
    """One way of asking.

    `style` names the completion format that `emolab.parsing` expects ("direct", "free", "structured", "words",
    "caption",
    "plain"); `modalities` are those presented to the model, as far as a sample has them.
    """

    name: str
    version: str
    user: str
    style: str
    modalities: tuple[str, ...] = MODALITIES
    system: str = ""

    def using(self, *modalities: str) -> Prompt:
        """The same prompt presenting only the given modalities. Raises EmolabError for an unknown one."""
        if unknown := set(modalities) - set(MODALITIES):
            raise EmolabError(f"unknown modality {sorted(unknown)[0]!r}; expected some of {', '.join(MODALITIES)}")
        return replace(self, modalities=tuple(m for m in MODALITIES if m in modalities))

    def text(self, sample: EmotionSample | None = None) -> str:
        """The words of the user's turn for a sample; its transcript is quoted where the prompt presents text."""
        shown = sample is not None and "text" in self.modalities and sample.text
        return f'The words: "{sample.text}"\n{self.user}' if shown and sample is not None else self.user

    @property
    def id(self) -> str:
        """Name and version, as written into result files."""
        return f"{self.name}-{self.version}"


def with_labels(labels: Iterable[str] = EMOTIONS) -> str:
    """The closed question over a label set."""
    return f"What does the speaker feel? Choose one of: {', '.join(labels)}."


_CLOSED = with_labels()
_ALL = (
    Prompt("direct", "v1", f"{_CLOSED} Reply with <answer>emotion</answer>.", "direct"),
    Prompt("free", "v1", f"{_CLOSED} Think first: <think>reasons</think><answer>emotion</answer>.", "free"),
    Prompt(
        "structured",
        "v1",
        f"{_CLOSED} Think in three parts: <think><content>what is said</content>"
        "<acoustics>how it sounds</acoustics><summary>what follows</summary></think><answer>emotion</answer>.",
        "structured",
    ),
    Prompt(
        "words",
        "v1",
        "Which words say how the speaker feels? Think first: <think>reasons</think><answer>word, word</answer>.",
        "words",
    ),
    Prompt(
        "words_direct",
        "v1",
        "Which words say how the speaker feels? Reply with <answer>word, word</answer>.",
        "words",
    ),
    Prompt(
        "caption",
        "v1",
        "Describe how the speaker sounds and feels. Reply with <answer>description</answer>.",
        "caption",
    ),
    Prompt("transcribe", "v1", "Write down what is said.", "plain", ("audio",)),
    Prompt("voice", "v1", "Describe the voice.", "plain", ("audio",)),
    Prompt("face", "v1", "Describe the face.", "plain", ("video",)),
    Prompt("meaning", "v1", "What do these words express? Reply with <answer>emotion</answer>.", "direct", ("text",)),
)
PROMPTS: dict[str, Prompt] = {prompt.name: prompt for prompt in _ALL}


def get_prompt(name: str) -> Prompt:
    """The prompt called `name`. Raises EmolabError with the known names."""
    if name not in PROMPTS:
        raise EmolabError(f"unknown prompt {name!r}; expected one of {', '.join(PROMPTS)}")
    return PROMPTS[name]
