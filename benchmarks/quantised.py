"""Does training in 4 bits cost anything? The emo-rl recipe in NF4 and in float32, from the same cold start.

`emolab bench quantised` trains both arms for every seed with the recipe's own settings (direct answers, 250 steps of
GRPO), on the same prompts in the same order with the same sampling seeds, and compares their reward curves and the
final unweighted accuracy on the same held-out clips. Differences come with intervals over seeds and talkers (over seeds
and stretches of 25 steps for the reward), drawn as in the ledger of claims.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "quantised.json"
ARMS = {"nf4": "4 bits (NF4)", "fp32": "float32"}
STRETCH = 25  # steps of a reward curve that are drawn together: neighbours are alike


def register(app: typer.Typer) -> None:
    """Add `quantised` to the group `bench`."""
    app.command("quantised")(quantised)


@command
def quantised(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds.")] = 3,
    steps: Annotated[int | None, typer.Option(help="GRPO steps; the recipe's by default.")] = None,
    out: Annotated[Path, typer.Option(help="Where the runs are; run again to continue.")] = Path("build/quantised"),
    write: Annotated[bool, typer.Option(help="Write the result file, the plot and README's sentence.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Reward curves and final accuracy of GRPO in 4 bits and in float32, from the same cold starts."""
    from emolab.evaluate.inputs import read_corpus
    from emolab.recipes.emo_rl import EmoRL

    corpus, changes = read_corpus(None), {} if steps is None else {"steps": steps}
    runs = [train(corpus, EmoRL.cpu(seed=seed, **changes), out / f"seed-{seed}") for seed in range(seeds)]
    result = summary(runs)
    if write:
        publish(result, RESULT, ROOT / "README.md")
    emit(result, as_json, lambda r: typer.echo(sentence(r)))


def train(corpus: Any, recipe: Any, out: Path) -> dict[str, dict[str, Any]]:
    """Both arms of one seed: what each measured, the raw outputs behind it, and the reward of every step."""
    from emolab.lalm.checkpoint import INFO

    options: dict[str, Any] = {"baseline": False, "controls": False, "elsewhere": False, "zero_shot": False}
    found = {"nf4": recipe.run(corpus, out / "nf4", **options)}
    start = out / "start"
    if not (start / INFO).is_file():
        cold = out / "nf4" / "cold_start"
        start.mkdir(parents=True, exist_ok=True)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copy2(cold / name, start / name)
        info = json.loads((cold / INFO).read_text(encoding="utf-8"))
        (start / INFO).write_text(json.dumps({**info, "quantise": None}), encoding="utf-8")
    found["fp32"] = replace(recipe, quantise=None).run(corpus, out / "fp32", start=start, **options)
    return {arm: collected(result, out / arm) for arm, result in found.items()}


def collected(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the comparison needs of one run."""
    from emolab.evaluate.results import read_result
    from emolab.training.callbacks import read_metrics
    from emolab.training.runs import METRICS, SCORES

    rows = read_result(folder / "grpo" / SCORES)["rows"]
    return {
        "before": result["cold_start"]["ua"],
        "after": result["grpo"]["ua"],
        "seed": result["seed"],
        "settings": result["settings"],
        "rows": rows,
        "reward": [step["reward"] for step in read_metrics(folder / "grpo" / METRICS)],
    }


def summary(runs: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """The arms, and their differences (4 bits minus float32) with intervals; `spread` is a seed's typical distance from
    another within one arm, the noise that a difference is to be read against."""
    import numpy as np

    from benchmarks.claims.statistics import crossed

    def ratio(sums: Any) -> Any:
        return sums[..., 0] / sums[..., 1]

    accuracy, value = accuracies(runs)
    rewards = {arm: np.array([run[arm]["reward"] for run in runs]) for arm in ARMS}
    pieces = {
        arm: values[:, : values.shape[1] // STRETCH * STRETCH].reshape(len(runs), -1, STRETCH)
        for arm, values in rewards.items()
    }
    parts = {arm: np.stack([part.sum(-1), np.full(part.shape[:2], STRETCH)], -1) for arm, part in pieces.items()}
    last = max(1, parts["nf4"].shape[1] // 5)
    differences = {
        "final UA": crossed(accuracy["nf4"], accuracy["fp32"], value),
        "reward, all steps": crossed(parts["nf4"], parts["fp32"], ratio),
        "reward, last fifth": crossed(parts["nf4"][:, -last:], parts["fp32"][:, -last:], ratio),
    }
    spreads = {
        "final UA": value(accuracy["fp32"].sum(1)),
        "reward, all steps": ratio(parts["fp32"].sum(1)),
        "reward, last fifth": ratio(parts["fp32"][:, -last:].sum(1)),
    }
    return {
        "command": f"emolab bench quantised --seeds {len(runs)}",
        "seeds": [run["nf4"]["seed"] for run in runs],
        "settings": runs[0]["nf4"]["settings"],
        "steps": rewards["nf4"].shape[1],
        "clips": len(runs[0]["nf4"]["rows"]),
        "arms": [
            {
                "name": arm,
                **{key: [run[arm][key] for run in runs] for key in ("before", "after")},
                "reward": np.round(rewards[arm], 4).tolist(),
            }
            for arm in ARMS
        ],
        "differences": [
            {
                "name": name,
                "value": found.value,
                "interval": [found.low, found.high],
                "by_seed": list(found.by_seed),
                "spread": float(np.std(spreads[name], ddof=1)),
            }
            for name, found in differences.items()
        ],
    }


def accuracies(runs: list[dict[str, dict[str, Any]]]) -> tuple[dict[str, Any], Any]:
    """Of each arm the parts of UA by seed and talker (S, T, K), and what turns sums of them into UA."""
    import numpy as np

    from benchmarks.claims.metrics import METRICS
    from benchmarks.claims.results import by_talker

    metric = METRICS["ua"]
    assert metric.value is not None
    return {arm: np.stack([by_talker(run[arm]["rows"], metric)[1] for run in runs]) for arm in ARMS}, metric.value


def sentence(result: dict[str, Any]) -> str:
    """What was found, in words and numbers."""
    ua = {arm["name"]: [100 * sum(arm[key]) / len(arm[key]) for key in ("before", "after")] for arm in result["arms"]}
    found = {d["name"]: d for d in result["differences"]}

    def apart(name: str, scale: float, digits: int) -> str:
        low, high = (f"{scale * x:+.{digits}f}" for x in found[name]["interval"])
        return f"{scale * found[name]['value']:+.{digits}f} [{low}, {high}]"

    inside = all(d["interval"][0] <= 0 <= d["interval"][1] for d in result["differences"])
    verdict = "zero lies in every interval" if inside else "zero lies outside of an interval"
    return (
        f"GRPO in 4 bits and in float32 from the same cold starts ({len(result['seeds'])} seeds, {result['steps']} "
        f"steps, {result['clips']} test clips): final UA {ua['nf4'][1]:.1f}% and {ua['fp32'][1]:.1f}% (cold start "
        f"{ua['nf4'][0]:.1f}% and {ua['fp32'][0]:.1f}%), difference {apart('final UA', 100, 1)} points; mean reward "
        f"over all steps {apart('reward, all steps', 1, 3)}, over the last fifth "
        f"{apart('reward, last fifth', 1, 3)}; {verdict}. The [curves](benchmarks/results/quantised.svg) and every "
        "value are in `benchmarks/results/quantised.json`, made by `emolab bench quantised`."
    )


def publish(result: dict[str, Any], path: Path, readme: Path) -> None:
    """Write the result, the curves, and README's sentence."""
    from emolab_course.readme import replace_section

    from emolab.plots.style import save_svg

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    save_svg(figure(result), path.with_suffix(".svg"))
    replace_section(readme, "quantised", sentence(result))


def figure(result: dict[str, Any]) -> Any:
    """The reward of every step, smoothed over a twentieth of the run: seeds thin, their mean bold; final UA beside."""
    import numpy as np

    from emolab.plots.style import colour_of, light_grid, new_figure, styled
    from emolab.plots.training import smooth

    @styled
    def draw() -> Any:
        fig, axes = new_figure(7.6, 2.9, 1, 2, width_ratios=(3, 1))
        curve, final = axes[0]
        for i, arm in enumerate(result["arms"]):
            colour, rewards = colour_of(arm["name"], i), np.array(arm["reward"])
            window = max(1, rewards.shape[1] // 20)
            for row in rewards:
                curve.plot(smooth(row, window), color=colour, alpha=0.3, linewidth=0.9)
            curve.plot(smooth(rewards.mean(0), window), color=colour, label=ARMS[arm["name"]])
            final.plot([i] * len(arm["after"]), [100 * x for x in arm["after"]], "o", color=colour, alpha=0.7)
        curve.set_title("reward of GRPO's samples")
        curve.set_xlabel("step")
        curve.legend(loc="lower right")
        final.set_title("final UA, %")
        final.set_xticks(range(len(ARMS)), ARMS.values())
        final.set_xlim(-0.5, len(ARMS) - 0.5)
        for axis in (curve, final):
            light_grid(axis)
        return fig

    return draw()
