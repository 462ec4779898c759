"""The published BPE merges a tag with the word behind it (`<answer>sad` is `<`, …, `>s`, `ad`); positions stay."""

from __future__ import annotations

import pytest
import torch
from emolab_course.methods import _opening, attention_rollout
from lalm_helpers import PROMPT, samples_for

from benchmarks.rehearse.standin import write_standin
from emolab.attribution.players import modality_players
from emolab.lalm import load_model

LABELS = ("happy", "sad", "surprised", "neutral")


@pytest.fixture(scope="module")
def lalm(tmp_path_factory):
    folder = write_standin(tmp_path_factory.mktemp("merging"), "Qwen/Qwen2-Audio-7B-Instruct", layers=1, narrow=True)
    found = load_model(folder, device="cpu")
    assert found.tokenizer.tokenize("<answer>sad")[-2:] == [">s", "ad"]
    return found


def answer_ids(lalm, label):
    return lalm.tokenizer(f"<answer>{label}</answer>", add_special_tokens=False)["input_ids"]


def test_label_scores_are_those_of_the_whole_answer_as_it_is_tokenised(lalm):
    """Against transformers' own forward on prompt and answer, token by token."""
    batch = lalm.encode(samples_for(lalm, 1), PROMPT)
    with torch.no_grad():
        scores = lalm.label_scores(batch, LABELS)[0]
        for score, label in zip(scores, LABELS, strict=True):
            ids = torch.tensor([[*answer_ids(lalm, label), lalm.end_id]])
            embeds = torch.cat([batch.embeds, lalm.table(ids)], 1)
            hidden = lalm.decoder(inputs_embeds=embeds, use_cache=False).last_hidden_state
            logits = lalm.head(hidden[:, batch.embeds.shape[1] - 1 : -1]).log_softmax(-1)
            assert float(score) == pytest.approx(float(logits.gather(-1, ids[..., None]).sum()), abs=1e-3)


def test_an_answer_ends_where_the_template_ends_a_turn(lalm):
    assert lalm.tokenizer.decode([lalm.end_id]) == "<|im_end|>"
    assert lalm.tokenizer.eos_token == "<|im_end|>" and 151643 in lalm.eos_ids, "a document's end stops it too"
    lalm.tokenizer.eos_token = "<|endoftext|>"  # as some published folders state it
    try:
        assert lalm.tokenizer.decode([lalm.end_id]) == "<|im_end|>"
    finally:
        lalm.tokenizer.eos_token = "<|im_end|>"


@pytest.mark.parametrize(
    ("labels", "last"), [(LABELS, "wer"), (("sad", "surprised"), ">s"), (("sad", "sadness"), "ad")]
)
def test_rollout_reads_where_the_labels_part(lalm, labels, last):
    opening = _opening(lalm, "<answer>{label}</answer>", labels)
    rows = [answer_ids(lalm, label) for label in labels]
    assert all(row[: len(opening)] == opening for row in rows)
    assert len({row[len(opening)] for row in rows}) > 1 and lalm.tokenizer.decode(opening).endswith(last)


def test_rollout_attends_from_that_position(lalm):
    batch = lalm.encode(samples_for(lalm, 1), PROMPT)
    players = modality_players(batch)
    found = [attention_rollout(lalm, batch, players, labels=labels) for labels in (LABELS, ("sad", "surprised"))]
    assert all((values >= 0).all() and values.sum() < 1 for values in found)
    assert abs(found[0] - found[1]).max() > 1e-6, "one token further on, attention is another"
