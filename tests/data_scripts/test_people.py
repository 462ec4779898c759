"""Voices of people: a package is taken apart, names become weak labels, and held-back voices stay held back."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_scripts import people


def sound(seconds: float, kind: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(int(16000 * seconds), np.float32), 16000, format=kind)
    return buffer.getvalue()


def package(files: dict[str, bytes]) -> bytes:
    """A Debian package as `ar` writes it: a version, a control part of odd length, and the data."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    out = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())):
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        out += head + content + b"\n" * (len(content) % 2)
    return out


def test_a_package_gives_its_sounds_and_nothing_outside(tmp_path: Path) -> None:
    deb = tmp_path / "a.deb"
    inside = "usr/sounds/"
    deb.write_bytes(
        package(
            {
                "usr/sounds/Pirate/Laugh.ogg": b"x",
                "usr/sounds/read.txt": b"y",
                "usr/else/b.ogg": b"z",
                "usr/sounds/../../../evil.ogg": b"w",
            }
        )
    )
    people.unpack(deb, inside, tmp_path / "out")
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*.ogg"))] == ["out/Pirate/Laugh.ogg"]


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="not a Debian package"):
        people.unpack(tmp_path / "a.deb", "usr/", tmp_path / "out")


def test_names_become_labels_and_robots_are_left_out(tmp_path: Path) -> None:
    for who in ("Pirate", "British", "Robot"):
        folder = tmp_path / "hedgewars" / who
        folder.mkdir(parents=True)
        for name in ("Laugh", "Nooo", "Melon"):
            (folder / f"{name}.ogg").write_bytes(sound(0.2, "OGG"))
    prompts = tmp_path / "asterisk-it" / "it_IT_m_Carlo"
    prompts.mkdir(parents=True)
    for name, seconds in (("hello", 1.5), ("blip", 0.1)):
        (prompts / f"{name}.wav").write_bytes(sound(seconds, "WAV"))
    rows = people.rows(tmp_path)
    assert [(r["speaker"], r["emotion"], r["split"]) for r in rows] == [
        ("British", "happy", "test"),
        ("British", "fearful", "test"),
        ("Pirate", "happy", "dev"),
        ("Pirate", "fearful", "dev"),
        ("it_IT_m_Carlo", "neutral", "test"),
    ]


def test_no_voice_is_both_looked_at_and_held_back() -> None:
    assert all(len(p.sha256) == 64 for p in people.PACKAGES.values())
    names = [name for calls in people.CALLS.values() for name in calls]
    assert len(names) == len(set(names))
