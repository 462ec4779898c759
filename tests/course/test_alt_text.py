"""Figures in notebooks: resolution, size, and the text that stands for them."""

from __future__ import annotations

import base64
import io
import re

import matplotlib
import nbformat
import numpy as np
import pytest
from emolab_course import alt_text, build, lint
from emolab_course.paths import number_of, sources
from emolab_course.run import execute
from emolab_course.site import write_lesson
from PIL import Image

matplotlib.use("Agg")


def bars():
    from emolab.plots.style import new_figure

    figure, axes = new_figure(5, 3)
    axes[0, 0].bar(["sad", "happy"], [1, 2], label="after")
    axes[0, 0].set(ylabel="UA", title="It rises")
    axes[0, 0].legend()
    return figure


def test_a_figure_is_described_by_what_is_written_in_it():
    assert alt_text.alt_text(bars()) == (
        "Figure. It rises; horizontal axis: categories (sad, happy); vertical axis: UA; series: after."
    )


def test_a_figures_own_label_is_its_text():
    figure = bars()
    figure.set_label("Two bars.")
    assert alt_text.alt_text(figure) == "Two bars."


def test_numbers_on_an_axis_are_not_read_out():
    from emolab.plots.style import new_figure

    figure, axes = new_figure(5, 3)
    axes[0, 0].plot(np.arange(5))
    figure.canvas.draw()
    assert alt_text.alt_text(figure) == "Figure without a title."


def test_the_picture_has_144_dots_an_inch_and_a_palette():
    data, metadata = alt_text.png(bars())
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == "P" and picture.width > 4.5 * alt_text.DPI
    assert metadata == {"alt": alt_text.alt_text(bars())}


def test_small_marks_keep_their_colours():
    from emolab.plots.style import CYCLE, new_figure

    figure, axes = new_figure(8, 4)
    for i, colour in enumerate(CYCLE):
        axes[0, 0].plot(np.linspace(0, 1, 400), np.linspace(0, i, 400), lw=2, color=colour, alpha=0.6)
        axes[0, 0].plot([0.1 * i], [7 - i], "D", ms=5, color=colour)
    picture = Image.open(io.BytesIO(alt_text.png(figure)[0])).convert("RGB")
    held = {colour for _, colour in picture.getcolors(maxcolors=1000)}
    for colour in CYCLE:
        wanted = np.array(matplotlib.colors.to_rgb(colour)) * 255
        assert min(np.abs(np.array(found) - wanted).max() for found in held) <= 8, colour


def test_powers_of_ten_are_not_read_out():
    from emolab.plots.style import new_figure

    figure, axes = new_figure(5, 3)
    axes[0, 0].loglog([1, 1000], [1, 1000])
    axes[0, 0].set(title="It grows", xlabel="steps")
    figure.canvas.draw()
    assert alt_text.alt_text(figure) == "Figure. It grows; horizontal axis: steps."


@pytest.mark.parametrize(
    "text, without",
    [
        ("a  -0.00\nb  -0.02", "a   0.00\nb  -0.02"),
        ("<td>-0.0000</td><td>-0.0010</td>", "<td>0.0000</td><td>-0.0010</td>"),
        ("-0.0e+00 -1.0 x-0.0 [-0.0, -0]", "0.0e+00 -1.0 x-0.0 [0.0,  0]"),
    ],
)
def test_a_zero_has_no_sign(text, without):
    assert alt_text.unsigned(text) == without


def test_a_notebook_keeps_the_text_and_pages_show_it(tmp_path):
    path = tmp_path / "notebooks" / "src" / "00_figure.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "# %%\nfrom emolab_course import setup\n\nlab = setup('00')\n\n"
        "# %%\nimport matplotlib.pyplot as plt\n\nplt.bar(['sad'], [1])\nplt.title('One bar');\n\n"
        "# %%\nimport emolab as el\n\nel.plot.modality_bars({'audio': 1.0}, title='One player')\n",
        encoding="utf-8",
    )
    ran = execute(path)
    assert ran.error == ""
    outputs = [
        output for cell in ran.notebook.cells for output in build.light(cell.get("outputs", [])) if "data" in output
    ]
    shown = [output for output in outputs if "image/png" in output["data"]]
    assert ["One bar" in shown[0]["metadata"]["image/png"]["alt"], "One player" in str(shown[1]["metadata"])] == [
        True
    ] * 2
    assert all("Figure" in output["data"]["text/plain"] for output in shown)
    assert all(Image.open(io.BytesIO(base64.b64decode(o["data"]["image/png"]))).width > 500 for o in shown)

    (tmp_path / "_static").mkdir()
    write_lesson(path, tmp_path, solutions=True, ran=ran.notebook)
    page = (tmp_path / "00_figure.ipynb").read_text(encoding="utf-8")
    assert 'alt=\\"Figure. One bar' in page and "image/png" not in page
    assert len(list((tmp_path / "_static" / "figures").glob("00_figure-*.png"))) == 2


def test_a_wheel_a_triangle_and_a_circle_are_described_by_what_is_written_in_them():
    from emolab_course import figures
    from emolab_course.wheel_figure import emotion_wheel

    circle = alt_text.alt_text(figures.plutchik_circle({"sad": 1.0, "happy": 0.2}, centre="sad", gamma=0.7))
    assert circle.startswith("Figure. Similarity to sad; it names ") and "happy" in circle
    wheel = alt_text.alt_text(emotion_wheel("plutchik", ["gloomy", "sad"], ["anxious"]))
    assert "The wheel 'plutchik'" in wheel and "it names" in wheel
    triangle = figures.modality_triangle(np.array([[0.5, 0.3, 0.2]]), ["#14817b"], {"audio": "#14817b"}, "After GRPO")
    assert "After GRPO" in alt_text.alt_text(triangle) and "audio" in alt_text.alt_text(triangle)


def test_a_claim_s_picture_is_told_with_its_differences():
    from emolab_course.show import alt_of, claims_of

    for claim in claims_of("emo-rl").values():
        told = alt_of(claim)
        assert claim["title"] in told and claim["verdict"] in told and "margin" in told and "nan" not in told


SPEAK_OF_NO_VOICE = {"03b", "12", "13", "15"}
"""Notebooks about a bandit, memory, seeds and a report."""


@pytest.mark.parametrize("path", sources(), ids=number_of)
def test_every_figure_of_a_notebook_is_sharp_and_has_a_text_and_voices_can_be_heard(path):
    notebook = nbformat.read(path.parent.parent / f"{path.stem}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    if lint.freshness(path):
        pytest.skip("its outputs are of an older source; the test of freshness says so")
    for output in outputs:
        if picture := output.data.get("image/png"):
            alt = output.metadata["image/png"]["alt"]
            assert len(alt) > 30 and "without a title" not in alt, alt
            assert Image.open(io.BytesIO(base64.b64decode(picture))).width >= 3.9 * alt_text.DPI
        assert alt_text.NEGATIVE_ZERO.search(str(output.data.get("text/plain", ""))) is None
        page = output.data.get("text/html", "")
        assert not re.search(r"<img(?![^>]* alt=['\"][^'\"])[^>]*>", page)
        assert page.count("<audio") == len(re.findall(r"\(\d+\.\d s\)|\d\.\d s<", page)) or "<audio" not in page
    heard = any("<audio" in output.data.get("text/html", "") for output in outputs)
    assert heard or number_of(path) in SPEAK_OF_NO_VOICE
