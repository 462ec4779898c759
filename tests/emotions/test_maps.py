"""Maps between label sets: conventions by hand, and no label lost without a word."""

import itertools

import pytest

from emolab.emotions import LABEL_SETS, LabelMap, label_map, label_set
from emolab.errors import EmolabError


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
    for source, target in itertools.permutations(LABEL_SETS, 2):
        mapping = label_map(source, target)
        assert set(mapping.pairs) | set(mapping.dropped) == set(LABEL_SETS[source])
        assert all(mapping.dropped.values())
        assert len(mapping.pairs) + len(mapping.dropped) == len(LABEL_SETS[source])


def test_a_map_that_forgets_a_label_or_invents_one_is_refused():
    four, seven = label_set("iemocap-4"), label_set("emolab-7")
    with pytest.raises(EmolabError, match="must state each"):
        LabelMap(four, seven, {"happy": "happy"}, {})
    with pytest.raises(EmolabError, match="not labels of"):
        LabelMap(four, seven, dict.fromkeys(four, "joy"), {})
    with pytest.raises(EmolabError, match="not a label of meld-7"):
        label_map("meld-7")("bored")
    with pytest.raises(EmolabError, match="did you mean 'meld-7'"):
        label_map("meld-8")


def test_sets_of_ones_own_are_mapped_by_meaning():
    mapping = label_map("calm, tense, furious", "ravdess-8")
    assert mapping.pairs == {"calm": "calm", "furious": "angry"} and set(mapping.dropped) == {"tense"}
    assert label_map("joy, worry", "mafw-11").pairs == {"joy": "happiness", "worry": "anxiety"}
    assert (
        label_map("emodb-7", "mafw-11")("anxiety") == "anxiety" and label_map("emodb-7", "meld-7")("anxiety") == "fear"
    )
    assert label_map("emolab-7", "iemocap-4")("angry") == "angry"
