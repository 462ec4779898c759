"""AffectGPT-RL: open-vocabulary emotion recognition by reinforcement learning (arXiv 2605.06126; earlier 2508.01318).

What the paper does, and what we know of it ([S] read in released code or the abstract, [2] second-hand, [?] not
found, chosen here and therefore a parameter):

- the model sees, hears and reads, and answers with as many words as it likes [S]; the base is AffectGPT [2], ours an
  Omni model of Qwen's [?];
- answers are scored on emotion wheels (`emolab.wheels`) [S], a score without a gradient, so it becomes the reward;
- rewards [2]: format; accuracy, the wheel F of the answer; dual, that of the emotion words in the reasoning; alignment
  of reasoning and answer; perception, a pairwise judge of the reasoning; and a length penalty P1, P2 or P3 for naming
  more words than gold does. Their weights [?] are those of our shipped rubric `affectgpt_rl`, and the judge is ours;
- the ablation, on OV-MERD+ [2]: without RL 62.5; accuracy alone 63.4; with format 66.5; all five 59.5; without
  thinking 68.4; with a length penalty 67.4 to 68.1. Its cold start, G, learning rate, KL weight and batch [?];
- the same answers are also asked for the basic emotion (hit rate) and the sentiment, as MER-UniBench does [S].

What is ours: the guards of `WheelF` against hedges and spam (`guards`; the paper has none), the smoothed penalty, and
wheels and a lexicon of our own (`wheels` names a folder of the official files).

A cold-start completion comes from a table row's words and its parts or caption alone. A row without words has its label
as the one word. GRPO is given the words and nothing else, and
so is the supervised baseline, which learns to write the same lists without reasons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from emolab.emotions import EMOLAB_7, LabelSet
from emolab.errors import TrainingError
from emolab.prompts import Prompt
from emolab.recipes.data import brief, kept_of
from emolab.recipes.run import Recipe
from emolab.rewards.rubric import Rubric
from emolab.rewards.shipped import rubric as shipped
from emolab.rewards.wheel import Alignment, Dual, WheelF
from emolab.samples import Corpus, EmotionSample

REWARDS = {
    "accuracy": ("wheel_f",),
    "format": ("wheel_f", "format"),
    "all": ("wheel_f", "format", "dual", "alignment", "perception"),
}
"""Parts of the reward by the steps of the paper's ablation; without thinking there is no reasoning to reward, and "all"
is "format"."""
UNGUARDED = {"min_precision": 0.0, "max_extra": 10**6, "consistent": False, "hedge": 0.0}


@dataclass(frozen=True)
class AffectGPTRL(Recipe):
    """Open-vocabulary emotion by GRPO with an emotion-wheel reward.

    The settings' defaults are the paper's values where there are any; `cpu()` has ours.

    Example: `AffectGPTRL.cpu().run(embedded_corpus("omni"), "build/affectgpt-rl")`.
    """

    name: ClassVar[str] = "affectgpt-rl"
    metric: ClassVar[str] = "wheel_f"
    controls: ClassVar[tuple[str, ...]] = ("silent", "swapped", "no_transcript", "no_video")
    corpus_size: ClassVar[str] = "omni"

    model: str = "Qwen/Qwen2.5-Omni-3B"  # [?] the paper's is AffectGPT
    modalities: tuple[str, ...] = ("audio", "video", "text")  # [S]
    thinking: bool = True  # [2] its ablation found answering at once better
    reward: Literal["accuracy", "format", "all"] = "all"  # [2] steps of its ablation, see REWARDS
    length_penalty: Literal["none", "P1", "P2", "P3", "smoothed"] = "P3"  # [2]; which it chose in the end [?]
    guards: bool = False  # ours
    wheels: str = "embedded"  # or a folder of the official files
    cold_per_label: int = 40  # [?]
    group_size: int = 8  # [?]
    learning_rate: float = 1e-6  # [?]
    beta: float = 0.04  # [?]
    temperature: float = 1.0  # [?]
    max_new_tokens: int = 256  # [?]

    def select(self, corpus: Corpus) -> Corpus:
        """The samples with emotion words; the label is the one word of a sample that has no others."""
        found = corpus.replace(s if s.words or not s.emotion else replace(s, words=(s.emotion,)) for s in corpus)
        return kept_of(
            self.name, self.modalities, found, lambda s: bool(s.words), "emotion words (column 'words') or a label"
        )

    def prompt(self, labels: LabelSet = EMOLAB_7) -> Prompt:
        """The open question, with reasons or without."""
        return self._asked("words" if self.thinking else "words_direct", labels)

    def target(self, sample: EmotionSample) -> str:
        """The sample's words, after reasons where the model is to think: what the voice, the face and the words are
        like, in brief, and a feeling.

        >>> from emolab.samples import EmotionSample
        >>> sad = EmotionSample("x", words=("gloomy",), parts={"voice": "a low voice, flat", "face": "brows down"})
        >>> AffectGPTRL().target(sad)
        '<think>a low voice; brows down; gloomy</think><answer>gloomy</answer>'
        """
        if not self.thinking:
            return self.direct_target(sample)
        return f"<think>{brief(sample)}</think>{self.direct_target(sample)}"

    def direct_prompt(self, labels: LabelSet = EMOLAB_7) -> Prompt:
        """The open question, answered at once: words have no reasons."""
        return self._asked("words_direct", labels)

    def direct_target(self, sample: EmotionSample) -> str:
        """The words that GRPO is rewarded for. Raises TrainingError for a sample without words."""
        if not sample.words:
            raise TrainingError(f"{sample.id}: has no emotion words to learn from")
        return f"<answer>{', '.join(sample.words)}</answer>"

    def rewards(self, labels: LabelSet = EMOLAB_7, train: Corpus | None = None) -> Rubric:
        """The shipped rubric with the settings' parts, length penalty and wheels; unguarded, its gates are gone too."""
        base = shipped("affectgpt_rl" if self.thinking else "affectgpt_rl_no_think", labels)
        options: dict[str, Any] = {"penalty": self.length_penalty, "wheels": self.wheels}
        options |= {} if self.guards else UNGUARDED
        rewards: dict[str, Any] = {
            "wheel_f": WheelF(**options),
            "dual": Dual(**options),
            "alignment": Alignment(wheels=self.wheels),
        }
        parts = [
            replace(part, reward=rewards.get(part.name, part.reward), gate=part.gate if self.guards else None)
            for part in base.parts
            if part.name in REWARDS[self.reward]
        ]
        return Rubric(base.name, tuple(parts))

    def measuring(self) -> dict[str, Any]:
        """On which wheels words are compared."""
        return {"wheels": self.wheels}
