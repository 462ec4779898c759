"""The drawn explanation: what is on it, what a screen reader is told, and that sounds and frames are made once."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from emolab.plots.explanation import FOR, Clip, bars_svg, explanation_html, face_html, shares_svg, wave_svg
from emolab.samples import EmotionSample

WAVE = np.sin(np.arange(16_000) / 20).astype(np.float32)
FRAMES = np.random.default_rng(0).integers(0, 255, (2, 8, 16, 3), dtype=np.uint8)
SAMPLE = EmotionSample("<one>", text="oh no", emotion="sad", extra={"waveform": WAVE, "frames": FRAMES})


def row(name, phi, error=0.0, **more):
    return {"name": name, "phi": phi, "error": error, **more}


RESULT = {
    "own": True, "label": "sad", "masker": "neutral", "phi": {"audio": 1.0, "text": -0.5}, "errors": {"audio": 0.2},
    "errors_over": "2 background clips", "distribution": {"sad": 0.75, "happy": 0.25},
    "players": {"word": [row("oh", 1.0), row("no", -1.0)],
                "window": [row("0.00 s", 0.9, 0.1, t0=0.0, t1=0.5), row("0.50 s", 0.1, 0.4, t0=0.5, t1=1.0)],
                "spoken": [row("oh", 0.4, t0=0.1, t1=0.5), row("(pause)", 0.1, t0=0.0, t1=1.0)],
                "cell": [row("frame 0 region (0, 1)", 0.3, 0.1, frame=0, region=(0, 1))]},
}  # fmt: skip


def labels(text):
    return re.findall(r"aria-label='([^']*)'", text)


def boxes(text):
    return [(float(w), c, float(o)) for w, c, o in
            re.findall(r"width='([\d.]+)' height='[\d.]+' fill='([^']+)' fill-opacity='([\d.]+)'", text)]  # fmt: skip


def test_all_parts_are_drawn_escaped_and_said_in_words():
    text = explanation_html(SAMPLE, RESULT)
    assert "&lt;one&gt;: answers “sad”" in text and "<one>" not in text and "http" not in text
    said = labels(text)
    assert "φ of audio +1.00 ± 0.20, text -0.50" in said and "probability of each label: sad 75%, happy 25%" in said
    assert any("waveform" in label and "0.50 s +0.10" in label for label in said)
    assert any(label.startswith("from frame 0: (0, 1) +0.30") for label in said)
    assert "over 2 background clips" in text and "sad ★" in text and text.count("<audio") == 1
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)


def test_bars_are_as_long_as_phi_and_errors_that_are_unknown_are_left_out():
    assert [width for width, *_ in boxes(bars_svg([row("audio", 2.0), row("text", -1.0)], "u"))] == pytest.approx(
        [434 * 2 / 3, 434 / 3], abs=0.1
    )
    assert "inf" not in bars_svg([row("audio", 2.0, np.inf)], "u") and "nan" not in shares_svg({"a": 0.0})


def test_a_window_within_its_error_has_no_colour_above_and_a_pale_bar_below():
    found = [opacity for _, _, opacity in boxes(wave_svg(Clip(SAMPLE), RESULT["players"]["window"]))]
    assert found == [0.7, 1.0, 0.35]


def test_a_cell_is_coloured_only_above_its_error_and_frames_keep_their_shape():
    frames, tall = Clip(SAMPLE).frames
    cells = [row("a", 0.3, 0.1, frame=0, region=(0, 0)), row("b", 0.2, 0.5, frame=0, region=(0, 1))]
    assert tall == 0.5 and [(c, o) for _, c, o in boxes(face_html(frames, tall, cells))] == [(FOR, 0.65), (FOR, 0.0)]


def test_what_does_not_change_is_made_once(monkeypatch):
    clip = Clip(SAMPLE)
    first = explanation_html(SAMPLE, RESULT, clip)
    monkeypatch.setattr("emolab.plots.explanation.audio_of", lambda *_: pytest.fail("the sound is read again"))
    monkeypatch.setattr("emolab.plots.explanation.frames_of", lambda *_: pytest.fail("the frames are read again"))
    assert explanation_html(SAMPLE, RESULT, clip) == first and "<audio" not in first
