"""A cache of what is computed from texts, bounded in bytes and not only in entries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 4096


class TextCache(Generic[P, R]):
    """A function that remembers its last `entries` results. Calls with more than 4,096 characters in their texts are
    computed anew, so that no more than entries × 4,096 characters are held.
    """

    def __init__(self, function: Callable[P, R], entries: int) -> None:
        update_wrapper(self, function)
        self._function = function
        self._cached: Any = lru_cache(maxsize=entries)(function)
        self.cache_clear, self.cache_info = self._cached.cache_clear, self._cached.cache_info

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        size = sum(len(value) for value in (*args, *kwargs.values()) if isinstance(value, str))
        if size > LONGEST:
            return self._function(*args, **kwargs)
        known: R = self._cached(*args, **kwargs)
        return known


def text_cache(entries: int = 2048) -> Callable[[Callable[P, R]], TextCache[P, R]]:
    """Decorate a pure function of texts with a `TextCache`.

    >>> @text_cache(entries=10)
    ... def length(text: str) -> int:
    ...     return len(text)
    >>> length("four"), length("x" * 5000), length.cache_info().currsize
    (4, 5000, 1)
    """
    return lambda function: TextCache(function, entries)
