"""`emolab say` and `emolab corpus make`: what this package adds to the commands of `emolab`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit
from emolab.corpora.embedded import NAME
from emolab.emotions import EMOTIONS, normalise_label
from emolab.errors import CorpusError, SynthError
from emolab_synth.corpus import make as make_corpus
from emolab_synth.corpus import summary
from emolab_synth.describe_voice import describe
from emolab_synth.say import say as say_it
from emolab_synth.vocoder import SAMPLE_RATE

FORMATS = (".wav", ".flac", ".ogg")


def register(app: typer.Typer) -> None:
    """Add both commands; `emolab` takes each by its name."""
    app.command("say")(say)
    app.command("make")(make)


@command
def say(
    text_and_out: Annotated[list[str], typer.Argument(metavar="[TEXT] OUT", help="What to say, and the sound file.")],
    emotion: Annotated[str, typer.Option(help="One of the seven emotions, by any of its names.")] = "neutral",
    intensity: Annotated[float, typer.Option(help="0 is neutral, 1 is full.")] = 0.8,
    talker: Annotated[str | None, typer.Option(help="Who: m01p to f12s; by default the first one who can.")] = None,
    seed_sentence: Annotated[str | None, typer.Option(help="Id of a shipped sentence, instead of TEXT.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="How the cues are used, and where it is recorded.")] = 0,
    studio: Annotated[bool, typer.Option(help="No room and no noise.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say a sentence with an emotion and write it as a sound file (16 kHz, mono).

    New sentences need espeak-ng, by this package's extra "voices". Shipped ones (--seed-sentence a-neu-test-00) need
    nothing.
    """
    wanted = 1 if seed_sentence else 2
    if len(text_and_out) != wanted:
        expected = "OUT alone, with --seed-sentence" if seed_sentence else "a TEXT in quotes and OUT"
        raise SynthError(
            f"expected {expected}, got {len(text_and_out)} arguments; "
            'an example: emolab say "The train is late." --emotion sad out.wav'
        )
    out = Path(text_and_out[-1])
    if out.suffix.lower() not in FORMATS:
        raise SynthError(f"{out}: the file must end in {', '.join(FORMATS)}")
    if not out.parent.is_dir():
        raise SynthError(f"{out}: there is no folder {out.parent}; make it first")
    import soundfile

    label = normalise_label(emotion)
    if label is None:
        raise SynthError(f"no emotion {emotion!r}; there are: {', '.join(EMOTIONS)}")
    said = say_it(None if seed_sentence else text_and_out[0], label, intensity, seed_sentence, talker, seed, studio)
    soundfile.write(out, said.wave, SAMPLE_RATE)
    emit(
        {
            "out": out,
            "text": said.text,
            "talker": said.talker,
            "emotion": label,
            "intensity": intensity,
            "seed": seed,
            "seconds": round(len(said.wave) / SAMPLE_RATE, 2),
            "voice": describe(said.prosody).sentence(),
            "prosody": said.prosody.dict(),
        },
        as_json,
        _show_said,
    )


def _show_said(result: dict[str, Any]) -> None:
    typer.echo("{out}: {seconds} s, talker {talker}, {emotion}: {voice}".format(**result))


@command
def make(
    kind: Annotated[str, typer.Argument(help="Which corpus to make: synthetic.")] = "synthetic",
    size: Annotated[
        str, typer.Option(help="smoke (121 samples), course (2,779), omni (2,072), wild (1,120) or full (8,456).")
    ] = "course",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder: new, empty, or one to finish.")] = Path("build/corpus"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a corpus of emotional speech, faces and texts whose truth is known.

    Same size and seed give the same bytes with any number of workers. Run an interrupted one again to finish it.
    """
    if kind != NAME:
        raise CorpusError(
            f"no corpus {kind!r} can be made; there is: {NAME} (for public corpora see `emolab corpus load --help`)"
        )

    start = time.monotonic()
    corpus = make_corpus(out, size, seed, workers)
    seconds = round(time.monotonic() - start, 1)
    emit(
        {"kind": kind, "size": size, "seed": seed, "out": out, "seconds": seconds, **summary(corpus)},
        as_json,
        _show_corpus,
    )


def _show_corpus(result: dict[str, Any]) -> None:
    typer.echo(f"{result['out']}: {result['n']} samples of {result['speakers']} speakers in {result['seconds']} s")
    for name in ("split", "domain", "condition", "emotion", "audio_core"):
        typer.echo(f"  {name:<11}" + "  ".join(f"{key} {n}" for key, n in result[name].items()))
