"""The downloader against a server that cuts, lies, is gone, is busy, or answers with a web page."""

from __future__ import annotations

import hashlib
import random

import pytest

from data_scripts.fetch import download as module
from data_scripts.fetch.download import OVERLAP, Archive, Downloader
from emolab.errors import CorpusError

BODY = random.Random(0).randbytes(900_000)
SIZE = len(BODY)
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
FAST = Downloader(timeout=2.0, tries=4, pause=0.01)


def archive(server, *modes, size=SIZE, digest=DIGEST):
    server.content["a.zip"] = BODY
    return Archive("a.zip", tuple(f"{server.url}/{mode}/a.zip" for mode in modes), size, digest)


def test_downloads_and_verifies(server, tmp_path):
    fetched = FAST.fetch(archive(server, "ok"), tmp_path)
    assert fetched.path.read_bytes() == BODY
    assert fetched.verified
    assert f"sha256:{fetched.sha256}" == DIGEST
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]


def test_md5_is_understood_and_an_unknown_hash_is_said_to_be_unknown(server, tmp_path):
    assert FAST.fetch(archive(server, "ok", digest=f"md5:{hashlib.md5(BODY).hexdigest()}"), tmp_path / "1").verified
    seen = FAST.fetch(archive(server, "ok", size=None, digest=None), tmp_path / "2")
    assert not seen.verified
    assert f"sha256:{seen.sha256}" == DIGEST


def test_a_cut_connection_is_resumed_where_it_stopped(server, tmp_path):
    assert FAST.fetch(archive(server, "cut"), tmp_path).path.read_bytes() == BODY
    assert server.starts[:2] == [0, 300_000 - OVERLAP] and server.starts[2] > server.starts[1]


def test_a_cut_connection_without_a_known_size_is_noticed(server, tmp_path):
    assert FAST.fetch(archive(server, "cut", size=None, digest=None), tmp_path).path.read_bytes() == BODY


def test_a_server_that_ignores_ranges_is_started_again(server, tmp_path):
    assert FAST.fetch(archive(server, "norange"), tmp_path).path.read_bytes() == BODY
    assert server.starts == [0, 0, 0]


def test_a_part_of_an_earlier_run_is_used(server, tmp_path):
    wanted = archive(server, "ok")
    part = tmp_path / f".a.zip.{hashlib.sha256(wanted.urls[0].encode()).hexdigest()[:8]}.part"
    part.write_bytes(BODY[:500_000])
    assert FAST.fetch(wanted, tmp_path).path.read_bytes() == BODY
    assert server.starts == [500_000 - OVERLAP]


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    wanted = archive(server, "ok", size=None, digest=DIGEST)
    part = tmp_path / f".a.zip.{hashlib.sha256(wanted.urls[0].encode()).hexdigest()[:8]}.part"
    part.write_bytes(BODY + b"more")
    assert FAST.fetch(wanted, tmp_path).path.read_bytes() == BODY


def test_what_is_there_is_not_fetched_again_unless_it_is_wrong(server, tmp_path):
    wanted = archive(server, "ok")
    FAST.fetch(wanted, tmp_path)
    FAST.fetch(wanted, tmp_path)
    assert server.asked["ok"] == 1
    (tmp_path / "a.zip").write_bytes(BODY[:-1])
    assert FAST.fetch(wanted, tmp_path).path.read_bytes() == BODY
    assert server.asked["ok"] == 2


@pytest.mark.parametrize("bad", ["gone", "page", "wrong", "long"])
def test_the_next_mirror_is_tried(server, tmp_path, bad):
    fetched = FAST.fetch(archive(server, bad, "ok"), tmp_path)
    assert fetched.path.read_bytes() == BODY
    assert "/ok/" in fetched.url
    assert server.asked[bad] == 1


def test_a_busy_server_is_asked_again(server, tmp_path):
    assert FAST.fetch(archive(server, "busy"), tmp_path).path.read_bytes() == BODY
    assert server.asked["busy"] == 3


def test_a_silent_server_is_given_up(server, tmp_path):
    with pytest.raises(CorpusError, match="timed out"):
        Downloader(timeout=0.2, tries=2, pause=0.01).fetch(archive(server, "slow"), tmp_path)
    assert server.asked["slow"] == 2


@pytest.mark.parametrize(
    ("mode", "says"), [("gone", "404"), ("page", "web page"), ("wrong", "expected"), ("long", "more than")]
)
def test_every_failure_is_told_and_nothing_half_done_is_left(server, tmp_path, mode, says):
    with pytest.raises(CorpusError, match=says) as caught:
        FAST.fetch(archive(server, mode), tmp_path)
    assert "--archive" in str(caught.value)
    assert not (tmp_path / "a.zip").exists()


def test_a_web_page_is_refused_even_where_nothing_is_known_of_the_file(server, tmp_path):
    with pytest.raises(CorpusError, match="web page"):
        FAST.fetch(archive(server, "page", size=None, digest=None), tmp_path)


def test_an_address_that_nobody_answers(tmp_path):
    gone = Archive("a.zip", ("http://127.0.0.1:9/a.zip",))
    with pytest.raises(CorpusError, match="no mirror gave it"):
        Downloader(timeout=1.0, tries=2, pause=0.01).fetch(gone, tmp_path)


def test_only_web_addresses_are_opened(tmp_path):
    (tmp_path / "secret.zip").write_bytes(b"PK")
    with pytest.raises(CorpusError, match="no mirror gave it"):
        Downloader(tries=1).fetch(Archive("a.zip", (f"file://{tmp_path}/secret.zip",)), tmp_path / "to")


def test_a_file_that_changed_there_is_not_glued_onto_a_part(server, tmp_path):
    wanted = archive(server, "ok", size=None, digest=None)
    part = tmp_path / f".a.zip.{hashlib.sha256(wanted.urls[0].encode()).hexdigest()[:8]}.part"
    part.write_bytes(b"older" * 100_000)
    assert FAST.fetch(wanted, tmp_path).path.read_bytes() == BODY
    assert server.starts == [500_000 - OVERLAP, 0]


def test_a_range_that_begins_elsewhere_is_not_glued_on(server, tmp_path):
    wanted = archive(server, "elsewhere", "ok")
    part = tmp_path / f".a.zip.{hashlib.sha256(wanted.urls[0].encode()).hexdigest()[:8]}.part"
    part.write_bytes(BODY[:500_000])
    fetched = FAST.fetch(wanted, tmp_path)
    assert fetched.path.read_bytes() == BODY and "/ok/" in fetched.url


def test_a_download_without_a_length_does_not_fill_the_disk(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 400_000)
    with pytest.raises(CorpusError, match="without a length"):
        FAST.fetch(archive(server, "endless", size=None, digest=None), tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 0


def test_a_server_that_drips_is_given_up(server, tmp_path):
    patient = Downloader(timeout=2.0, tries=2, pause=0.01, slowest=10_000, window=0.3)
    with pytest.raises(CorpusError, match=r"it sent \d+ bytes in 0.3 s"):
        patient.fetch(archive(server, "drip"), tmp_path)
