"""The plan: balance, held-out talkers and sentences, conflicts, and what must not leak."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from emolab_synth.plan import CONDITIONS, FEELINGS, LETTERS, SIZES, Spec, plan
from emolab_synth.realise import realise
from hypothesis import given, settings
from hypothesis import strategies as st

from emolab.emotions import EMOTIONS
from emolab.errors import CorpusError


@cache
def course() -> tuple[Spec, ...]:
    return tuple(plan("course", 0))


def check_invariants(specs: list[Spec]) -> None:
    for s in specs:
        carriers, distractors = CONDITIONS[s.condition]
        assert set(s.carriers) == {LETTERS[c] for c in carriers}
        assert set(s.distractors) == {LETTERS[c] for c in distractors}
        for name in LETTERS.values():
            expected = s.emotion if name in s.carriers else "neutral" if name not in s.distractors else None
            assert s.shown[name] == expected or (expected is None and s.shown[name] in set(FEELINGS) - {s.emotion})
            level = s.intensity[name]
            assert 0.4 <= level <= 1 if name in s.carriers else level <= 0.55 if name in s.distractors else level == 0
        assert (s.emotion == "neutral") == (s.condition == "neutral")
        assert s.sentence.emotion == s.shown["text"]
        assert s.sentence.fold == s.split == s.talker.split and s.sentence.domain == s.domain == s.talker.domain
        if s.sarcastic:
            assert s.sentence.emotion == "happy" and s.emotion in ("sad", "angry", "fearful", "disgusted")
    assert len({s.id for s in specs}) == len(specs)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40))
def test_invariants_hold_for_any_seed(seed: int) -> None:
    specs = plan("smoke", seed)
    check_invariants(specs)
    assert len(specs) == 121 and {s.condition for s in specs} == set(CONDITIONS)


def test_course_invariants_and_sizes() -> None:
    check_invariants(list(course()))
    assert 2400 <= len(course()) <= 2900
    share = Counter(s.domain for s in course())["b"] / len(course())
    assert 1 / 8 < share < 1 / 5
    assert {s.split for s in course() if s.domain == "b"} == {"train", "test"}


def test_emotions_are_balanced_within_condition_and_split() -> None:
    cells: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for s in course():
        cells[s.domain, s.split, s.condition][s.emotion] += 1
    for (_, _, condition), counts in cells.items():
        if condition != "neutral":
            assert set(counts) == set(FEELINGS) and len(set(counts.values())) == 1, (condition, counts)
    total = Counter(s.emotion for s in course())
    assert set(total) == set(EMOTIONS) and max(total.values()) - min(total.values()) <= 6


@pytest.mark.parametrize("size", ["course", "full"])
def test_conflicts_in_both_directions_are_large_enough(size: str) -> None:
    test = Counter(s.condition for s in plan(size, 0) if s.split == "test")
    for a, b in (("A", "T"), ("A", "V"), ("T", "V")):
        assert test[f"{a}>{b}"] == test[f"{b}>{a}"] >= 20


def test_held_out_talkers_voices_and_sentences() -> None:
    for what in (lambda s: s.talker.id, lambda s: s.talker.voice, lambda s: s.sentence.id, lambda s: s.sentence.text):
        by_split = defaultdict(set)
        for s in course():
            by_split[s.split].add(what(s))
        assert not by_split["test"] & by_split["train"] and not by_split["test"] & by_split["val"]
        assert not by_split["val"] & by_split["train"]


def test_neither_talker_sentence_nor_order_tells_the_emotion() -> None:
    core = [s for s in course() if s.condition in ("A", "neutral") and s.domain == "a" and s.split == "train"]
    by_talker = defaultdict(Counter)
    for s in core:
        by_talker[s.talker.id][s.emotion] += 1
    spread = [max(c[e] for e in FEELINGS) - min(c[e] for e in FEELINGS) for c in by_talker.values()]
    assert max(spread) <= 2
    rank = {e: np.mean([i for i, s in enumerate(course()) if s.emotion == e]) / len(course()) for e in EMOTIONS}
    assert all(abs(r - 0.5) < 0.06 for r in rank.values()), rank
    for name in ("split", "condition", "domain"):
        half = Counter(getattr(s, name) for s in course()[: len(course()) // 2])
        full = Counter(getattr(s, name) for s in course())
        assert all(abs(half[k] / n - 0.5) < 0.25 for k, n in full.items() if n > 50)


def test_words_and_metadata_do_not_tell_the_emotion_of_the_audio_core() -> None:
    """A text model and a model of the table's side information, trained on one split, are at chance on the other."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import recall_score
    from sklearn.tree import DecisionTreeClassifier

    core = [s for s in course() if s.condition in ("A", "neutral") and s.domain == "a"]
    train, test = ([s for s in core if s.split == split] for split in ("train", "test"))
    gold, target = [s.emotion for s in train], [s.emotion for s in test]
    bags = CountVectorizer(ngram_range=(1, 2)).fit(s.sentence.text for s in train)
    words = LogisticRegression(max_iter=300, class_weight="balanced").fit(
        bags.transform(s.sentence.text for s in train), gold
    )
    guess = words.predict(bags.transform(s.sentence.text for s in test))
    assert abs(recall_score(target, guess, average="macro") - 1 / 7) < 0.06

    def side(s: Spec) -> list[float]:
        return [int(s.id[3:]), float(s.talker.sex == "m"), len(s.sentence.text), round(realise(s).room.snr_db or 0, 1)]

    tree = DecisionTreeClassifier(max_depth=6, class_weight="balanced", random_state=0)
    guess = tree.fit([side(s) for s in train], gold).predict([side(s) for s in test])
    assert abs(recall_score(target, guess, average="macro") - 1 / 7) < 0.06


def test_distractors_are_no_fixed_partner_of_the_gold_emotion() -> None:
    pairs = Counter((s.emotion, s.shown[s.distractors[0]]) for s in plan("full", 0) if s.distractors)
    assert len(pairs) == 30 and min(pairs.values()) >= 3


def test_same_seed_same_plan_and_another_seed_another() -> None:
    assert plan("smoke", 3) == plan("smoke", 3)
    assert plan("smoke", 3) != plan("smoke", 4)


def test_unknown_size() -> None:
    with pytest.raises(CorpusError, match=r"tiny.*smoke, course, full, omni"):
        plan("tiny")
    with pytest.raises(CorpusError, match="seed -1"):
        plan("smoke", -1)
    assert set(SIZES) == {"smoke", "course", "omni", "full", "wild"}
