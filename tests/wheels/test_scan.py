"""Emotion words in prose."""

from emolab.wheels.scan import emotion_words


def test_finds_forms_in_order_once():
    assert emotion_words("Sad, so SAD; she is fed up and taken aback.") == ("sad", "fed up", "taken aback")


def test_leaves_out_negated_words_and_words_for_voices():
    assert emotion_words("not happy, never really angry, but afraid") == ("afraid",)
    assert emotion_words("a low, flat, steady and quiet voice with tension") == ()


def test_reads_a_bounded_length():
    assert emotion_words("x " * 20_000 + "sad") == ()
