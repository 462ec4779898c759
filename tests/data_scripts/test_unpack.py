"""Archives that try to write elsewhere, hold links, are bombs, or are damaged."""

from __future__ import annotations

import io
import stat
import tarfile
import tracemalloc
import zipfile

import pytest

from data_scripts.fetch import unpack as module
from data_scripts.fetch.unpack import unpack
from emolab.errors import CorpusError


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.linkname = "/etc/passwd"
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_unpacks_zip_and_tar(tmp_path):
    assert unpack(make_zip(tmp_path / "a.zip", {"x/1.txt": b"one", "2.txt": b"two"}), tmp_path / "zip") == 2
    assert (tmp_path / "zip/x/1.txt").read_bytes() == b"one"
    files = (("x", b"", tarfile.DIRTYPE), ("x/1.txt", b"one", tarfile.REGTYPE))
    assert unpack(make_tar(tmp_path / "a.tar.gz", *files), tmp_path / "tar") == 1
    assert (tmp_path / "tar/x/1.txt").read_bytes() == b"one"


def test_archives_inside_are_unpacked_where_they_lie(tmp_path):
    inner = make_tar(tmp_path / "train.tar.gz", ("train_splits/1.mp4", b"clip", tarfile.REGTYPE)).read_bytes()
    outer = make_tar(tmp_path / "a.tar.gz", ("Raw/train.tar.gz", inner, tarfile.REGTYPE))
    assert unpack(outer, tmp_path / "out", ("train.tar.gz",)) == 1
    assert [p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()] == [
        "Raw/train_splits/1.mp4"
    ]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/tmp/evil.txt", "..\\evil.txt", "C:/evil.txt"])
def test_members_that_lead_out_are_refused_and_nothing_is_written(tmp_path, name):
    out = tmp_path / "deep/out"
    good, bad = ("good.txt", b"1", tarfile.REGTYPE), (name, b"2", tarfile.REGTYPE)
    for archive in (
        make_zip(tmp_path / "a.zip", {"good.txt": b"1", name: b"2"}),
        make_tar(tmp_path / "a.tar.gz", good, bad),
    ):
        with pytest.raises(CorpusError, match="leads out"):
            unpack(archive, out)
        assert not list(out.iterdir())
        assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(CorpusError, match="link or a device"):
        unpack(make_tar(tmp_path / "a.tar.gz", ("passwd", b"", kind)), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_links_in_a_zip_are_refused(tmp_path):
    link = zipfile.ZipInfo("passwd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CorpusError, match="is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAST", 1 << 20)
    with pytest.raises(CorpusError, match="bomb"):
        unpack(make_zip(tmp_path / "a.zip", {"zeros": bytes(30 << 20)}), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_damaged_archives(tmp_path):
    whole = make_zip(tmp_path / "a.zip", {"a.bin": bytes(range(256)) * 100}).read_bytes()
    tar = make_tar(tmp_path / "a.tar.gz", ("a.bin", bytes(range(256)) * 100, tarfile.REGTYPE)).read_bytes()
    for content in (b"", b"not an archive", whole[: len(whole) // 2], tar[: len(tar) // 2]):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(CorpusError, match="damaged or not an archive"):
            unpack(tmp_path / "bad", tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_of_a_gigabyte_is_refused_before_it_is_read(tmp_path, kind):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, 1_500_000_000
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(512 + 1_500_000_000 + 1024)  # sparse: takes no room on the disk
    tracemalloc.start()
    with pytest.raises(CorpusError, match="damaged or not an archive"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()
