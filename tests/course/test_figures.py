"""Figures of the lessons show what they are given."""

from emolab_course.figures import plutchik_circle, similarity_matrices, spam_curves

from emolab.emotions import EMOLAB_7, EMOTIONS, similarity


def texts(figure):
    return {text.get_text() for axis in figure.axes for text in axis.texts}


def test_circle_shows_all_eight_and_their_similarity():
    assert {"happy", "anticipating", "neutral"} <= texts(plutchik_circle())
    near = {name: similarity(name, "fearful") for name in EMOTIONS}
    assert "surprised\n0.85" in texts(plutchik_circle(near, "fearful", gamma=0.7))


def test_matrices():
    figure = similarity_matrices({kind: EMOLAB_7.similarity_matrix(kind) for kind in ("plutchik", "vad")})
    assert [axis.get_title() or axis.get_title("left") for axis in figure.axes[:2]] == ["plutchik", "vad"]
    assert len(figure.axes[0].texts) == 49


def test_the_best_number_of_words_is_marked():
    axis = spam_curves({"F": [0.2, 0.6, 0.4], "hit rate": [0.2, 0.6, 1.0]}).axes[0]
    dots = [tuple(line.get_xydata()[0]) for line in axis.lines if line.get_marker() == "o"]
    assert dots == [(2.0, 0.6), (3.0, 1.0)]
