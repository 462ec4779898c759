"""The process that runs espeak-ng: python espeak_worker.py < job.json

The job names a voice, a rate, texts and an output file (.npz). Exit status 3 means that espeak-ng is not installed.
"""

from __future__ import annotations

import ctypes as C
import ctypes.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

NOT_INSTALLED = 3
_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT, _UTF8 = 2, 0x0001, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_END_OF_LIST, _WORD, _PHONEME = 0, 1, 7
_LONGEST_DATA_PATH = 150  # bytes; espeak-ng silently ignores a data path of 160 or more


class _Id(C.Union):
    _fields_ = [("number", C.c_int), ("name", C.c_char_p), ("string", C.c_char * 8)]


class _Event(C.Structure):
    _fields_ = [
        ("type", C.c_int),
        ("unique_identifier", C.c_uint),
        ("text_position", C.c_int),
        ("length", C.c_int),
        ("audio_position", C.c_int),
        ("sample", C.c_int),
        ("user_data", C.c_void_p),
        ("id", _Id),
    ]


class _Voice(C.Structure):
    _fields_ = [
        ("name", C.c_char_p),
        ("languages", C.c_char_p),
        ("identifier", C.c_char_p),
        ("gender", C.c_ubyte),
        ("age", C.c_ubyte),
        ("variant", C.c_ubyte),
        ("xx1", C.c_ubyte),
        ("score", C.c_int),
        ("spare", C.c_void_p),
    ]


_CALLBACK = C.CFUNCTYPE(C.c_int, C.POINTER(C.c_short), C.c_int, C.POINTER(_Event))


def _library() -> tuple[str, str | None]:
    """Path of the library and of its data (None: compiled in), from the wheel or else from the system."""
    try:
        import espeakng_loader
    except ImportError:
        found = ctypes.util.find_library("espeak-ng")
        if found is None:
            sys.exit(NOT_INSTALLED)
        return found, None
    return espeakng_loader.get_library_path(), _short(espeakng_loader.get_data_path())


def _short(path: str) -> str:
    """A data path that espeak-ng accepts: short and plain ASCII; else a link or a copy in the temporary folder."""
    if len(os.fsencode(path)) <= _LONGEST_DATA_PATH and path.isascii():
        return path
    user = os.getuid() if hasattr(os, "getuid") else 0
    link = Path(tempfile.gettempdir()) / f"emolab-espeak-{user}" / "espeak-ng-data"
    if not (link / "phontab").exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to(path, target_is_directory=True)
        except OSError:  # no right to make links (Windows)
            shutil.copytree(path, link, dirs_exist_ok=True)
    return str(link)


class Engine:
    """espeak-ng through ctypes. It keeps its state in globals: one engine per process, one caller at a time."""

    def __init__(self) -> None:
        path, data = _library()
        self._lib = lib = C.CDLL(path)
        lib.espeak_Initialize.argtypes = [C.c_int, C.c_int, C.c_char_p, C.c_int]
        lib.espeak_SetSynthCallback.argtypes = [_CALLBACK]
        lib.espeak_Synth.argtypes = [
            C.c_char_p,
            C.c_size_t,
            C.c_uint,
            C.c_int,
            C.c_uint,
            C.c_uint,
            C.POINTER(C.c_uint),
            C.c_void_p,
        ]
        lib.espeak_Info.argtypes, lib.espeak_Info.restype = [C.POINTER(C.c_char_p)], C.c_char_p
        lib.espeak_ListVoices.argtypes = [C.POINTER(_Voice)]
        lib.espeak_ListVoices.restype = C.POINTER(C.POINTER(_Voice))
        self._callback = _CALLBACK(self._collect)  # kept: a collected callback crashes the process
        self._chunks: list[np.ndarray] = []
        self._events: list[tuple[int, int, Any]] = []
        where = data.encode() if data else None
        self.rate = lib.espeak_Initialize(_SYNCHRONOUS, 0, where, _PHONEME_EVENTS | _DONT_EXIT)
        if self.rate <= 0:
            sys.exit(f"espeak-ng could not read its data at {data or 'its built-in path'}")
        lib.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: Any, n: int, events: Any) -> int:
        if wave and n > 0:
            self._chunks.append(np.ctypeslib.as_array(wave, shape=(n,)).copy())
        i = 0
        while events[i].type != _END_OF_LIST:
            event = events[i]
            if event.type == _PHONEME:
                label = bytes(event.id.string).split(b"\0")[0].decode("utf8", "replace")
                self._events.append((_PHONEME, event.audio_position, label))
            elif event.type == _WORD:
                self._events.append((_WORD, event.audio_position, (event.text_position, event.length)))
            i += 1
        return 0

    def set_voice(self, voice: str, rate: int) -> None:
        """Choose a voice. Exits with a message if there is none: espeak-ng itself silently falls back to another."""
        language, _, variant = voice.partition("+")
        languages, listed, i = set(), self._lib.espeak_ListVoices(None), 0
        while listed[i]:
            identifier = listed[i].contents.identifier.decode()
            languages.add(identifier.split("/")[-1].lower())
            i += 1
        data = C.c_char_p()
        self._lib.espeak_Info(C.byref(data))
        where = Path(os.fsdecode(data.value or b"")) / "voices" / "!v" / variant
        if language.lower() not in languages or (variant and not where.is_file()):
            sys.exit(f"there is no voice {voice!r}")
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"voice {voice!r} cannot be loaded")
        for key, value in ((_RATE, rate), (_PITCH, 50), (_RANGE, 50), (_VOLUME, 100)):
            self._lib.espeak_SetParameter(key, value, 0)

    def say(self, text: str) -> tuple[np.ndarray, dict[str, Any]]:
        """The waveform (n,) int16 of a text, and its phones and words with times in seconds."""
        self._chunks, self._events = [], []
        if hasattr(self._lib, "espeak_ng_SetRandSeed"):  # 1.52: flutter and breath noise draw from it
            self._lib.espeak_ng_SetRandSeed(C.c_long(1))
        raw = text.encode("utf8")
        error = self._lib.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        if error or not self._chunks:
            sys.exit(f"espeak-ng made no sound of {text!r} (code {error})")
        self._lib.espeak_Synchronize()
        wave = np.concatenate(self._chunks)
        return wave, {"rate": self.rate, **_marks(self._events, len(wave) / self.rate, text)}


def _marks(events: list[tuple[int, int, Any]], duration: float, text: str) -> dict[str, list]:
    """Phones [start, end, label, stress] and words [start, text] from espeak-ng's events."""
    starts = [(at / 1000, label) for kind, at, label in events if kind == _PHONEME]
    ends = [at for at, _ in starts[1:]] + [duration]
    phones, stress = [], 0
    for (start, label), end in zip(starts, ends, strict=True):
        stress = max(stress, 2 if "'" in label or "ˈ" in label else 1 if "," in label or "ˌ" in label else 0)
        core = label.strip("',ˈˌ ")
        if core:
            phones.append([start, end, core, stress])
            stress = 0
    words = [[at / 1000, text[v[0] - 1 : v[0] - 1 + v[1]]] for kind, at, v in events if kind == _WORD]
    return {"phones": phones, "words": words}


def main() -> None:
    """Read the job from standard input, speak, and write the bank."""
    job = json.load(sys.stdin)
    arrays: dict[str, Any] = {}
    engine = Engine()
    engine.set_voice(job["voice"], job["rate"])
    for i, text in enumerate(job["texts"]):
        wave, marks = engine.say(text)
        arrays[f"wave{i}"] = wave
        arrays[f"marks{i}"] = np.frombuffer(json.dumps(marks).encode(), np.uint8)
    np.savez(job["out"], **arrays)


if __name__ == "__main__":
    main()
