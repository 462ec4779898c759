"""Label sets, and prompts that ask for them: what every other room takes from a corpus."""

import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from emolab.emotions import EMOLAB_7, EMOTIONS, LABEL_SETS, LabelSet, Place, label_set, label_set_of, similarity
from emolab.errors import EmolabError
from emolab.parsing import parse_label
from emolab.prompts import PROMPTS, Prompt, get_prompt
from emolab.samples import Corpus, EmotionSample


def corpus(*emotions: str | None, **options) -> Corpus:
    return Corpus(Path(), [EmotionSample(str(i), text="x", emotion=e) for i, e in enumerate(emotions)], **options)


def test_a_label_set_is_the_tuple_of_its_labels():
    four = label_set("iemocap-4")
    assert list(four) == ["neutral", "happy", "sad", "angry"] and four[1] == "happy" and four[2:] == ("sad", "angry")
    assert "sad" in four and "joy" not in four and four.index("angry") == 3 and len(four) == 4 and four.chance == 0.25
    assert hash(four) == hash(label_set("IEMOCAP-4")) and four == label_set(" iemocap-4")
    assert EMOLAB_7.labels == EMOTIONS and tuple(EMOLAB_7) == EMOTIONS


@pytest.mark.parametrize("name", [*LABEL_SETS, "calm, tense, bored"])
def test_sets_survive_pickle_json_and_their_own_name(name):
    labels = label_set(name)
    assert pickle.loads(pickle.dumps(labels)) == labels == LabelSet.from_json(json.loads(json.dumps(labels.to_json())))
    assert label_set(labels.name) == labels == label_set(labels)
    assert hash(pickle.loads(pickle.dumps(labels))) == hash(labels)


def test_a_list_of_known_labels_is_the_known_set():
    assert label_set(["neutral", "happy", "sad", "angry"]) is label_set("iemocap-4")
    assert label_set(EMOTIONS) is EMOLAB_7
    assert label_set("calm；tense".replace("；", ";")).labels == ("calm", "tense")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("iemocap4", "did you mean 'iemocap-4'"),
        ("sad", "no label set 'sad'"),
        ("sad,,angry", "cannot be a label"),
        (["joy", "Joy"], "same label"),
        (["x" * 65], "cannot be a label"),
        ([1, 2], "must be texts"),
    ],
)
def test_what_is_no_label_set_is_refused(spec, message):
    with pytest.raises(EmolabError, match=message):
        label_set(spec)
    with pytest.raises(EmolabError, match="not a label"):
        LabelSet("x", ("a", "b"), {"c": "d"})


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("mafw-11", "Contemptuous", "contempt"),
        ("mafw-11", "sad", "sadness"),
        ("mafw-11", "焦虑", "anxiety"),
        ("emodb-7", "fear", "anxiety"),
        ("emodb-7", "Anxious", "anxiety"),
        ("emodb-7", "bored", "boredom"),
        ("iemocap-4", "excited", "happy"),
        ("iemocap-raw", "excited", "exc"),
        ("iemocap-4", "fearful", None),
        ("ravdess-8", "relaxed", "calm"),
        ("tess-7", "surprise", "pleasant_surprise"),
        ("esd-5", "中立", "neutral"),
        ("esd-5", "惊喜", "surprise"),
        ("mer2023-6", "anxious", "worried"),
        ("mer2023-6", "fear", None),
        ("calm, tense, bored", "TENSE.", "tense"),
        ("calm, tense, bored", "serene", "calm"),
        ("furious, angry", "rage", "furious"),
        ("furious, angry", "angry", "angry"),
    ],
)
def test_names_of_labels(name, text, label):
    assert label_set(name).normalise(text) == label == parse_label(f"<answer>{text}</answer>", label_set(name))


def test_places_have_a_source_and_what_has_none_is_half_alike():
    mafw, ravdess, own = label_set("mafw-11"), label_set("ravdess-8"), label_set("calm, tense, bored")
    for labels in LABEL_SETS.values():
        assert all(place.source for label in labels if (place := labels.place(label)) is not None)
    assert mafw.similarity("contempt", "anger") == pytest.approx((math.cos(math.radians(22.5)) + 1) / 2)
    assert mafw.similarity("contempt", "anger", "vad") == 0.5 == mafw.similarity("anxiety", "fear")
    assert ravdess.place("calm") is None and ravdess.similarity("calm", "happy", "vad") == 0.5
    assert ravdess.similarity("calm", "calm") == 1.0 == ravdess.similarity("calm", "calm", "vad")
    assert ravdess.similarity("calm", "calm", "published") == 0.5
    assert own.similarity("tense", "bored") == 0.5 and own.place("bored").vad is not None
    assert label_set("emodb-7").similarity("anxiety", "anger") == similarity("fearful", "angry")
    with pytest.raises(ValueError, match="not a label of ravdess-8"):
        ravdess.similarity("bored", "calm")


def test_emolab_7_measures_as_the_emotions_themselves():
    for kind in ("plutchik", "published", "vad"):
        matrix = [[EMOLAB_7.similarity(a, b, kind) for b in EMOLAB_7] for a in EMOLAB_7]
        assert matrix == [[similarity(a, b, kind) for b in EMOTIONS] for a in EMOTIONS]


def test_a_place_of_ones_own():
    labels = LabelSet("mine", ("up", "down"), places={"up": Place(0.0, None, "me"), "down": Place(180.0, None, "me")})
    assert labels.similarity("up", "down") == pytest.approx(0.0)
    assert LabelSet.from_json(labels.to_json()) == labels


@pytest.mark.parametrize(
    ("emotions", "name"),
    [
        (["happy", "sad"], "emolab-7"),
        (["Happy", "SAD", None], "emolab-7"),
        ([], "emolab-7"),
        (["calm", "happy"], "ravdess-8"),
        (["joy", "fear"], "meld-7"),
        (["worried", "happy"], "mer2023-6"),
        (["boredom", "anger"], "emodb-7"),
        (["tense", "calm", "tense"], "calm,tense"),
        (["!", "x" * 100, "tense"], "tense"),
    ],
)
def test_a_corpus_that_states_no_labels_gets_the_smallest_known_set(emotions, name):
    assert label_set_of(emotions).name == name == corpus(*emotions).labels.name


def test_parts_of_a_corpus_keep_its_labels():
    made = corpus("happy", "sad", "angry", labels=label_set("mafw-11"))
    assert made.where(emotion="sad").labels is made[:1].labels is made.labels is label_set("mafw-11")


def test_prompts_of_the_embedded_corpus_are_worded_as_ever():
    asked = "What does the speaker feel? Choose one of: neutral, happy, sad, angry, fearful, disgusted, surprised."
    assert PROMPTS["direct"].user == f"{asked} Reply with <answer>emotion</answer>."
    assert PROMPTS["free"].user == f"{asked} Think first: <think>reasons</think><answer>emotion</answer>."
    assert {p.id for p in PROMPTS.values()} == {f"{name}-v1" for name in PROMPTS}
    assert get_prompt("direct", EMOTIONS) == PROMPTS["direct"]


@pytest.mark.parametrize("name", ["direct", "free", "structured"])
def test_a_closed_question_over_other_labels_has_a_name_of_its_own(name):
    asked = get_prompt(name, "iemocap-4")
    assert "Choose one of: neutral, happy, sad, angry. " in asked.user and "surprised" not in asked.user
    assert asked.id == f"{name}-v1/iemocap-4" and asked.labels is label_set("iemocap-4")
    assert asked.using("audio").id == asked.id and asked.using("audio").labels is asked.labels
    assert get_prompt(name, "calm, tense, bored").id == f"{name}-v1/calm,tense,bored"


def test_open_questions_stay_and_have_no_labels():
    for name in ("words", "caption", "voice", "transcribe"):
        assert get_prompt(name, "iemocap-4") == PROMPTS[name] and PROMPTS[name].labels is None
    meaning = get_prompt("meaning", "iemocap-4")
    assert (meaning.labels, meaning.id) == (label_set("iemocap-4"), "meaning-v1")


def test_a_prompt_of_ones_own_needs_no_labels():
    bare = Prompt("bench", "v1", "x x {braces}", "plain", ("audio",))
    assert bare.user == "x x {braces}" and bare.with_labels("iemocap-4") == bare
    assert replace(bare, template="y").user == "y"
