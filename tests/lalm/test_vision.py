"""Our patches against transformers' PIL image processor, and our positions against the model's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lalm_helpers import PROMPT, samples_for, tiny_random
from PIL import Image

from emolab.lalm.qwen2_5_omni import patchify


@pytest.mark.parametrize("patch, size", [(14, (60, 84)), (14, (400, 300)), (8, (64, 64)), (8, (70, 50))])
def test_patches_equal_the_image_processors_on_repeated_frames(patch, size):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    config = SimpleNamespace(patch_size=patch, spatial_merge_size=2, temporal_patch_size=2)
    least = 128 * 28 * 28 if patch == 14 else (2 * patch) ** 2
    processor = Qwen2VLImageProcessorPil(
        patch_size=patch, size={"shortest_edge": least, "longest_edge": 768 * (2 * patch) ** 2}
    )
    theirs = processor(Image.fromarray(frame), return_tensors="np")
    patches, grid = patchify(np.stack([frame] * 3), config)
    assert grid.tolist() == [2, *theirs["image_grid_thw"][0, 1:].tolist()]
    for part in np.split(patches, 2):
        np.testing.assert_allclose(part, theirs["pixel_values"], atol=1e-5)


def test_time_runs_over_frames():
    config = SimpleNamespace(patch_size=8, spatial_merge_size=2, temporal_patch_size=2)
    frames = np.stack([np.full((16, 16, 3), i * 20, np.uint8) for i in range(4)])
    patches, grid = patchify(frames, config)
    assert grid.tolist() == [2, 2, 2]
    red = patches.reshape(2, 4, 3, 2, 64)[:, :, 0]
    assert np.allclose(red, red[:, :1, :, :1]) and (np.diff(red[:, 0, :, 0].reshape(-1)) > 0).all()


def test_frame_rate_moves_positions_and_span_times():
    lalm = tiny_random()
    slow, fast = samples_for(lalm, 1)[0], samples_for(lalm, 1)[0]
    fast.extra["fps"] = 8.0
    batches = [lalm.encode([s], PROMPT) for s in (slow, fast)]
    for batch, step in zip(batches, (1.0, 0.25), strict=True):
        video = [s for s in batch.spans[0] if s.modality == "video"]
        assert sorted({s.t0 for s in video}) == [0, step, 2 * step]
        at = batch.positions_of(0, "video")
        times = batch.positions[0, 0, at].unique()
        assert torch.equal(times - times[0], (torch.arange(3) * step * 25).long())
