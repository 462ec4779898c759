"""A stranger's package, written from the pages of docs/ alone: no file of ours is touched, and one name each is enough.

The package lies on the path as `pip install` leaves it: its modules, and the entry points that the pages state.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("write_a_reward", "add_a_corpus", "write_a_recipe", "add_a_family")
USE = """
import json, sys
import numpy as np, soundfile, torch
import emolab as el
from benchmarks.tiny_models import noise_samples
from emolab.prompts import get_prompt
from emolab.rewards import load_reward

told = {"reward": load_reward("mentions_loudness")(["so quiet", "so sad"])}
told["hacks pay"] = not el.audit(load_reward("mentions_loudness"))["ok"]
for name in ("ann-calm-0", "ann-tense-0", "ben-calm-0", "ben-tense-0", "ben-odd-0"):
    soundfile.write(f"{name}.wav", 0.1 * np.random.default_rng(0).normal(size=16_000), 16_000)
corpus = el.load_corpus("my-corpus:.")
told |= {"samples": len(corpus), "left out": corpus.report.summary()["skipped"], "splits": len(corpus.counts("split"))}
recipe = el.recipe("say-why", steps=3)
told |= {"recipe": type(recipe).__name__, "steps": recipe.steps, "reasons": recipe.gives_reasons}
told["pays"] = [part.name for part in recipe.rewards(corpus.labels).parts]
model = el.load_model("checkpoint")
batch = model.encode(noise_samples(2), get_prompt("direct"))
with torch.no_grad():
    own = model.label_scores(batch, ("sad", "happy"))
told |= {"family": type(model).__name__, "finite": bool(torch.isfinite(own).all())}
told["modules"] = sorted(m for m in sys.modules if m.startswith("my_package."))
print(json.dumps(told))
"""


def blocks(page, kind):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def package(tmp_path):
    """The stranger's package, and a folder to work in."""
    code = {page: blocks(page, "python") for page in PAGES}
    loader = next(block for block in code["add_a_corpus"] if "def load(" in block).partition("\n\ncorpus =")[0]
    modules = {
        "rewards": code["write_a_reward"][0],
        "corpora": f"import emolab as el\n{loader}",
        "recipes": code["write_a_recipe"][0],
        "models": code["add_a_family"][0],
    }
    (tmp_path / "site" / "my_package").mkdir(parents=True)
    for name, text in {"__init__": "", **modules}.items():
        (tmp_path / "site" / "my_package" / f"{name}.py").write_text(text, encoding="utf-8")
    info = tmp_path / "site" / "my_package-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 0.1\n")
    points = "\n".join(block for page in code for block in blocks(page, "toml"))
    points = re.sub(r'\[project\.entry-points\."(.+)"\]', r"[\1]", points).replace('"', "")
    (info / "entry_points.txt").write_text(points)
    (tmp_path / "work").mkdir()
    make = code["add_a_family"][1].partition("\nmodel = ")[0]
    (tmp_path / "work" / "make.py").write_text(make)
    return tmp_path


def test_a_package_written_from_the_docs_adds_a_reward_a_corpus_a_recipe_and_a_family(package):
    places = (package / "site", ROOT, ROOT / "data_scripts" / "corpora")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}

    def run(*arguments):
        line, work = [sys.executable, *arguments], package / "work"
        done = subprocess.run(line, cwd=work, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run("make.py")
    told = json.loads(run("-c", USE).splitlines()[-1])
    assert told["reward"] == [1.0, 0.0] and told["hacks pay"], "the audit finds that words alone are paid"
    assert told["samples"] == 4 and told["left out"] == {"unknown label": 1} and told["splits"] > 1
    assert (told["recipe"], told["steps"], told["reasons"]) == ("SayWhy", 3, True)
    assert told["pays"] == ["accuracy", "format"]
    assert told["family"] == "GlmAsr" and told["finite"]
    assert told["modules"] == [f"my_package.{name}" for name in ("corpora", "models", "recipes", "rewards")]
    assert "say-why" in run("-m", "emolab", "train", "--help")
    assert "my-corpus" in run("-m", "emolab", "corpus", "list")
