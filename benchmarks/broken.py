"""Training runs that are broken on purpose, a sound one, and one that only looks broken: notebook 04 diagnoses them.

`emolab bench broken` trains the emo-rl recipe on the embedded corpus with one thing changed in each run. It writes
the rows of metrics to `benchmarks/results/broken.json`. All runs share corpus, seed, steps and the rest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from emolab_course.short_run import Practice

from emolab.cli.output import JsonOption, command, emit

if TYPE_CHECKING:
    from emolab.recipes.data import Splits
    from emolab.recipes.emo_rl import EmoRL

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "broken.json"
SIZES: dict[str, Any] = {
    "cold_per_label": 5,
    "cold_epochs": 5.0,
    "quantise": None,
    "learning_rate": 6e-4,
    "max_new_tokens": 12,
    "test_per_label": 10,
    "save_steps": 0,
}
KEPT = ("step", "reward", "parse_rate", "zero_variance", "entropy", "kl", "grad_norm", "length", "loss")


@dataclass(frozen=True)
class Fault:
    """What one run does otherwise: settings of the recipe, the reward that it pays alone, or its clips.

    `reward` is a reward function; `clips` makes other splits of the splits and the seed.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    reward: Callable[..., list[float | None]] | None = None
    clips: Callable[[Splits, int], Splits] | None = None


def constant(completions: Sequence[str], **columns: Any) -> list[float | None]:
    """Pays every answer the same, as a reward does that reads a column which is empty."""
    return [1.0] * len(completions)


def misaligned(parts: Splits, seed: int) -> Splits:
    """Splits whose training clips carry one another's labels, as after a table is sorted and its folder is not."""
    order = np.random.default_rng(seed).permutation(len(parts.train))
    others = [parts.train[int(i)].emotion for i in order]
    clips = [replace(clip, emotion=other) for clip, other in zip(parts.train, others, strict=True)]
    return replace(parts, train=parts.train.replace(clips))


RUNS: dict[str, Fault] = {
    "sound": Fault(),
    "no cold start": Fault({"cold_epochs": 0.0}),
    "constant reward": Fault(reward=constant),
    "learning rate × 10": Fault({"learning_rate": 6e-3}),
    "audio not fed": Fault({"modalities": ("text",)}),
    "labels of other clips": Fault(clips=misaligned),
}
"""The runs by name. The one without a cold start is not broken where the model writes the form before any training."""


def register(app: typer.Typer) -> None:
    """Add `broken` to the group `bench`."""
    app.command("broken")(broken)


@command
def broken(
    steps: Annotated[int, typer.Option(min=2, help="GRPO steps of each run.")] = 40,
    prompts: Annotated[int, typer.Option(min=2, help="Clips of a step.")] = 10,
    out: Annotated[Path, typer.Option(help="Where the runs are.")] = Path("build/broken"),
    write: Annotated[bool, typer.Option(help="Write the result file.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Curves of runs that are broken on purpose, and of a sound one."""
    from emolab.files import write_json

    result = {
        "command": f"emolab bench broken --steps {steps} --prompts {prompts}",
        "settings": {**SIZES, "steps": steps, "prompts_per_step": prompts},
        "runs": runs(out, {**SIZES, "steps": steps, "prompts_per_step": prompts}),
    }
    if write:
        write_json(RESULT, result)
    emit(result, as_json, lambda found: typer.echo(json.dumps({n: r["ua"] for n, r in found["runs"].items()})))


def runs(out: Path, sizes: dict[str, Any]) -> dict[str, Any]:
    """Every run of RUNS: what it changed, its rows of metrics, UA before and after, its three most frequent answers.

    Runs that share their cold start share one model, which is put back before each.
    """
    from emolab_synth.embedded import embedded_corpus

    from emolab.recipes.emo_rl import EmoRL
    from emolab.rewards.rubric import Rubric

    corpus, found = embedded_corpus("course"), {}
    started: dict[tuple[Any, ...], Practice] = {}
    for name, fault in RUNS.items():
        recipe = EmoRL.cpu(**{**sizes, **fault.settings})
        start = (recipe.cold_epochs, recipe.modalities)
        if start not in started:
            started[start] = begin(recipe, corpus, out)
        began = started[start]
        began.reset()
        run = replace(began, recipe=recipe, parts=fault.clips(began.parts, recipe.seed) if fault.clips else began.parts)
        rubric = Rubric.of([fault.reward], "constant") if fault.reward else recipe.rewards(corpus.labels)
        found[name] = {"changed": {key: str(value) for key, value in fault.settings.items()}, **trained(run, rubric)}
    return found


def begin(recipe: EmoRL, corpus: Any, out: Path) -> Practice:
    """A model after the cold start of a recipe, or without one where it has no epochs."""
    parts, lalm = recipe.splits(corpus), recipe.load()
    if recipe.cold_epochs:
        recipe.cold_start(lalm, parts.cold, progress=False)
    made = Practice(lalm, recipe, parts, [], out)
    _ = made._start
    return made


def trained(run: Practice, rubric: Any) -> dict[str, Any]:
    """What training with a rubric did: rows, UA before and after, and the answers that it gives most often."""
    asked = run.recipe.prompt(run.parts.test.labels)
    before = run.recipe.measure(run.lalm, run.parts.test, asked, progress=False)
    rows = run.train(rubric, run.recipe.steps, lambda rows: True)["rows"]
    after = run.recipe.measure(run.lalm, run.parts.test, asked, progress=False)
    kept = [{key: row[key] for key in KEPT if row.get(key) is not None} for row in rows]
    return {
        "rows": [{key: round(float(value), 4) for key, value in row.items()} for row in kept],
        "ua": [round(found["ua"], 4) for found in (before, after)],
        "ua_ci": [[round(end, 4) for end in found["ua_ci"]] for found in (before, after)],
        "chance": run.parts.test.labels.chance,
        "answers": Counter(str(row["text"])[:60] for row in after["rows"]).most_common(3),
    }
