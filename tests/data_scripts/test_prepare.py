"""The scripts end to end: fetched from a server on this machine, unpacked, loaded; repeated without a request."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import corpus_trees
import pytest

from data_scripts.fetch.download import Archive, Downloader
from data_scripts.fetch.prepare import RECORD, main, prepare
from data_scripts.fetch.sources import SOURCES, Source
from emolab.corpora import CORPORA
from emolab.errors import CorpusError

FAST = Downloader(timeout=2.0, tries=2, pause=0.01)
SCRIPTS = Path(__file__).parents[2] / "data_scripts"


def zipped(folder: Path, top: str = "") -> bytes:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{top}{file.relative_to(folder).as_posix()}")
    return path.read_bytes()


def test_every_corpus_has_a_source_and_a_script():
    assert set(SOURCES) == set(CORPORA)
    for name, source in SOURCES.items():
        assert bool(source.archives) == CORPORA[name].fetch
        assert source.archives or source.steps
        assert f'main("{name}")' in (SCRIPTS / f"{name}.py").read_text()


def test_fetch_unpack_load_and_repeat(server, tmp_path):
    planted = corpus_trees.make("savee", tmp_path / "fixture")
    server.content["a.zip"] = zipped(tmp_path / "fixture")
    source = Source((Archive("a.zip", (f"{server.url}/ok/a.zip",)),))
    for _ in range(2):
        result = prepare("savee", tmp_path / "to", downloader=FAST, source=source)
        assert result["n"] == planted.found
        assert result["items"]["corrupt"] == planted.faults["corrupt"]
        assert not result["files"]["a.zip"]["verified"]
        assert result["files"]["a.zip"]["sha256"] == hashlib.sha256(server.content["a.zip"]).hexdigest()
    assert server.asked["ok"] == 1
    assert not (tmp_path / "to/a.zip").exists()


def test_git_lfs_pointers_are_resolved_and_checked(server, tmp_path):
    planted = corpus_trees.make("cremad", tmp_path / "fixture")
    clips = sorted((tmp_path / "fixture/AudioWAV").glob("100[5-9]_*.wav"))
    for clip in clips:
        content = clip.read_bytes()
        server.content[f"AudioWAV/{clip.name}"] = content
        clip.write_text(
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"
        )
    server.content["m.zip"] = zipped(tmp_path / "fixture", "CREMA-D-master/")
    source = Source((Archive("m.zip", (f"{server.url}/ok/m.zip",)),), lfs=(f"{server.url}/gone", f"{server.url}/ok"))
    result = prepare("cremad", tmp_path / "to", downloader=FAST, source=source)
    assert result["n"] == planted.found
    assert server.asked["gone"] == len(clips)


def test_an_archive_by_hand(tmp_path):
    corpus_trees.make("savee", tmp_path / "fixture")
    zipped(tmp_path / "fixture")
    assert prepare("savee", tmp_path / "to", [tmp_path / "fixture.zip"])["n"] == 29
    with pytest.raises(CorpusError, match="no such archive"):
        prepare("savee", tmp_path / "to", [tmp_path / "none.zip"])


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if not source.archives])
def test_a_corpus_behind_an_agreement_says_what_to_do(name, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(name, [str(tmp_path)])
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert "Licence:" in said and "cannot be downloaded" in said and "http" in said
    assert "Traceback" not in said


def test_a_script_checks_what_is_there(tmp_path):
    planted = corpus_trees.make("esd", tmp_path / "esd")
    command = [sys.executable, SCRIPTS / "esd.py", tmp_path / "esd", "--json"]
    run = subprocess.run(command, capture_output=True, text=True)
    result = json.loads(run.stdout)
    assert (result["n"], result["expected"], result["complete"]) == (planted.found, 35_000, False)
    assert run.returncode == 1
    assert "Licence" in run.stderr and f"incomplete: {planted.found} of 35000" in run.stderr


def test_a_complete_corpus_ends_well(tmp_path, monkeypatch, capsys):
    planted = corpus_trees.make("savee", tmp_path / "savee")
    monkeypatch.setitem(CORPORA, "savee", replace(CORPORA["savee"], size=planted.found))
    main("savee", [str(tmp_path / "savee")])
    assert f"{planted.found} samples, {planted.found} in a complete copy" in capsys.readouterr().out


def test_a_damaged_record_is_told(tmp_path):
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(CorpusError, match="delete it to fetch again"):
        prepare("tess", tmp_path)
