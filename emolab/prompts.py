"""Prompts with version names: what a model is asked, the same for every family, for rewards and for evaluation.

A prompt is the user's turn. Audio and video come before the words; the transcript is a line of its own, and only where
the prompt presents text. A closed question lists the labels of a `LabelSet`; another set is another wording, and its
name is part of the prompt's id. A new wording gets a new version, because every result file states the id.

>>> get_prompt("direct", "iemocap-4").text()
'What does the speaker feel? Choose one of: neutral, happy, sad, angry. Reply with <answer>emotion</answer>.'
>>> get_prompt("direct").id, get_prompt("direct", "iemocap-4").id
('direct-v1', 'direct-v1/iemocap-4')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.errors import EmolabError
from emolab.files import read_toml
from emolab.registry import Registry
from emolab.samples import MODALITIES, EmotionSample

LABELS = "{labels}"
"""Where a template lists the labels."""


@dataclass(frozen=True)
class Prompt:
    """One way of asking.

    `template` is the user's turn; `{labels}` in it stands for the labels. `style` names the completion format that
    `emolab.parsing` expects ("direct", "free", "structured", "words", "caption", "plain"); `modalities` are those
    presented to the model, as far as a sample has them. `labels` are the labels that an answer is one of, None where
    the question is open.
    """

    name: str
    version: str
    template: str
    style: str
    modalities: tuple[str, ...] = MODALITIES
    system: str = ""
    labels: LabelSet | None = None

    def using(self, *modalities: str) -> Prompt:
        """The same prompt presenting only the given modalities. Raises EmolabError for an unknown one."""
        if unknown := set(modalities) - set(MODALITIES):
            raise EmolabError(f"unknown modality {sorted(unknown)[0]!r}; expected some of {', '.join(MODALITIES)}")
        return replace(self, modalities=tuple(m for m in MODALITIES if m in modalities))

    def with_labels(self, labels: LabelSet | Sequence[str] | str) -> Prompt:
        """The same question over other labels (a `LabelSet`, or what `label_set` takes). An open question stays."""
        return self if self.labels is None else replace(self, labels=label_set(labels))

    @property
    def user(self) -> str:
        """The question, with the labels in it."""
        return self.template.replace(LABELS, ", ".join(self.labels or ()))

    def text(self, sample: EmotionSample | None = None) -> str:
        """The words of the user's turn for a sample; its transcript is quoted where the prompt presents text."""
        shown = sample is not None and "text" in self.modalities and sample.text
        return f'The words: "{sample.text}"\n{self.user}' if shown and sample is not None else self.user

    @property
    def id(self) -> str:
        """Name and version, as written into result files; with the label set where the wording lists another than
        emolab-7."""
        listed = self.labels is not None and LABELS in self.template and self.labels != EMOLAB_7
        return f"{self.name}-{self.version}" + (f"/{self.labels.name}" if listed and self.labels else "")


def _stated(name: str, *, closed: bool = False, modalities: Sequence[str] = MODALITIES, **stated: str) -> Prompt:
    """A prompt of `prompts.toml`."""
    return Prompt(name, modalities=tuple(modalities), labels=EMOLAB_7 if closed else None, **stated)


PROMPTS: Registry[Prompt] = Registry(
    "prompt", {name: _stated(name, **row) for name, row in read_toml(__file__, "prompts.toml").items()}
)
"""Every prompt by name. `emolab.registry.register("prompt", name)` adds one."""


def asking(
    prompt: Prompt | str, labels: LabelSet | Sequence[str] | str | None, corpus: LabelSet
) -> tuple[Prompt, LabelSet]:
    """The prompt that a corpus is asked with, and the labels that its answers are read in.

    `labels` decide, where they are given; else those of a `Prompt`; else those of the corpus (a prompt's name, or an
    open question, states none).
    """
    if isinstance(prompt, str):
        prompt = get_prompt(prompt, labels or corpus)
    elif labels is not None:
        prompt = prompt.with_labels(labels)
    return prompt, prompt.labels or label_set(labels or corpus)


def get_prompt(name: str, labels: LabelSet | Sequence[str] | str = EMOLAB_7) -> Prompt:
    """The prompt called `name`, asking for `labels`. Raises EmolabError with the known names."""
    return PROMPTS.find(name).with_labels(labels)
