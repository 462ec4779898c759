"""Figures of wheels show where words land, and what naming more of them scores."""

import pytest

from emolab.plots.wheels import emotion_wheel, spam_curves
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


def test_the_best_number_of_words_is_marked():
    axis = spam_curves({"F": [0.2, 0.6, 0.4], "hit rate": [0.2, 0.6, 1.0]}).axes[0]
    dots = [tuple(line.get_xydata()[0]) for line in axis.lines if line.get_marker() == "o"]
    assert dots == [(2.0, 0.6), (3.0, 1.0)]
