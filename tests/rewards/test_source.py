"""Rewards from a user's file, and identities: equal for the same reward, different for any change that counts."""

from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from emolab.errors import RewardError
from emolab.rewards import ESWR, RUBRICS, Accuracy, Format, LinearSchedule, Part, Rubric, load_reward, reward_identity
from emolab.rewards.reasoning import Support
from emolab.rewards.shipped import rubric

FILE = '''
"""My rewards."""
from dataclasses import dataclass
from helpers import count

LIMIT = 80


def longest(texts):
    return max(map(len, texts))


def loudness(completions, **columns):
    """How loud."""
    return [float(count(text) < LIMIT) for text in completions]


@dataclass(frozen=True)
class Short:
    limit: int = 30
    __name__ = "short"

    def __call__(self, completions, **columns):
        return [float(longest([text]) < self.limit) for text in completions]


def no_columns(completions):
    return [1.0]
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helpers.py").write_text("def count(text):\n    return len(text)\n")
    sys.modules.pop("helpers", None)
    path = tmp_path / "my_rewards.py"
    path.write_text(FILE)
    return path


def test_a_function_and_a_class_of_a_file(file: Path) -> None:
    assert load_reward(f"{file}:loudness")(["a", "b" * 90]) == [1.0, 0.0]
    short = load_reward(f"{file}:Short")
    assert short(["a", "b" * 40]) == [1.0, 0.0] and pickle.loads(pickle.dumps(short)) == short
    mine = Rubric.of([load_reward(f"{file}:loudness"), (short, 0.5), Accuracy("iemocap-4")])
    assert mine(["<answer>sad</answer>"], solution=["sad"]) == [2.5]


def test_a_module_and_a_shipped_rubric(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    sys.modules.pop("my_rewards", None)
    assert load_reward("my_rewards:loudness")(["a"]) == [1.0]
    assert load_reward("emo_rl", "iemocap-4") == rubric("emo_rl", "iemocap-4") != rubric("emo_rl")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nothing.py:f", "no such file"),
        ("{file}:loud", "no 'loud' in it; it defines longest, loudness, Short, no_columns"),
        ("{file}:no_columns", r"takes \(completions\); write `def no_columns\(completions, \*\*columns\)`"),
        ("{file}:longest", r"reward 'longest' takes \(texts\)"),
        ("{file}:LIMIT", "is no reward: it cannot be called"),
        ("emo_lr", r"no rubric 'emo_lr'; write FILE\.py:NAME"),
        ("no.such.module:f", "no.such.module: ModuleNotFoundError"),
    ],
)
def test_what_is_no_reward_is_one_line(file: Path, spec: str, said: str) -> None:
    with pytest.raises(RewardError, match=said):
        load_reward(spec.replace("{file}", str(file)))


def test_a_file_that_does_not_run_is_one_line(file: Path) -> None:
    file.write_text("x = (\n")
    with pytest.raises(RewardError, match=r"my_rewards\.py, line 1: '\(' was never closed"):
        load_reward(f"{file}:f")
    file.write_text("import nothing_like_it\n")
    with pytest.raises(RewardError, match=r"my_rewards\.py: ModuleNotFoundError while it was read"):
        load_reward(f"{file}:f")


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("< LIMIT", "<= LIMIT", True),
        ("LIMIT = 80", "LIMIT = 81", True),
        ("How loud.", "How loud it is.", False),
        ("    return [float(count", "    # why\n    return [float( count", False),
        ("limit: int = 30", "limit: int = 31", False),
        ("return max(", "return min(", False),
    ],
)
def test_an_edit_in_place_is_noticed_where_it_counts(file: Path, old: str, new: str, counts: bool) -> None:
    before = load_reward(f"{file}:loudness")
    first = reward_identity(before)
    file.write_text(FILE.replace(old, new))
    assert reward_identity(before) == first, "the loaded function is still what it was"
    assert (reward_identity(load_reward(f"{file}:loudness")) != first) is counts


@pytest.mark.parametrize(("old", "new"), [("limit: int = 30", "limit: int = 31"), ("return max(", "return min(")])
def test_an_edit_of_a_class_or_of_what_it_calls_is_noticed(file: Path, old: str, new: str) -> None:
    first = reward_identity(load_reward(f"{file}:Short"))
    file.write_text(FILE.replace(old, new))
    assert reward_identity(load_reward(f"{file}:Short")) != first


def test_an_edit_of_a_helper_module_is_noticed(file: Path) -> None:
    first = reward_identity(load_reward(f"{file}:loudness"))
    (file.parent / "helpers.py").write_text("def count(text):\n    return len(text) + 1000\n")
    sys.modules.pop("helpers")
    assert reward_identity(load_reward(f"{file}:loudness")) != first


def test_an_identity_is_json_and_the_same_in_another_process() -> None:
    code = (
        "import json; from emolab.rewards import reward_identity; from emolab.rewards.shipped import RUBRICS, rubric; "
        "print(json.dumps([reward_identity(rubric(n, 'iemocap-4')) for n in RUBRICS]))"
    )
    there = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert there == [reward_identity(rubric(name, "iemocap-4")) for name in RUBRICS]
    assert len({json.dumps(found) for found in there}) == len(RUBRICS)


def test_every_parameter_weight_and_gate_counts() -> None:
    base = Rubric("r", (Part(ESWR()), Part(Format("any"), weight=0.5)))
    others = [
        base.with_part("format", weight=0.6),
        base.with_part("format", gate="eswr"),
        base.with_part("format", schedule=LinearSchedule()),
        base.with_part("eswr", reward=ESWR(gamma=0.71)),
        base.with_part("eswr", reward=ESWR(alpha=LinearSchedule(1.0, 0.1))),
        base.with_part("eswr", reward=ESWR("iemocap-4")),
        base.with_part("eswr", reward=ESWR(kind={"a": {"a": 1.0}})),
        Rubric("r", base.parts, clip=(0.0, 1.0)),
        Rubric("r", base.parts[:1]),
    ]
    found = [json.dumps(reward_identity(r), sort_keys=True) for r in (base, *others)]
    assert len(set(found)) == len(found)
    assert reward_identity(Rubric("r", base.parts, note="another note")) == reward_identity(base)


def weighted(scale):
    def scaled(completions, **columns):
        return [scale * len(text) for text in completions]

    return scaled


def test_closures_partials_and_methods_count_with_what_they_hold() -> None:
    assert reward_identity(weighted(1.0)) == reward_identity(weighted(1.0)) != reward_identity(weighted(2.0))

    def powered(completions, *, power, **columns):
        return [len(text) ** power for text in completions]

    one, two = (functools.partial(powered, power=power) for power in (1, 2))
    assert reward_identity(one) != reward_identity(two) and reward_identity(one)["name"] == "powered"

    @dataclass(frozen=True)
    class Holder:
        scale: float

        def pay(self, completions, **columns):
            return [self.scale] * len(completions)

    assert reward_identity(Holder(1.0).pay) == reward_identity(Holder(1.0).pay) != reward_identity(Holder(2.0).pay)
    assert reward_identity(weighted(np.ones(3))) != reward_identity(weighted(np.zeros(3)))
    assert reward_identity(Support(judge=judge)) != reward_identity(Support())


def judge(sentence, answer):
    return 1.0


class Model:
    """Something without a stable description."""

    __slots__ = ()


def test_what_cannot_be_recorded_is_refused_with_a_way_out() -> None:
    with pytest.raises(RewardError, match="a lambda has no name"):
        reward_identity(lambda completions, **columns: [1.0])
    with pytest.raises(RewardError, match=r"reward 'scaled' depends on an object of type Model.*frozen dataclass"):
        reward_identity(weighted(Model()))
    stated = weighted(Model())
    stated.identity = "judge v1"
    assert reward_identity(stated) == {"name": "scaled", "stated": "judge v1"}


def test_a_function_typed_into_a_prompt_has_an_identity() -> None:
    def made(body):
        space = {"__name__": "__main__"}
        exec(f"def typed(completions, **columns):\n    return [{body}]", space)
        return space["typed"]

    assert reward_identity(made("1.0")) == reward_identity(made("1.0")) != reward_identity(made("2.0"))
