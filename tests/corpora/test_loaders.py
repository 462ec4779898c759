"""Every loader on its fixture: counts, fields, and every planted fault reported with its file."""

from __future__ import annotations

import pytest

from emolab import corpora
from emolab.emotions import LABEL_SETS
from emolab.errors import CorpusError, EmolabError
from emolab.media import load_audio, load_frames
from emolab.samples import Corpus

NAMES = tuple(corpora.CORPORA)


@pytest.fixture(params=NAMES)
def loaded(request, fixture_corpus):
    _, planted, corpus, report = fixture_corpus(request.param)
    return request.param, planted, corpus, report


def test_there_are_sixteen():
    assert len(NAMES) == 16


def test_words_and_descriptions_of_people_come_before_those_of_models(fixture_corpus):
    for name in ("mer2025", "mer2026"):
        _, _, corpus, _ = fixture_corpus(name)
        first, only_words = corpus[0], next(s for s in corpus if s.id.endswith("00000100"))
        assert first.words == ("happy", "moved") and first.emotion == "neutral" and first.text == "我不知道。"
        assert first.audio == "audio/samplenew3_00000000.wav" and first.video == "video/samplenew3_00000000.mp4"
        assert first.caption == ("A man smiles (ovmerd)." if name == "mer2025" else "She is calm.")
        assert only_words.emotion is None and only_words.words == ("happy", "moved")


def test_pairs_of_mer2026_keep_what_people_prefer(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("mer2026")
    first, only_pair = corpus[0], corpus[len(corpus) - 1]
    told = [(pair["table"], pair["preference"]) for pair in first.extra["preferences"]]
    assert told == [("track3_emoprefer.csv", "same"), ("track3_emopreferv2.csv", "a1")]
    assert only_pair.emotion is None and only_pair.caption == "He is sad." and not only_pair.words
    assert only_pair.extra["preferences"][0]["a1"] == "He is tired."


def test_the_four_conditions_of_listen(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("listen")
    assert corpus.where(lambda s: s.extra["experiment"] == "3A").counts() == {"frustration": 3}, "what the words say"
    voices = {s.emotion for s in corpus if s.extra["experiment"] == "3B"}
    assert "frustration" not in voices and len(voices) == 3, "what the voice says"
    told = {s.extra["experiment"]: (s.extra["condition"], bool(s.audio), bool(s.text)) for s in corpus}
    assert told == {
        "1": ("neutral text", True, True),
        "2A": ("matched", False, True),
        "2B": ("matched", True, True),
        "3A": ("mismatched", False, True),
        "3B": ("mismatched", True, True),
        "4": ("paralinguistic", True, False),
    }


def test_finds_what_is_there_and_reports_every_planted_fault(loaded):
    _, planted, corpus, report = loaded
    assert {reason: sorted(items) for reason, items in report.skipped.items()} == {
        reason: sorted(items) for reason, items in planted.faults.items()
    }
    assert len(corpus) == report.found == planted.found


def test_samples_are_consistent(loaded):
    name, _, corpus, _ = loaded
    assert len({sample.id for sample in corpus}) == len(corpus)
    for sample in corpus:
        assert sample.corpus == name
        told = sample.words or sample.caption
        assert sample.emotion in LABEL_SETS[corpora.info(name).labels] or (not sample.emotion and told)
        assert sample.audio or sample.video or sample.extra.get("experiment") in ("2A", "3A")
        for modality in ("audio", "video"):
            if getattr(sample, modality):
                assert corpus.path(sample, modality).exists()


def test_media_of_a_sample_can_be_used(loaded):
    _, _, corpus, _ = loaded
    sample = next(s for s in corpus if s.audio)
    assert load_audio(corpus.path(sample)).size > 0
    if any(s.video for s in corpus):
        sample = next(s for s in corpus if s.video)
        assert load_frames(corpus.path(sample, "video"), max_frames=2).shape[1:] == (32, 32, 3)


def test_videos_with_sound_keep_it(loaded):
    name, _, corpus, report = loaded
    silent = sum("no audio track" in note for note in report.notes)
    assert sum(sample.audio is None for sample in corpus) == silent + {"dfew": 2, "listen": 6}.get(name, 0)
    assert silent == {"dfew": 1, "mafw": 1}.get(name, 0)


def test_labels_map_to_the_seven_and_nothing_is_lost_silently(loaded):
    name, _, corpus, _ = loaded
    mapped, dropped = corpora.relabel(corpus, corpora.info(name).labels, "emolab-7")
    assert len(mapped) + dropped.n_skipped == len(corpus)
    assert {s.emotion for s in mapped} <= set(LABEL_SETS["emolab-7"])
    assert all(s.extra["label"] in LABEL_SETS[corpora.info(name).labels] for s in mapped)


def test_a_table_survives_writing_and_reading(loaded, tmp_path):
    _, _, corpus, _ = loaded
    for suffix in (".jsonl", ".parquet"):
        path = corpus.write(tmp_path / f"table{suffix}")
        assert Corpus.read(path, corpus.root).samples == corpus.samples


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_something_else_is_refused_with_the_layout(name, tmp_path):
    (tmp_path / "holiday.txt").write_text("sun")
    with pytest.raises(CorpusError, match=str(tmp_path)):
        corpora.load_published(name, tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        corpora.load_published(name, tmp_path / "nowhere")


def test_unknown_names_are_listed():
    with pytest.raises(CorpusError, match="ravdess"):
        corpora.load_published("raven", ".")


def test_iemocap_keeps_votes_times_and_rescaled_vad(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("iemocap")
    sample = next(s for s in corpus if s.id == "iemocap-Ses02F_impro01_M003")
    assert (sample.speaker, sample.emotion, sample.text) == ("Ses02M", "ang", "Excuse me.")
    assert (sample.valence, sample.arousal, sample.dominance) == (-0.25, 0.0, 1.0)
    assert sample.extra["votes"] == {"E2": ["Neutral"], "E3": ["Neutral", "Excited"], "F1": ["Neutral"]}
    assert sample.extra["ratings"] == {"E3": [3, 2, 2]}
    assert (sample.extra["session"], sample.extra["start"]) == (2, 3.2901)
    four, dropped = corpora.relabel(corpus, "iemocap-raw", "iemocap-4")
    assert set(four.counts()) == {"neutral", "happy", "sad", "angry"}
    assert four.counts()["happy"] == corpus.counts()["hap"] + corpus.counts()["exc"]
    assert any("'exc' count as 'happy'" in note for note in dropped.notes)


def test_meld_joins_on_part_dialogue_and_utterance(fixture_corpus):
    _, _, corpus, report = fixture_corpus("meld")
    sample = next(s for s in corpus if s.id == "meld-val-dia110_utt1")
    assert (sample.text, sample.emotion, sample.speaker) == ("You\u2019re kidding", "joy", "Guest")
    assert sample.extra["seconds"] == pytest.approx(1.441)
    assert [s.id for s in corpus if s.extra.get("miscut")] == ["meld-test-dia0_utt6"]
    assert any("lasts 45 s" in note for note in report.notes)


def test_ravdess_pairs_the_audio_and_the_picture_of_a_take(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("ravdess")
    both = [s for s in corpus if s.video]
    assert [s.audio for s in both] == ["Actor_01/03-01-01-01-01-01-01.wav"]
    assert [s.video for s in both] == ["Actor_01/01-01-01-01-01-01-01.mp4"]
    assert both[0].text == "Kids are talking by the door."


def test_cremad_keeps_demographics_and_votes(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("cremad")
    first = corpus[0]
    assert (first.speaker, first.extra["gender"], first.extra["age"]) == ("1001", "male", "51")
    assert first.extra["votes"]["VoiceVote"] == "A" and first.extra["votes"]["MultiModalLevel"] == "41.5"


def test_esd_reads_chinese_labels_in_three_encodings(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("esd")
    assert {s.text for s in corpus if s.language == "zh"} == {"打远一看"}
    assert {s.split for s in corpus if s.speaker == "0001"} == {"train", "val", "test"}
    assert {s.split for s in corpus if s.speaker == "0002"} == {None}
    for speaker in ("0001", "0002", "0011"):
        assert set(corpus.where(speaker=speaker).counts()) == {"neutral", "happy", "sad", "angry", "surprise"}


def test_emotiontalk_keeps_labels_of_all_views_captions_and_marks(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("emotiontalk")
    sample = next(s for s in corpus if s.id.startswith("emotiontalk-G00001"))
    assert (sample.text, sample.extra["raw_text"]) == ("今天真好啊", "今天[over/]真好[/over]啊")
    assert sample.caption == sample.parts["voice"] == "语速较快，音调偏高"
    assert set(sample.extra["labels"]) == {"Multimodal", "Audio", "Text"}
    assert sample.extra["continuous"] == 1.5
    assert len(sample.extra["votes"]["Audio"]) == 2


def test_mafw_captions_and_dfew_face_folders(fixture_corpus):
    _, _, mafw, _ = fixture_corpus("mafw")
    assert {s.caption for s in mafw} == {"A person frowns."}
    _, _, dfew, _ = fixture_corpus("dfew")
    assert [s.video for s in dfew if s.audio is None and s.id in ("dfew-9", "dfew-10")] == [
        "Clip/clip_224x224/00010",
        "Clip/clip_224x224/00009",
    ]


def test_a_table_without_a_column_is_named(fixture_corpus, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train-label.csv").write_text("name,emotion\nx,sad\n")
    with pytest.raises(CorpusError, match=r"train-label.csv: column 'discrete' is missing; it has name, emotion"):
        corpora.load_published("mer2023", tmp_path)
    (tmp_path / "train-label.csv").write_text("name,discrete,valence\nx,sad,1\ny\n")
    with pytest.raises(CorpusError, match="line 3: no value for column 'discrete'"):
        corpora.load_published("mer2023", tmp_path)


def test_a_label_that_is_not_of_the_taxonomy_names_the_row(fixture_corpus):
    _, _, corpus, _ = fixture_corpus("savee")
    with pytest.raises(CorpusError, match=r"savee, row 1 \(savee-DC_a01\): 'anger' is not a label of ravdess-8"):
        corpora.relabel(corpus, "ravdess-8", "emolab-7")
    with pytest.raises(EmolabError, match="no label set 'nothing'"):
        corpora.relabel(corpus, "savee-7", "nothing")


def test_links_back_to_a_folder_above_do_not_trap_the_walk(fixture_corpus, tmp_path):
    wav = fixture_corpus("emodb")[0] / "wav/03a01Fa.wav"
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav/03a01Fa.wav").write_bytes(wav.read_bytes())
    (tmp_path / "wav/again").symlink_to(tmp_path)
    corpus, report = corpora.load_published("emodb", tmp_path)
    assert len(corpus) == 1 and not report.n_skipped
