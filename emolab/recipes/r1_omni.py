"""R1-Omni: audio-visual emotion recognition by reinforcement learning with verifiable reward (arXiv 2503.05379).

What the paper does, and what we know of it ([S] read in released code or the abstract, [2] second-hand, [?] not
found, chosen here and therefore a parameter):

- base model HumanOmni-0.5B, which sees and hears and is given the words [S]; ours is an Omni model of Qwen's [?];
- cold start on 232 EMER and 348 own clips with written rationales, 5 epochs at 2e-5 [S];
- reward: accuracy (the answer equals the label) plus format (a think block, then an answer block), each 1 or 0,
  unweighted [S];
- GRPO with A = (r − mean)/(std + 1e-4), a k3 KL penalty towards the cold start, G = 8, T = 1, completions of at most
  512 tokens, 2 epochs over 15,306 clips [S]; learning rate, KL weight and batch [?];
- the claims: better than its cold start and than supervised training on the same labels, most of all out of
  distribution, and a rationale that tells which modality contributed [S].

The last claim is a reading of generated text: nothing in the paper measures it. Here it is a figure. Rows of the
embedded corpus state which modalities carry the emotion; a cold-start rationale may therefore name them ("the face
tells it"), and `naming` counts how often a rationale does so on held-out clips, before and after a training that
rewards the answer alone.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from emolab.attribution.stated import evidence_sentence, stated_modalities
from emolab.emotions import EMOLAB_7, LabelSet
from emolab.errors import TrainingError
from emolab.metrics import unweighted_accuracy
from emolab.metrics.bootstrap import mean_interval
from emolab.prompts import Prompt
from emolab.recipes.data import label_of, reasons_of
from emolab.recipes.run import Recipe
from emolab.rewards import Accuracy, Format, Part, Rubric
from emolab.samples import MODALITIES, Corpus, EmotionSample


@dataclass(frozen=True)
class R1Omni(Recipe):
    """Audio-visual emotion by GRPO with a verifiable reward.

    The settings' defaults are the paper's values where there are any; `cpu()` has ours.

    Example: `R1Omni.cpu().run(embedded_corpus("omni"), "build/r1-omni/seed-0")`.
    """

    name: ClassVar[str] = "r1-omni"
    metric: ClassVar[str] = "ua"
    controls: ClassVar[tuple[str, ...]] = ("silent", "swapped", "no_transcript", "no_video")
    corpus_size: ClassVar[str] = "omni"

    model: str = "Qwen/Qwen2.5-Omni-3B"  # [?] for the paper's HumanOmni-0.5B, which transformers does not have
    modalities: tuple[str, ...] = ("audio", "video", "text")  # [S]
    reasoning: Literal["named", "described", "direct"] = "described"
    """Reasons that name the modality, that also describe it (the paper's describe face, voice and words [S]), or
    none."""
    published: bool = False  # True: the reward as released, an exact string match
    cold_per_label: int = 83  # [S] 580 clips in all
    cold_epochs: float = 5.0  # [S]
    cold_learning_rate: float = 2e-5  # [S]
    group_size: int = 8  # [S]
    learning_rate: float = 1e-6  # [?]
    beta: float = 0.04  # [?] the weight; the estimator, k3, is [S]
    temperature: float = 1.0  # [S]
    prompts_per_step: int = 8  # [?]
    steps: int = 3826  # [S] two epochs of 15,306 clips
    max_new_tokens: int = 512  # [S]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.published and self.reasoning == "direct":
            raise TrainingError("the published format reward asks for a think block: reasoning 'direct' earns none")

    def prompt(self, labels: LabelSet = EMOLAB_7) -> Prompt:
        """A closed question with reasons, or without."""
        return self._asked(self._style, labels)

    @property
    def _style(self) -> str:
        return "direct" if self.reasoning == "direct" else "free"

    def target(self, sample: EmotionSample) -> str:
        """Which modality tells it, and the answer. With reasoning "described", also how it sounds and looks there.

        The modalities are those that the row states in `extra["carriers"]`. A row of a real corpus states none, and its
        description is the reasons.

        >>> from emolab.samples import EmotionSample
        >>> R1Omni(reasoning="named").target(EmotionSample("x", emotion="sad", extra={"carriers": ["video"]}))
        '<think>the face tells it</think><answer>sad</answer>'
        """
        label = label_of(sample)
        if self.reasoning == "direct":
            return self.direct_target(sample)
        if (carriers := sample.extra.get("carriers")) is None:
            return f"<think>{reasons_of(sample)}</think><answer>{label}</answer>"
        reasons = [evidence_sentence(carriers)]
        if self.reasoning == "described":
            clauses = {"audio": sample.parts.get("voice"), "video": sample.parts.get("face")}
            reasons += [clause for modality, clause in clauses.items() if modality in carriers and clause]
        return f"<think>{'; '.join(reasons)}</think><answer>{label}</answer>"

    def rewards(self, labels: LabelSet = EMOLAB_7, train: Corpus | None = None) -> Rubric:
        """Accuracy plus format, unweighted."""
        accuracy, form = Accuracy(labels, self.published), Format(self._style, published=self.published)
        return Rubric("r1_omni_published" if self.published else "r1_omni", (Part(accuracy), Part(form)))

    def findings(self, rows: Sequence[Mapping[str, Any]], corpus: Corpus, prompt: Prompt) -> dict[str, Any]:
        """UA by where the evidence lies and, where reasons are written, `naming`."""
        return by_evidence(rows, corpus) | (naming_of(rows, corpus) if prompt.style != "direct" else {})


def evidence_of(sample: EmotionSample) -> str | None:
    """Where a row of the embedded corpus says its evidence lies: a modality that carries it alone, "agree" where
    several do, "conflict" where another one shows something else, "neutral" where nothing shows a feeling; None for a
    row that does not say.

    >>> from emolab.samples import EmotionSample
    >>> evidence_of(EmotionSample("x", extra={"carriers": ["video"], "distractors": []}))
    'video'
    """
    carriers = sample.extra.get("carriers")
    if carriers is None:
        return None
    if sample.extra.get("distractors"):
        return "conflict"
    if not carriers:
        return "neutral"
    return str(carriers[0]) if len(carriers) == 1 else "agree"


def by_evidence(rows: Sequence[Mapping[str, Any]], corpus: Corpus) -> dict[str, Any]:
    """UA by where the evidence lies: `ua_audio`, `ua_video`, `ua_text`, `ua_agree`, `ua_conflict`, `ua_neutral` of
    `evidence_of`, and `by_condition`, `{condition: {ua, n}}`. {} where the corpus does not say.
    """
    samples = {s.id: s for s in corpus}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    conditions: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        sample = samples[row["id"]]
        if (kind := evidence_of(sample)) is not None:
            groups.setdefault(kind, []).append(row)
            conditions.setdefault(str(sample.extra.get("condition")), []).append(row)

    def ua(part: Sequence[Mapping[str, Any]]) -> float:
        return float(unweighted_accuracy([r["gold"] for r in part], [r["predicted"] for r in part]))

    if not groups:
        return {}
    return {f"ua_{kind}": ua(part) for kind, part in sorted(groups.items())} | {
        "by_condition": {name: {"ua": ua(part), "n": len(part)} for name, part in sorted(conditions.items())}
    }


def naming_of(rows: Sequence[Mapping[str, Any]], corpus: Corpus, n_boot: int = 1000) -> dict[str, Any]:
    """`naming` of an evaluation's raw rows; {} where the corpus does not say what carries the emotion."""
    carriers = {s.id: s.extra["carriers"] for s in corpus if s.extra.get("carriers") is not None}
    told = [r for r in rows if r["id"] in carriers]
    if not told:
        return {}
    right = [r["predicted"] == r["gold"] for r in told]
    speakers = [r["speaker"] for r in told]
    return naming([r["text"] for r in told], [carriers[r["id"]] for r in told], right, speakers, n_boot)


def naming(
    texts: Sequence[str],
    carriers: Sequence[Collection[str]],
    right: Sequence[bool],
    groups: Sequence[Hashable],
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Do rationales name what carried the emotion? Stated modalities (`attribution.stated`) against the true ones.

    Of N texts, over those whose emotion has exactly one carrier: `names_carrier`, the share that name it and nothing
    else, with a 95% interval that draws whole `groups`, and `names_carrier_shuffled`, the same when the texts are
    exchanged among these samples: what a fixed habit gets. Over all that name something: `names_wrong`, the share of
    named modalities that carry nothing (the hallucination rate). Over all with a carrier: `names_nothing`, the share
    that name none. `right_when_named` and `right_otherwise`: the share of right answers (`right`) among single-carrier
    samples whose rationale is as it should be, and among the others. A share of nothing is None.
    """
    said = np.array([[m in stated_modalities(t) for m in MODALITIES] for t in texts], bool).reshape(len(texts), -1)
    true = np.array([[m in c for m in MODALITIES] for c in carriers], bool).reshape(said.shape)
    single, some = np.flatnonzero(true.sum(1) == 1), true.any(1)
    exact = (said == true).all(1)[single]
    answered = np.asarray(right, bool)[single]
    shuffled = np.random.default_rng(seed).permutation(single)
    owners = [groups[int(i)] for i in single]
    result: dict[str, Any] = {
        "names_carrier": _share(exact),
        "names_carrier_ci": mean_interval(exact, owners, n_boot, seed) if len(single) else None,
        "names_carrier_shuffled": _share((said[shuffled] == true[single]).all(1)),
        "names_wrong": _share(~true[said]),
        "names_nothing": _share(~said[some].any(1)),
        "right_when_named": _share(answered[exact]),
        "right_otherwise": _share(answered[~exact]),
    }
    for j, modality in enumerate(MODALITIES):
        result[f"names_{modality}"] = _share(exact[true[single, j]])
    return result


def _share(hits: Any) -> float | None:
    return float(np.mean(hits)) if np.size(hits) else None
