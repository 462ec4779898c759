"""Every notebook runs on the embedded default, on published corpora, and with a GPU profile's settings on a stand-in.

Each run takes a fresh kernel and the smallest sizes (`EMOLAB_COURSE=smoke`); `make test-notebooks` runs them all.
"""

from __future__ import annotations

import re

import corpus_trees
import pytest
from emolab_course.paths import number_of, sources
from emolab_course.run import execute

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NOTEBOOKS = sources()
SETTINGS = ("default", "ravdess", "iemocap", "gpu-24gb", "gpu-16gb")


@pytest.fixture(scope="session")
def fixture_trees(tmp_path_factory):
    made = {}
    for name in ("ravdess", "iemocap"):
        made[name] = tmp_path_factory.mktemp(name) / "tree"
        corpus_trees.make(name, made[name])
    return made


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """Folders of models of the families that the GPU profiles name: real classes, few layers, random weights."""
    from benchmarks.tiny_models import tiny_random

    made = {}
    for profile, family in (("gpu-24gb", "qwen2_audio"), ("gpu-16gb", "qwen2_5_omni")):
        lalm, folder = tiny_random(family), tmp_path_factory.mktemp(family)
        for part in (lalm.base, lalm.tokenizer, lalm.feature_extractor):
            part.save_pretrained(folder)
        made[profile] = folder
    return made


def environment(setting, request):
    values = {"EMOLAB_COURSE": "smoke"}
    if setting in ("ravdess", "iemocap"):
        values["EMOLAB_CORPUS"] = f"{setting}:{request.getfixturevalue('fixture_trees')[setting]}"
    elif setting.startswith("gpu"):
        model = request.getfixturevalue("stand_ins")[setting]
        values |= {"EMOLAB_PROFILE": setting, "EMOLAB_MODEL": str(model), "EMOLAB_DEVICE": "cpu"}
    return values


@pytest.mark.parametrize("path", NOTEBOOKS, ids=number_of)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_notebook_runs(path, setting, monkeypatch, request):
    for name, value in environment(setting, request).items():
        monkeypatch.setenv(name, value)
    ran = execute(path)
    assert ran.error == "", ran.error[-3000:]
    printed = "\n".join(
        output.get("text", "") for cell in ran.notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert not re.search(r"\bnan\b", printed, re.IGNORECASE), printed[-2000:]
