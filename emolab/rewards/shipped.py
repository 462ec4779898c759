"""The rubrics that the recipes use, by name. A name that ends in `published` pays as its paper's code does, holes
included."""

from __future__ import annotations

from emolab.errors import RewardError
from emolab.rewards.form import Format, Structure
from emolab.rewards.labels import ESWR, Accuracy
from emolab.rewards.rubric import Part, Rubric

RUBRICS: dict[str, Rubric] = {
    rubric.name: rubric for rubric in (
        Rubric("emo_rl", (Part(ESWR()), Part(Structure(), weight=0.2)),
               note="EMO-RL. The paper states no weights; ours keep structure well below a right answer."),
        Rubric("emo_rl_published", (Part(ESWR(published=True)), Part(Structure(min_words=1), weight=0.2)),
               note="EMO-RL read literally: a correct neutral earns nothing."),
        Rubric("r1_omni", (Part(Accuracy()), Part(Format("free"))),
               note="R1-Omni: accuracy plus format, unweighted, through the one parser."),
        Rubric("r1_omni_published", (Part(Accuracy(published=True)), Part(Format(published=True))),
               note="R1-Omni as released: exact string match, and an expression that accepts empty and nested blocks."),
        Rubric("direct", (Part(Accuracy()), Part(Format("direct"), weight=0.2)),
               note="Answer only: the baseline without reasoning."),
    )
}


def rubric(name: str) -> Rubric:
    """A shipped rubric by name. Raises RewardError that lists the names."""
    if name not in RUBRICS:
        raise RewardError(f"no rubric {name!r}; shipped are {', '.join(RUBRICS)}")
    return RUBRICS[name]
