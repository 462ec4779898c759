"""What lessons draw and say: shares and scores with intervals, trends of a run, the test of a face map, players."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from emolab_course import demos, pictures
from emolab_course.alt_text import alt_text
from emolab_course.widgets.players import listen

from emolab.samples import EmotionSample


def test_bars_of_shares_leave_out_what_is_missing_and_say_how_many_there_are():
    hits = pd.DataFrame({"pitch": [1.0, 0.0, np.nan, 1.0], "pace": [1.0] * 4, "never": [np.nan] * 4})
    figure = pictures.share_bars(hits, "Which cues fit?", "share right", chance=1 / 3)
    text = alt_text(figure)
    assert "pitch (n = 3)" in text and "pace (n = 4)" in text and "never" not in text
    assert "share right, with 95% intervals" in text and "Which cues fit?" in text


def test_caption_bars_draw_both_scores_of_every_set():
    gold = ["The speaker is sad and lonely."] * 3
    texts = {"same": gold, "other": ["The speaker is happy and glad."] * 3}
    figure = pictures.caption_bars(gold, texts, ["a", "b", "c"])
    widths = [[bar.get_width() for bar in axis.patches] for axis in figure.axes]
    assert widths[0][0] == pytest.approx(1.0) and widths[1] == pytest.approx([1.0, 0.0])
    assert widths[0][1] < 0.6


def test_slopes_by_evidence_have_an_interval_before_and_after():
    samples = [EmotionSample(id=str(i), emotion="sad", speaker=f"s{i % 3}") for i in range(6)]
    rows = [{"id": str(i), "gold": "sad", "predicted": "sad" if i % 2 else "happy"} for i in range(6)]
    right = [row | {"predicted": "sad"} for row in rows]
    figure = pictures.evidence_slopes(samples, {"rows": rows}, {"rows": right}, lambda s: "audio")
    ends = figure.axes[0].lines[0].get_ydata()
    assert list(ends) == [0.5, 1.0]


def test_shuffled_weights_are_put_back():
    import torch

    layer = torch.nn.Linear(4, 3)
    before = layer.weight.detach().clone()
    with pictures.shuffled_weights(SimpleNamespace(model=layer), 1):
        inside = layer.weight.detach().clone()
    assert not torch.equal(inside, before) and torch.equal(inside.flatten().sort()[0], before.flatten().sort()[0])
    assert torch.equal(layer.weight, before)


def test_a_trend_compares_the_first_fifth_with_the_last():
    rows = [{"step": i, "reward": i / 20 + 0.01 * (i % 2)} for i in range(20)]
    assert demos.reward_trend(rows).startswith("The reward of training answers, mean of 4 steps, rose from 0.0")
    assert demos.reward_trend([]) == "The run logged no reward."


def test_leaving_out_a_clip_flatters_where_speakers_have_a_favourite_emotion():
    rng = np.random.default_rng(0)
    from emolab.prosody import FEATURES

    owner = np.repeat(np.arange(4), 6)
    table = pd.DataFrame(rng.normal(size=(4, len(FEATURES)))[owner] * 3 + rng.normal(size=(24, len(FEATURES))) / 3,
                         columns=list(FEATURES))  # fmt: skip
    table["speaker"], table["emotion"] = owner, np.array(["sad", "happy", "angry", "calm"])[owner]
    scores = demos.split_scores(table)
    assert scores["one clip left out"] == 1.0 and scores["one speaker left out"] == 0.0 and scores["the lie"] == 1.0


def test_octave_errors_are_mended_and_silence_stays():
    mended = demos.without_octave_errors(np.array([0.0, 100.0, 205.0, 49.0, 104.0]))
    assert mended.tolist() == [0.0, 100.0, 102.5, 98.0, 104.0]
    assert demos.without_octave_errors(np.zeros(3)).tolist() == [0.0] * 3


def test_a_drawn_pitch_has_no_leaps_of_whole_factors():
    voice = 120 * 2 ** (0.2 * np.sin(np.arange(80) / 12))
    voice[30:34] = 0.0
    measured = voice.copy()
    measured[10:16] *= 4
    measured[40:50] /= 3
    measured[60:64] *= 2
    assert np.allclose(demos.steady_pitch(measured), voice)
    measured[70] *= 1.55
    drawn = demos.steady_pitch(measured)
    assert drawn[70] == 0.0 and np.allclose(np.delete(drawn, 70), np.delete(voice, 70)), (
        "a leap that no factor explains"
    )
    assert demos.steady_pitch(np.zeros(3)).tolist() == [0.0] * 3


def test_blind_clips_are_drawn_without_their_labels():
    from emolab.samples import Corpus

    held = Corpus(Path(), [EmotionSample(id=str(i), emotion="sad") for i in range(5)])
    assert len({s.id for s in demos.blind_clips(held, 3, seed=1)}) == 3
    assert len(demos.blind_clips(held, 9)) == 5
    relabelled = Corpus(Path(), [replace(s, emotion="happy") for s in held])
    assert [s.id for s in demos.blind_clips(held, 3)] == [s.id for s in demos.blind_clips(relabelled, 3)]


def test_the_audit_finds_nothing_wrong_with_expert_words_and_an_attack_pays():
    from emolab.emotions import EMOLAB_7
    from emolab.rewards import Accuracy, Rubric
    from emolab.rewards.redteam import audit

    careful = Rubric.of([Accuracy(EMOLAB_7), demos.expert_words], "careful")
    assert audit(careful)["ok"]
    assert demos.expert_words(["<think>jitter timbre</think><answer>sad</answer>", "jitter"]) == [0.2, 0.0]


def test_a_player_shows_the_waveform_the_length_and_is_labelled():
    html = listen({"sad": np.sin(np.arange(8000) / 5).astype(np.float32)}).data
    assert 'aria-label="waveform"' in html and "sad (0.5 s)" in html and html.count("M") >= 60
