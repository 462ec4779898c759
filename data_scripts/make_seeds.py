"""Make the neutral speech seeds that emolab ships: python data_scripts/make_seeds.py [--voice m01 …] [--force]

Every base voice of `emolab_synth.talkers` says its sentences of `emolab_synth.text` neutrally, through espeak-ng in a
process of its own (`pip install emolab[voices]`). One Ogg-Opus file and one JSON file (alignment) per voice go to
data_scripts/corpora/emolab_synth/data/seeds. A voice whose files already hold the wanted sentences is left alone,
so the script can be run again at any time.

Licence: espeak-ng is GPL-3.0-or-later. These files hold sound that the program made from our own sentences, and none of
the program's code or data; our reading is that the GPL does not extend to such output, and we ship the files under this
repository's licence. That is our reading and not legal advice.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from emolab_synth.espeak import synth_bank
from emolab_synth.seeds import DATA, pack
from emolab_synth.talkers import VOICES, BaseVoice
from emolab_synth.text import Sentence, sentences_of
from tqdm import tqdm

from emolab.errors import SynthError

LARGEST = 1 << 20  # bytes of one committed file


def up_to_date(voice: BaseVoice, sentences: list[Sentence], folder: Path) -> bool:
    """Whether the voice's files are there and hold exactly these sentences in these words."""
    alignment = folder / f"{voice.id}.json"
    if not (alignment.is_file() and (folder / f"{voice.id}.ogg").is_file()):
        return False
    said = {key: entry["text"] for key, entry in json.loads(alignment.read_text(encoding="utf8")).items()}
    return said == {s.id: s.text for s in sentences}


def make(voice: BaseVoice, sentences: list[Sentence], folder: Path) -> int:
    """Write the two files of a voice; returns their size in bytes. Raises SynthError if one would be over 1 MiB."""
    sound, entries = pack(synth_bank(voice.espeak, voice.rate, [s.text for s in sentences]))
    table = {s.id: {"text": s.text, **entry} for s, entry in zip(sentences, entries, strict=True)}
    lines = ",\n".join(f"{json.dumps(key)}:{json.dumps(entry, separators=(',', ':'))}" for key, entry in table.items())
    if len(sound) > LARGEST:
        raise SynthError(f"voice {voice.id}: {len(sound)} bytes in one file, over {LARGEST}; give it fewer sentences")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{voice.id}.ogg").write_bytes(sound)
    (folder / f"{voice.id}.json").write_text(f"{{{lines}}}\n", encoding="utf8")
    return len(sound) + len(lines)


def main(arguments: list[str] | None = None) -> None:
    """Make what is missing or out of date, and say how much there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", action="append", choices=list(VOICES), help="only this base voice (repeatable)")
    parser.add_argument("--force", action="store_true", help="make voices again that are up to date")
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args(arguments)
    for name in tqdm(options.voice or list(VOICES), unit="voice"):
        sentences = sentences_of(name, VOICES[name].split, VOICES[name].domain)
        if options.force or not up_to_date(VOICES[name], sentences, options.out):
            make(VOICES[name], sentences, options.out)
    total = sum(f.stat().st_size for f in options.out.iterdir())
    print(f"{options.out}: {len(list(options.out.glob('*.ogg')))} voices, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    try:
        main()
    except SynthError as error:
        sys.exit(str(error))
