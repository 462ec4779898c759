"""What every family must fulfil, on tiny random instances of its real classes."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace

import pytest
import torch
from lalm_helpers import FAMILIES, PROMPT, ragged, samples_for, stock_copy, stock_inputs, stock_logprobs, tiny_random

from benchmarks.tiny_models import quantise_model
from emolab.errors import ModelError
from emolab.lalm import sampling
from emolab.lalm.accel import attention, packing
from emolab.lalm.accel.packing import pack, packed_logprobs
from emolab.lalm.batch import Completions, FlatCompletions
from emolab.lalm.quantise import add_lora, is_quantised

G = 3


@pytest.fixture(params=FAMILIES)
def lalm(request):
    return tiny_random(request.param, seed=1)


@pytest.fixture(scope="module", params=FAMILIES)
def shared(request):
    """A model that tests must leave as it is, its samples and their prompts."""
    lalm = tiny_random(request.param, seed=2)
    samples = samples_for(lalm)
    return lalm, samples, lalm.encode(samples, PROMPT)


def with_adapter(lalm):
    add_lora(lalm, rank=4, alpha=8)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in lalm.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.1, generator=generator)
    return lalm


def gradients(model, logprobs, mask):
    """Gradients of a policy-gradient-like loss: a different weight for every completion."""
    model.zero_grad()
    weights = torch.linspace(-1, 1, len(mask))[:, None]
    (logprobs * mask * weights).sum().backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def assert_same_gradients(ours, theirs, at_least):
    assert len([n for n in ours if ours[n].abs().max() > 0]) >= at_least
    for name, grad in ours.items():
        assert torch.allclose(grad, theirs[name], atol=1e-5, rtol=1e-4), name


def owners(n):
    return torch.arange(n).repeat_interleave(G)


def test_spans_point_at_their_placeholders(shared):
    lalm, samples, batch = shared
    assert batch.mask.sum(-1).unique().numel() > 1, "prompts of unequal length (transcripts, if not clips)"
    for i, sample in enumerate(samples):
        spans = {m: [s for s in batch.spans[i] if s.modality == m] for m in ("audio", "video", "text")}
        at = (batch.input_ids[i] == lalm.tokens["audio"]).nonzero()[:, 0]
        assert batch.positions_of(i, "audio").tolist() == at.tolist()
        seconds = len(sample.extra["waveform"]) / 16_000
        heard = 2.0 if "voxtral" in lalm.name else seconds  # Voxtral embeds its window's padding too
        assert spans["audio"][0].t0 == 0 and abs(spans["audio"][-1].t1 - heard) < 2 * lalm.seconds_per_embedding
        assert [s.word for s in spans["text"]] == sample.text.split()
        for span in spans["text"]:
            assert span.word in lalm.tokenizer.decode(batch.input_ids[i, span.start : span.end])
        if "video" in lalm.modalities:
            shown = (batch.input_ids[i] == lalm.tokens["video"]).nonzero()[:, 0]
            assert batch.positions_of(i, "video").tolist() == shown.tolist()
            assert {s.frame for s in spans["video"]} == {0, 2, 4}
            assert {s.region for s in spans["video"]} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert batch.media[i].sum() == len(spans["audio"]) + len(spans["video"])


@pytest.mark.parametrize("weights", ["full", "lora", "nf4"])
def test_packed_equals_stock_in_every_cell(lalm, weights, monkeypatch):
    """Log-probabilities, every gradient and one step of them: several left-padded prompts, ragged completions.

    With all weights, adapters, or adapters on 4-bit weights after a rollout; with the CPU's attention and the one for
    GPUs; without and with gradient checkpointing; and the reference, its adapters off.
    """
    samples = samples_for(lalm)
    if weights == "nf4":
        assert is_quantised(quantise_model(lalm)) and not any(
            type(p).__name__ == "Params4bit" for t in lalm.towers for p in t.parameters()
        )
    batch = lalm.encode(samples, PROMPT)
    ids, mask = ragged(lalm, len(samples) * G)
    bare = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(samples)))).detach()
    stock = stock_copy(lalm) if weights == "full" else with_adapter(lalm).model
    if weights == "nf4":
        lalm.generate(batch, n=2, max_new_tokens=3, seed=0)
        assert {p.dtype for p in lalm.model.parameters() if p.requires_grad} == {torch.float32}
    theirs = stock_logprobs(lalm, stock, samples, batch, ids, mask)
    expected = gradients(stock, theirs, mask)
    for checkpointing in (False, True):
        if checkpointing:
            lalm.model.activation_checkpointing_enable()
            lalm.model.enable_input_require_grads()
            lalm.model.train()
        for flash in (True, False):
            kernel = "flash (cpu)" if flash else "dense: for the test"
            monkeypatch.setattr(attention, "kernel_for", lambda *_, kernel=kernel: kernel)
            ours = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(samples))))
            assert (ours - theirs).abs().max() < 1e-5, (checkpointing, flash)
            found = gradients(lalm.model, ours, mask)
            assert_same_gradients(found, expected, at_least=20 if weights == "full" else 10)
            # what a step of SGD at a rate of 0.1 moves: equal to 1e-5 for weights of any size
            assert max(0.1 * float((found[n] - expected[n]).abs().max()) for n in found) < 1e-5
    if weights != "full":
        assert (ours - bare).abs().max() > 1e-3
        with lalm.reference(), torch.no_grad():
            assert (
                packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(samples)))) - bare
            ).abs().max() < 1e-5


def test_order_and_number_of_completions_are_free(shared):
    lalm, samples, batch = shared
    ids, mask = ragged(lalm, len(samples) * G, seed=3)
    whole = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(samples))))
    order = torch.tensor([7, 0, 2, 8, 1])  # no completion of prompt 1
    some = packed_logprobs(lalm, batch, FlatCompletions(ids[order], mask[order], owners(len(samples))[order]))
    assert (some - whole[order]).abs().max() < 1e-5
    row = pack(batch, FlatCompletions(ids[order], mask[order], owners(len(samples))[order]))
    most = int(batch.lengths[[0, 2]].sum() + (mask[order].sum(-1) - 1).clamp(min=0).sum())
    assert int(batch.lengths[[0, 2]].sum()) < row.input_ids.shape[1] <= most
    nothing = packed_logprobs(lalm, batch, FlatCompletions(ids, torch.zeros_like(mask), owners(len(samples))))
    assert nothing.abs().max() == 0
    with pytest.raises(ModelError, match="do not fit"):
        packed_logprobs(lalm, batch, FlatCompletions(ids, mask[:2], owners(len(samples))))


def test_a_copy_and_a_wrapped_model_score_alike(lalm):
    batch = lalm.encode(samples_for(lalm), PROMPT)
    ids, mask = ragged(lalm, len(batch) * G)
    expected = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(batch)))).detach()
    frozen = copy.deepcopy(lalm.model)
    for parameter in lalm.model.parameters():
        parameter.data *= 1.1
    assert (
        packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(batch))), model=frozen) - expected
    ).abs().max() < 1e-6
    wrapped = torch.nn.Sequential()
    wrapped.forward = lambda **inputs: lalm.model(**inputs)
    wrapped.append(lalm.model)
    moved = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(batch))), model=wrapped)
    assert (moved - packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(batch))))).abs().max() < 1e-6
    assert (moved - expected).abs().max() > 1e-3
    with pytest.raises(ModelError, match="wraps no transformers model"):
        packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(batch))), model=torch.nn.Linear(2, 2))


def test_chunked_head_and_entropy(shared, monkeypatch):
    lalm, samples, batch = shared
    ids, mask = ragged(lalm, len(samples) * G, seed=4)
    completions = Completions(ids.view(-1, G, 7), mask.view(-1, G, 7), [])
    whole, entropy = lalm.logprobs(batch, completions, entropy=True, temperature=0.7)
    stock = stock_copy(lalm)
    logits = []
    for i, sample in enumerate(samples):
        rows = torch.cat([batch.input_ids[i].expand(G, -1), completions.ids[i]], 1)
        seen = torch.cat([batch.mask[i].expand(G, -1), completions.mask[i]], 1)
        whole_row = stock(input_ids=rows, attention_mask=seen, **stock_inputs(lalm, [sample], G)).logits
        logits.append(whole_row[:, -8:-1] / 0.7)
    by_hand = torch.distributions.Categorical(logits=torch.cat(logits)).entropy() * mask
    by_hand = by_hand.view_as(entropy)
    assert (entropy - by_hand).abs().max() < 1e-4 and not entropy.requires_grad
    expected = gradients(lalm.model, whole.view_as(mask), mask)
    monkeypatch.setattr(packing, "LOGITS_BUDGET", 5 * len(lalm.tokenizer))
    chunked, _ = lalm.logprobs(batch, completions, entropy=True, temperature=0.7)
    assert (chunked - whole).abs().max() < 1e-5
    assert_same_gradients(gradients(lalm.model, chunked.view_as(mask), mask), expected, at_least=20)


def test_swapped_audio_moves_logprobs_and_absence_keeps_the_layout(shared):
    lalm, samples, batch = shared
    ids, mask = ragged(lalm, len(samples) * G)
    own = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(len(samples))))
    donors = samples_for(lalm, seed=9)
    swapped = lalm.encode(samples, PROMPT, replacements={"audio": donors})
    assert (own - packed_logprobs(lalm, swapped, FlatCompletions(ids, mask, owners(len(samples))))).abs().max() > 1e-4
    for modality in lalm.modalities:
        without = lalm.encode(samples, PROMPT, absent=(modality,))
        assert (
            own - packed_logprobs(lalm, without, FlatCompletions(ids, mask, owners(len(samples))))
        ).abs().max() > 1e-4
        if modality != "text":
            assert torch.equal(without.input_ids, batch.input_ids)
    assert not [s for row in lalm.encode(samples, PROMPT, absent=("text",)).spans for s in row if s.modality == "text"]


def test_greedy_equals_stock_generate(shared):
    lalm, samples, batch = shared
    ours = lalm.generate(batch, n=2, max_new_tokens=10, greedy=True)
    stock, width = stock_copy(lalm), batch.input_ids.shape[1]
    for i, sample in enumerate(samples):
        theirs = stock.generate(
            input_ids=batch.input_ids[i : i + 1],
            attention_mask=batch.mask[i : i + 1],
            do_sample=False,
            max_new_tokens=10,
            **stock_inputs(lalm, [sample]),
        )[0, width:]
        assert torch.equal(ours.ids[i, 0, : len(theirs)], theirs) and torch.equal(ours.ids[i, 0], ours.ids[i, 1])


def test_sampling_is_seeded_scored_and_independent_of_who_stays(shared, monkeypatch):
    lalm, _, batch = shared
    ends = list(range(0, len(lalm.tokenizer), 4))  # a quarter of all tokens ends a row
    monkeypatch.setattr(type(lalm), "eos_ids", ends)
    monkeypatch.setattr(sampling, "FIRST_CAPACITY", 2)
    settings = {"n": 6, "max_new_tokens": 9, "temperature": 0.8, "seed": 3}
    first = lalm.generate(batch, **settings)
    lengths = first.mask.sum(-1)
    assert lengths.min() < 4 < lengths.max(), "rows end at different steps"
    last = first.ids.gather(-1, lengths[..., None] - 1)[..., 0]
    assert all(int(t) % 4 == 0 for t, size in zip(last.flatten(), lengths.flatten(), strict=True) if size < 9)
    assert (lalm.logprobs(batch, first, temperature=0.8) - first.logprobs).abs().max() < 1e-4
    monkeypatch.setattr(sampling, "SHRINK_AT", 0.0)
    never_shrunk = lalm.generate(batch, **settings)
    assert torch.equal(first.ids, never_shrunk.ids) and torch.equal(first.mask, never_shrunk.mask)
    assert not torch.equal(lalm.generate(batch, **{**settings, "seed": 4}).ids, first.ids)
    torch.manual_seed(11)
    unseeded = lalm.generate(batch, n=2, max_new_tokens=4).ids
    torch.manual_seed(11)
    assert torch.equal(lalm.generate(batch, n=2, max_new_tokens=4).ids, unseeded)


def test_rollout_in_training_mode_with_checkpointing(lalm):
    batch = lalm.encode(samples_for(lalm), PROMPT)
    expected = lalm.generate(batch, max_new_tokens=5, greedy=True)
    lalm.model.activation_checkpointing_enable()
    lalm.model.train()
    assert torch.equal(lalm.generate(batch, max_new_tokens=5, greedy=True).ids, expected.ids)
    assert lalm.model.training


def test_label_scores_by_hand(shared):
    lalm, samples, batch = shared
    labels = ("happy", "sad", "angry")
    scores = lalm.label_scores(batch, labels)
    stock = stock_copy(lalm)
    for j, label in enumerate(labels):
        ids = torch.tensor(lalm.tokenizer(f"<answer>{label}</answer>")["input_ids"] + [lalm.tokenizer.eos_token_id])
        rows = ids.expand(len(samples), -1)
        by_hand = stock_logprobs(lalm, stock, samples, batch, rows, torch.ones_like(rows)).sum(-1)
        assert (scores[:, j] - by_hand).abs().max() < 1e-4


def test_tower_runs_once_for_each_clip_unless_it_trains(lalm, monkeypatch):
    samples = samples_for(lalm, 2)
    calls = []
    run = lalm.audio_embeddings
    monkeypatch.setattr(lalm, "audio_embeddings", lambda waves: calls.append(len(waves)) or run(waves))
    first = lalm.encode([*samples, samples[0]], PROMPT)
    again = lalm.encode(samples, PROMPT)
    assert calls == [1, 1], "each clip once and alone, so that no other clip moves its last bits; then the cache"
    assert torch.equal(first.embeds[:2], again.embeds) and torch.equal(first.embeds[0], first.embeds[2])
    lalm.cache.max_bytes = lalm.cache.nbytes  # one more clip pushes the first one out
    pushed = lalm.encode([*samples_for(lalm, 1, seed=7), *samples], PROMPT)
    assert torch.allclose(pushed.embeds[1:], first.embeds[:2], atol=1e-5)
    calls.clear()
    lalm.unfreeze_towers()
    batch = lalm.encode(samples, PROMPT)
    ids, mask = ragged(lalm, 2 * G)
    packed_logprobs(lalm, batch, FlatCompletions(ids, mask, owners(2))).sum().backward()
    assert calls == [2]
    assert max(float(p.grad.abs().max()) for p in lalm.towers[0].parameters() if p.grad is not None) > 0


def test_disk_cache_is_shared_between_equal_models_only(tmp_path, lalm, monkeypatch):
    family = lalm.name.removeprefix("tiny-random-")
    from emolab.media import FeatureCache

    samples = samples_for(lalm, 2)
    lalm.cache = FeatureCache(1 << 20, tmp_path)
    batch = lalm.encode(samples, PROMPT)
    equal, other = tiny_random(family, seed=1), tiny_random(family, seed=8)
    for model, runs in ((equal, 0), (other, 2)):
        calls: list[int] = []
        run = model.audio_embeddings
        counted = lambda waves, calls=calls, run=run: calls.append(1) or run(waves)  # noqa: E731
        monkeypatch.setattr(model, "audio_embeddings", counted)
        model.cache = FeatureCache(1 << 20, tmp_path)
        assert torch.equal(model.encode(samples, PROMPT).embeds, batch.embeds) == (runs == 0) and len(calls) == runs


def test_embeddings_of_a_clip_do_not_depend_on_the_batch(lalm):
    samples = samples_for(lalm)
    whole = lalm.encode(samples, PROMPT)
    lalm.cache.clear()
    for i, sample in enumerate(samples):
        alone = lalm.encode([sample], PROMPT)
        assert torch.equal(alone.embeds[0], whole.embeds[i, -alone.embeds.shape[1] :])


def test_the_next_part_is_read_while_the_caller_works(lalm, monkeypatch):
    samples, read = samples_for(lalm, 3), []
    content = lalm._content
    monkeypatch.setattr(
        lalm, "_content", lambda m, s, a: read.append((s.id, threading.current_thread())) or content(m, s, a)
    )
    expected = [lalm.encode([sample], PROMPT) for sample in samples]
    lalm.cache.clear()
    read.clear()
    for i, batch in enumerate(lalm.encoded([[sample] for sample in samples], PROMPT)):
        if lalm._reading is not None:
            lalm._reading.result()
        audio = [name for name, _ in read if name == samples[min(i + 1, 2)].id]
        assert audio, "the clip after this one was not read"
        assert torch.equal(batch.embeds, expected[i].embeds)
    threads = [thread for name, thread in read if name != samples[0].id]
    assert threads and threading.main_thread() not in threads
    assert not lalm._read, "what was decoded was used"


def test_batches_select_and_repeat(shared):
    lalm, samples, batch = shared
    ids, mask = ragged(lalm, len(samples))
    whole = packed_logprobs(lalm, batch, FlatCompletions(ids, mask, torch.arange(len(samples))))
    picked = batch.select([2, 0]).repeat(2)
    assert picked.ids == [samples[2].id] * 2 + [samples[0].id] * 2
    again = packed_logprobs(lalm, picked, FlatCompletions(ids[[2, 0]], mask[[2, 0]], torch.tensor([1, 3])))
    assert (again - whole[[2, 0]]).abs().max() < 1e-5


def test_gradient_reaches_given_embeddings(shared):
    lalm, _, batch = shared
    embeds = batch.embeds.clone().requires_grad_()
    scores = lalm.label_scores(batch.with_embeds(embeds), ["happy", "sad"])
    assert (scores - lalm.label_scores(batch, ["happy", "sad"])).abs().max() < 1e-5
    scores.sum().backward()
    reached = embeds.grad.abs().sum(-1) > 0
    assert torch.equal(reached, batch.mask.bool())


def test_errors_name_the_clip_and_the_limit(shared):
    lalm, samples, _ = shared
    too_long = torch.zeros(int(16_000 * (lalm.max_seconds + 1))).numpy()
    hour = replace(samples[0], id="lecture", extra={**samples[0].extra, "waveform": too_long})
    with pytest.raises(
        ModelError,
        match=rf"lecture: {lalm.max_seconds + 1:.1f} s of audio.* at most "
        rf"{lalm.max_seconds:g} s",
    ):
        lalm.encode([hour], PROMPT)
    with pytest.raises(ModelError, match="noise-0: 2 placeholders for 1 audio clip"):
        lalm.encode(samples[:1], replace(PROMPT, template=f"say {lalm.placeholders['audio']} now"))
    with pytest.raises(ModelError, match="noise-0: has none of"):
        lalm.encode([replace(samples[0], extra={})], PROMPT.using("audio"))
    with pytest.raises(ModelError, match="1 donors of audio for 3 samples"):
        lalm.encode(samples, PROMPT, replacements={"audio": samples[:1]})
    with pytest.raises(ModelError, match="temperature = 0"):
        lalm.generate(lalm.encode(samples, PROMPT), temperature=0)
    with pytest.raises(ModelError, match="no layer called nowhere"):
        add_lora(lalm, targets="nowhere")
