"""A cache of texts is bounded in bytes."""

from emolab.caches import LONGEST, text_cache


def test_short_texts_are_remembered_and_long_ones_are_not():
    calls = []

    @text_cache(entries=2)
    def length(text: str, plus: int = 0) -> int:
        """How long it is."""
        calls.append(text)
        return len(text) + plus

    assert length.__doc__ == "How long it is." and length.__name__ == "length"
    assert [length("a"), length("a"), length("a", plus=1)] == [1, 1, 2] and len(calls) == 2
    long = "x" * (LONGEST + 1)
    assert length(long) == length(long) == LONGEST + 1 and calls.count(long) == 2
    length("b"), length("c"), length("a")
    assert calls.count("a") == 3 and length.cache_info().currsize == 2
    length.cache_clear()
    assert length.cache_info().currsize == 0
