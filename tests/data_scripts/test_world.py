"""The world of pre-training: no sentence of the bank, no voice of a domain, labels that people might give, and English
reasons that follow from what they are given."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from emolab_synth import talkers, text
from emolab_synth.describe_voice import VoiceAttributes, describe
from emolab_synth.prosody import Prosody

from data_scripts.pretraining import grammar, world
from emolab.emotions import EMOTIONS

torch = pytest.importorskip("torch")
LOW = VoiceAttributes("low", "flat", "slow", "quiet", "breathy", "falling", "dark")


def bare(words: str) -> str:
    return " ".join(text.words_of(words))


def test_no_sentence_of_the_bank_is_said() -> None:
    rng, bank = np.random.default_rng(0), {bare(s.text) for s in text.sentence_bank()}
    said = [world.sentence(rng) for _ in range(600)]
    assert not {bare(s) for s in said} & bank
    assert len(set(said)) > 550 and all(s[0].isupper() and s.endswith(".") for s in said)


def test_exchanged_words_come_from_all_of_the_vocabulary() -> None:
    rng = np.random.default_rng(0)
    used = {w for _ in range(400) for w in text.words_of(world.salad(rng))}
    assert len(used) > 0.8 * len(grammar.vocabulary())


def test_listeners_of_the_world_confuse_four_emotions_as_the_card_says() -> None:
    rng = np.random.default_rng(0)
    for emotion in EMOTIONS:
        drawn = Counter(world.heard(emotion, rng) for _ in range(2000))
        assert sum(world.HEARD[emotion].values()) == pytest.approx(1) and set(drawn) == set(world.HEARD[emotion])
        assert all(drawn[e] / 2000 == pytest.approx(share, abs=0.04) for e, share in world.HEARD[emotion].items())
    mistaken = {e for e in EMOTIONS if max(world.HEARD[e], key=world.HEARD[e].get) != e}
    assert mistaken == {"sad", "fearful", "disgusted", "surprised"}, "what the card says"


def test_emotional_voices_are_of_no_domain() -> None:
    from data_scripts.pretraining import voices

    jobs = voices.jobs(Path("nowhere"), 2)
    feeling = [j for j in jobs if "world" in j.renders]
    assert len(feeling) == 20 and sum(j.name.startswith("world") for j in jobs) == voices.HELD_OUT
    assert not {j.espeak for j in feeling} & {v.espeak for v in talkers.VOICES.values()}


def test_a_summary_names_what_the_voice_has_and_the_label() -> None:
    rng = np.random.default_rng(0)
    summaries = [world.summary("sad", "neutral", LOW, rng) for _ in range(40)]
    assert all("sad" in s for s in summaries) and any("quiet and slow" in s for s in summaries)
    assert not any(word in s for s in summaries for word in ("loud", "fast", "bright"))
    told = {world.summary("happy", "happy", LOW, rng) for _ in range(20)}
    assert any("words" in s for s in told) and all("happy" in s for s in told)
    odd = {world.summary("angry", "happy", LOW, rng) for _ in range(20)}
    assert any("the words say happy, but" in s for s in odd)


def test_cues_are_only_those_that_speak_for_the_label() -> None:
    assert world.cues(LOW, "sad") == ["quiet", "slow"]
    assert world.cues(LOW, "happy") == []


def memory() -> object:
    from data_scripts.pretraining import align

    row = {
        "clip": list(Prosody(f0=-3, rate=-0.4, energy=-6).dict().values()),
        "text": "The cup is here.",
        "feeling": False,
    }
    felt = {**row, "kind": "world", "says": "neutral", "label": "sad", "voice_emotion": "sad"}
    calm = {**felt, "label": "neutral", "voice_emotion": "neutral"}
    audio, units = torch.zeros(4, 3), torch.zeros(17)
    faces = [{"units": units}, {"units": units, "label": "happy"}]
    return align.Memory(
        [audio] * 3, [16] * 3, [{**row, "says": "neutral"}, felt, calm], [torch.zeros(64, 3)] * 2, faces
    )


@pytest.mark.parametrize("task", [t for t in __import__("data_scripts.pretraining.align", fromlist=["WORLD"]).WORLD])
def test_every_task_draws_a_turn(task: str) -> None:
    from data_scripts.pretraining import align

    rng, held = np.random.default_rng(0), memory()
    for _ in range(12):
        example = align.draw(held, rng, task)  # type: ignore[arg-type]
        assert example.question and example.answer
        if task.startswith("w-") and task != "w-caption":
            assert "<answer>" in example.answer
        if task == "w-direct" and example.video is None:
            assert example.answer in ("<answer>sad</answer>", "<answer>neutral</answer>")


def test_a_reason_describes_the_voice_that_was_made() -> None:
    from data_scripts.pretraining import align

    row = memory().voices[1]  # type: ignore[attr-defined]
    answer = align._reasoned(row, "sad", "structured", np.random.default_rng(0))
    heard = describe(Prosody(*row["clip"]))
    assert f"a {heard.pitch}," in answer and heard.pace in answer and answer.endswith("<answer>sad</answer>")


def test_some_questions_offer_fewer_labels_and_always_the_right_one() -> None:
    from data_scripts.pretraining import align
    from emolab.prompts import PROMPTS

    rng, question = np.random.default_rng(0), PROMPTS["direct"].user
    offered = {align._offered(question, "sad", rng) for _ in range(200)}
    assert question in offered and len(offered) > 20
    assert all("sad" in q for q in offered)


def test_rates_follow_their_schedules() -> None:
    from data_scripts.pretraining.loop import rate_at

    assert (
        rate_at("constant", 0, 100, 1.0) < rate_at("constant", 40, 100, 1.0) == rate_at("constant", 99, 100, 1.0) == 1
    )
    assert rate_at("fall", 0, 10, 1.0) == 1 and rate_at("fall", 9, 10, 1.0) == pytest.approx(0.1)
    assert rate_at("cycle", 5, 100, 1.0) < rate_at("cycle", 10, 100, 1.0)


def test_a_stage_that_runs_out_of_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from data_scripts.pretraining.loop import train

    def run(folder: Path, minutes: float | None, steps: int) -> torch.Tensor:
        torch.manual_seed(0)
        modules = torch.nn.ModuleDict({"line": torch.nn.Linear(3, 1)})

        def loss_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
            return {"loss": modules["line"](torch.randn(8, 3, generator=generator)).float().square().mean()}

        options = {"schedule": "constant", "minutes": minutes, "every": 2}
        train("try", modules, loss_of, folder, steps=steps, lr=0.1, **options)  # type: ignore[arg-type]
        return modules["line"].weight.detach().clone()

    (tmp_path / "cut").mkdir()
    run(tmp_path / "cut", 0.0, 6)  # out of time after one step
    state = torch.load(tmp_path / "cut" / "try.pt", weights_only=True)
    assert state["step"] == 1
    assert torch.equal(run(tmp_path / "cut", None, 6), run(tmp_path / "whole", None, 6))


def test_the_judge_knows_a_summary_from_noise() -> None:
    from data_scripts.pretraining import judge

    known = judge.lexicon()
    assert judge.well_formed("the low, flat voice sounds sad", "sad", known)
    assert judge.well_formed("it sounds angry", "disgusted", known)  # both negative
    assert not judge.well_formed("rightened fearful", "fearful", known)
    assert not judge.well_formed("it sounds happy", "sad", known)
    assert not judge.well_formed("it sounds so", "sad", known) and not judge.well_formed(None, "sad", known)


def test_recall_counts_what_does_not_parse_as_wrong() -> None:
    from data_scripts.pretraining import judge

    assert judge.recall(["x", "x", "y"], ["x", None, "y"]) == 0.75


def test_strangers_are_finite_sounds_of_a_fixed_length() -> None:
    from data_scripts.pretraining import strangers

    for kind in strangers.MADE:
        sounds = [s.extra["waveform"] for s in strangers.made(kind, 2)]
        assert all(np.isfinite(w).all() and len(w) == 40000 and w.any() for w in sounds)


def test_a_grown_model_says_the_same(tmp_path: Path) -> None:
    from data_scripts.pretraining import again

    model, _ = again.started(tmp_path)
    bigger = again.grown(model, 7, 640)
    ids = torch.randint(20, 1600, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (m(input_ids=ids).logits for m in (model, bigger))
    assert len(bigger.model.language_model.layers) == 7 and torch.allclose(before, after, atol=1e-4)
    bigger.model.language_model(input_ids=ids).last_hidden_state.square().sum().backward()
    grads = [layer.mlp.down_proj.weight.grad.abs().max() for layer in bigger.model.language_model.layers]
    assert all(g > 0 for g in grads)
    with pytest.raises(ValueError, match="cannot shrink"):
        again.grown(model, 3, 640)


def test_halves_share_nothing_and_leave_one_of_each_label() -> None:
    from data_scripts.pretraining import judge

    labels = ["x"] * 6 + ["y"] * 3 + ["z"]
    taught, asked = judge.halves(labels, 5, np.random.default_rng(0))
    assert (taught, asked) == judge.halves(labels, 5, np.random.default_rng(0))
    assert len(taught) == 5 and sorted(taught + asked) == list(range(10))
    assert {labels[i] for i in asked} == {"x", "y", "z"} and 9 in asked


def test_the_card_states_what_was_judged() -> None:
    import json

    from data_scripts.pretrain_tiny import LOGS
    from data_scripts.pretraining import card
    from emolab.lalm.tiny import TINY_FOLDER

    tables = [json.loads((LOGS / f"{n}.json").read_text()) for n in ("judge", "judge-emo-rl", "strangers")]
    shipped = (TINY_FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.judged(*tables).strip() in shipped


def test_pretraining_hears_no_held_out_voice() -> None:
    from data_scripts.pretraining import voices

    held_out = {v.espeak.split("+")[1] for v in talkers.VOICES.values() if v.split != "train"}
    heard = [name.split("+")[1] for name, *_ in voices.VOICES]
    assert not held_out & set(heard)
    assert len({name for name, *_ in voices.VOICES}) == len(voices.VOICES) >= 30
