"""Rewards in other trainers: each tool's own calling code where it is here, else a copy of its calling convention.

`make compat`-like side environments can run the tools themselves: with EMOLAB_SWIFT, EMOLAB_VERL, …
set to the Python of an environment that holds the tool, its own code calls the exported file. Without, these tests are
left out, and the copies of the conventions stand in for them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emolab.errors import RewardError
from emolab.rewards import Accuracy, Format, Part, Rubric
from emolab.rewards.adapters import TOOLS, Portable, export, response_in, standing_still
from emolab.rewards.shipped import RUBRICS, rubric
from emolab.rewards.votes import Votes

RIGHT = "<think><content>all is well</content><acoustics>low and slow</acoustics><summary>sounds sad</summary></think><answer>sad</answer>"  # noqa: E501
TEXTS = [RIGHT, RIGHT.replace(">sad<", ">disgusted<"), "<answer>happy</answer>", "sad", ""]
EXPECTED = rubric("emo_rl")(TEXTS, solution=["sad"] * 5)


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def swift_rewards(func: Any, completions: list[str], rows: list[dict[str, Any]]) -> list[float | None]:
    """As `compute_rewards_per_func` of ms-swift 4.6 (swift/rl_core/grpo_algorithm.py) calls a reward function: the
    completions first, every key of the rows as a list, the trainer's state."""
    batched = {key: [row.get(key) for row in rows] for row in rows for key in row}
    return func(completions, trainer_state=SimpleNamespace(global_step=0, max_steps=100), **batched)


@pytest.fixture
def swift(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """ms-swift's table of rewards."""
    orms: dict[str, Any] = {}
    for name in ("swift", "swift.rewards"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["swift.rewards"].orms = orms  # type: ignore[attr-defined]
    return orms


@pytest.mark.parametrize("solution", ["sad", "<answer>sad</answer>"])
def test_ms_swift(tmp_path: Path, swift: dict[str, Any], solution: str) -> None:
    load(export("emo_rl", "ms-swift", tmp_path / "plugin.py"))
    func = swift["emo_rl"](args=SimpleNamespace())
    assert func.__name__ == "emo_rl"
    rows = [
        {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}], "prompt_id": "a",
         "request_id": str(i), "audios": ["a.wav"], "solution": solution, "is_truncated": False}
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    assert swift_rewards(func, TEXTS, rows) == EXPECTED


def test_ms_swift_groups_by_prompt_and_takes_the_solution_for_a_missing_column(swift: dict[str, Any]) -> None:
    caption = "The speaker sounds sad and low."
    one = Portable(rubric("mecap_r1"))([f"<answer>{caption}</answer>"], solution=[f"<answer>{caption}</answer>"])
    assert one == rubric("mecap_r1")([f"<answer>{caption}</answer>"], caption=[caption])
    texts = [t.format("sad", "sorrowful") for t in ["<think>It is {1}.</think><answer>{0}</answer>"] * 2]
    texts.append("<think>It is happy.</think><answer>sad</answer>")
    grouped = Portable(rubric("affectgpt_rl"))(texts, prompt_id=["a", "a", "a"], words=[["sad"]] * 3)
    apart = Portable(rubric("affectgpt_rl"))(texts, prompt_id=["a", "b", "c"], words=[["sad"]] * 3)
    assert grouped != apart


def test_verl(tmp_path: Path) -> None:
    """As `NaiveRewardManager.run_single` of verl 0.9.1 calls it and reads the result (a dict with "score")."""
    module = load(export("emo_rl", "verl", tmp_path / "verl_reward.py"))
    for text, expected in zip(TEXTS, EXPECTED, strict=True):
        extra = {"num_turns": 1, "rollout_reward_scores": {}}
        result = module.compute_score(
            data_source="meld", solution_str=text, ground_truth="<answer>sad</answer>", extra_info=extra
        )
        assert result["score"] == expected and set(result) == {"score", "eswr", "structure"}
    batch = module.compute_score_batch(
        data_sources=["x"] * 5, solution_strs=TEXTS, ground_truths=["sad"] * 5, extra_infos=[{}] * 5
    )
    assert [row["score"] for row in batch] == EXPECTED


def test_verl_finds_other_columns_in_ground_truth_or_extra_info() -> None:
    wheel = Portable(rubric("affectgpt_rl_no_think"))
    expected = rubric("affectgpt_rl_no_think")(["<answer>sad, low</answer>"], words=[["sad", "low"]])[0]
    for truth, extra in [
        ({"words": ["sad", "low"]}, None),
        (json.dumps({"words": ["sad", "low"]}), {}),
        ("sad", {"words": ["sad", "low"]}),
        (["sad", "low"], None),
    ]:
        assert wheel.compute_score("x", "<answer>sad, low</answer>", truth, extra)["score"] == expected
    votes = Portable(Votes())
    assert votes.compute_score("x", "<answer>sad</answer>", "sad", {"votes": ["sad"]}) == {"score": 1.0}
    late = Portable(rubric("emo_rl"))
    near = "<answer>disgusted</answer>"
    paid = [late.compute_score("x", near, "sad", {"progress": p})["eswr"] for p in (0.0, 0.5, 1.0)]
    assert paid[0] == pytest.approx(2 * paid[1]) and paid[2] == 0.0
    assert Portable(rubric("emo_rl"), progress=1.0).compute_score("x", near, "sad")["eswr"] == 0.0


def test_openrlhf(tmp_path: Path) -> None:
    """As `SingleTurnAgentExecutor._fetch_rewards_via_func` of OpenRLHF 0.11.2 calls it: one query, prompt and label."""
    module = load(export("emo_rl", "openrlhf", tmp_path / "reward.py"))
    prompt = (
        "<|im_start|>user\n<|AUDIO|>Which emotion? <think></think><answer></answer><|im_end|>\n<|im_start|>assistant\n"
    )
    for text, expected in zip(TEXTS, EXPECTED, strict=True):
        info = asyncio.run(asyncio.to_thread(module.reward_func, [prompt + text + "<|im_end|>\n"], [prompt], ["sad"]))
        assert info["rewards"].tolist() == pytest.approx([expected]) == info["scores"].tolist()
        assert set(info["extra_logs"]) == {"eswr", "structure"}
    assert response_in("<s> " + prompt + "sad</s>", prompt) == "sad"
    with pytest.raises(RewardError, match="does not hold its prompt"):
        response_in("something else", prompt)


def test_nemo_rl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `combine_reward_functions` and `VLMEnvironment.step` of NeMo-RL (nemo_rl/environments) call them."""
    module = load(export("emo_rl", "nemo-rl", tmp_path / "nemo.py"))
    assert [module.emo_rl("sad", text)[0] for text in TEXTS] == EXPECTED
    assert module.emo_rl("sad", RIGHT)[1] and not module.emo_rl("sad", "happy")[1]
    interfaces = types.ModuleType("nemo_rl.environments.interfaces")
    interfaces.EnvironmentInterface = object  # type: ignore[attr-defined]
    interfaces.EnvironmentReturn = SimpleNamespace  # type: ignore[attr-defined]
    ray = types.ModuleType("ray")
    ray.remote = lambda cls: cls  # type: ignore[attr-defined]
    for name, found in {
        "ray": ray,
        "nemo_rl": types.ModuleType("nemo_rl"),
        "nemo_rl.environments": types.ModuleType("nemo_rl.environments"),
        "nemo_rl.environments.interfaces": interfaces,
    }.items():
        monkeypatch.setitem(sys.modules, name, found)
    logs = [[{"role": "user", "content": "?"}, {"role": "assistant", "content": text}] for text in TEXTS]
    returned = module.EmolabEnvironment({}).step(logs, [{"ground_truth": "sad"}] * 5)
    assert returned.rewards.tolist() == pytest.approx(EXPECTED) and returned.terminateds.tolist() == [1.0] * 5


def test_verifiers(tmp_path: Path) -> None:
    """As `Rubric._call_group_reward_func` of verifiers 0.1 to 0.3 calls it: a group at once, by the names of its
    parameters; it is a group function because it takes `completions` and returns a list."""
    module = load(export("emo_rl", "verifiers", tmp_path / "environment.py"))
    completions = [[{"role": "assistant", "content": text}] for text in TEXTS]
    values = module.emo_rl(
        prompts=["?"] * 5,
        completions=completions,
        answers=["sad"] * 5,
        infos=[{}] * 5,
        states=[{}] * 5,
        tasks=[None] * 5,
    )
    assert values == EXPECTED
    turn = module.message(b"RIFF", "Which emotion?")
    assert [part["type"] for part in turn[0]["content"]] == ["input_audio", "text"]
    objects = [[SimpleNamespace(role="assistant", content=text)] for text in TEXTS]
    assert module.emo_rl(["?"] * 5, objects, ["sad"] * 5, [{}] * 5) == EXPECTED


def test_a_reward_of_ones_own_is_found_beside_the_exported_file(tmp_path: Path, swift: dict[str, Any]) -> None:
    (tmp_path / "mine.py").write_text(
        "def short(completions, **columns):\n    return [float(len(c) < 9) for c in completions]\n"
    )
    path = export(f"{tmp_path / 'mine.py'}:short", "ms-swift", tmp_path / "deep" / "plugin.py", "calm, tense, bored")
    assert str(tmp_path) not in path.read_text()
    load(path)
    assert swift["short"]()(["abc", "a long answer"], solution=["calm"] * 2) == [1.0, 0.0]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", [*RUBRICS])
def test_every_rubric_can_be_exported_for_every_tool(tmp_path: Path, tool: str, name: str) -> None:
    text = export(name, tool, tmp_path / "out.py", "iemocap-4").read_text()
    compile(text, "out.py", "exec")
    assert "'iemocap-4'" in text and f"{name!r}" in text


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RewardError, match="no tool 'tlr'; rewards can be exported for ms-swift"):
        export("emo_rl", "tlr", tmp_path / "x.py")
    with pytest.raises(RewardError, match="no rubric 'emo_lr'"):
        export("emo_lr", "verl", tmp_path / "x.py")
    assert standing_still(rubric("affectgpt_rl")) == ["perception"] and standing_still(Accuracy()) == []
    with pytest.raises(RewardError, match="'shaky' is nan"):
        Portable(Rubric.of([shaky]))(["x"])


def shaky(completions, **columns):
    return [float("nan")] * len(completions)


def test_trl_calls_the_same_object() -> None:
    both = Portable(Rubric("both", (Part(Accuracy()), Part(Format("any"), weight=0.5))))
    state = SimpleNamespace(global_step=1, max_steps=2)
    got = both(
        prompts=["?"], completions=["<answer>sad</answer>"], completion_ids=[[1]], solution=["sad"], trainer_state=state
    )
    assert got == [1.5]


def test_an_environment_of_trl_owns_its_reward() -> None:
    """As `GRPOTrainer` of TRL 1.16 uses one (`trl/trainer/grpo_trainer.py`, `_generate_and_score_completions`): `reset`
    with a row's columns, whose list of parts is appended to the last message; public methods as tools; `get_reward`."""
    factory = Portable(Rubric("one", (Part(Accuracy()),))).environment()
    environment = factory()
    members = {name for name, _ in inspect.getmembers(factory, inspect.isfunction) if not name.startswith("_")}
    assert members == {"reset", "get_reward", "answer"}
    wave = [0.0] * 8
    prompt = [{"role": "user", "content": [{"type": "text", "text": "What do you hear?"}]}]
    observation = environment.reset(prompt=prompt, audio=wave, solution="sad")
    content = prompt[-1]["content"] + observation
    assert content[1] == {"type": "audio", "audio": wave}
    assert environment.get_reward() == 0.0
    environment.answer("<answer>sad</answer>")
    assert environment.get_reward() == 1.0
    assert environment.reset(prompt=prompt, solution="angry") is None and environment.get_reward() == 0.0


IN_TOOL = {
    "EMOLAB_SWIFT": (
        "ms-swift",
        """
import torch
from types import SimpleNamespace
from swift.utils import import_external_file
from swift.rewards import orms
from swift.rl_core.data import GRPOSample
from swift.rl_core.grpo_algorithm import compute_rewards_per_func
import_external_file(PATH)
rows = [{"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": t}], "prompt_id": "a",
         "request_id": str(i), "solution": "<answer>sad</answer>"} for i, t in enumerate(TEXTS)]
samples = [GRPOSample.from_row(row) for row in rows]
found = compute_rewards_per_func(samples, [orms["emo_rl"](args=None)], None, device=torch.device("cpu"),
                                 trainer_state=SimpleNamespace(global_step=0, max_steps=10))
print(json.dumps(found[:, 0].tolist()))
""",
    ),
    "EMOLAB_VERL": (
        "verl",
        """
from omegaconf import OmegaConf
from verl.trainer.ppo.reward import get_custom_reward_fn
config = OmegaConf.create({"reward": {"custom_reward_function": {"path": PATH, "name": "compute_score"}}})
score = get_custom_reward_fn(config)
print(json.dumps([score(data_source="x", solution_str=t, ground_truth="sad", extra_info={})["score"] for t in TEXTS]))
""",
    ),
    "EMOLAB_OPENRLHF": (
        "openrlhf",
        """
import asyncio
from openrlhf.utils.agent import SingleTurnAgentExecutor
executor = SingleTurnAgentExecutor(PATH)
prompt = "user: <|AUDIO|> Which emotion?<|im_end|>assistant: "
async def scores():
    infos = [(await executor._fetch_rewards_via_func([prompt + t + "<|im_end|>"], [prompt], ["sad"]))[0] for t in TEXTS]
    return [info["rewards"].item() for info in infos]
print(json.dumps(asyncio.run(scores())))
""",
    ),
    "EMOLAB_VERIFIERS_04": (
        "verifiers",
        """
import asyncio, importlib.util
import verifiers.v1 as vf
from types import SimpleNamespace
spec = importlib.util.spec_from_file_location("exported", PATH)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
tasks = list(module.make_taskset([{"audio": "a.wav", "solution": "sad"}] * len(TEXTS), "Which emotion?"))
assert tasks[0].data.audio == "a.wav" and tasks[0].data.prompt == "Which emotion?"
async def scores():
    found = []
    for task, text in zip(tasks, TEXTS):
        trace = SimpleNamespace(last_reply=text, metrics={}, rewards={})
        trace.record_reward = lambda name, value, weight, kept=trace: kept.rewards.update({name: value * weight})
        await task.score(trace)
        found.append(trace.rewards["emo_rl"])
    return found
print(json.dumps(asyncio.run(scores())))
""",
    ),
    "EMOLAB_VERIFIERS": (
        "verifiers",
        """
import asyncio, importlib.util
import verifiers as vf
spec = importlib.util.spec_from_file_location("exported", PATH)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
rubric = vf.Rubric(funcs=[module.emo_rl])
assert rubric._is_group_func(module.emo_rl)
states = [{"prompt": "?", "completion": [{"role": "assistant", "content": t}], "answer": "sad", "info": {},
           "trajectory": [], "timing": {}} for t in TEXTS]
print(json.dumps(asyncio.run(rubric._call_group_reward_func(module.emo_rl, states))))
""",
    ),
}


@pytest.mark.parametrize("variable", IN_TOOL)
def test_in_the_tool_itself(tmp_path: Path, variable: str) -> None:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python with the tool")
    tool, code = IN_TOOL[variable]
    path = export("emo_rl", tool, tmp_path / "exported.py")
    code = f"import json\nPATH, TEXTS = {str(path)!r}, {TEXTS!r}\n{code}"
    here = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": here})
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(EXPECTED)


def test_the_loop_of_ms_swift_pays_what_that_of_trl_pays(tmp_path: Path) -> None:
    """Every shipped rubric on six completions in two groups, by the code of both tools."""
    python = os.environ.get("EMOLAB_SWIFT")
    if not python:
        pytest.skip("EMOLAB_SWIFT names no Python with the tool")
    here = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    command = [python, here.with_name("swift_loop.py"), tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    paid = json.loads(done.stdout.splitlines()[-1])["paid"]
    assert set(paid) == set(RUBRICS)
    for name, (swift_paid, trl_paid) in paid.items():
        assert swift_paid == trl_paid and len(set(swift_paid)) > 1, name
