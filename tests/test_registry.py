"""Names of this package, of entry points and of decorators: imported when asked for, errors list the names."""

from __future__ import annotations

import sys

import pytest

from emolab import registry as registries
from emolab.errors import RewardError
from emolab.registry import Registry


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path with one entry point, as `pip install` leaves it."""
    info = tmp_path / "outsider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[emolab.thing]\nfar = outsider_things:far\nbroken = outsider_things:near\n")
    (tmp_path / "outsider_things.py").write_text("far = ('far', 1)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("outsider_things", None)


def things():
    return Registry("thing", {"own": (1, 2), "later": "colorsys:rgb_to_hsv"}, RewardError)


def test_own_entries_are_imported_when_they_are_asked_for():
    sys.modules.pop("colorsys", None)
    found = things()
    assert list(found) == ["own", "later"] and "colorsys" not in sys.modules
    assert found["own"] == (1, 2) and found["later"](0, 0, 0) == (0.0, 0.0, 0)


def test_entry_points_are_listed_and_imported_when_they_are_asked_for(installed):
    found = things()
    assert list(found) == ["own", "later", "far", "broken"] and len(found) == 4
    assert "outsider_things" not in sys.modules
    assert found.find("far") == ("far", 1)
    with pytest.raises(RewardError, match=r"thing 'broken': outsider_things:near cannot be imported"):
        found.find("broken")


def test_a_module_may_register_what_its_entry_point_names(installed, tmp_path):
    found = things()
    code = "def far():\n    return 1\n\n\ndef other():\n    return 2\n"
    (tmp_path / "outsider_things.py").write_text(code)
    import outsider_things

    assert found.add("far", outsider_things.far)() == 1 and found.find("far") is outsider_things.far
    with pytest.raises(RewardError, match="there is a thing 'broken' already"):
        found.add("broken", test_own_entries_are_imported_when_they_are_asked_for)


def test_names_are_added_once_and_errors_list_them():
    found = things()
    assert found.add("mine", (3, 4)) == (3, 4) and found["mine"] == (3, 4)
    with pytest.raises(RewardError, match="there is a thing 'mine' already"):
        found.add("mine", (5,))
    assert found.add("mine", (5,), replace=True) == (5,)
    with pytest.raises(RewardError, match="unknown thing 'yours'; known are own, later, mine"):
        found.find("yours")
    with pytest.raises(KeyError):
        found["yours"]
    found.remove("mine")
    assert "mine" not in found


def test_register_is_a_decorator_over_the_kinds(monkeypatch):
    monkeypatch.setitem(registries.KINDS, "thing", f"{__name__}:STORE")
    monkeypatch.setitem(sys.modules, __name__, type("module", (), {"STORE": things()}))

    @registries.register("thing", "mine")
    def mine():
        return 7

    assert registries.registry("thing").find("mine")() == 7 and mine() == 7
    with pytest.raises(registries.EmolabError, match="kinds are family, corpus, protocol, recipe, reward, prompt"):
        registries.register("colour", "red")


@pytest.mark.parametrize("kind", registries.KINDS)
def test_each_kind_has_its_registry(kind):
    found = registries.registry(kind)
    assert isinstance(found, Registry) and found.kind == kind and len(found) >= (1 if kind == "wheels" else 4)
    assert all(found[name] is not None for name in found)


def test_a_corpus_a_prompt_and_a_recipe_from_outside(tmp_path):
    import soundfile

    import emolab as el
    from emolab.prompts import Prompt, get_prompt
    from emolab.recipes import get_recipe
    from emolab.samples import Corpus, EmotionSample, LoadReport

    @el.register("corpus", "lullabies")
    def load(root, check):
        samples = [
            EmotionSample(id=path.stem, audio=path.name, emotion=path.stem.split("-")[0], speaker=path.stem)
            for path in sorted(root.glob("*.wav"))
        ]
        return Corpus(root, samples, "lullabies"), LoadReport("lullabies", found=len(samples))

    class Short(get_recipe("emo-rl")):
        name = "short"

    el.register("prompt", "plainly")(Prompt("plainly", "v1", "What is felt?", "direct"))
    el.register("recipe", "short")(Short)
    try:
        for label in ("calm", "tense"):
            for i in range(6):
                soundfile.write(tmp_path / f"{label}-{i}.wav", [0.1, -0.1] * 4000, 16_000)
        corpus = el.load_corpus(f"lullabies:{tmp_path}")
        assert len(corpus) == 12 and set(corpus.labels) == {"calm", "tense"} and corpus.report.found == 12
        assert get_prompt("plainly").user == "What is felt?" and el.recipe("short", steps=3).steps == 3
    finally:
        for kind, name in (("corpus", "lullabies"), ("prompt", "plainly"), ("recipe", "short")):
            registries.registry(kind).remove(name)
