"""A real mp4 with sound against transformers' own processor and model: ids, mask, positions, logits; sound before the
film (`use_audio_in_video` off, as by default) and inside it.

`Qwen2_5OmniProcessor` runs here as it is. Its part for pictures needs torchvision, and is replaced by our patches;
`test_vision.py` and `test_export.py` compare those.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from corpus_trees.media import clip, wav
from lalm_helpers import stock_copy, tiny_random
from transformers import Qwen2_5OmniProcessor, Qwen3OmniMoeProcessor

from emolab.attribution.game import Background, Game, Masker
from emolab.attribution.methods import attribute
from emolab.attribution.players import audio_windows, face_cells
from emolab.errors import ModelError
from emolab.lalm import Completions
from emolab.lalm.checkpoint import checkpoint_info, load_checkpoint, save_checkpoint
from emolab.lalm.quantise import add_lora
from emolab.lalm.qwen2_5_omni import patchify
from emolab.media import audio_of, frame_seconds, frames_of
from emolab.prompts import PROMPTS
from emolab.samples import EmotionSample

PROMPT = PROMPTS["direct"].using("audio", "video", "text")


class Pictures:
    """What an Omni processor asks of its part for pictures."""

    temporal_patch_size, merge_size = 2, 2
    model_input_names = ("pixel_values_videos", "video_grid_thw")

    def __init__(self, config: Any):
        self.config = config

    def __call__(self, videos: Any, **_: Any) -> dict[str, torch.Tensor]:
        patches, grids = zip(*(patchify(np.asarray(frames), self.config) for frames in videos), strict=True)
        names = map(torch.from_numpy, (np.concatenate(patches), np.stack(grids)))
        return dict(zip(self.model_input_names, names, strict=True))


def processor_of(lalm: Any, kind: type = Qwen2_5OmniProcessor) -> Any:
    """The published processor class around a model's tokenizer and feature extractor."""
    made = kind.__new__(kind)
    made.tokenizer, made.feature_extractor, made.chat_template = lalm.tokenizer, lalm.feature_extractor, None
    made.video_processor = Pictures(lalm.base.config.vision_config)
    for name, token in lalm.named_tokens.items():
        for owner in (made, lalm.tokenizer):
            setattr(owner, name, token)
        setattr(made, f"{name}_id", lalm.tokenizer.convert_tokens_to_ids(token))
    return made


@pytest.fixture
def lalm() -> Any:
    return tiny_random("qwen2_5_omni")


@pytest.fixture
def film(tmp_path) -> EmotionSample:
    """Five seconds of a moving square and a tone."""
    path = str(clip(tmp_path / "film.mp4", 5.0))
    return EmotionSample("film", audio=path, video=path, text="give it back to me now")


def theirs(lalm: Any, sample: EmotionSample, inside: bool) -> tuple[Any, torch.Tensor]:
    """The inputs that transformers' processor makes of a film, and its model's positions."""
    step = frame_seconds(sample, lalm.frames_per_second, lalm.max_frames)
    x = processor_of(lalm)(
        text=[lalm.render(PROMPT.system, PROMPT.text(sample), ["video"] if inside else ["audio", "video"])],
        videos=[frames_of(sample, lalm.frames_per_second, lalm.max_frames)],
        audio=[audio_of(sample)],
        load_audio_from_video=inside,  # the processor's newer name of use_audio_in_video
        audio_from_video_indices=[0] if inside else None,
        videos_kwargs={"fps": 1 / step},
        return_tensors="pt",
    )
    positions, _ = lalm.base.model.get_rope_index(
        x["input_ids"],
        video_grid_thw=x["video_grid_thw"],
        attention_mask=x["attention_mask"],
        use_audio_in_video=inside,
        audio_seqlens=x["feature_attention_mask"].sum(-1),
        second_per_grids=x["video_second_per_grid"],
    )
    return x, positions


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # transformers' own
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("seconds", "frames"), [(0.6, 32), (2.0, 32), (5.0, 32), (7.5, 32), (7.5, 4)])
def test_ids_mask_positions_and_logits_are_transformers(lalm, tmp_path, inside, seconds, frames):
    """Films within one chunk of two seconds and of several; with four frames, a step is longer than a chunk."""
    path = str(clip(tmp_path / "film.mp4", seconds))
    sample = EmotionSample("film", audio=path, video=path, text="give it back to me now")
    lalm.use_audio_in_video, lalm.max_frames = inside, frames
    batch = lalm.encode([sample], PROMPT)
    x, positions = theirs(lalm, sample, inside)
    assert torch.equal(batch.input_ids, x["input_ids"]) and torch.equal(batch.mask, x["attention_mask"])
    assert torch.equal(batch.positions, positions)
    with torch.no_grad():
        expected = stock_copy(lalm)(**x, use_audio_in_video=inside).logits[0, -1].log_softmax(-1)
    said = torch.tensor([[[1, 2]]])
    ours = lalm.logprobs(batch, Completions(said, torch.ones_like(said), []))
    assert float((ours[0, 0, 0] - expected[1]).detach().abs()) < 1e-5


def test_sound_is_before_the_film_unless_asked_for(lalm, film):
    """The default is the processor's own, and the film's sound stands between the film's bounds where it is asked."""
    assert Qwen2_5OmniProcessor.load_audio_from_video is lalm.use_audio_in_video is False
    for inside, order in (
        (False, "<|audio_bos|><|AUDIO|><|audio_eos|><|vision_bos|><|VIDEO|><|vision_eos|>"),
        (True, "<|vision_bos|><|audio_bos|>" + "<|VIDEO|><|AUDIO|>" * 3 + "<|audio_eos|><|vision_eos|>"),
    ):
        lalm.use_audio_in_video = inside
        tokens = lalm.tokenizer.convert_ids_to_tokens(lalm.encode([film], PROMPT).input_ids[0].tolist())
        seen = [t for i, t in enumerate(tokens) if not i or t != tokens[i - 1] or not t.startswith("<|")]
        assert order in "".join(seen), "five seconds are three chunks of two"


def test_each_span_keeps_its_modality_its_time_and_its_embedding(lalm, film):
    before = lalm.encode([film], PROMPT)
    lalm.use_audio_in_video = True
    after = lalm.encode([film], PROMPT)
    for modality in ("audio", "video", "text"):
        at = [batch.positions_of(0, modality) for batch in (before, after)]
        assert torch.equal(before.embeds[0, at[0]], after.embeds[0, at[1]])
        if modality != "text":
            assert bool((after.input_ids[0, at[1]] == lalm.tokens[modality]).all()) and bool(
                after.media[0, at[1]].all()
            )
    told = [[replace(s, start=0, end=0) for s in b.spans[0]] for b in (before, after)]
    assert told[0] == told[1]
    starts = {m: [(s.t0, s.start) for s in after.spans[0] if s.modality == m] for m in ("audio", "video")}
    for time, place in starts["audio"]:  # a chunk of sound follows the frames of its two seconds
        shown = [t for t, at in starts["video"] if at < place]
        assert max(shown) == min(2 * (time // 2) + 1, 4)
    for groups in (audio_windows(after, seconds=1.0), face_cells(after, by="frame", grid=(5, 1, 1))):
        places = [i for player in groups for i in player.positions]
        assert len(places) == len(set(places))
    assert len(audio_windows(after, seconds=1.0)) == 6 and len(face_cells(after, by="frame", grid=(5, 1, 1))) == 5


def test_rows_of_a_batch_are_laid_out_each_on_its_own(lalm, film, tmp_path):
    """Only a sound that is the film's own track stands inside it; every row is as it would be alone."""
    lalm.use_audio_in_video = True
    other = replace(film, id="dubbed", audio=str(wav(tmp_path / "other.wav", 1.0)))
    samples = [film, other, replace(film, id="mute", audio=None), replace(film, id="heard", video=None)]
    batch = lalm.encode(samples, PROMPT)
    inside = []
    for i, sample in enumerate(samples):
        alone, real = lalm.encode([sample], PROMPT), batch.mask[i].bool()
        assert torch.equal(batch.input_ids[i, real], alone.input_ids[0])
        assert torch.equal(batch.positions[:, i, real], alone.positions[:, 0])
        assert torch.equal(batch.embeds[i, real], alone.embeds[0])
        tokens = lalm.tokenizer.convert_ids_to_tokens(alone.input_ids[0].tolist())
        inside.append("<|vision_bos|><|audio_bos|>" in "".join(tokens))
    assert inside == [True, False, False, False]
    swapped = lalm.encode([film], PROMPT, replacements={"audio": [film]}, absent=("video",))
    assert torch.equal(swapped.input_ids, lalm.encode([film], PROMPT).input_ids), "absence keeps the layout"


def test_a_sound_placeholder_in_the_words_is_refused(lalm, film):
    lalm.use_audio_in_video = True
    with pytest.raises(ModelError, match=r"film: 1 placeholders for 0 audio clip in the prompt"):
        lalm.encode([film], replace(PROMPT, template="say <|AUDIO|> now"))


def test_answers_and_attribution_run_on_a_film_with_sound_inside(lalm, film, tmp_path):
    lalm.use_audio_in_video = True
    batch = lalm.encode([film], PROMPT)
    done = lalm.generate(batch, n=2, max_new_tokens=4, seed=0)
    assert (lalm.logprobs(batch, done) - done.logprobs).abs().max() < 1e-4
    path = str(clip(tmp_path / "donor.mp4", 3.0))
    donor = EmotionSample("donor", audio=path, video=path, text="the train leaves at nine")
    game = Game(lalm, film, Masker("swap", Background.encode(lalm, [donor], PROMPT), n=1), prompt=PROMPT)
    found = attribute(game)
    assert np.isfinite(found.values).all() and found.values.sum() == pytest.approx(found.full - found.empty, abs=1e-4)


def test_a_checkpoint_keeps_the_setting(lalm, tmp_path):
    base = str(lalm.save(tmp_path / "base"))
    add_lora(lalm, rank=2)
    for inside in (False, True):
        lalm.use_audio_in_video = inside
        folder = save_checkpoint(tmp_path / str(inside), lalm, {"model": base})
        assert checkpoint_info(folder).get("use_audio_in_video", False) is inside
        assert load_checkpoint(folder)[0].use_audio_in_video is inside


def test_qwen3_omni_takes_no_film(tmp_path, film):
    """Its processor sets each frame among the sounds by time, without chunks; the family here hears alone."""
    lalm = tiny_random("qwen3_omni")
    lalm.use_audio_in_video = True
    batch = lalm.encode([film], PROMPT)
    assert {s.modality for s in batch.spans[0]} == {"audio", "text"}
    text = lalm.render(PROMPT.system, PROMPT.text(film), ["audio"])
    made = processor_of(lalm, Qwen3OmniMoeProcessor)
    x = made(text=[text], audio=[audio_of(film)], return_tensors="pt")
    assert torch.equal(x["input_ids"], batch.input_ids) and torch.equal(x["attention_mask"], batch.mask)
    positions, _ = lalm.base.get_rope_index(batch.input_ids, attention_mask=batch.mask)
    assert torch.equal(batch.positions.float(), positions)
