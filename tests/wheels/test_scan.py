"""Emotion words in prose."""

import pytest

from emolab.wheels.scan import emotion_words


def test_finds_forms_in_order_once():
    assert emotion_words("Sad, so SAD; she is fed up and taken aback.") == ("sad", "fed up", "taken aback")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not happy, never really angry, but afraid", ("afraid",)),
        ("a low, flat, steady and quiet voice with tension, the lips relaxed", ()),
        ("The words are neutral, but she sounds angry.", ("angry",)),
        ("The words are neutral and so is the voice.", ("neutral",)),
        ('She says “I am so happy” and "what a delight", sad as she is.', ("sad",)),
        ("“An open quote, and sadness", ("sadness",)),
    ],
)
def test_leaves_out_what_does_not_describe_a_feeling(text, words):
    assert emotion_words(text) == words


def test_reads_a_bounded_length():
    assert emotion_words("x " * 20_000 + "sad") == ()


def test_the_quick_look_before_reading_misses_no_form():
    from emolab.wheels import scan
    from emolab.wheels.shipped import forms

    for form in forms():
        found = scan._finder(every=True).mentions(f"she is {form}.") or ()
        if form.isascii() and found:
            assert not scan._beginnings().isdisjoint(scan._LETTERS.findall(f"she is {form}.")), form
    assert emotion_words("She sounds self-assured_and sad's.") == ("self-assured", "sad")
