"""Figures of wheels show where words land, and what naming more of them scores."""

import pytest
from emolab_course.wheel_figure import emotion_wheel

from emolab.wheels import embedded


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


@pytest.mark.parametrize("wheel", embedded().wheels)
def test_every_cluster_is_drawn_and_words_stand_outside_their_own(wheel):
    figure = emotion_wheel(wheel, ["gloomy", "sad"], ["sad", "furious", "purple"])
    shown = "\n".join(texts(figure))
    assert all(name.replace(" ", "\n") in shown for name in embedded().trees[wheel])
    assert "● gloomy" in shown and "◉ sad" in shown and "○ furious" in shown and "purple" not in shown
    edged = [patch for patch in figure.axes[0].patches if patch.get_linewidth() == 3.0]
    assert len(edged) == 2


def test_an_unknown_wheel():
    with pytest.raises(KeyError, match="cart"):
        emotion_wheel("cart")
