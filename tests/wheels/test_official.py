"""The reader of the official files, on a fixture in their format with their quirks; every expected value worked by
hand."""

from pathlib import Path

import pandas as pd
import pytest
from emolab_corpora.wheels import RUNS, official_list, read_official, read_tree
from emolab_course.quirks import quirks

from emolab.errors import CorpusError
from emolab.wheels import hit_rate, wheel_scores

# wheel1: "Proud" inherits its level 1 from above; "worry" stands under sad and, later, under fear; the blank level 3
# beside "anxious" inherits "terror" from the row above.
WHEEL1 = [
    ("Happy ", "Joyful", "merry"),
    (None, "Proud", "FEARLESS"),
    ("sad", "down", "grief"),
    (None, None, "worry"),
    ("fear", "scared", "terror"),
    (None, "anxious", None),
    (None, None, "worry"),
]
WHEEL2 = [("good", "bright", "happy"), (None, "brave", "fearless"), ("bad", "dark", "sad"), (None, "shaky", "scared")]
SYNONYMS = {
    "run1": [("merry", "[cheerful, 'glad']"), ("fearless", "bold, fear"), ("grief", "['Sorrow']"), ("sad", "low")],
    "run2": [("joyful", "glad"), ("scared", "fear"), ("sad", "sorrow"), ("worry", None)],
}
FORMATS = [
    ("glad", "gladly, gladder"),
    ("fear", "fears, fearing"),
    ("fearless", "fearlessly, fears"),
    ("sorrow", "sorrows"),
    ("worry", "worried"),
    ("scared", None),
    ("bold", "boldly"),
    ("low", ""),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in {"wheel1": WHEEL1, "wheel2": WHEEL2}.items():
        pd.DataFrame(rows, columns=["level1", "level2", "level3"]).to_excel(tmp_path / f"{name}.xlsx", index=False)
    columns = {}
    for run in RUNS:
        rows = SYNONYMS.get(run, SYNONYMS["run1"])
        columns[f"word_{run}"], columns[f"synonym_{run}"] = zip(*rows, strict=True)
    pd.DataFrame(columns).to_excel(tmp_path / "synonym.xlsx", index=False)
    pd.DataFrame(FORMATS, columns=["name", "format"]).to_csv(tmp_path / "format.csv", index=False)
    return tmp_path


def test_blank_cells_inherit_even_across_level_two(folder):
    tree = read_tree(folder / "wheel1.xlsx")
    assert tree == {
        "happy": {"joyful": ["merry"], "proud": ["fearless"]},
        "sad": {"down": ["grief", "worry"]},
        "fear": {"scared": ["terror"], "anxious": ["terror", "worry"]},
    }


def test_level_maps_let_the_later_place_win(folder):
    wheels = read_official(folder)
    assert wheels.wheels == ("wheel1", "wheel2")
    assert wheels.clusters(["worried"]) == (frozenset({"fear"}), frozenset())
    assert wheels.clusters(["worried"], "level2") == (frozenset({"anxious"}), frozenset())


def test_every_form_by_hand(folder):
    """glad → {glad}; glad is a synonym of merry (run 1) and joyful (run 2): min on wheel 1 is joyful → happy.

    fears → {fear, fearless}: fear → fearless (run 1), scared (run 2); min of {fearless, scared} is fearless, so fear
    lands with the happy: the defect of the published lists. sorrow → grief (run 1), sad (run 2).
    """
    wheels = read_official(folder)
    expected = {
        "gladly": ("happy", None),
        "fear": ("happy", "good"),
        "fears": ("happy", "good"),
        "fearing": ("happy", "good"),
        "scared": ("fear", "bad"),
        "boldly": ("happy", "good"),
        "sorrows": ("sad", "bad"),
        "low": ("sad", "bad"),
    }
    for form, clusters in expected.items():
        found = wheels.clusters([form])
        assert found == tuple(frozenset({c} if c else set()) for c in clusters), form
    assert wheels.clusters(["sorrow"], "level2") == (frozenset({"down"}), frozenset({"dark"}))
    assert wheels.clusters(["low"], "level2") == (frozenset({"down"}), frozenset({"dark"}))
    assert wheels.clusters([" FEARS "], "form") == (frozenset({"fear"}),)
    assert wheels.clusters(["fears"], "synonym") == (frozenset({"fearless"}),)
    assert wheels.clusters(["sorrow"], "synonym") == (frozenset({"grief"}),)
    assert wheels.clusters(["merry", "happy", "neutral"]) == (frozenset(), frozenset())


def test_set_level_scores_by_hand(folder):
    """wheel1: gold {sad} pred {sad, happy} P ½ R 1; gold {happy, fear} pred {happy} P 1 R ½; gold {fear} pred {} 0 0.
    P = R = ½, F = ½. wheel2: {bad} vs {bad, good} ½ 1; {good, bad} vs {good} 1 ½ (worried is not on it);
    {bad} vs {} 0 0: the same. The last sample maps to nothing and is skipped.
    """
    gold = [["sorrow"], ["fear", "scared"], ["scared"], ["neutral"]]
    pred = [["low", "bold"], ["boldly"], ["unknown"], ["low"]]
    scores = wheel_scores(gold, pred, read_official(folder))
    assert scores.per_wheel == {"wheel1": (0.5, 0.5, 0.5), "wheel2": (0.5, 0.5, 0.5)}
    assert (scores.precision, scores.recall, scores.f1, scores.n) == (0.5, 0.5, 0.5, {"wheel1": 3, "wheel2": 3})
    uneven = wheel_scores([["sorrow"]] * 2, [["low", "bold"], ["low"]], read_official(folder))
    assert uneven.f1 == pytest.approx(2 * 0.75 * 1.0 / 1.75)
    form = wheel_scores(gold, pred, read_official(folder), "form")
    assert form.per_wheel["form"] == (pytest.approx(0.0), 0.0, 0.0) and form.n == {"form": 3}


def test_hit_rate_by_hand(folder):
    """wheel1: sorrow hit, worry missed = ½; wheel2: worry does not map there, so 1 of 1. Mean ¾."""
    assert hit_rate(["sorrow", "worry"], [["low"], ["low"]], read_official(folder)) == 0.75


def test_quirks_are_listed(folder):
    found = {(row["kind"], row["item"]) for row in quirks(str(folder))}
    assert ("ambiguous form", "fears") in found
    assert ("stands twice", "worry") in found
    assert ("unmapped emotion", "neutral") in found
    assert ("opposite cluster", "fear") in found
    assert ("label spam", "all 3 clusters") in found


def test_lists_split_like_the_official_scorer():
    assert official_list("[angry, 'let down']") == ["angry", "let down"]
    assert official_list('"angry","sad"]') == ["angry", "sad"]
    assert official_list("don't") == ["don", "t"]
    assert official_list("") == [] == official_list(float("nan"))


def test_bad_folders_are_named(folder, tmp_path):
    with pytest.raises(CorpusError, match="no wheel1"):
        read_official(tmp_path / "nowhere")
    pd.DataFrame([*FORMATS, ("purple", None)], columns=["name", "format"]).to_csv(folder / "format.csv", index=False)
    with pytest.raises(CorpusError, match="'purple' is neither"):
        read_official(folder)
    pd.DataFrame({"name": ["a"]}).to_csv(folder / "format.csv", index=False)
    with pytest.raises(CorpusError, match="no column 'format'"):
        read_official(folder)
    (folder / "format.csv").unlink()
    with pytest.raises(CorpusError, match=r"format\.csv: no such file"):
        read_official(folder)


def test_the_course_s_example_lists_have_the_habits_that_they_show(tmp_path: Path) -> None:
    from emolab_course.demos import example_lists
    from emolab_course.quirks import quirks

    folder = example_lists(tmp_path / "lists")
    found = {(row["kind"], row["item"]) for row in quirks(str(folder))}
    assert any(item == "fear" for _, item in found) and any(item == "neutral" for _, item in found)
