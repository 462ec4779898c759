"""Games, maskers, methods and players on tiny random models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from attribution_helpers import PROMPT, corpus, model
from emolab_course.methods import attention_rollout, from_table, integrated_gradients, sampled_banzhaf

from benchmarks.meter import held_bytes, peak_bytes
from benchmarks.tiny_models import tiny_random
from emolab.attribution.game import (
    MASKERS,
    Background,
    Game,
    Masker,
    asked_labels,
    background_samples,
    label_values,
    prefix_scores,
)
from emolab.attribution.methods import METHODS, attribute
from emolab.attribution.players import (
    Player,
    aligned_windows,
    audio_windows,
    estimated_word_times,
    face_cells,
    modality_players,
    players_of,
    speech_bounds,
    word_players,
)
from emolab.attribution.shapley import coalitions, exact, sampled, shapley
from emolab.errors import AttributionError, ModelError
from emolab.training.planner import KNOWN, Workload, attributing, rows_within, size_of_model

LABELS = asked_labels(PROMPT)


def game(
    family: str = "qwen2_5_omni", kind: str = "swap", players: str = "modality", measure: str = "logprob", n: int = 2
) -> Game:
    lalm, (sample, *others) = model(family), corpus().samples
    masker = Masker(kind, Background.encode(lalm, others[:7], PROMPT), n)
    return Game(lalm, sample, masker, prompt=PROMPT, players=players, target="sad", measure=measure)


@pytest.mark.parametrize("kind", MASKERS)
@pytest.mark.parametrize("family", ["qwen2_5_omni", "qwen2_audio"])
def test_efficiency_on_both_families_and_a_missing_modality_is_a_dummy(family, kind):
    played = game(family, kind)
    found = exact(played, 3)
    assert found.values.sum() == pytest.approx(found.full - found.empty, abs=1e-5)
    assert found.full == pytest.approx(
        label_values(played.model, played.batch, ["sad"], "logprob")[0, 0].item(), abs=1e-5
    )
    if family == "qwen2_audio":
        assert found.values[1] == 0.0
    assert np.abs(found.values).max() > 1e-6


def test_twins_and_dummies_among_positions():
    """Two players with the same positions are twins; one without positions earns nothing."""
    played = game()
    audio = played.players[0]
    played.players = [audio, replace(audio, name="twin"), Player("nothing", "audio", ())]
    values = exact(played, 3).values
    assert values[0] == pytest.approx(values[1], abs=1e-9) and values[2] == pytest.approx(0.0, abs=1e-9)


def test_batched_coalitions_equal_one_at_a_time_and_every_label_at_once():
    played = game(measure="posterior")
    table = played.label_values(coalitions(3))
    played.rows_per_call = 1
    assert played.label_values(coalitions(3)) == pytest.approx(table, abs=1e-5)
    assert played(coalitions(3)) == pytest.approx(table[:, 2], abs=1e-5)
    assert np.exp(table[-1]).sum() == pytest.approx(1.0, abs=1e-5)


def test_values_of_coalitions_take_the_memory_that_the_planner_says():
    """With a vocabulary as wide as a real one's beside its layers, and the frozen head that a 16-bit model has."""
    lalm = tiny_random("qwen2_5_omni", hidden=512)
    lalm.model.resize_token_embeddings(30_000, mean_resizing=False)
    lalm.model.to(torch.bfloat16).requires_grad_(False)
    played = Game(lalm, corpus().samples[0], Masker("silence"), prompt=PROMPT, target="sad")
    present = coalitions(len(played.players))
    peak = held_bytes(lalm.model) + peak_bytes(lambda: played(present))
    answer = len(lalm.tokenizer("<answer>sad</answer>")["input_ids"]) + 1
    load = Workload(1, 7, played.batch.embeds.shape[1], answer, None, 0, True, 2)
    assert attributing(size_of_model(lalm), load, len(present)) * 1e9 == pytest.approx(peak, rel=0.15)


def test_so_many_coalitions_run_at_a_time_as_two_gigabytes_hold():
    size = KNOWN["Qwen/Qwen2-Audio-7B-Instruct"]
    assert rows_within(size, 168, 2) == 22 and rows_within(size, 800, 2) == 4
    assert rows_within(size, 168, 2, gradient=True) == 2 and rows_within(size, 30_000, 2) == 1
    assert game().rows_per_call == 32


@pytest.mark.parametrize("kind", ["modality", "window", "word"])
@pytest.mark.parametrize("family", ["qwen2_5_omni", "qwen2_audio"])
def test_shared_prefixes_equal_every_coalition_run_on_its_own(family, kind):
    played = game(family, players=kind, n=3)
    kept = torch.from_numpy(np.random.default_rng(0).random((12, len(played.players))) < 0.5)
    ways = torch.arange(12) % 3
    texts = ["<answer>sad</answer>", "<answer>surprised</answer>", "no"]
    batch = played.batch.repeat(12).with_embeds(played.embeddings(kept, ways))
    with torch.no_grad():
        alone = played.model.text_scores(batch, [texts] * 12)
    assert torch.allclose(prefix_scores(played, kept, ways, texts), alone, atol=1e-4)


@pytest.mark.parametrize("measure", ["logprob", "posterior"])
def test_a_game_that_remembers_gives_the_same_values_and_runs_each_prompt_once(measure, monkeypatch):
    played, other = game(measure=measure), coalitions(3)[::-1]
    wanted = played(coalitions(3))
    remembering, rows = played.remembering(), []
    run = Game._run
    monkeypatch.setattr(Game, "_run", lambda self, kept, *rest: rows.append(len(kept)) or run(self, kept, *rest))
    assert remembering(coalitions(3)) == pytest.approx(wanted, abs=1e-5) and sum(rows) == 1 + 7 * 2
    assert remembering.having(measure=measure)(other) == pytest.approx(wanted[::-1], abs=1e-5)
    audio = remembering.having(players=[played.players[0]])
    assert audio(np.array([[False]]))[0] == pytest.approx(wanted[6], abs=1e-5) and sum(rows) == 15
    swapped = remembering.having(batch=played.batch.with_embeds(played.batch.embeds * 0.5))
    assert not np.allclose(swapped(coalitions(3)), wanted, atol=1e-4)


def test_values_of_each_version_average_to_the_value_and_give_the_error():
    played = game(n=3)
    tables = played.versions(coalitions(3))
    assert tables.shape == (3, 8) and tables.mean(0) == pytest.approx(played(coalitions(3)), abs=1e-9)
    assert np.ptp(tables[:, -1]) == 0 and np.ptp(tables[:, 0]) > 0
    found = shapley(played)
    each = np.stack([exact(lambda present, t=t: t[present @ (1 << np.arange(3))], 3).values for t in tables])
    assert found.errors == pytest.approx(each.std(0, ddof=1) / np.sqrt(3)) and found.errors_over == "3 background clips"
    assert found.names == ["audio", "video", "text"] and found.target == "sad" and found.rows()[0]["phi"] != 0
    assert game(n=1).having()(coalitions(3)).shape == (8,) and (shapley(game(kind="mean")).errors == 0).all()


def test_by_default_the_own_answer_is_explained_over_the_modalities_that_are_there():
    lalm, (sample, *others) = model("qwen2_audio"), corpus().samples
    played = Game(lalm, sample, Masker("swap", Background.encode(lalm, others[:4], PROMPT)), prompt=PROMPT)
    assert [p.name for p in played.players] == ["audio", "text"] and played.labels == PROMPT.labels
    posterior = played.posterior()
    assert played.target == max(posterior, key=posterior.get) and sum(posterior.values()) == pytest.approx(1.0)
    assert played(np.array([[True, True]]))[0] == pytest.approx(np.log(posterior[played.target]), abs=1e-5)


def test_any_function_can_be_a_masker_and_other_labels_can_be_asked():
    lalm, prompt = model(), PROMPT.with_labels("calm, tense, bored")
    played = Game(lalm, corpus()[0], lambda m, sample, asked, batch: torch.zeros_like(batch.embeds), prompt=prompt)
    assert set(played.posterior()) == {"calm", "tense", "bored"} and played.target in prompt.labels
    found = shapley(played)
    assert found.values.sum() == pytest.approx(found.full - found.empty, abs=1e-5)


def test_scores_that_are_no_numbers_are_refused_where_they_leave_the_model():
    played = game(measure="posterior")
    weight = played.model.head.weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight[:4] = float("nan")
        with pytest.raises(ModelError, match="NaN or infinity, so its weights are damaged"):
            played(coalitions(3))
        with pytest.raises(ModelError, match="damaged"):
            played.posterior()
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_a_padded_prompt_is_refused():
    played = game()
    played.batch = played.model.encode(corpus().samples[:2], PROMPT)
    with pytest.raises(AttributionError, match="one prompt"):
        played(coalitions(3))


def test_swap_is_the_mean_over_versions_by_hand():
    played = game(n=3)
    by_hand = []
    for way in range(3):
        embeds = played.batch.embeds.clone()
        at = list(played.players[2].positions)
        embeds[0, at] = played.masked[way, at]
        by_hand.append(label_values(played.model, played.batch.with_embeds(embeds), ["sad"], "logprob")[0, 0].item())
    assert played(np.array([[True, True, False]]))[0] == pytest.approx(np.mean(by_hand), abs=1e-5)


def test_neutral_clips_are_those_labelled_neutral():
    lalm, samples = model(), corpus().samples
    pool = Background.encode(lalm, samples, PROMPT)
    calm = [s for s in samples if s.emotion == "neutral"]
    alone = Background.encode(lalm, calm, PROMPT)
    assert len(pool.neutral["audio"]) == len(calm) < len(pool.pieces["audio"]) == len(samples)
    for mine, theirs in zip(pool.neutral["audio"], alone.pieces["audio"], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)
    batch = lalm.encode(samples[1:2], PROMPT)
    found = Masker("neutral", pool, 3)(lalm, samples[1], PROMPT, batch)
    assert len(found) == 3 and not torch.allclose(found, batch.embeds.expand(3, -1, -1))


def test_silence_does_not_depend_on_what_was_said_and_mean_is_constant():
    first, second = (s for s in corpus().samples[:2])
    lalm = model()
    found = []
    for sample in (first, second):
        batch = lalm.encode([sample], PROMPT)
        masked = Masker("silence")(lalm, sample, PROMPT, batch)
        found.append(masked[0, batch.positions_of(0, "audio")])
    assert torch.allclose(found[0], found[1], atol=1e-5)
    constant = game(kind="mean").masked[0, list(game().players[0].positions)]
    assert torch.allclose(constant, constant[:1].expand_as(constant))


def test_missing_clips_and_unknown_names_are_errors():
    lalm, sample = model(), corpus()[0]
    batch = lalm.encode([sample], PROMPT)
    with pytest.raises(AttributionError, match="neutral, swap, silence, mean"):
        Masker("nothing")
    mute = [replace(sample, extra={"frames": sample.extra["frames"]})]
    with pytest.raises(AttributionError, match="nothing can replace its audio"):
        Masker("swap", Background.encode(lalm, mute, PROMPT))(lalm, sample, PROMPT, batch)
    felt = Background.encode(lalm, [s for s in corpus() if s.emotion != "neutral"][:2], PROMPT)
    with pytest.raises(AttributionError, match="clips labelled neutral that have audio, or another masker"):
        Masker("neutral", felt)(lalm, sample, PROMPT, batch)
    with pytest.raises(AttributionError, match="at least one background clip"):
        Background.encode(lalm, [], PROMPT)
    with pytest.raises(AttributionError, match="unknown measure"):
        label_values(lalm, batch, LABELS, measure="odds")
    with pytest.raises(AttributionError, match="unknown kind"):
        players_of(batch, "phoneme")


def test_integrated_gradients_complete():
    for measure in ("logprob", "posterior"):
        played = game(measure=measure)
        table = played(coalitions(3))
        assert integrated_gradients(played, 32).sum() == pytest.approx(table[-1] - table[0], abs=2e-3)
        gaps = [abs(integrated_gradients(played, steps).sum() - (table[-1] - table[0])) for steps in (1, 4)]
        assert gaps[1] < 0.2 * gaps[0]


def test_rollout_is_a_share_of_attention_and_leaves_the_model_as_it_was():
    lalm, batch = model(), model().encode(corpus().samples[:2], PROMPT)
    before = label_values(lalm, batch, LABELS)
    for row in range(2):
        values = attention_rollout(lalm, batch, modality_players(batch, row), row)
        assert (values >= 0).all() and 0 < values.sum() < 1
    assert torch.equal(before, label_values(lalm, batch, LABELS))


def test_fine_players_cover_their_modality_once():
    batch = model().encode(corpus().samples[:1], PROMPT)
    for players, modality in (
        (word_players(batch), "text"),
        (audio_windows(batch), "audio"),
        (face_cells(batch), "video"),
    ):
        positions = [p for player in players for p in player.positions]
        assert sorted(positions) == batch.positions_of(0, modality).tolist()
    assert [p.word for p in word_players(batch)] == corpus()[0].text.split()
    windows = audio_windows(batch, seconds=0.5)
    assert len(windows) == 2 and windows[1].t0 == pytest.approx(0.5, abs=0.05)
    assert len(face_cells(batch, by="frame")) * len(face_cells(batch, by="region")) == len(face_cells(batch))
    with pytest.raises(AttributionError, match="longer than 0"):
        audio_windows(batch, seconds=0)
    with pytest.raises(AttributionError, match="cell, frame, region"):
        face_cells(batch, by="nose")


def test_words_aligned_with_audio():
    batch = model().encode(corpus().samples[:1], PROMPT)
    found = aligned_windows(batch, [("well", 0.1, 0.4), ("now", 0.4, 0.8)])
    assert [p.name for p in found] == ["(pause)", "well", "now"]
    assert sum(len(p.positions) for p in found) == len(batch.positions_of(0, "audio"))
    times = estimated_word_times("a bcd", 1.0, 2.0)
    assert times == [("a", 1.0, 1.25), ("bcd", 1.25, 2.0)] and estimated_word_times(" ", 0, 1) == []


def test_spoken_players_need_times_and_parts_are_of_every_modality():
    batch = model().encode(corpus().samples[:1], PROMPT)
    with pytest.raises(AttributionError, match="words are said"):
        players_of(batch, "spoken")
    assert [p.name for p in players_of(batch, "spoken", times=[("so", 0.0, 2.0)])] == ["so"]
    parts = players_of(batch, "part", seconds=0.5)
    assert {p.modality for p in parts} == {"audio", "video", "text"}
    assert sorted(i for p in parts for i in p.positions) == sorted(
        i for m in ("audio", "video", "text") for i in batch.positions_of(0, m).tolist()
    )


def test_a_fine_grid_of_the_face_is_merged():
    batch = model().encode(corpus().samples[:1], PROMPT)
    whole = face_cells(batch, by="region", grid=(1, 1, 1))
    assert len(whole) == 1 and whole[0].region == (0, 0)
    assert list(whole[0].positions) == batch.positions_of(0, "video").tolist()
    assert len(face_cells(batch, by="region", grid=(1, 1, 2))) == 2
    own = face_cells(batch, grid=(9, 9, 9))
    assert len(own) == len(batch.positions_of(0, "video")) and {p.frame for p in own} == {0, 2}
    assert {p.frame for p in face_cells(batch, grid=(1, 9, 9))} == {0}


def test_speech_begins_and_ends_where_it_is_loud():
    wave = np.zeros(16_000, np.float32)
    wave[4000:12_000] = 0.3 * np.sin(np.arange(8000) * 0.3)
    start, end = speech_bounds(wave)
    assert start == pytest.approx(0.25, abs=0.04) and end == pytest.approx(0.75, abs=0.04)


def test_every_method_by_name_equals_its_own_function():
    played = game()
    table = played(coalitions(3))
    by_name = {name: attribute(played, name, steps=4) for name in METHODS}
    for name, values in from_table(table).items():
        if name in by_name:
            assert by_name[name].values == pytest.approx(values, abs=1e-6)
            assert by_name[name].full == pytest.approx(table[-1], abs=1e-6)
    assert by_name["integrated gradients"].values == pytest.approx(integrated_gradients(played, 4), abs=1e-6)
    assert by_name["Shapley"].empty == pytest.approx(table[0], abs=1e-6)
    with pytest.raises(AttributionError, match="leave one out"):
        attribute(played, "leave two out")


def test_sampled_banzhaf_agrees_with_exact():
    table = np.random.default_rng(0).normal(size=2**5)

    def played(present):
        return table[present @ (1 << np.arange(5))]

    found = sampled_banzhaf(played, 5, np.random.default_rng(1), 2000)
    assert (np.abs(found.values - from_table(table)["Banzhaf"]) <= 4 * found.errors).all()
    assert found.errors.max() < 0.06 and (found.empty, found.full) == (table[0], table[-1])


def test_sampled_words_agree_with_exact():
    played = game(players="word", n=1)
    n = len(played.players)
    truth, guess = exact(played, n), sampled(played, n, np.random.default_rng(0), max_pairs=12)
    assert guess.values.sum() == pytest.approx(guess.full - guess.empty, abs=1e-6)
    assert (np.abs(guess.values - truth.values) <= 4 * guess.errors + 1e-6).all()


def test_background_clips_are_of_other_speakers_and_even_over_emotions():
    donors = background_samples(corpus().samples, 6, seed=1, speaker="train0")
    assert len({d.emotion for d in donors}) == 6 and all(d.speaker != "train0" for d in donors)
    with pytest.raises(AttributionError, match="another speaker"):
        background_samples([replace(corpus()[0], speaker="x")], 2, speaker="x")
