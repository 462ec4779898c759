"""One way to add a model family, a corpus, a recipe, a reward, a prompt or an attribution method from outside.

In a script or a notebook:

>>> import emolab as el
>>> @el.register("reward", "loudness")
... def loudness(completions, **columns):
...     return [float("loud" in completion) for completion in completions]

In a package of your own, an entry point does the same without an import:

    [project.entry-points."emolab.reward"]
    loudness = "my_package.rewards:loudness"

The groups are `emolab.family`, `emolab.corpus`, `emolab.recipe`, `emolab.reward`, `emolab.prompt`,
`emolab.protocol`, `emolab.method` and `emolab.wheels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from emolab.errors import EmolabError

T = TypeVar("T")

KINDS: dict[str, str] = {
    "family": "emolab.lalm.load:FAMILIES",
    "corpus": "emolab.corpora:LOADERS",
    "protocol": "emolab.corpora.protocols:PROTOCOLS",
    "recipe": "emolab.recipes:RECIPES",
    "reward": "emolab.rewards.shipped:RUBRICS",
    "prompt": "emolab.prompts:PROMPTS",
    "method": "emolab.attribution.methods:METHODS",
    "wheels": "emolab.wheels.shipped:READERS",
}
"""What can be registered, and where its registry is."""


class Registry(Mapping[str, T], Generic[T]):
    """Things by name: those of this package, those of installed packages' entry points, and those added by `add`.

    `entries` are things, or references "module:attribute" that are imported when they are asked for. `kind` names the
    entry-point group "emolab.KIND". An unknown name raises `error`, which lists the known names.
    """

    def __init__(self, kind: str, entries: Mapping[str, T | str], error: type[EmolabError] = EmolabError):
        self.kind, self.error = kind, error
        self._entries: dict[str, Any] = dict(entries)

    @cached_property
    def _outside(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=f"emolab.{self.kind}")}

    def __getitem__(self, name: str) -> T:
        found = self._entries.get(name)
        if found is None and name in self._outside:
            found = self._entries[name] = self._imported(name, self._outside[name].value)
        elif isinstance(found, str):
            found = self._entries[name] = self._imported(name, found)
        if found is None:
            raise KeyError(name)
        result: T = found
        return result

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._outside

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from (name for name in self._outside if name not in self._entries)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def find(self, name: str) -> T:
        """The thing called `name`. Raises the registry's error, with the known names, where there is none."""
        if name not in self:
            raise self.error(f"unknown {self.kind} {name!r}; known are {', '.join(self)}")
        return self[name]

    def add(self, name: str, thing: T, replace: bool = False) -> T:
        """Add a thing under a name. Raises the registry's error where the name is taken, unless `replace`.

        A module that an entry point names may add the same name itself: it is the same thing.
        """
        point = self._outside.get(name) if name not in self._entries else None
        same = point is not None and point.module == getattr(thing, "__module__", None)
        if name in self and not (replace or same):
            raise self.error(f"there is a {self.kind} {name!r} already; choose another name, or pass replace=True")
        self._entries[name] = thing
        return thing

    def remove(self, name: str) -> None:
        """Take a name out again, as tests and notebooks do."""
        del self._entries[name]

    def _imported(self, name: str, reference: str) -> T:
        module, _, attribute = reference.partition(":")
        try:
            found: T = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise self.error(f"{self.kind} {name!r}: {reference} cannot be imported ({error})") from error
        return found


def registry(kind: str) -> Registry[Any]:
    """The registry of a kind: "family", "corpus", "recipe", "reward", "prompt", "protocol", "method" or "wheels"."""
    if kind not in KINDS:
        raise EmolabError(f"nothing of the kind {kind!r} can be registered; kinds are {', '.join(KINDS)}")
    module, _, attribute = KINDS[kind].partition(":")
    found: Registry[Any] = getattr(import_module(module), attribute)
    return found


def register(kind: str, name: str, replace: bool = False) -> Callable[[T], T]:
    """A decorator (or a call) that adds something under a name: `register("reward", "loudness")(loudness)`.

    Raises an EmolabError for an unknown kind or a name that is taken, unless `replace`.
    """
    known = registry(kind)
    return lambda thing: known.add(name, thing, replace)
