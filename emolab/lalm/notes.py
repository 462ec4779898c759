"""Notes that libraries give one another, and a user can do nothing about."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_notes(*messages: str) -> Iterator[None]:
    """As long as this lasts: no deprecation notes that transformers gives peft and TRL, and no warnings that begin with
    one of `messages`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`(is_)?gradient_checkpointing", category=FutureWarning)
        for message in messages:
            warnings.filterwarnings("ignore", message=message)
        yield
