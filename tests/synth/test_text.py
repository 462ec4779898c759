"""The sentence bank, who says what, and the grammar."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
from emolab_synth import text as texts
from emolab_synth.seeds import index
from emolab_synth.talkers import VOICES
from emolab_synth.text_words import DEFINITIONS, EMOTION_WORDS, family, synonyms
from hypothesis import given, settings
from hypothesis import strategies as st

from data_scripts.pretraining import grammar
from emolab.emotions import ALIASES, EMOTIONS

FUNCTION_WORDS = {
    "a",
    "an",
    "the",
    "my",
    "your",
    "his",
    "her",
    "our",
    "their",
    "this",
    "that",
    "these",
    "there",
    "it",
    "i",
    "you",
    "he",
    "she",
    "we",
    "they",
    "me",
    "him",
    "us",
    "them",
    "is",
    "are",
    "was",
    "am",
    "be",
    "been",
    "have",
    "has",
    "had",
    "will",
    "would",
    "can",
    "could",
    "cannot",
    "not",
    "do",
    "did",
    "to",
    "at",
    "on",
    "in",
    "by",
    "of",
    "for",
    "from",
    "with",
    "over",
    "under",
    "near",
    "behind",
    "next",
    "along",
    "across",
    "and",
    "or",
    "but",
    "so",
    "what",
    "how",
    "who",
    "no",
}


def bank(**wanted: str) -> list[texts.Sentence]:
    return [s for s in texts.sentence_bank() if all(getattr(s, k) == v for k, v in wanted.items())]


def test_bank_has_enough_of_everything() -> None:
    assert len({s.id for s in texts.sentence_bank()}) == len({s.text for s in texts.sentence_bank()}) == 308
    assert len(bank(domain="a", emotion="neutral", fold="train")) == 64
    assert len(bank(domain="a", emotion="neutral", fold="test")) == 26
    assert len(bank(domain="b", emotion="neutral")) == 40
    for emotion in EMOTIONS[1:]:
        assert [len(bank(domain="a", emotion=emotion, fold=f)) for f in ("train", "val", "test")] == [12, 2, 6]
        assert len(bank(domain="b", emotion=emotion)) == 8
    assert {s.emotion for s in texts.sentence_bank()} == set(EMOTIONS)


def test_sentences_are_short_and_share_a_vocabulary() -> None:
    lengths = [len(texts.words_of(s.text)) for s in texts.sentence_bank()]
    assert min(lengths) >= 4 and max(lengths) <= 10 and 6 <= np.mean(lengths) <= 7
    assert 350 <= len(grammar.vocabulary()) <= 480
    heard = {w for s in texts.sentence_bank() if s.fold == "train" for w in texts.words_of(s.text)}
    held = [w for s in texts.sentence_bank() if s.fold != "train" for w in texts.words_of(s.text)]
    assert np.mean([w in heard for w in held]) > 0.97
    assert all(re.fullmatch(r"[A-Z][A-Za-z, ]+\.", s.text) for s in texts.sentence_bank())


def test_held_out_sentences_are_no_variants_of_training_ones() -> None:
    """No held-out sentence shares five words in a row, or its frame and a content word, with one that is trained on."""

    def frame(s: texts.Sentence) -> str:
        return " ".join(w if w in FUNCTION_WORDS else "_" for w in texts.words_of(s.text))

    def phrases(s: texts.Sentence) -> set[tuple[str, ...]]:
        words = texts.words_of(s.text)
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    def content(s: texts.Sentence) -> set[str]:
        return set(texts.words_of(s.text)) - FUNCTION_WORDS

    trained = [s for s in texts.sentence_bank() if s.fold != "test"]
    known = set().union(*map(phrases, trained))
    for sentence in bank(fold="test"):
        assert not phrases(sentence) & known, sentence
        assert not [s for s in trained if frame(s) == frame(sentence) and content(s) & content(sentence)], sentence


def test_neutral_texts_name_no_emotion() -> None:
    rng = np.random.default_rng(0)
    neutral = {w for s in bank(emotion="neutral") for w in texts.words_of(s.text)}
    feelings = {w.word for w in EMOTION_WORDS} | set(ALIASES)
    assert not neutral & feelings
    made = {w for _ in range(500) for w in texts.words_of(grammar.random_sentence(rng))}
    assert not made & feelings


def test_shipped_seeds_say_the_bank() -> None:
    for voice in VOICES.values():
        said = texts.sentences_of(voice.id, voice.split, voice.domain)
        entries = index()[voice.id]
        assert {s.id for s in said} <= set(entries)
        for s in said:
            assert entries[s.id]["text"] == s.text, (voice.id, s.id)


def test_voices_say_sentences_of_their_fold_only() -> None:
    for voice in VOICES.values():
        said = texts.sentences_of(voice.id, voice.split, voice.domain)
        assert {s.fold for s in said} == {voice.split} and {s.domain for s in said} == {voice.domain}
        assert {s.emotion for s in said} == set(EMOTIONS)
        assert said == texts.sentences_of(voice.id, voice.split, voice.domain)
    assert texts.sentences_of("m01", "train", "a") != texts.sentences_of("m02", "train", "a")
    with pytest.raises(KeyError):
        texts.sentences_of("m01", "dev", "a")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_grammar_never_makes_a_bank_sentence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, words = {s.text for s in texts.sentence_bank()}, set(grammar.vocabulary())
    for text, emotion in grammar.text_examples(14, rng):
        assert text not in known and emotion in EMOTIONS
        assert set(texts.words_of(text)) <= words
        assert re.fullmatch(r"[A-Z][A-Za-z, ]+\.", text)


def test_grammar_makes_thousands_of_neutral_sentences() -> None:
    rng = np.random.default_rng(1)
    made = [grammar.random_sentence(rng) for _ in range(3000)]
    assert len(set(made)) > 2000 and np.median([len(texts.words_of(t)) for t in made]) <= 8


def test_examples_are_balanced_and_reproducible() -> None:
    pairs = grammar.text_examples(70, np.random.default_rng(3))
    assert set(Counter(e for _, e in pairs).values()) == {10}
    assert pairs == grammar.text_examples(70, np.random.default_rng(3))
    sources = {w for s in texts.sentence_bank() if s.fold == "test" for w in [s.text]}
    assert not sources & {t for t, _ in pairs}


def test_emotion_words() -> None:
    assert {w.emotion for w in EMOTION_WORDS} == set(EMOTIONS) == set(DEFINITIONS)
    for emotion, strength in product(EMOTIONS, range(3)):
        assert len(family(emotion, strength)) >= 2
    assert "delighted" in family("happy", 2) and "delighted" not in synonyms("delighted")
    assert set(synonyms("furious")) <= set(family("angry", 2))
    for word in EMOTION_WORDS:
        assert ALIASES.get(word.word, word.emotion) in (word.emotion, *set(ALIASES.values()) - set(EMOTIONS))
    with pytest.raises(KeyError):
        synonyms("table")
