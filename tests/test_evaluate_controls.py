"""Controls do what they say; calibration removes a planted bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emolab.emotions import EMOTIONS
from emolab.errors import EvaluationError
from emolab.evaluate import CONTROLS, apply_control, calibrate, donors_for, label_bias, log_posterior
from emolab.evaluate.calibration import content_free_samples
from emolab.samples import EmotionSample


def samples(n: int = 70, speakers: int = 5, emotions=EMOTIONS) -> list[EmotionSample]:
    return [
        EmotionSample(
            id=f"s{i}",
            audio=f"/x/{i}.wav",
            text=f"words {i}",
            video=f"/x/{i}.png",
            emotion=emotions[i % len(emotions)],
            speaker=f"k{i // len(emotions) % speakers}",
            extra={"condition": "A"},
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_swapped_is_a_permutation_to_another_speaker_in_another_emotion(seed):
    originals = samples()
    swapped = apply_control(originals, "swapped", seed)
    assert sorted(s.audio for s in swapped) == sorted(s.audio for s in originals)
    for before, after in zip(originals, swapped, strict=True):
        donor = next(s for s in originals if s.audio == after.audio)
        assert donor.emotion != before.emotion and donor.speaker != before.speaker
        assert after.extra["donor"] == donor.id and after.extra["donor_emotion"] == donor.emotion
        assert (after.text, after.video, after.emotion) == (before.text, before.video, before.emotion)


def test_swap_is_seeded_and_shuffled_keeps_some_emotions():
    originals = samples(210)
    assert donors_for(originals, True, 3).tolist() == donors_for(originals, True, 3).tolist()
    assert donors_for(originals, True, 3).tolist() != donors_for(originals, True, 4).tolist()
    kept = np.mean([s.emotion == s.extra["donor_emotion"] for s in apply_control(originals, "shuffled", 0)])
    assert 0.02 < kept < 0.3
    assert all(
        s.speaker != originals[d].speaker for s, d in zip(originals, donors_for(originals, False, 0), strict=True)
    )


def test_a_majority_emotion_falls_back_to_donors_with_replacement():
    skewed = samples(40, emotions=("neutral", "neutral", "neutral", "neutral", "sad"))
    donors = donors_for(skewed, True, 0)
    assert all(
        skewed[d].emotion != s.emotion and skewed[d].speaker != s.speaker for s, d in zip(skewed, donors, strict=True)
    )


def test_no_donor_is_an_error_that_names_the_sample():
    with pytest.raises(EvaluationError, match=r"s0.*another speaker"):
        donors_for(samples(7, speakers=1), True, 0)


def test_silence_is_the_same_for_everybody_and_keeps_the_rest():
    silent = apply_control(samples(5), "silent")
    waves = [s.extra["waveform"] for s in silent]
    assert all(w.shape == waves[0].shape and not w.any() for w in waves) and all(s.audio is None for s in silent)
    assert silent[2].text == "words 2" and silent[2].video == "/x/2.png"


def test_missing_transcript_and_video():
    assert {s.text for s in apply_control(samples(4), "no_transcript")} == {None}
    with_frames = [
        EmotionSample(
            "a", text="t", emotion="sad", extra={"frames": np.zeros((1, 2, 2, 3), np.uint8), "condition": "V"}
        )
    ]
    assert apply_control(with_frames, "no_video")[0].extra == {"condition": "V"}


def test_unknown_control_names_the_known_ones():
    with pytest.raises(EvaluationError, match=", ".join(CONTROLS)):
        apply_control(samples(3), "deaf")


@pytest.mark.parametrize("kind", ["contextual", "mean"])
def test_calibration_removes_a_planted_bias(kind):
    rng = np.random.default_rng(0)
    gold = np.arange(210) % 7
    clean = rng.normal(size=(210, 7))
    clean[np.arange(210), gold] += 3
    planted = np.array([4.0, 0, 0, 0, 0, 0, -3])
    content_free = rng.normal(scale=0.05, size=(3, 7)) + planted
    biased = clean + planted
    accuracy = lambda scores: (scores.argmax(1) == gold).mean()  # noqa: E731
    assert accuracy(calibrate(biased)) < accuracy(clean) - 0.1
    assert accuracy(calibrate(biased, kind, content_free)) == pytest.approx(accuracy(clean), abs=0.03)
    assert label_bias(biased, content_free)["content_free"].argmax() == 0


def test_calibration_of_nothing_is_a_posterior_and_bad_requests_fail():
    posterior = calibrate(np.array([[2.0, 0.0], [900.0, -900.0]]))
    assert (
        np.exp(posterior).sum(1) == pytest.approx([1.0, 1.0])
        and np.isfinite(log_posterior(np.full((1, 3), -1e4))).all()
    )
    with pytest.raises(EvaluationError, match="without content"):
        calibrate(np.zeros((2, 2)), "contextual")
    with pytest.raises(EvaluationError, match="unknown calibration"):
        calibrate(np.zeros((2, 2)), "magic")


def test_content_free_inputs_have_the_modalities_of_the_sample_and_no_label_of_it():
    audio_only = content_free_samples(EmotionSample("a", audio="x.wav", emotion="sad"))
    assert all(
        "waveform" in s.extra and s.text is None and s.video is None and "frames" not in s.extra for s in audio_only
    )
    everything = content_free_samples(samples(1)[0])
    assert all("frames" in s.extra and s.text and s.audio is None for s in everything)


def test_a_control_gives_no_voice_to_a_clip_that_had_none_and_takes_none_away():
    mixed = [replace(s, audio=None) if i % 3 == 0 else s for i, s in enumerate(samples())]
    for control in ("silent", "swapped", "shuffled"):
        under = apply_control(mixed, control, 1)
        for before, after in zip(mixed, under, strict=True):
            if before.audio is None:
                assert after == before
            else:
                assert after.audio is not None or after.extra["waveform"].size
    dealt = [s.audio for s in apply_control(mixed, "swapped", 1) if s.audio]
    assert sorted(dealt) == sorted(s.audio for s in mixed if s.audio)


def test_the_voice_of_a_window_comes_with_its_times_and_leaves_the_face_alone():
    windows = [
        replace(s, extra={"audio_window": (float(i), i + 1.0), "video_window": (float(i), i + 1.0)})
        for i, s in enumerate(samples())
    ]
    for before, after in zip(windows, apply_control(windows, "swapped"), strict=True):
        donor = next(s for s in windows if s.id == after.extra["donor"])
        assert after.extra["audio_window"] == donor.extra["audio_window"]
        assert after.extra["video_window"] == before.extra["video_window"]
    silent = apply_control(windows, "silent")[0]
    assert "audio_window" not in silent.extra and silent.extra["video_window"] == (0.0, 1.0)
