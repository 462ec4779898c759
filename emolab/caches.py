"""A cache of what is computed from texts, bounded in bytes and not only in entries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
LONGEST = 4096


def text_cache(entries: int = 2048) -> Callable[[F], F]:
    """Decorate a pure function of texts, so that it remembers its last `entries` results.

    Calls with more than 4,096 characters in their texts are computed anew, so that no more than entries × 4,096
    characters are held. `cache_clear` and `cache_info` are those of `functools.lru_cache`.

    >>> @text_cache(entries=10)
    ... def length(text: str) -> int:
    ...     return len(text)
    >>> length("four"), length("x" * 5000), length.cache_info().currsize
    (4, 5000, 1)
    """

    def decorate(function: F) -> Any:
        cached = lru_cache(maxsize=entries)(function)

        @wraps(cached)
        def remembered(*args: Any, **kwargs: Any) -> Any:
            size = sum(len(value) for value in (*args, *kwargs.values()) if isinstance(value, str))
            return (function if size > LONGEST else cached)(*args, **kwargs)

        vars(remembered).update(cache_clear=cached.cache_clear, cache_info=cached.cache_info)
        return remembered

    return decorate
