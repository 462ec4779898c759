"""Settings of a recipe as somebody types them: text into values, and values against the types of their fields."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from emolab.errors import TrainingError

SPOKEN = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}


def read_value(settings: type, name: str, text: str) -> Any:
    """The value of the field `name` of a settings dataclass that `text` stands for: JSON, or a list with commas, or the
    text itself.

    >>> from emolab.recipes.emo_rl import EmoRLSettings
    >>> read_value(EmoRLSettings, "steps", "20"), read_value(EmoRLSettings, "modalities", "audio")
    (20, ('audio',))
    """
    hint = _hints(settings)[name]
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    if get_origin(hint) is tuple and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return tuple(value) if isinstance(value, list) else value


def check_values(settings: Any) -> None:
    """Raises TrainingError for the first field whose value is not of the field's type, or is a negative number."""
    hints = _hints(settings.__class__)
    for field in fields(settings):
        value, hint = getattr(settings, field.name), hints[field.name]
        if not _fits(value, hint):
            raise TrainingError(f"{field.name} {value!r}: expected {_spoken(hint)}")
        if isinstance(value, int | float) and value < 0:
            raise TrainingError(f"{field.name} {value!r}: expected 0 or more")


@cache
def _hints(settings: type) -> dict[str, Any]:
    return get_type_hints(settings)


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(part, get_args(hint)[0]) for part in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _spoken(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(_spoken(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return "names with commas between them"
    return SPOKEN[hint]
