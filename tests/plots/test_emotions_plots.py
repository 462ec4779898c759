"""Figures of emotions show what they are given."""

from emolab.emotions import EMOTIONS, similarity, similarity_matrix
from emolab.plots.emotions import emotion_plane, plutchik_circle, similarity_matrices


def texts(figure):
    return {text.get_text() for axis in figure.axes for text in axis.texts}


def test_circle_shows_all_eight_and_their_similarity():
    assert {"happy", "anticipating", "neutral"} <= texts(plutchik_circle())
    near = {name: similarity(name, "fearful") for name in EMOTIONS}
    assert "surprised\n0.85" in texts(plutchik_circle(near, "fearful", gamma=0.7))


def test_plane_and_matrices():
    assert set(EMOTIONS) <= texts(emotion_plane())
    figure = similarity_matrices({kind: similarity_matrix(kind=kind) for kind in ("plutchik", "vad")})
    assert [axis.get_title() or axis.get_title("left") for axis in figure.axes[:2]] == ["plutchik", "vad"]
    assert len(figure.axes[0].texts) == 49
