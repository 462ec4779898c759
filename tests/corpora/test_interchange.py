"""EmoBox, ms-swift and Hugging Face datasets: out and in again."""

from __future__ import annotations

import json

import pytest
from emolab_corpora import exchange, hub

from emolab.corpora.spec import in_labels
from emolab.emotions import EMOTIONS
from emolab.errors import CorpusError
from emolab.media import load_audio
from emolab.samples import EmotionSample


@pytest.fixture
def corpus(fixture_corpus):
    return fixture_corpus("emodb")[2]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_emobox(corpus, tmp_path):
    path = exchange.write_emobox(corpus, tmp_path / "emodb.jsonl")
    first = lines(path)[0]
    assert first == {
        "key": "emodb-03a01Aa",
        "dataset": "emodb",
        "wav": "wav/03a01Aa.wav",
        "type": "raw",
        "sample_rate": 16_000,
        "num_frame": 1_600,
        "task": "category",
        "length": 0.1,
        "emo": "anxiety",
        "channel": 1,
    }
    back = exchange.read_emobox(path, corpus.root)
    assert [(s.id, s.audio, s.emotion) for s in back] == [(s.id, s.audio, s.emotion) for s in corpus]
    assert load_audio(back.path(back[0])).size == 1_600


def test_a_row_of_the_real_emobox_is_read(tmp_path):
    (tmp_path / "t.jsonl").write_text(
        '{"key": "ravdess-03-01-07-02-02-01-20", "dataset": "ravdess", "wav": "downloads/ravdess/audio/'
        'Audio_Speech_Actors_01-24/Actor_20/03-01-07-02-02-01-20.wav", "type": "raw", "sample_rate": 48000, '
        '"num_frame": 227427.0, "task": "category", "length": 4.7380625, "emo": "Disgust", "channel": 1}\n'
    )
    (sample,) = in_labels(exchange.read_emobox(tmp_path / "t.jsonl"), EMOTIONS)
    assert (sample.emotion, sample.corpus, sample.extra["length"]) == ("disgusted", "ravdess", 4.7380625)


@pytest.mark.parametrize("answers", [True, False])
def test_swift(corpus, tmp_path, answers):
    path = corpus.root / f"swift{answers}.jsonl"
    exchange.write_swift(corpus, path, "How do they feel?", "Listen.", answers)
    first = lines(path)[0]
    assert first["audios"] == [str(corpus.path(corpus[0]))]
    assert first["solution"] == "<answer>anxiety</answer>"
    assert [m["role"] for m in first["messages"]] == ["system", "user", "assistant"][: 3 if answers else 2]
    assert first["messages"][1]["content"] == "<audio>How do they feel?"
    back = exchange.read_swift(path)
    assert [(s.id, s.emotion, s.text) for s in back] == [(s.id, s.emotion, s.text) for s in corpus]
    assert back[0].extra["question"] == "How do they feel?"
    assert back.path(back[0]) == corpus.path(corpus[0])


def test_swift_carries_video_and_reads_plain_solutions(fixture_corpus, tmp_path):
    _, _, meld, _ = fixture_corpus("meld")
    first = lines(exchange.write_swift(meld, tmp_path / "t.jsonl"))[0]
    assert first["messages"][0]["content"].startswith("<audio><video>")
    row = {"messages": [{"role": "user", "content": "<audio>?"}], "audios": ["a.wav"], "solution": "joy"}
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": " sad "}]
    spoken = {"messages": turns, "videos": ["b.mp4"]}
    (tmp_path / "plain.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(spoken) + "\n")
    assert [s.emotion for s in exchange.read_swift(tmp_path / "plain.jsonl")] == ["joy", "sad"]


def test_swift_takes_a_strip_of_frames_for_an_image(corpus, tmp_path):
    strip = corpus.replace([EmotionSample("1", audio="wav/03a01Aa.wav", video="strip.png", emotion="sad")])
    path = exchange.write_swift(strip, corpus.root / "strip.jsonl")
    first = lines(path)[0]
    assert first["images"] == [str(corpus.root / "strip.png")] and "videos" not in first
    assert first["messages"][0]["content"].startswith("<audio><image>")
    assert exchange.read_swift(path)[0].video == str(corpus.root / "strip.png")


def test_datasets(corpus, tmp_path):
    table = exchange.to_datasets(corpus)
    assert len(table) == len(corpus)
    assert table.features["audio"].sampling_rate == 16_000
    table.save_to_disk(str(tmp_path / "saved"))
    import datasets

    back = hub.from_datasets(datasets.load_from_disk(str(tmp_path / "saved")), tmp_path / "out")
    fields = ("id", "emotion", "speaker", "text", "corpus")
    assert [[getattr(s, f) for f in fields] for s in back] == [[getattr(s, f) for f in fields] for s in corpus]
    assert load_audio(back.path(back[0])).size == 1_600


def test_datasets_with_class_labels_and_paths(corpus, tmp_path):
    import datasets

    features = datasets.Features({"file": datasets.Value("string"), "mood": datasets.ClassLabel(names=["low", "high"])})
    table = datasets.Dataset.from_dict({"file": [str(corpus.path(s)) for s in corpus[:2]], "mood": [1, 0]}, features)
    back = hub.from_datasets(table, tmp_path / "out", audio="file", label="mood", text=None)
    assert [s.emotion for s in back] == ["high", "low"]
    with pytest.raises(CorpusError, match="column 'emotion' is missing; it has file, mood"):
        hub.from_datasets(table, tmp_path / "out")
    with pytest.raises(CorpusError, match="column 'wave' is missing"):
        hub.from_datasets(table, tmp_path / "out", audio="wave")
    unlabelled = datasets.Dataset.from_dict({"file": [str(corpus.path(corpus[0]))], "mood": [-1]}, features)
    assert hub.from_datasets(unlabelled, tmp_path / "out", label="mood")[0].emotion is None
    gone = datasets.Dataset.from_dict({"audio": [str(tmp_path / "gone.wav")], "emotion": ["sad"]})
    with pytest.raises(CorpusError, match=r"row 1: .*no such file"):
        hub.from_datasets(gone, tmp_path / "out", text=None)


@pytest.mark.parametrize(
    ("reader", "row", "says"),
    [
        (exchange.read_emobox, {"key": "1", "emo": "sad"}, "row 1: key 'wav' is missing"),
        (exchange.read_emobox, {"key": "1", "emo": "sad", "wav": "../x.wav"}, "leads out"),
        (exchange.read_swift, {"audios": ["a.wav"]}, "row 1: key 'messages' is missing"),
        (exchange.read_swift, {"messages": [{"role": "user", "content": "?"}], "audios": ["a.wav"]}, "'solution'"),
        (exchange.read_swift, {"messages": ["?"], "audios": ["/etc/passwd"], "solution": "sad"}, "leads out"),
        (exchange.read_swift, [1], "key 'messages' is missing"),
    ],
)
def test_bad_rows_are_named(tmp_path, reader, row, says):
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(CorpusError, match=says):
        reader(tmp_path / "t.jsonl")
    with pytest.raises(CorpusError, match="no such file"):
        reader(tmp_path / "none.jsonl")


def test_what_a_form_cannot_hold_is_told(corpus, tmp_path):
    silent = corpus.replace([EmotionSample("1", text="only text", emotion="sad")])
    for writer in (exchange.write_emobox, exchange.write_swift):
        with pytest.raises(CorpusError, match="select samples that have both"):
            writer(silent, tmp_path / "t.jsonl")
