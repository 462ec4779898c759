"""Exercise 8.2 asks for what the package's reward computes."""

import pytest
from emolab_course.exercises import EXERCISES

from emolab.rewards.captions import EmoGRPO, anchors
from emolab.rewards.embedding import embed

TEXTS = ("The speaker is sad and lonely.", "This person seems furious.", "One hears a low voice.")


@pytest.mark.parametrize("generated", TEXTS)
@pytest.mark.parametrize("reference", TEXTS)
def test_the_exercise_is_the_packages_reward(generated: str, reference: str) -> None:
    exercise = EXERCISES["8.2"]
    expected = EmoGRPO().consistency(generated, reference)
    assert exercise.reference(embed(generated), embed(reference), anchors()) == pytest.approx(expected)
    published = exercise.mistakes["uncentred"].answer(embed(generated), embed(reference), anchors())
    assert published == pytest.approx(EmoGRPO(centre=False).consistency(generated, reference))
