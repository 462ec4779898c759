"""`emolab attribute`: which modality, word or moment carried the answer about a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.options import CorpusOption, ModelOption, PromptOption, SeedOption
from emolab.cli.output import JsonOption, command, console, emit, print_table
from emolab.cli.predict import taught
from emolab.samples import EmotionSample


@command
def attribute(
    file: Annotated[Path, typer.Argument(help="An audio file.")],
    text: Annotated[str | None, typer.Option(help="What is said in the file, if known.")] = None,
    video: Annotated[
        Path | None, typer.Option(help="The face: a video file, a folder of frames, or a strip image.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The answer to explain; by default the model's own.")] = None,
    method: Annotated[str, typer.Option(help="Shapley, leave one out, only one in, or one of the course.")] = "Shapley",
    masker: Annotated[
        str | None,
        typer.Option(
            "--masker",
            "--absence",
            help="What replaces a masked part: neutral, swap, silence or mean. By default neutral, or swap where the "
            "background has no neutral clips.",
        ),
    ] = None,
    measure: Annotated[str, typer.Option(help="The value of an answer: posterior or logprob.")] = "posterior",
    fine: Annotated[bool, typer.Option(help="Also explain words, moments and parts of the face (sampled).")] = True,
    html: Annotated[Path | None, typer.Option(help="Also draw the explanation of FILE into this page.")] = None,
    corpus: CorpusOption = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Folder that a recipe wrote.")] = None,
    model: ModelOption = None,
    prompt: PromptOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Say which modality, word and moment carried the answer about FILE.

    Other clips of the corpus serve as the background: parts of them replace the parts of FILE that are masked.
    """
    from emolab.attribution.explain import Settings, explain_file
    from emolab.evaluate.inputs import read_corpus, read_model

    asked_model, asked = read_model(model, checkpoint or taught(model, prompt), prompt=prompt)
    background = read_corpus(corpus, "smoke") if masker != "silence" else None
    options: dict[str, Any] = {
        "text": text,
        "video": video,
        "label": label,
        "fine": fine,
        "method": method,
        "settings": Settings(measure=measure, seed=seed),
    }
    found = explain_file(asked_model, file, asked, background, masker=masker, **options)
    if html is not None:
        from emolab.plots.explanation import explanation_html, page

        sample = EmotionSample(file.name, audio=found["file"], video=found["video"])
        html.write_text(page(explanation_html(sample, found), sample.id), encoding="utf-8")
    emit(found, as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print the modalities with φ, its standard error and the share, then the strongest parts of each kind."""
    terminal = console()
    terminal.print(
        f"{result['file']}: why {result['label']!r}? ({result['method']}; masker {result['masker']}; unit "
        f"{result['unit']})",
        markup=False,
    )
    over = f" ± standard error over {result['errors_over']}" if result["errors_over"] else ""
    rows = []
    for name, phi in result["phi"].items():
        error = f" ± {result['errors'][name]:.3f}" if over else ""
        rows.append((name, f"{phi:+.3f}{error}", f"{result['shares'][name]:.0%}"))
    print_table(["modality", f"φ{over}", "share of Σ|φ|"], rows)
    if result["interactions"]:
        pairs = ", ".join(f"{name} {value:+.3f}" for name, value in result["interactions"].items())
        terminal.print(f"interactions (+ more together than alone, − they repeat each other): {pairs}")
    for kind, players in result["players"].items():
        strongest = sorted(players, key=lambda p: -abs(p["phi"]))[:5]
        shown = ", ".join(f"{p['name']} {p['phi']:+.3f} ± {p['error']:.3f}" for p in strongest)
        terminal.print(f"{kind}s: {shown}")
    for warning in result["warnings"]:
        typer.echo(f"{result['file']}: warning: {warning}", err=True)
