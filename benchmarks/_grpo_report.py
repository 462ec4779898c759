"""How the GRPO benchmarks are shown: a table in the terminal and in README.md, and the growth with G and P."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# What README's table shows, in its order; rows of other names are in the result file.
SHOWN = {
    "update/tiny": "update, 4 M",
    "update/40m": "update, 40 M",
    "update/40m-audio": "update, 40 M, 30 s padding",
    "rollout/40m": "rollout, 40 M",
    "rollout/40m-audio": "rollout, 40 M, 30 s padding",
    "step/40m": "whole step, 40 M",
    "step/40m-audio": "whole step, 40 M, 30 s padding",
    "stock/40m": "whole step, 40 M; plain: stock TRL on text, one after the other",
    "memory/40m": "peak memory of the update, 40 M",
    "memory/40m-audio": "the same, 30 s padding",
    "gpu/update/7b": "update, 7 B in 4 bits, on a GPU",
    "gpu/rollout/7b": "rollout, 7 B in 4 bits, on a GPU",
    "gpu/step/7b": "whole step, 7 B in 4 bits, on a GPU",
    "gpu/memory/7b": "peak memory of the update and the model, 7 B in 4 bits, on a GPU",
    "gpu/update/7b/x3": "update of three prompts, 7 B in 4 bits, on a GPU",
    "gpu/rollout/7b/x3": "rollout of three prompts, 7 B in 4 bits, on a GPU",
    "gpu/step/7b/x3": "whole step of three prompts, 7 B in 4 bits, on a GPU",
    "gpu/memory/7b/x3": "peak memory of the update of three prompts and the model, 7 B in 4 bits, on a GPU",
}
# The first step of each recipe, in a table of its own: a line a recipe, a column a part of the step.
STEPS = {
    "emo-rl": "EMO-RL",
    "emo-rl-reasons": "EMO-RL, with reasons",
    "affectgpt-rl": "AffectGPT-RL",
    "mecap-r1": "MECap-R1",
    "r1-omni": "R1-Omni",
}
PARTS = ("update", "rollout", "step", "memory")
STEPS_PICTURE = "grpo-steps.svg"
UNMEASURED = "not measured: no GPU was reached; `emolab bench grpo-gpu --write` measures it"


def publish(result: dict[str, Any], path: Path, readme: Path) -> None:
    """Put rows into the result file (rows of the same name are replaced), draw the growth, write README's table."""
    from emolab_course.readme import replace_section

    from emolab.plots.style import save_svg

    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    rows = {row["name"]: row for row in [*unmeasured(), *known["rows"], *result["rows"]]}
    order = list(SHOWN)
    names = sorted(rows, key=lambda name: order.index(name) if name in order else len(order))
    whole = {**known, **{k: v for k, v in result.items() if k != "rows"}, "rows": [rows[name] for name in names]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    picture = path.with_name("grpo-growth.svg")
    if any("/G" in name for name in rows):
        save_svg(growth_figure(whole["rows"]), picture)
    if known_steps(rows):
        save_svg(steps_figure(rows), path.with_name(STEPS_PICTURE))
    replace_section(readme, "speed", table(whole))


def unmeasured() -> list[dict[str, Any]]:
    """The rows that need a GPU, as long as none was reached."""
    empty = {"ratio": None, "ours": None, "plain": None, "limit": None, "unit": None, "note": UNMEASURED}
    return [{"name": name, **empty} for name in SHOWN if name.startswith("gpu/")]


def table(result: dict[str, Any]) -> str:
    """The rows as Markdown, with what they are."""
    lines = ["| | plain | here | ratio | token limit |", "|---|---:|---:|---:|---:|"]
    rows = {row["name"]: row for row in result["rows"]}
    first = next(row for row in result["rows"] if row["ratio"] is not None)
    for name, title in SHOWN.items():
        if name in rows:
            runs = rows[name].get("runs", first.get("runs"))
            other = f" ({runs} runs)" if runs != first.get("runs") and rows[name]["unit"] == "s" else ""
            lines.append(f"| {title}{other} | {' | '.join(cells(rows[name]))} |")
    loads = [row["load"] for row in result["rows"] if "load" in row]
    busy = f" (load {min(loads):g} to {max(loads):g})" if loads else ""
    command = result.get("command", "emolab bench grpo --write")
    grown = any("/G" in name for name in rows)
    growth = "Growth with G and P is in [a plot](benchmarks/results/grpo-growth.svg). " if grown else ""
    note = (
        f"\nOn {result['device']}{busy}: P = {first['prompt']}, C = "
        f"{first['completion']}, G = {first['group']}, medians of {first.get('runs', 1)} alternating runs. "
        f"Both sides multiply with the same kernels. {growth}Made by `{command}`; every "
        "row is in `benchmarks/results/grpo.json`."
    )
    profiled = where_time_goes(result.get("profile", {}))
    return "\n".join([*steps_table(rows), *lines, note, *on_a_gpu(result), *profiled])


def known_steps(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The recipes, with their titles, of whose first step every part was measured."""
    return {name: title for name, title in STEPS.items() if all(f"{part}/{name}" in rows for part in PARTS)}


def steps_table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """The real steps: what each part takes on both paths, and how many times less ours takes."""
    known = known_steps(rows)
    if not known:
        return []
    heads = ("prompts × completions", "tokens", "update", "rollout", "whole step", "memory of the update")
    lines = [f"| the first step of | {' | '.join(heads)} |", f"|---|---:|{'---:|' * (len(heads) - 1)}"]
    for name, title in known.items():
        step, shown = rows[f"step/{name}"], []
        for part in PARTS:
            plain, ours, times, _ = cells(row := rows[f"{part}/{name}"])
            again = row.get("again")
            later = f", then {again:.2f} s ({row['plain'] / again:.2f}×)" if again else ""
            shown.append(f"{plain.split()[0]} → {ours} (**{times}**){later}")
        sizes = f"{step['prompts']} × {step['group']}", f"{step['limit']:.1f}×"
        lines.append(f"| {title} | {' | '.join([*sizes, *shown])} |")
    return [f"![Seconds of the first step of each recipe](benchmarks/results/{STEPS_PICTURE})\n", *lines, ""]


def on_a_gpu(result: dict[str, Any]) -> list[str]:
    """What the rows of a GPU are, where there are any."""
    row = next((r for r in result["rows"] if r["name"].startswith("gpu/") and r["ratio"] is not None), None)
    if row is None:
        return []
    return [
        f"\nThe rows on a GPU: {result['device_gpu']}, random weights, P = {row['prompt']}, C = {row['completion']}, "
        f"G = {row['group']}; memory counts the model. Made by `make gpu`."
    ]


def where_time_goes(profile: dict[str, dict[str, float]]) -> list[str]:
    """A sentence for each profiled part: the shares of its seconds, of one part in a hundred or more."""
    said = {what: [f"{x:.0%} is {part}" for part, x in shares.items() if x >= 0.01] for what, shares in profile.items()}
    return [f"\nOf our {what} at 40 M, {', '.join(parts)}." for what, parts in said.items()]


def cells(row: dict[str, Any]) -> list[str]:
    """plain, ours, ratio and limit of a row; "not measured" where it has none."""
    if row["ratio"] is None:
        return ["not measured", "not measured", "", ""]
    digits = 0 if row["unit"] == "MB" else 2 if row["unit"] == "s" else 1
    values = [f"{row[key]:.{digits}f} {row['unit']}" for key in ("plain", "ours")]
    return [*values, f"{row['ratio']:.2f}×", f"{row['limit']:.2f}×" if row["limit"] else ""]


def steps_figure(rows: dict[str, dict[str, Any]]) -> Any:
    """Seconds of each recipe's first step, rollout and update, on the plain path and on ours."""
    from emolab.plots.style import ACCENT, INK, QUIET, new_figure, styled

    @styled
    def draw() -> Any:
        known = known_steps(rows)
        figure, axes = new_figure(7.0, 0.55 * len(known) + 1.0)
        axis, shades = axes[0, 0], {"plain": (QUIET, "#cfd5db"), "ours": (ACCENT, "#8cc4bf")}
        for i, name in enumerate(known):
            for side, at in (("plain", i - 0.2), ("ours", i + 0.2)):
                rollout, update = (rows[f"{part}/{name}"][side] for part in ("rollout", "update"))
                whose = "plain" if side == "plain" else "here"
                for left, seconds, part, colour in (
                    (0.0, rollout, "rollout", shades[side][0]),
                    (rollout, update, "update", shades[side][1]),
                ):
                    label = f"{part}, {whose}" if i == 0 else None
                    axis.barh(at, seconds, 0.36, left, color=colour, label=label)
                if side == "ours":
                    told = f"{rollout + update:.1f} s, a whole step {rows[f'step/{name}']['ratio']:.1f}× faster"
                    axis.text(rollout + update + 0.1, at, told, va="center", color=INK, fontsize=8)
        axis.set_yticks(range(len(known)), list(known.values()))
        axis.invert_yaxis()
        axis.grid(visible=False)
        axis.set_xlabel("seconds of the first step")
        axis.legend(loc="center right")
        return figure

    return draw()


def growth_figure(rows: list[dict[str, Any]]) -> Any:
    """The update's ratio against group size and against prompt length, beside the token limit."""
    from emolab.plots.style import ACCENT, QUIET, light_grid, new_figure, styled

    @styled
    def draw() -> Any:
        figure, axes = new_figure(7.0, 2.9, 1, 2, sharey=False)
        for axis, mark, key, label in (
            (axes[0, 0], "/G", "group", "completions of a prompt, G"),
            (axes[0, 1], "/P", "prompt", "prompt length, P"),
        ):
            found = sorted((row for row in rows if f"40m{mark}" in row["name"]), key=lambda row: row[key])
            at = [row[key] for row in found]
            axis.plot(at, [row["limit"] for row in found], "--", color=QUIET, label="token limit")
            axis.plot(at, [row["ratio"] for row in found], "o-", color=ACCENT, label="measured")
            axis.set_xscale("log", base=2)
            axis.set_xticks(at, [str(x) for x in at])
            axis.minorticks_off()
            axis.set_xlabel(label)
            axis.set_ylim(bottom=0)
            light_grid(axis)
        axes[0, 0].set_title("update: times faster than the plain path")
        axes[0, 0].legend()
        return figure

    return draw()


def render(result: dict[str, Any]) -> None:
    """Print the rows as a table."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=f"GRPO against the plain path on {result['device']}", title_justify="left")
    for column in ("", "plain", "here", "ratio", "token limit"):
        grid.add_column(column, justify="right" if column else "left")
    for row in result["rows"]:
        grid.add_row(row["name"], *cells(row))
    Console().print(grid)
