"""Does a data set need listening? Which clips a model answers right without their voice.

A clip that is answered right with silence in the place of its voice, or from its words alone, teaches and measures no
listening; AudioMCQ (arXiv 2509.21060) keeps only what is left and calls it strong audio contribution.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emolab.errors import EvaluationError
from emolab.evaluate.run import evaluate
from emolab.prompts import Prompt, asking
from emolab.samples import NEEDS_LISTENING as MARK
from emolab.samples import Corpus

if TYPE_CHECKING:
    from emolab.lalm.base import LALM

EXAMPLES = 5


def listen_filter(lalm: LALM, corpus: Corpus, prompt: Prompt | str = "direct", **options: Any) -> dict[str, Any]:
    """Ask for every clip twice without its voice: with silence, and by its words alone.

    `options` are those of `evaluate` (`mode`, `batch_size`, `progress`). Returns `corpus` (every sample with MARK in
    its `extra`; one that could not be asked counts as needing to be heard), `asked` and `right` by condition,
    `guessed` (how many a guess among the labels would get right), `kept`, `dropped`, `before` (how many of these were
    marked already, which stays), `by_luck` (how many guesses alone would drop), `dropped_by_label`, `examples`.

    Raises EvaluationError where no sample has a voice: there is nothing to take away.
    """
    prompt, labels = asking(prompt, None, corpus.labels)
    if not any(s.has("audio") for s in corpus):
        raise EvaluationError(f"{corpus.root}: no sample has a voice, so nothing tells who needs to hear it")
    asked = {"silence": evaluate(lalm, corpus, prompt, control="silent", n_boot=1, **options)["rows"]}
    spoken = corpus.where(lambda s: bool(s.text))
    if len(spoken) and "text" in prompt.modalities:
        asked["words alone"] = evaluate(lalm, spoken, prompt.using("text"), n_boot=1, **options)["rows"]
    right = {how: {r["id"] for r in rows if r["predicted"] == r["gold"]} for how, rows in asked.items()}
    read = set().union(*right.values())
    before = {s.id for s in corpus if not s.extra.get(MARK, True)}
    marked = [replace(s, extra={**s.extra, MARK: s.id not in read | before}) for s in corpus]
    dropped = [s for s in marked if not s.extra[MARK]]
    tries = Counter(row["id"] for rows in asked.values() for row in rows)
    return {
        "corpus": replace(corpus, samples=marked),
        "model": lalm.name,
        "prompt": prompt.id,
        "asked": {how: len(rows) for how, rows in asked.items()},
        "right": {how: len(ids) for how, ids in right.items()},
        "guessed": {how: round(len(rows) * labels.chance, 1) for how, rows in asked.items()},
        "kept": len(marked) - len(dropped),
        "dropped": len(dropped),
        "before": len(before),
        "by_luck": round(sum(1 - (1 - labels.chance) ** n for n in tries.values()), 1),
        "dropped_by_label": dict(Counter(s.emotion for s in dropped)),
        "examples": [
            {"id": s.id, "emotion": s.emotion, "text": s.text, "right": [how for how in right if s.id in right[how]]}
            for s in dropped[:EXAMPLES]
        ],
    }
