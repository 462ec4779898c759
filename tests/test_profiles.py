"""The one dial: what a profile loads, and what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emolab.errors import EmolabError
from emolab.lalm.quantise import is_quantised
from emolab.profiles import PROFILES, VARIABLE, profile


def test_the_default_loads_float32_on_the_cpu_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lalm = profile().load()
    assert (lalm.device.type, lalm.dtype, is_quantised(lalm)) == ("cpu", torch.float32, False)
    assert is_quantised(profile().load(quantise="nf4")) and not capsys.readouterr().err


def test_a_gpu_profile_without_a_card_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(VARIABLE, "gpu-24gb")
    with pytest.raises(EmolabError, match=r"EMOLAB_PROFILE=gpu-24gb needs a GPU, and .*EMOLAB_PROFILE=cpu") as caught:
        profile().load()
    assert "\n" not in str(caught.value)


def test_everything_is_loaded_as_the_profile_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its device, dtype and bits reach every caller; overrides are told apart from what is not given."""
    from emolab_course.start import Lab

    from emolab.evaluate.inputs import read_model
    from emolab.lalm import load
    from emolab.recipes import get_recipe

    seen: list[dict[str, object]] = []

    def loaded(name: str, **options: object) -> object:
        seen.append({"name": name, **options})
        raise EmolabError("stop")

    monkeypatch.setattr(load, "load_model", loaded)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setenv(VARIABLE, "gpu-24gb")
    calls = [
        lambda: read_model(),
        lambda: Lab("00", profile(), None, "synthetic").model(),  # type: ignore[arg-type]
        lambda: get_recipe("emo-rl").for_profile(profile()).load(),
        lambda: profile().load(quantise="none"),
    ]
    for call in calls:
        with pytest.raises(EmolabError, match="stop"):
            call()
    assert {c["name"] for c in seen} == {"Qwen/Qwen2-Audio-7B-Instruct"}
    assert {(str(c["device"]), c["dtype"]) for c in seen} == {("cuda", torch.bfloat16)}
    assert [c["quantise"] for c in seen] == ["nf4", "nf4", "nf4", None]


def test_a_card_without_bfloat16_computes_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    from emolab.lalm import load

    seen: list[object] = []

    def loaded(name: str, **options: object) -> object:
        seen.append(options["dtype"])
        raise EmolabError("stop")

    monkeypatch.setattr(load, "load_model", loaded)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(EmolabError, match="stop"):
        profile("gpu-16gb").load()
    assert seen == [torch.float16]


def test_what_nobody_has_measured_is_marked() -> None:
    for name, found in PROFILES.items():
        assert bool(found.not_measured) == (found.device == "cuda"), name
        assert not set(found.not_measured) - set(vars(found)) and replace(found, beta=0.0) == found
