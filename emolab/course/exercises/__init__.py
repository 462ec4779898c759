"""The exercises: what each is compared with, on which inputs, and the mistakes that have a hint of their own.

Mistakes are real code: whoever's function behaves like one on every input gets its hint, and a test runs each of them.
"""

from __future__ import annotations

from emolab.course.compare import Exercise
from emolab.course.exercises.accuracy import UNWEIGHTED_ACCURACY
from emolab.course.exercises.advantages import GROUP_ADVANTAGES
from emolab.course.exercises.calibration import MEAN_CALIBRATION
from emolab.course.exercises.consistency import EMOTION_CONSISTENCY
from emolab.course.exercises.divergence import K3_ESTIMATE
from emolab.course.exercises.ece import CALIBRATION_ERROR
from emolab.course.exercises.hallucination import HALLUCINATION_RATE
from emolab.course.exercises.hedging import HEDGED_ANSWER
from emolab.course.exercises.normalisation import TALKER_NORMALISATION
from emolab.course.exercises.shapley import SHAPLEY_VALUES
from emolab.course.exercises.similarity import SIMILARITY_REWARD
from emolab.course.exercises.wheels import WHEEL_F

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise
    for exercise in (
        UNWEIGHTED_ACCURACY,
        TALKER_NORMALISATION,
        MEAN_CALIBRATION,
        SIMILARITY_REWARD,
        GROUP_ADVANTAGES,
        SHAPLEY_VALUES,
        HEDGED_ANSWER,
        WHEEL_F,
        EMOTION_CONSISTENCY,
        K3_ESTIMATE,
        HALLUCINATION_RATE,
        CALIBRATION_ERROR,
    )
}
