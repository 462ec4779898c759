"""Whether two values are the same, and a sentence on what kind of thing is wrong where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDING = 1e-15
"""A float nearer to zero than this is shown as 0: it is what is left of a sum that cancels."""


def same(got: Any, expected: Any, tolerance: float, relative: float = 0.0) -> bool:
    """Equal up to the tolerances in every number; dicts by key, sequences and arrays by position, the rest by ==."""
    if isinstance(got, Exception) or (isinstance(got, str) and not isinstance(expected, str)):
        return False
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(got[key], value, tolerance, relative) for key, value in expected.items())
        )
    if isinstance(expected, bool | np.bool_):
        return isinstance(got, bool | np.bool_) and bool(got) == bool(expected)
    if expected is None or isinstance(expected, str | set | frozenset):
        return bool(type(got) is type(expected) and got == expected)
    if isinstance(expected, list | tuple) and any(isinstance(item, str) for item in expected):
        return isinstance(got, list | tuple) and list(got) == list(expected)
    if got is None:
        return False
    try:
        ours, theirs = np.asarray(expected, float), np.asarray(got, float)
    except (TypeError, ValueError):
        return False
    close = ours.shape == theirs.shape and np.allclose(theirs, ours, rtol=relative, atol=tolerance, equal_nan=True)
    return bool(close)


def kind_of_fault(got: Any, expected: Any, subject: str = "Your function's result") -> str:
    """A sentence on what kind of thing is wrong, where it is not the value; "" where it is the value."""
    if isinstance(got, TypeError) and "argument" in str(got):
        return "Your function takes other arguments than the exercise states. Compare its first line with the stub."
    if isinstance(got, Exception):
        return "Your function raised an exception on this input. Its message and its line stand above."
    if got is None and expected is not None:
        return f"{subject} is None. Did you print the result, or forget `return`?"
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"A dict is expected; {subject.lower()} is {type_name(got)}."
        if got.keys() != expected.keys():
            return f"The keys should be {', '.join(map(str, expected))}; yours are {', '.join(map(str, got))}."
        return ""
    if isinstance(expected, bool | np.bool_):
        return "" if isinstance(got, bool | np.bool_) else f"True or False is expected; you gave {type_name(got)}."
    texts = isinstance(expected, list | tuple) and any(isinstance(item, str) for item in expected)
    if texts or expected is None or isinstance(expected, str | set | frozenset):
        fits = isinstance(got, list | tuple) if texts else type(got) is type(expected)
        return "" if fits else f"{type_name(expected).capitalize()} is expected, and you gave {type_name(got)}."
    return _fault_of_numbers(got, expected, subject)


def _fault_of_numbers(got: Any, expected: Any, subject: str) -> str:
    if isinstance(got, str):
        return "A number is expected, and you gave a text."
    try:
        ours, theirs = np.asarray(expected, float), np.asarray(got, float)
    except (TypeError, ValueError):
        return "" if callable(got) else f"Numbers are expected; {subject.lower()} is {type_name(got)}."
    if ours.shape != theirs.shape:
        return f"The shape should be {_shape(ours)}; yours is {_shape(theirs)}."
    if np.isnan(theirs).any() and not np.isnan(ours).any():
        return f"{subject} holds NaN: somewhere 0 is divided by 0, or the mean of nothing is taken."
    scaled = bool(np.any(ours)) and np.allclose(theirs, 100 * ours, rtol=1e-6, atol=1e-9)
    return f"{subject} is 100 times too large: a share is expected, not a percentage." if scaled else ""


def differs_only_far_down(got: Any, expected: Any) -> str:
    """A line with the largest difference where both values are told alike."""
    if isinstance(got, Exception) or told(got) != short(expected):
        return ""
    try:
        gap = float(np.nanmax(np.abs(np.asarray(got, float) - np.asarray(expected, float))))
    except (TypeError, ValueError):
        return ""
    return f"  (the largest difference is {gap:.2g})"


def told(got: Any) -> str:
    """A result in words: an exception with its type."""
    return f"{type(got).__name__}: {got}" if isinstance(got, Exception) else short(got)


def type_name(value: Any) -> str:
    """The type of a value with its article: "a list"."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def short(value: Any) -> str:
    """A value on one line, floats with six digits, sets in order."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{short(key)}: {short(item)}" for key, item in value.items()) + "}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(str, value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(short(item) for item in value) + "]"
    if callable(value):
        return f"{getattr(value, '__name__', type_name(value))}(…)"
    if isinstance(value, float):
        return f"{0.0 if abs(value) < ROUNDING else value:.6g}"
    return repr(value)


def _shape(array: Any) -> str:
    return "a single number" if array.ndim == 0 else str(array.shape)
