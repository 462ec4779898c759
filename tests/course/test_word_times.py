"""When words are said: the same times as the synthesiser that says them."""

from __future__ import annotations

import json

import pytest
from emolab_course.word_times import word_times
from emolab_synth.plan import plan
from emolab_synth.realise import _rng, realise, spoken_words
from emolab_synth.seeds import shipped
from emolab_synth.voice import utter

from emolab.errors import CorpusError


def test_times_are_those_of_the_voice_that_speaks_and_of_the_corpus_on_disk(tmp_path):
    spec = plan("smoke")[0]
    found = spoken_words(spec)
    made = realise(spec)
    talker = spec.talker
    spoken = utter(shipped(talker.voice, spec.sentence.id), made.prosody, _rng(spec, 2), talker.f0_shift, talker.warp)
    assert [(word, start) for word, start, _ in found] == [
        (word, pytest.approx(start + made.room.lead)) for start, word in spoken.words
    ]
    ends, starts = [end for *_, end in found], [start for _, start, _ in found]
    assert ends[-1] == pytest.approx(spoken.seconds + made.room.lead, abs=0.02)
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end <= after + 0.01 for end, after in zip(ends, starts[1:], strict=False))

    with pytest.raises(CorpusError, match="no such file"):
        word_times(tmp_path, spec.id)
    (tmp_path / "corpus.json").write_text(json.dumps({"size": "smoke", "seed": 0}))
    assert word_times(tmp_path, spec.id) == found
    with pytest.raises(CorpusError, match="no sample 'nobody'"):
        word_times(tmp_path, "nobody")
