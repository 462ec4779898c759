"""Rewards from a user's file, and what a run records of a reward: names, weights, parameters, a hash of its code."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import inspect
import json
import linecache
import re
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from emolab.emotions import EMOLAB_7, LabelSet
from emolab.errors import RewardError
from emolab.rewards.base import Reward, check_reward, reward_name
from emolab.rewards.rubric import Part, Rubric
from emolab.rewards.shipped import RUBRICS, is_reward, rubric

FILE_MODULE = "rewards_of_"
"""How the name of a module begins that was a file: `my_rewards.py` is run as `rewards_of_my_rewards`."""


def load_reward(spec: str, labels: LabelSet | Sequence[str] | str = EMOLAB_7) -> Reward:
    """A reward by name: "my_rewards.py:loudness", "package.module:loudness", or a shipped rubric such as "emo_rl".

    A file is read anew each time, so that an edit counts at once. A class is called without arguments to make the
    reward. Raises RewardError for a file that does not run, a name that it does not have, or something that is no
    reward.
    """
    where, _, name = spec.rpartition(":")
    if not where:
        if spec in RUBRICS:
            found: Any = RUBRICS[spec]
            chosen: Reward = found if is_reward(found) else rubric(spec, labels)
            return chosen
        raise RewardError(
            f"no rubric {spec!r}; write FILE.py:NAME for a reward of your own, or one of {', '.join(RUBRICS)}"
        )
    module = _module_of_file(Path(where)) if where.endswith(".py") else _imported(where)
    found = module.get(name)
    if found is None:
        known = [k for k, v in module.items() if callable(v) and not k.startswith("_") and _of_file(v, module)]
        raise RewardError(f"{where}: no {name!r} in it; it defines {', '.join(known) or 'no function'}")
    reward: Reward = _made(found, spec) if isinstance(found, type) else found
    check_reward(reward, f"{spec}: ")
    return reward


def weighted(
    specs: Sequence[str], weights: Sequence[float] = (), labels: LabelSet | Sequence[str] | str = EMOLAB_7
) -> tuple[Part, ...]:
    """Rewards by name (`load_reward`) as parts of a rubric, each with the weight in its place, or 1.

    Raises RewardError for more weights than rewards.
    """
    if len(weights) > len(specs):
        raise RewardError(f"{len(weights)} --reward-weight for {len(specs)} --reward: give each reward one, in order")
    filled = [*weights, *[1.0] * (len(specs) - len(weights))]
    return tuple(Part(load_reward(spec, labels), weight) for spec, weight in zip(specs, filled, strict=True))


def _made(cls: type, spec: str) -> Any:
    try:
        return cls()
    except TypeError as error:
        raise RewardError(f"{spec}: {error}; give its parameters defaults, or name an object of it") from error


def _of_file(value: Any, module: Mapping[str, Any]) -> bool:
    return getattr(value, "__module__", module.get("__name__")) == module.get("__name__")


def _module_of_file(path: Path) -> dict[str, Any]:
    """Run a file as a module that is in no cache. Its folder is importable meanwhile, as when Python runs a script."""
    if not path.is_file():
        raise RewardError(f"{path}: no such file; name a file and a function in it, such as my_rewards.py:loudness")
    try:
        text = path.read_text(encoding="utf-8")
        module = sys.modules[FILE_MODULE + path.stem] = types.ModuleType(FILE_MODULE + path.stem)
        module.__file__ = str(path)
        code = compile(text, str(path), "exec")
        # Without a time stamp, the cached lines stay those that were run, also after the file has changed.
        linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
        with _importable(path.parent):
            exec(code, module.__dict__)
    except SyntaxError as error:
        raise RewardError(f"{path}, line {error.lineno}: {error.msg}") from error
    except Exception as error:
        raise RewardError(f"{path}: {type(error).__name__} while it was read: {error}") from error
    return module.__dict__


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """A folder at the front of the import path for a while."""
    sys.path.insert(0, place := str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(place)


def _imported(name: str) -> dict[str, Any]:
    try:
        with _importable(Path.cwd()):
            return vars(importlib.import_module(name))
    except Exception as error:
        raise RewardError(f"{name}: {type(error).__name__} while it was imported: {error}") from error


def reward_identity(reward: Any) -> dict[str, Any]:
    """What makes a reward this reward, as JSON has it: its name, its parameters, and a hash of its code.

    For a rubric: each part with weight, gate, clip, schedule and the identity of its reward. The hash covers the
    function or class, whatever it uses of its own module or of other modules of the user's, and plain values that it
    reads there; comments, docstrings and layout do not count. Two runs used the same reward if the identities are
    equal.

    Raises RewardError for a lambda, and for a reward that reads an object without a stable description, such as a
    model in a variable around it. Such a reward may state an `identity` of its own: a text that changes when it does.
    """
    if isinstance(reward, Rubric):
        parts = [_part(part) for part in reward.parts]
        return {"name": reward.name, "type": "rubric", "clip": _plain(reward.clip, reward.name), "parts": parts}
    name = reward_name(reward)
    if isinstance(stated := getattr(reward, "identity", None), str):
        return {"name": name, "stated": stated}
    if name == "<lambda>":
        raise RewardError("a lambda has no name that a run could record; write the reward as a function (def)")
    return {"name": name, **_described(reward, name), "source": _Source(reward, name).digest()}


def _part(part: Part) -> dict[str, Any]:
    own = {f.name: _plain(getattr(part, f.name), part.name) for f in fields(part) if f.name != "reward"}
    return own | {"reward": reward_identity(part.reward)}


def _described(reward: Any, name: str) -> dict[str, Any]:
    """Type and parameters of a reward."""
    if isinstance(reward, functools.partial):
        given = {**{str(i): v for i, v in enumerate(reward.args)}, **reward.keywords}
        return {"type": _type_of(reward.func), "parameters": _plain(given, name)}
    if inspect.isfunction(reward) or inspect.isbuiltin(reward):
        return {"type": _type_of(reward), "parameters": {}}
    owner = reward.__self__ if inspect.ismethod(reward) else reward
    values = {f.name: getattr(owner, f.name) for f in fields(owner)} if is_dataclass(owner) else vars(owner)
    return {"type": _type_of(type(owner)), "parameters": _plain(values, name)}


def _type_of(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _plain(value: Any, reward: str) -> Any:
    """A parameter as JSON has it. Raises RewardError for an object without a stable description."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, LabelSet):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key], reward) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_plain(item, reward) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item, reward) for item in value), key=json.dumps)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, (Path, complex, range, slice, type)):
        return str(value)
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):  # a NumPy array or scalar
        return [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    if getattr(value, "__name__", "") == "<lambda>":
        return list(_bytecode(value.__code__))
    if is_dataclass(value) or callable(value):
        return reward_identity(value)
    raise RewardError(
        f"reward {reward!r} depends on an object of type {type(value).__name__}, which has no stable description; make "
        "the reward a frozen dataclass with plain parameters, or state its `identity` (a text that changes with it)"
    )


class _Source:
    """The code of a reward: its functions and the names that they use, each as a syntax tree without docstrings."""

    def __init__(self, reward: Any, name: str):
        self.name, self.found = name, dict[str, Any]()
        thing = reward.func if isinstance(reward, functools.partial) else reward
        thing = thing.__func__ if inspect.ismethod(thing) else thing
        root = thing if inspect.isroutine(thing) or isinstance(thing, type) else type(thing)
        self.home = root.__module__
        self.read(root)

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.found, sort_keys=True).encode()).hexdigest()[:32]

    def read(self, thing: Any) -> None:
        """Take in a function, a class or a value that the code uses."""
        thing = inspect.unwrap(thing) if callable(thing) else thing
        if isinstance(thing, types.ModuleType):
            if _is_users(thing.__name__):
                self.found[thing.__name__] = _tree(inspect.getsource(thing))
        elif isinstance(thing, type) or inspect.isfunction(thing):
            key = f"{thing.__module__}.{thing.__qualname__}"
            if key not in self.found and (thing.__module__ == self.home or _is_users(thing.__module__)):
                self.found[key] = ""
                self._class(thing, key) if isinstance(thing, type) else self._function(thing, key)

    def _class(self, cls: type, key: str) -> None:
        made = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__replace__")
        skipped = ("__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__static_attributes__")
        for base in cls.__bases__:
            self.read(base)
        for name, value in vars(cls).items():
            function = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
            if inspect.isfunction(function):
                if not (is_dataclass(cls) and name in made):
                    self._function(inspect.unwrap(function), f"{key}.{name}")
            elif isinstance(value, (bool, int, float, str, tuple)) and name not in skipped:
                self.found[f"{key}.{name}"] = repr(value)

    def _function(self, function: types.FunctionType, key: str) -> None:
        try:
            self.found[key] = _tree(inspect.getsource(function))
        except (OSError, SyntaxError, TypeError):
            self.found[key] = list(_bytecode(function.__code__))
        for name, value in self._used(function):
            if callable(value) or isinstance(value, types.ModuleType):
                self.read(value)
            elif not name.startswith("__"):
                self.found[f"{key} reads {name}"] = self._value(value)

    def _value(self, value: Any) -> Any:
        if type(value).__module__.split(".")[0] in ("logging", "typing", "contextvars"):
            return type(value).__name__
        return _plain(value, self.name)

    def _used(self, function: types.FunctionType) -> Iterator[tuple[str, Any]]:
        """Names that a function takes from around it, with their values: globals and what it closes over."""
        names = {name for code in _codes(function.__code__) for name in code.co_names}
        yield from ((name, function.__globals__[name]) for name in sorted(names & function.__globals__.keys()))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not assigned yet
                continue


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _bytecode(code: types.CodeType) -> Iterator[str]:
    """What stands for a function without source (typed into a prompt): its code, which differs between Pythons."""
    yield f"{sys.version_info[:2]}"
    for part in _codes(code):
        constants = [c for c in part.co_consts if not isinstance(c, types.CodeType)]
        yield f"{part.co_code.hex()} {constants!r} {part.co_names!r}"


def _tree(source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _is_users(module: str) -> bool:
    """Whether a module is the user's own: not of this package, of Python, or installed."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or top == "emolab":
        return top == "__main__"
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)
