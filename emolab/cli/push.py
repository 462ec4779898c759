"""`emolab push`: a trained model to a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emolab.cli.output import JsonOption, command, emit


@command
def push(
    folder: Annotated[Path, typer.Argument(help="A checkpoint, such as OUT/grpo, or what `emolab export` wrote.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="NAME/REPOSITORY on the hub; made where there is none.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; private by default.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload a trained model with its card; `--checkpoint REPO` and `load_model(REPO)` read it back."""
    from emolab.recipes.share import push as upload

    result = upload(folder, repo, public)
    for text in result["warnings"]:
        typer.echo(f"warning: {text}", err=True)
    emit(result, as_json, lambda r: typer.echo(f"{r['url']}: {'public' if public else 'private'}"))
