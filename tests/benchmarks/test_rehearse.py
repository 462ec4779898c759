"""A walk of every family with the real key layout, from a folder to an attribution, on two narrow layers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from emolab_course.memory import PeakMemory
from transformers import AutoConfig

from benchmarks.meter import peak_bytes, resident_bytes
from benchmarks.rehearse import Rehearsal, standin
from benchmarks.rehearse.standin import PUBLISHED, layout, published, standin_config, write_standin
from emolab.errors import ModelError
from emolab.training.planner import KNOWN, size_from_config, size_of_model

PHASES = ["build", "load", "encode", "zero-shot", "SFT step", "GRPO step", "checkpoint", "load again"]
PHASES += ["predict", "attribute", "export"]
CLOSE = ("zero-shot", "SFT step", "predict", "attribute")
"""Phases that are within 15% on two narrow layers, too, where the 152,000 logits of a token are most of it."""
UNPLANNED = ("encode", "GRPO step")
"""Phases that take what the planner leaves out: what the towers hold for a clip, and two more float32 copies of the
logits for the entropies that TRL logs. That is up to 15 MB of 20 to 80 MB here. A whole model has 2 to 20 GB, and its
committed rehearsals are within 15% in all phases."""
FAMILIES = {name for name in PUBLISHED if not name.endswith("Omni-7B")}
LAYOUTS = {
    "Qwen/Qwen2-Audio-7B-Instruct": (
        "audio_tower.layers.31.self_attn.k_proj.weight",
        "language_model.lm_head.weight",
        "language_model.model.layers.31.mlp.down_proj.weight",
        "multi_modal_projector.linear.bias",
    ),
    "Qwen/Qwen2.5-Omni-3B": (
        "talker.codec_head.weight",
        "thinker.audio_tower.audio_bos_eos_token.weight",
        "thinker.lm_head.weight",
        "thinker.model.layers.35.self_attn.q_proj.bias",
        "thinker.visual.blocks.31.attn.q.weight",
    ),
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": (
        "thinker.model.layers.47.mlp.experts.127.gate_proj.weight",
        "thinker.model.layers.0.mlp.experts.0.down_proj.weight",
        "thinker.visual.merger_list.0.mlp.0.weight",
    ),
}
"""Names that stand in the published `model.safetensors.index.json`."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_whole_way_of_a_family(name, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLAB_BUILD", str(tmp_path))
    rehearsal = Rehearsal.of(name, layers=2, narrow=True, device="cpu")
    result = rehearsal.run()
    rows = {row["phase"]: row for row in result["phases"]}
    assert list(rows) == PHASES
    assert abs(rows["load"]["error"]) < 0.02, "the planner counts what is loaded, and no talker"
    off = {phase: row["error"] for phase, row in rows.items() if row["error"] is not None}
    assert set(off) == {"load", "load again", *CLOSE, *UNPLANNED}
    assert not {phase: error for phase, error in off.items() if abs(error) > (0.3 if phase in UNPLANNED else 0.15)}
    left_out = {phase: rows[phase]["peak_gb"] - rows[phase]["planned_gb"] for phase in UNPLANNED}
    assert max(left_out.values()) < 0.016, left_out
    assert all(row["resident_peak_gb"] >= row["resident_gb"] > 0.1 for row in rows.values())
    assert rows["load again"]["note"].startswith("scores as before saving to 0.0e+00")
    assert not list(rehearsal.folder.iterdir()), "gigabytes are not left behind"


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_tensors_have_their_published_names(name):
    names = layout(standin_config(name), published(name))
    assert set(LAYOUTS[name]) <= set(names)
    assert not [key for key in names if key.startswith(("model.", "lm_head"))], "names of transformers 5"


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_planner_knows_the_published_sizes(name):
    """Weights outside the decoder's linear maps, counted from the layout on the meta device."""
    tensors = layout(standin_config(name), published(name))
    counted = sum(tensor.numel() for key, tensor in tensors.items() if not key.startswith("talker."))
    size = KNOWN[name]
    assert size.decoder_weights + size.other_weights == pytest.approx(counted, rel=0.002)
    read = size_from_config(name, AutoConfig.for_model(**standin_config(name)))
    assert replace(read, name=name, towers=0) == replace(size, towers=0), "as it is read from a published config.json"
    assert read.decoder_weights + read.other_weights == pytest.approx(counted, rel=0.002), "the talker is not counted"


def test_a_shard_is_written_at_a_time_and_the_index_lists_all(tmp_path, monkeypatch):
    """Building holds one shard: of the whole model 4 GB, of the narrow one its largest tensor, a table of 20 MB."""
    monkeypatch.setattr(standin, "POOL", 1 << 18)
    made = []
    counted = peak_bytes(
        lambda: made.append(write_standin(tmp_path, "Qwen/Qwen2-Audio-7B-Instruct", layers=1, narrow=True))
    )
    (folder,) = made
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
    assert counted < 1.2 * max(sizes) < 0.6 * sum(sizes)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    files = set(index["weight_map"].values())
    assert len(files) > 1 and files == {path.name for path in folder.glob("*.safetensors")}
    assert index["metadata"]["total_size"] == pytest.approx(sum((folder / f).stat().st_size for f in files), rel=0.02)


def test_resident_memory_is_the_most_within_a_block():
    with PeakMemory(resident_bytes, 0.01) as resident:
        before = resident.peak
        held = torch.ones(50_000_000)  # 200 MB
        del held
    assert resident.peak - before > 150e6


def test_a_scaled_down_copy_is_refused_for_other_models():
    with pytest.raises(ModelError, match="no stand-in is known"):
        Rehearsal.of("somebody/else", None, True, "cpu")
    with pytest.raises(ModelError, match="the cpu profile's is shipped"):
        Rehearsal.of("cpu", None, True, "cpu")


def test_the_tokenizer_merges_a_tag_with_the_word_behind_it(tmp_path):
    """As the published one: `<answer>sad` is `<`, …, `>s`, `ad`."""
    from emolab.lalm import load_model

    lalm = load_model(write_standin(tmp_path, "Qwen/Qwen2-Audio-7B-Instruct", 1, True), device="cpu")
    pieces = lalm.tokenizer.tokenize("<answer>sad</answer>")
    assert len(lalm.tokenizer) == 151_649 and pieces[0] == "<" and ">s" in pieces and pieces[-1] == ">"
    assert lalm.tokenizer.decode(lalm.tokenizer("é 你好 <b>7</b>\n")["input_ids"]) == "é 你好 <b>7</b>\n"
    assert lalm.end_id == lalm.tokenizer.convert_tokens_to_ids("<|im_end|>") and lalm.eos_ids == [151643, 151645]
    assert size_of_model(lalm).vocabulary == 156_032 and lalm.dtype == torch.float32
