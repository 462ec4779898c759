"""Figures of the lessons show what they are given."""

import matplotlib.colors
import numpy as np
import pytest
from emolab_course import figures, pictures
from emolab_course.figures import plutchik_circle, similarity_matrices, spam_curves
from emolab_course.truth import COLUMNS

from emolab.emotions import EMOLAB_7, EMOTIONS, similarity
from emolab.plots.evaluation import controls, score_bars
from emolab.plots.style import MODALITY_COLOURS

BARS = {"a": {"ua": 0.6, "ua_ci": [0.5, 0.7], "chance": 1 / 7}, "b": {"ua": 0.1, "ua_ci": [0.0, 0.2], "chance": 1 / 7}}
STATED = {key: 0.4 for key in ("hallucination", "omission", "agreement")}
STATED |= {f"{key}_ci": [0.3, 0.5] for key in STATED}
GOLD = ["One hears a low, flat voice. The speaker is sad."] * 4


def texts(figure):
    return {text.get_text() for axis in figure.axes for text in axis.texts}


def test_circle_shows_all_eight_and_their_similarity():
    assert {"happy", "anticipating", "neutral"} <= texts(plutchik_circle())
    near = {name: similarity(name, "fearful") for name in EMOTIONS}
    assert "surprised\n0.85" in texts(plutchik_circle(near, "fearful", gamma=0.7))


def matrix(kind):
    return [[similarity(a, b, kind) for b in EMOLAB_7] for a in EMOLAB_7]


def test_matrices():
    figure = similarity_matrices({kind: matrix(kind) for kind in ("plutchik", "vad")})
    assert [axis.get_title() or axis.get_title("left") for axis in figure.axes[:2]] == ["plutchik", "vad"]
    assert len(figure.axes[0].texts) == 49


def test_the_best_number_of_words_is_marked():
    axis = spam_curves({"F": [0.2, 0.6, 0.4], "hit rate": [0.2, 0.6, 1.0]}).axes[0]
    dots = [tuple(line.get_xydata()[0]) for line in axis.lines if line.get_marker() == "o"]
    assert dots == [(2.0, 0.6), (3.0, 1.0)]


def test_an_emotion_that_is_no_label_has_no_dot_and_says_so():
    figure = plutchik_circle({"happy": 1.0, "sad": 0.0}, "happy", gamma=0.7)
    assert "trusting\n(no label)" in texts(figure) and "happy\n1.00" in texts(figure)
    assert len(figure.axes[0].collections) == 2
    assert any("hollow: at most 0.7" in text for text in texts(figure))


def test_matrices_say_what_their_values_are():
    figure = similarity_matrices({"α = 1": matrix("vad")}, EMOLAB_7, "reward", "answer", "gold")
    assert [figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()] == ["answer", "gold"]
    assert figure.axes[-1].get_ylabel() == "reward"


def test_no_colour_of_an_advantage_is_near_white_and_the_legend_names_three():
    figure = figures.advantages([[0, 1, 1], [1, 1, 1]], [[-2.4, 0.05, 0.05], [0, 0, 0]])
    drawn = [colour for dots in figure.axes[0].collections for colour in dots.get_facecolors()]
    assert len(drawn) == 6 + 3
    assert all(matplotlib.colors.rgb_to_hsv(colour[:3])[2] < 0.8 or min(colour[:3]) < 0.6 for colour in drawn)
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "all equal: no push"


def test_slopes_have_a_colour_and_a_label_each():
    after = {"audio": 0.42, "video": 0.47, "text": 0.95, "agree": 0.94, "conflict": 0.67, "neutral": 0.94}
    figure = figures.before_after(dict.fromkeys(after, 0.5), after)
    axis = figure.axes[0]
    slopes = {line.get_color() for line in axis.lines if line.get_marker() == "o"}
    assert len(slopes) == 6 and set(MODALITY_COLOURS.values()) < slopes
    assert len(axis.texts) == 6 and all(text.get_position()[1] < axis.get_ylim()[1] for text in axis.texts)
    assert not any(text.get_clip_on() for text in axis.texts)


def test_a_triangle_names_the_colour_of_mixed_sources():
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    legend = figures.modality_triangle(shares, ["#14817b", "#9aa5b1"], MODALITY_COLOURS).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["audio", "video", "text", "several, or unknown"]


@pytest.mark.parametrize(
    "figure, bars",
    [
        (lambda: score_bars(BARS), 2),
        (lambda: controls({"model": {None: BARS["a"], "silent": BARS["b"]}}), 2),
        (lambda: figures.stated_rates({"cold start": STATED, "after": STATED}), 6),
        (lambda: pictures.caption_bars(GOLD, {"same": GOLD, "wrong": ["He is glad."] * 4}, list("aabb")), 4),
    ],
    ids=["scores", "controls", "stated", "captions"],
)
def test_every_bar_that_estimates_has_its_interval_and_the_axis_says_which(figure, bars):
    drawn = figure()
    intervals = [
        line for axis in drawn.axes for line in axis.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"
    ]
    assert len(intervals) == bars
    assert any("95% intervals" in axis.get_xlabel() + axis.get_ylabel() for axis in drawn.axes)


def test_every_panel_of_the_truth_table_has_the_line_of_a_right_method():
    assert all(column.target is not None for column in COLUMNS)
