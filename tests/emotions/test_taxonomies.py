"""Maps between label sets: conventions by hand, and no label lost without a word."""

import itertools

import pytest

from emolab.taxonomies import TAXONOMIES, LabelMap, label_map


def test_iemocap_four_classes_count_excited_as_happy():
    four = label_map("iemocap-raw", "iemocap-4")
    assert four("exc") == "happy" == four("hap")
    assert four("fru") is None and four.dropped["fru"] == "frustration is left out by convention"


@pytest.mark.parametrize(
    ("source", "label", "expected"),
    [
        ("meld-7", "joy", "happy"),
        ("ravdess-8", "calm", None),
        ("ravdess-8", "disgust", "disgusted"),
        ("mafw-11", "contempt", None),
        ("mafw-11", "anxiety", None),
        ("emodb-7", "anxiety", "fearful"),
        ("tess-7", "pleasant_surprise", "surprised"),
        ("dfew-7", "fear", "fearful"),
        ("mer2023-6", "worried", None),
        ("iemocap-raw", "dis", "disgusted"),
        ("esd-5", "surprise", "surprised"),
    ],
)
def test_to_the_canonical_seven(source, label, expected):
    assert label_map(source)(label) == expected


def test_calm_may_count_as_neutral():
    assert label_map("ravdess-8", keep_calm=True)("calm") == "neutral"


def test_every_pair_of_taxonomies_states_every_label():
    for source, target in itertools.permutations(TAXONOMIES, 2):
        mapping = label_map(source, target)
        assert set(mapping.pairs) | set(mapping.dropped) == set(TAXONOMIES[source])
        assert all(mapping.dropped.values())
        assert len(mapping.table()) == len(TAXONOMIES[source])


def test_a_map_that_forgets_a_label_or_invents_one_is_refused():
    with pytest.raises(ValueError, match="must state each"):
        LabelMap("iemocap-4", "emolab-7", {"happy": "happy"}, {})
    with pytest.raises(ValueError, match="not labels of"):
        LabelMap("iemocap-4", "emolab-7", {x: "joy" for x in TAXONOMIES["iemocap-4"]}, {})
    with pytest.raises(ValueError, match="not a label of meld-7"):
        label_map("meld-7")("bored")
    with pytest.raises(ValueError, match="no taxonomy"):
        label_map("meld-8")
