"""A clip that only turns out to be faulty while a run goes on: left out, counted and named, and the run ends."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
import torch
from training_helpers import PROMPT, Recorder, make_trainer, samples, small_lalm, weights

from emolab.errors import MediaError
from emolab.media import usable
from emolab.media.usable import look
from emolab.samples import Corpus, EmotionSample
from emolab.training.callbacks import History
from emolab.training.sft import SFTSettings, fine_tune, run_order

SHORT = PROMPT.using("audio")


def clips(folder: Path, n: int, faulty: tuple[int, ...]) -> list[EmotionSample]:
    """Clips in files of which some have a sound header and half of their sound."""
    made = []
    for i, sample in enumerate(samples(n)):
        path = folder / f"{i}.flac"
        sf.write(path, sample.extra["waveform"], 16_000)
        if i in faulty:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            assert not look(path, "header").reason and look(path, "decode").reason == "corrupt"
        made.append(EmotionSample(str(i), audio=str(path), emotion=sample.emotion))
    return made


def test_fine_tuning_leaves_it_out(tmp_path: Path, caplog: Any) -> None:
    lalm, found = small_lalm("qwen2_audio"), clips(tmp_path, 6, (2,))
    with caplog.at_level(logging.WARNING):
        rows = fine_tune(lalm, found, ["<answer>sad</answer>"] * 6, SHORT, SFTSettings(epochs=3, batch_size=3), False)
    assert len(rows) == 6 and all(row["loss"] > 0 for row in rows)
    told = [record.message for record in caplog.records if "left out" in record.message]
    assert len(told) == 1 and "(1 by now)" in told[0] and "2.flac" in told[0]


def test_the_other_clips_of_its_batch_teach_what_they_teach_without_it(tmp_path: Path) -> None:
    """The mean is over the tokens of what could be read."""
    found, target = clips(tmp_path, 3, (1,)), "<answer>sad</answer>"
    settings = SFTSettings(epochs=1, batch_size=3, learning_rate=1e-3, max_grad_norm=1e9)
    moved, rows = [], []
    for kept in (found, [found[0], found[2]]):
        lalm = small_lalm("qwen2_audio")
        rows.append(fine_tune(lalm, kept, [target] * len(kept), SHORT, settings, False))
        moved.append(weights(lalm))
    for name in ("loss", "grad_norm"):
        assert rows[0][0][name] == pytest.approx(rows[1][0][name], rel=1e-4)
    assert max((moved[0][name] - moved[1][name]).abs().max().item() for name in moved[0]) < 1e-5


def test_a_batch_without_a_clip_that_can_be_read_stops_the_run(tmp_path: Path) -> None:
    lalm, found = small_lalm("qwen2_audio"), clips(tmp_path, 2, (0, 1))
    with pytest.raises(MediaError, match=r"\.flac"):
        fine_tune(lalm, found, ["sad", "sad"], SHORT, SFTSettings(epochs=1, batch_size=2), False)
    with pytest.raises(MediaError, match=r"\.flac"):
        make_trainer(tmp_path / "run", lalm, clips=found).train()


def test_grpo_takes_another_clip(tmp_path: Path, caplog: Any) -> None:
    """One prompt a step, so that the other clip is none of the batch; rewards see its columns, not the faulty one's."""
    lalm, found, reward = small_lalm("qwen2_audio"), clips(tmp_path, 3, (0, 2)), Recorder()
    before, history = weights(lalm), History()
    with caplog.at_level(logging.WARNING):
        trainer = make_trainer(
            tmp_path / "run", lalm, reward, clips=found, prompts_per_step=1, max_steps=3, history=history
        )
        trainer.train()
    assert [row for call in reward.calls for row in call["rows"]] == [1] * 12
    told = [record.message for record in caplog.records if "left out" in record.message]
    assert len(told) == 2 and "0.flac" in "".join(told) and "2.flac" in "".join(told)
    assert any(not torch.equal(before[name], weight) for name, weight in weights(lalm).items())


def test_before_an_evaluation_every_file_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    import sys

    monkeypatch.setattr(sys.modules["emolab.media.usable"], "DECODED", 2)
    corpus = Corpus(tmp_path, clips(tmp_path, 7, (3,)), "coded")
    assert len(usable(corpus, ["audio"], progress=False)[0]) == 7, "before a training, two are decoded"
    kept, report = usable(corpus, ["audio"], progress=False, every=True)
    assert len(kept) == 6 and report.summary()["skipped"] == {"corrupt": 1}


def test_a_later_batch_of_clips_that_are_all_left_out_is_no_step(tmp_path: Path) -> None:
    lalm, found = small_lalm("qwen2_audio"), clips(tmp_path, 4, (1, 3))
    settings = SFTSettings(epochs=4, batch_size=2, seed=0)
    rows = fine_tune(lalm, found, ["<answer>sad</answer>"] * 4, SHORT, settings, False)
    order = run_order(4, 16, 0)
    good = [any(i in (0, 2) for i in order[at : at + 2]) for at in range(0, 16, 2)]
    assert not all(good), "the order has a batch of faulty clips alone"
    assert [row["step"] for row in rows] == [at + 1 for at, one in enumerate(good) if one]
