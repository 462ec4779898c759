"""The exercises: what each is compared with, on which inputs, and the mistakes that have a hint of their own.

Mistakes are real code: whoever's function behaves like one on every input gets its hint, and a test runs each of them.
"""

from __future__ import annotations

from emolab_course.compare import Exercise
from emolab_course.exercises.accuracy import UNWEIGHTED_ACCURACY
from emolab_course.exercises.advantages import GROUP_ADVANTAGES
from emolab_course.exercises.calibration import MEAN_CALIBRATION
from emolab_course.exercises.consistency import EMOTION_CONSISTENCY
from emolab_course.exercises.divergence import K3_ESTIMATE
from emolab_course.exercises.ece import CALIBRATION_ERROR
from emolab_course.exercises.hallucination import HALLUCINATION_RATE
from emolab_course.exercises.hedging import HEDGED_ANSWER
from emolab_course.exercises.normalisation import TALKER_NORMALISATION
from emolab_course.exercises.shapley import SHAPLEY_VALUES
from emolab_course.exercises.similarity import SIMILARITY_REWARD
from emolab_course.exercises.wheels import WHEEL_F

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
