"""One reward for every trainer: called as TRL, ms-swift, verl, NeMo-RL, OpenRLHF and verifiers call theirs.

`Portable(reward)` has a method for each convention, and `export` writes the file that a tool reads. The conventions
were read in the sources of TRL 1.16 (`trl/trainer/grpo_trainer.py`), ms-swift 4.6 (`swift/rl_core/grpo_algorithm.py`,
`swift/rewards/orm.py`), verl 0.9.1 (`verl/experimental/reward_loop/reward_manager/naive.py`,
`verl/workers/reward_manager/batch.py`), OpenRLHF 0.11.2 (`openrlhf/utils/agent.py`), NeMo-RL (main in November 2026,
`nemo_rl/environments/rewards.py` and `vlm_environment.py`), verifiers 0.1 to 0.3 (`verifiers/rubrics/rubric.py`) and
verifiers 0.4 (`verifiers/v1/task.py`, whose messages hold text and images, no sound).

What a row holds beside its solution (words, caption, votes) reaches the reward under the names of our columns, from
wherever the tool keeps it. A column that is missing takes the solution's value: a caption task of ms-swift has its
caption there. Blocks of `<answer>` around a value are taken off.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from emolab.emotions import EMOLAB_7, LabelSet, label_set
from emolab.errors import RewardError
from emolab.parsing import parse
from emolab.rewards.base import Reward, completion_text, reward_name
from emolab.rewards.guard import Guarded
from emolab.rewards.rubric import Rubric
from emolab.rewards.source import load_reward

COLUMNS = ("solution", "words", "caption", "votes", "text")
"""Columns that a row may hold for a reward, under these names, in every tool."""
COMPARING = ("perception", "trusted_reasoning")
"""Rewards that compare the completions of a group: where a tool passes one completion at a time, they are constant."""
_SPECIAL = re.compile(r"(?:\s|<\|[^|<>]{1,40}\|>|</s>|<eos>|<end_of_turn>)+$")


class Portable:
    """A reward that every trainer can call; it has the reward's name, and is picklable where the reward is.

    verl, NeMo-RL and OpenRLHF pass one completion at a time, want a number (None becomes 0), and do not say how far
    training is: there a schedule stands at `progress`.
    """

    def __init__(self, reward: Reward, progress: float = 0.0):
        self.reward, self.progress = reward, progress
        self.__name__ = reward_name(reward)

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """TRL's call and ms-swift's: completions, then columns by name. ms-swift's `prompt_id` tells the groups."""
        if "row" not in columns and isinstance(ids := columns.get("prompt_id"), (list, tuple)):
            columns["row"] = ids
        if "trainer_state" not in columns:
            columns.setdefault("progress", self.progress)
        return Guarded(self.reward)(completions, **self._filled(columns))

    def compute_score(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, float]:
        """verl's `custom_reward_function`: the score, and each part of a rubric under its name."""
        return self._one(solution_str, ground_truth, extra_info)

    def compute_score_batch(
        self,
        data_sources: Sequence[str],
        solution_strs: Sequence[str],
        ground_truths: Sequence[Any],
        extra_infos: Sequence[Mapping[str, Any] | None],
        **_: Any,
    ) -> list[dict[str, float]]:
        """verl's call with the reward manager `batch`."""
        return [self._one(*row) for row in zip(solution_strs, ground_truths, extra_infos, strict=True)]

    def reward_func(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
    ) -> dict[str, Any]:
        """OpenRLHF's `reward_func` of `--reward.remote_url FILE.py`. A query is the prompt and its response."""
        import torch

        texts = [response_in(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
        found = [self._one(text, label, None) for text, label in zip(texts, labels, strict=True)]
        values = {name: torch.tensor([row[name] for row in found]) for name in found[0]} if found else {}
        scores = values.pop("score", torch.zeros(0))
        return {"rewards": scores, "scores": scores, "extra_logs": values}

    def score_response(self, ground_truth: Any, response: str) -> tuple[float, bool]:
        """NeMo-RL's reward function: (ground truth, response) → (score, whether it counts as right)."""
        score = self._one(response, ground_truth, None)["score"]
        return score, score > 0.5

    def score_group(
        self, prompts: Sequence[Any], completions: Sequence[Any], answers: Sequence[Any], infos: Sequence[Any], **_: Any
    ) -> list[float]:
        """A group reward function of verifiers' `Rubric`: `answers` hold solutions, `infos` the other columns."""
        rows = [_columns_of(answer, info) for answer, info in zip(answers, infos, strict=True)]
        columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(k for row in rows for k in row)}
        texts = [completion_text(_as_mappings(completion)) for completion in completions]
        return [value or 0.0 for value in self(texts, **columns, row=[repr(p) for p in prompts])]

    def environment(self) -> type:
        """A class for TRL's `environment_factory`: `reset(**row)` puts the row's `audio` into the last user message,
        the model calls the tool `answer`, and `get_reward` pays what it said.

        TRL 1.16 builds the message so; its trainer gives sound to no model yet. AudioGRPOTrainer does.
        """
        reward = self

        class EmotionEnvironment:
            """One clip, one answer."""

            def reset(self, **row: Any) -> list[dict[str, Any]] | None:
                """Take the columns of a row; the message gets its sound."""
                self.row, self.said = row, ""
                return [{"type": "audio", "audio": row["audio"]}] if row.get("audio") is not None else None

            def answer(self, text: str) -> str:
                """Give the answer.

                Args:
                    text: The whole answer, with its tags.
                """
                self.said = text
                return "Noted."

            def get_reward(self) -> float:
                """What the answer earns; 0 where none was given."""
                columns = {name: self.row[name] for name in COLUMNS if name in self.row}
                return reward._one(self.said, columns, None)["score"]

        return EmotionEnvironment

    def _one(self, text: str, ground_truth: Any, extra: Mapping[str, Any] | None) -> dict[str, float]:
        row = _columns_of(ground_truth, extra)
        progress = float(row.pop("progress", self.progress))
        columns = self._filled({name: [value] for name, value in row.items()})
        if not isinstance(self.reward, Rubric):
            return {"score": Guarded(self.reward)([text], **columns, progress=progress)[0] or 0.0}
        scores = self.reward.score([text], **columns, progress=progress)
        return {"score": scores.total[0] or 0.0, **{name: values[0] or 0.0 for name, values in scores.parts.items()}}

    def _filled(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Columns with blocks of answer taken off, and what the reward needs and is missing taken from the solution."""
        bare = {name: _bare(value) if name in COLUMNS else value for name, value in columns.items()}
        missing = [name for name in getattr(self.reward, "columns", ()) if name not in bare]
        return bare | ({name: bare["solution"] for name in missing} if "solution" in bare else {})


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        parsed = parse(value)
        return parsed.answer if parsed.tagged and parsed.answer is not None else value
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _columns_of(ground_truth: Any, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of a row: its extra fields, and its ground truth (a solution, or columns as a dict or as JSON)."""
    if isinstance(extra, str):
        extra = json.loads(extra)
    row = {name: extra[name] for name in (*COLUMNS, "progress") if extra and extra.get(name) is not None}
    if isinstance(ground_truth, str) and ground_truth.lstrip().startswith("{"):
        with contextlib.suppress(json.JSONDecodeError):
            ground_truth = json.loads(ground_truth)
    return row | (dict(ground_truth) if isinstance(ground_truth, Mapping) else {"solution": ground_truth})


def _as_mappings(completion: Any) -> Any:
    """Chat messages as dicts, where a tool passes objects with `role` and `content`."""
    if isinstance(completion, str):
        return completion
    return [m if isinstance(m, Mapping) else {"role": m.role, "content": m.content or ""} for m in completion]


def response_in(query: str, prompt: str) -> str:
    """The response in OpenRLHF's query: what follows the prompt, without the tokens that end a turn.

    >>> response_in("user: How?\\n<answer>sad</answer><|im_end|>", "user: How?\\n")
    '<answer>sad</answer>'
    """
    start = len(prompt) if query.startswith(prompt) else -1
    if start < 0 and (tail := prompt.strip()[-80:]) and (found := query.rfind(tail)) >= 0:
        start = found + len(tail)
    if start < 0:
        raise RewardError(f"the query does not hold its prompt, whose end is {prompt[-80:]!r}; query {query[:200]!r}")
    return _SPECIAL.sub("", query[start:]).strip()


TEMPLATES = Path(__file__).with_name("exports")
TOOLS = ("ms-swift", "verl", "openrlhf", "nemo-rl", "verifiers")


def export(
    spec: str,
    tool: str,
    out: str | Path,
    labels: LabelSet | Sequence[str] | str = EMOLAB_7,
    progress: float = 0.0,
) -> Path:
    """Write the file in which `tool` (one of `TOOLS`) finds a reward; `spec` as `load_reward` takes it.

    A reward from a file is found beside the written file, by the way from there. Raises RewardError for an unknown
    tool or reward, or where the reward is not one that the file could load.
    """
    if tool not in TOOLS:
        raise RewardError(f"no tool {tool!r}; rewards can be exported for {', '.join(TOOLS)}")
    out, chosen = Path(out), label_set(labels)
    name = reward_name(load_reward(spec, chosen))
    stated = chosen.name if label_set(chosen.name) == chosen else list(chosen)
    values = {"name": name, "quoted": repr(name), "function": re.sub(r"\W", "_", name)}
    values |= {"spec": _spec_from(spec, out), "labels": repr(stated), "progress": repr(progress)}
    text = Template((TEMPLATES / f"{tool}.txt").read_text(encoding="utf-8")).substitute(values)
    if "Path(" not in text:
        text = text.replace("from pathlib import Path\n\n", "")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return out


def _spec_from(spec: str, out: Path) -> str:
    """How the written file names the reward: a path from its own folder, or the name as it is."""
    file, _, name = spec.rpartition(":")
    if not file.endswith(".py"):
        return repr(spec)
    way = os.path.relpath(Path(file).resolve(), out.resolve().parent)
    return f'f"{{Path(__file__).resolve().parent / {way!r}}}:{name}"'


def standing_still(reward: Reward) -> list[str]:
    """Parts of a reward that say nothing where a tool passes one completion at a time."""
    parts = reward.parts if isinstance(reward, Rubric) else ()
    names = [part.name for part in parts] or [reward_name(reward)]
    return [name for name in names if name in COMPARING]
