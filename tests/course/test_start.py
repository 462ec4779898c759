"""Set-up, the build folder, and the players that notebooks show."""

from __future__ import annotations

import base64
import io
import re
import tomllib

import numpy as np
import pytest
import soundfile as sf
from emolab_course import claims_of, listen, paths, setup, show_claim, watch

from emolab.errors import EmolabError, MediaError
from emolab.profiles import PROFILES, profile


def test_setup_is_repeatable_and_says_what_it_works_with(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    lab = setup("03", threads=1)
    first = np.random.rand()
    assert setup("03", threads=1).seed == lab.seed
    assert np.random.rand() == first
    assert lab.folder == tmp_path / "notebooks" / "03" and lab.folder.is_dir()
    assert repr(lab) == "notebook 03, profile cpu, model tiny-omni, corpus synthetic, seed 0"


def test_profiles_are_a_table_and_an_unknown_one_is_an_error(monkeypatch):
    monkeypatch.setenv("EMOLAB_PROFILE", "gpu-16gb")
    assert profile() is PROFILES["gpu-16gb"]
    assert profile("cpu").model == "tiny-omni"
    monkeypatch.setenv("EMOLAB_PROFILE", "abacus")
    with pytest.raises(EmolabError, match="abacus"):
        profile()


def test_an_unknown_notebook_is_an_error():
    with pytest.raises(EmolabError, match="no notebook called 77"):
        paths.sources(("77",))


def test_a_player_holds_the_wave_cut_to_three_seconds():
    wave = 0.3 * np.sin(np.arange(5 * 16_000) * 0.2).astype(np.float32)
    html = listen({"<sad>": wave}).data
    assert "&lt;sad&gt;" in html
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html).group(1))
    assert len(data) < 60_000
    heard, rate = sf.read(io.BytesIO(data))
    assert rate == 16_000 and 2.9 < len(heard) / rate < 3.2


def test_an_empty_clip_is_an_error():
    with pytest.raises(MediaError, match="sad"):
        listen({"sad": np.zeros(0)})


def test_frames_become_an_animation():
    html = watch({"happy": np.zeros((3, 8, 8, 3), np.uint8)}).data
    assert base64.b64decode(re.search(r"base64,([^\"]+)", html).group(1)).startswith(b"GIF89a")


def test_a_claim_is_shown_with_plot_reading_and_figures(monkeypatch, capsys):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    claims = claims_of("r1-omni")
    told = capsys.readouterr().out
    assert all(claim["title"] in told and claim["says"] in told for claim in claims.values())
    claim = claims["r1-omni-rationale"]
    show_claim(claim)
    show_claim(claim, differences=True)
    assert all(isinstance(item, IPython.display.Image) for item in shown[::3])
    readings = tomllib.loads((paths.CHECKOUT / "benchmarks/claims/readings.toml").read_text(encoding="utf-8"))
    written = readings["r1-omni-rationale"]["text"]
    assert [" ".join(item.data.split()) for item in shown[1::3]] == [" ".join(written.split())] * 2
    assert shown[2].data.startswith("| arm | ") and "verdict" not in shown[2].data
    assert shown[5].data.startswith("| difference | ") and "verdict" in shown[5].data
    with pytest.raises(EmolabError, match="no section 'Unheard of'"):
        show_claim(claim | {"title": "Unheard of"})
    with pytest.raises(EmolabError, match="no results of cot"):
        claims_of("cot")
