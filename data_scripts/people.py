"""Recorded voices of people, for judging and calibrating the embedded model: `python data_scripts/people.py FOLDER`.

Debian packages hold acted calls of game characters (hedgewars) and neutral telephone prompts (asterisk). This script
downloads the packages, checks them, unpacks the sounds and writes `people.csv` with one row a recording: `path`,
`emotion`, `speaker`, `split` ("dev" may be looked at, "test" is held back for judging), `source`. The emotions are weak
labels: they come from file names, such as Laugh or Nooo, and nobody has listened to every file. Nothing of this is
shipped with emolab, and no weight was trained on it; `pretraining/people_report.py` says what was chosen on "dev".

Licences: hedgewars-data is GFDL-1.3, the asterisk prompts are CC-BY-SA-3.0. Read the packages' copyright files before
you pass anything on.
"""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

POOL = "https://deb.debian.org/debian/pool/main/"


@dataclass(frozen=True)
class Package:
    """A Debian package, its digest, and where its voices lie."""

    path: str
    sha256: str
    sounds: str  # folder inside the package


_ASTERISK = "a/asterisk-core-sounds/asterisk-core-sounds-{}-wav_1.6.1-1_all.deb"
_PROMPTS = "usr/share/asterisk/sounds/"
PACKAGES = {
    "hedgewars": Package(
        "h/hedgewars/hedgewars-data_1.0.2-6_all.deb",
        "722225903a72604403e6e0026e40e9a6953f47a74d94efc5f55504bc05bb4761",
        "usr/share/games/hedgewars/Data/Sounds/voices/",
    ),
    "asterisk-fr": Package(
        _ASTERISK.format("fr"), "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e", _PROMPTS
    ),
    "asterisk-es": Package(
        _ASTERISK.format("es"), "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903", _PROMPTS
    ),
    "asterisk-it": Package(
        _ASTERISK.format("it"), "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb", _PROMPTS
    ),
    "asterisk-ru": Package(
        _ASTERISK.format("ru"), "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201", _PROMPTS
    ),
}
# What a game character feels who says this, by the name of the file; names that are not here are left out.
CALLS = {
    "happy": ("Laugh", "Victory", "Excellent", "Brilliant", "Amazing", "Flawless", "Yessir"),
    "angry": (
        *("Stupid", "Traitor", "Youllregretthat", "Illgetyou", "Revenge", "Justyouwait", "Gonnagetyou"),
        *("Cutitout", "Leavemealone", "Bugger", "Comeonthen"),
    ),
    "fearful": ("Nooo", "Takecover", "Runaway", "Uh-oh", "Incoming"),
    "sad": ("Byebye", "Ohdear", "Solong", "Missed"),
    "surprised": ("Whatthe", "Oops", "Hmm"),
}
DEV = {"Classic", "Default", "Mobster", "Pirate", "Singer", "Surfer", "fr_CA_f_June", "es_MX_f_Allison"}
NO_PERSON = {"Robot"}
PROMPTS_EACH = 40  # neutral prompts taken of each telephone voice
SHORTEST, LONGEST = 1.0, 5.0  # seconds of a prompt that is taken


def unpack(archive: Path, inside: str, out: Path) -> None:
    """Write the sounds under `inside` of a Debian package to `out`, keeping their folders."""
    with tarfile.open(fileobj=io.BytesIO(_member(archive.read_bytes(), b"data.tar"))) as tar:
        for entry in tar:
            name = entry.name.removeprefix("./")
            if not (entry.isfile() and name.startswith(inside) and name.endswith((".ogg", ".wav"))):
                continue
            source = tar.extractfile(entry)
            target = out / name.removeprefix(inside)
            if source is None or not target.resolve().is_relative_to(out.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())


def _member(data: bytes, start: bytes) -> bytes:
    """The member of an `ar` archive (what a Debian package is) whose name starts with `start`."""
    if data[:8] != b"!<arch>\n":
        raise ValueError("not a Debian package: it does not start with !<arch>")
    at = 8
    while at + 60 <= len(data):
        name, size = data[at : at + 16].strip(), int(data[at + 48 : at + 58])
        if name.startswith(start):
            return data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise ValueError(f"the package has no member {start.decode()}")


def rows(folder: Path) -> list[dict[str, str]]:
    """One row a usable recording under `folder`, sorted by path."""
    found = []
    labels = {name: emotion for emotion, names in CALLS.items() for name in names}
    for path in sorted((folder / "hedgewars").glob("*/*.ogg")):
        speaker, emotion = path.parent.name, labels.get(path.stem)
        if emotion and speaker not in NO_PERSON:
            found.append(_row(path, folder, emotion, speaker, "hedgewars"))
    for source in sorted(name for name in PACKAGES if name.startswith("asterisk")):
        prompts = [p for p in sorted((folder / source).glob("*/*.wav")) if SHORTEST <= _seconds(p) <= LONGEST]
        step = max(1, len(prompts) // PROMPTS_EACH)
        found += [_row(p, folder, "neutral", p.parent.name, source) for p in prompts[::step][:PROMPTS_EACH]]
    return found


def _row(path: Path, folder: Path, emotion: str, speaker: str, source: str) -> dict[str, str]:
    split = "dev" if speaker in DEV else "test"
    return {
        "path": str(path.relative_to(folder)),
        "emotion": emotion,
        "speaker": speaker,
        "split": split,
        "source": source,
    }


def _seconds(path: Path) -> float:
    import soundfile

    return float(soundfile.info(path).duration)


def main(folder: Path) -> None:
    """Download what is missing, unpack it, and write `people.csv`."""
    import pooch

    for name, package in PACKAGES.items():
        archive = pooch.retrieve(POOL + package.path, f"sha256:{package.sha256}", Path(package.path).name, folder)
        if not (folder / name).is_dir():
            unpack(Path(archive), package.sounds, folder / name)
    found = rows(folder)
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    print(f"{folder / 'people.csv'}: {len(found)} recordings of {len({r['speaker'] for r in found})} voices")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    main(Path(sys.argv[1]))
