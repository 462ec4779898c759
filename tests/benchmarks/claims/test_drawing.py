"""The ledger's pictures: grey has one meaning, and files are sharp and small."""

from __future__ import annotations

import colorsys
from copy import deepcopy

import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from benchmarks.claims import drawing, page
from benchmarks.claims.results import load_claims

NAME, CLAIM = next(iter(load_claims().items()))


def grey(colour):
    return colorsys.rgb_to_hsv(*to_rgb(colour))[1] < 0.2


def test_no_verdict_is_grey_and_the_band_is():
    assert grey(drawing.BAND) and not any(map(grey, drawing.VERDICT_COLOURS.values()))
    assert len(set(drawing.VERDICT_COLOURS.values())) == 3


@pytest.mark.parametrize("counts", [True, False])
def test_a_difference_that_decides_nothing_is_hollow(counts):
    claim = deepcopy(CLAIM)
    for contrast in claim["contrasts"]:
        contrast["counts"] = counts
    lines = drawing.claim_plot(claim).axes[-1].get_lines()
    dots = [line for line in lines if line.get_marker() == "o"]
    assert dots and all((to_hex(dot.get_markerfacecolor()) == "#ffffff") != counts for dot in dots)
    assert not any(grey(dot.get_color()) for dot in dots if counts)


def test_pictures_have_144_dots_an_inch_and_few_bytes(tmp_path):
    figure = drawing.claim_plot(CLAIM)
    page._save(figure, tmp_path / "one.png")
    assert abs(Image.open(tmp_path / "one.png").width - 144 * figure.get_size_inches()[0]) < 2
    assert (tmp_path / "one.png").stat().st_size < 120_000


def test_an_arm_has_the_same_row_in_every_panel():
    claim = next(claim for claim in load_claims().values() if len({len(arm["scores"]) for arm in claim["arms"]}) > 1)
    *scores, _ = drawing.claim_plot(claim).axes
    assert len({axis.get_ylim() for axis in scores}) == 1, "also where an arm lacks the score"
    low, high = scores[0].get_ylim()
    assert high < 0 < len(claim["arms"]) - 1 < low
    assert all(axis.get_title(loc="left") for axis in scores)
