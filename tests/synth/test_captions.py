"""Words, captions and affect of a sample."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
from emolab_synth.captions import emotion_words, strength
from emolab_synth.plan import Spec, plan
from emolab_synth.realise import affect, realise, to_sample, to_truth
from emolab_synth.text_words import family

from emolab.emotions import VAD


@cache
def specs() -> tuple[Spec, ...]:
    return tuple(plan("course", 1)[:400])


def test_words_fit_emotion_and_intensity_and_vary() -> None:
    seen = defaultdict(set)
    for spec in specs():
        words = emotion_words(spec, np.random.default_rng(spec.seed))
        assert 2 <= len(words) <= 4 and len(set(words)) == len(words)
        level = None if spec.emotion == "neutral" else strength(max(spec.intensity.values()))
        assert set(words) <= set(family(spec.emotion, level)) | {spec.emotion}
        seen[spec.emotion].add(frozenset(words))
    assert min(len(sets) for sets in seen.values()) >= 5
    assert [strength(x) for x in (0.0, 0.7, 1.0)] == [0, 1, 2]


def test_captions_say_what_is_there_in_many_wordings() -> None:
    captions = {}
    for spec in specs()[:200]:
        made = realise(spec)
        sample = to_sample(spec, made)
        assert sample.caption and "voice" in sample.caption and "brows" in sample.caption.lower()
        if "text" in (*spec.carriers, *spec.distractors):
            assert spec.sentence.text in sample.caption
        if spec.emotion != "neutral":
            assert sample.words[0] in sample.caption
        assert ("sarcas" in sample.caption) == spec.sarcastic
        captions[sample.id] = sample.caption
    assert len(set(captions.values())) == len(captions)


def test_affect_follows_emotion_and_intensity() -> None:
    by_emotion = defaultdict(list)
    for spec in specs():
        by_emotion[spec.emotion].append(affect(spec, np.random.default_rng(spec.seed)))
    for emotion, values in by_emotion.items():
        assert np.abs(values).max() <= 1
        assert np.linalg.norm(np.mean(values, 0) - np.array(VAD[emotion]) * 0.9) < 0.15


def test_row_has_no_truth_in_it() -> None:
    for spec in specs()[:50]:
        made = realise(spec)
        row, truth = to_sample(spec, made), to_truth(spec, made)
        assert not set(row.extra) & {"prosody", "aus", "intensity", "shown", "room", "seed"}
        assert not set(row.extra) & (set(truth["prosody"]) | set(truth["aus"]))
        numbers = {
            round(v, 4) for v in (*truth["prosody"].values(), *truth["aus"].values(), *truth["intensity"].values())
        }
        stated = [v for v in (row.valence, row.arousal, row.dominance, *row.extra.values()) if isinstance(v, float)]
        assert not {v for v in stated if abs(v) > 0.01} & numbers - {0.0, 1.0}
        assert to_truth(spec, realise(spec)) == truth and to_sample(spec, realise(spec)) == row
