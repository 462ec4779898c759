"""The reward lab's functions, saved rollouts, and the widget over them."""

import pickle
import statistics

import pytest
from emolab_course.widgets.reward_lab import group
from emolab_course.widgets.rubric_controls import apply, as_python, controls, group_advantages, ranking
from hypothesis import given
from hypothesis import strategies as st

from emolab.errors import RewardError
from emolab.rewards import Format, LinearSchedule, Part, Rubric
from emolab.rewards.groups import group_spread, zero_variance_share
from emolab.rewards.rollouts import collect, from_rows, read_rollouts, summary, write_rollouts
from emolab.rewards.shipped import RUBRICS, rubric

THINK = "<think>a low voice</think>"
ROLLOUTS = from_rows(
    {"row": row, "prompt": "?", "completion": f"{THINK}<answer>{answer}</answer>", "solution": gold}
    for row, gold, answers in [(0, "sad", ("sad", "happy", "disgusted")), (1, "happy", ("happy", "happy", "happy"))]
    for answer in answers
)


def test_group_advantages_by_hand():
    rewards, groups = [1.0, 0.0, 0.0, 1.0, 1.0], ["a", "a", "a", "b", "b"]
    spread = statistics.stdev([1.0, 0.0, 0.0])
    expected = [(2 / 3) / (spread + 1e-4), (-1 / 3) / (spread + 1e-4), (-1 / 3) / (spread + 1e-4), 0.0, 0.0]
    assert group_advantages(rewards, groups) == pytest.approx(expected)
    assert group_advantages(rewards, groups, "none") == pytest.approx([2 / 3, -1 / 3, -1 / 3, 0.0, 0.0])
    everything = statistics.stdev(rewards)
    assert group_advantages(rewards, groups, "batch")[0] == pytest.approx((2 / 3) / (everything + 1e-4))
    assert group_advantages([1.0, None, 0.0], ["a"] * 3)[1] == 0.0
    with pytest.raises(RewardError, match="expected one of group"):
        group_advantages([1.0], ["a"], "x")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-2, 2)), min_size=1, max_size=20))
def test_advantages_of_a_group_sum_to_zero_and_keep_its_order(pairs):
    groups, rewards = [g for g, _ in pairs], [r for _, r in pairs]
    found = group_advantages(rewards, groups)
    for name in set(groups):
        own = [(r, a) for g, r, a in zip(groups, rewards, found, strict=True) if g == name]
        assert sum(a for _, a in own) == pytest.approx(0.0, abs=1e-6)
        assert [a for _, a in sorted(own)] == sorted(a for _, a in own)


def test_zero_variance_share():
    assert zero_variance_share([1.0, 1.0, 0.0, 1.0], [0, 0, 1, 1]) == 0.5


def test_the_spread_is_within_groups():
    assert group_spread([1.0, 1.0, 0.0, 0.0], [3, 3, 8, 8]) == 0.0
    assert group_spread([1.0, None, 0.0, 0.0], [3, 3, 8, 8]) == 0.25
    logged = {}
    plain = Rubric("x", (Part(Format("any")),))
    plain(["a"], log_metric=logged.__setitem__)
    assert set(logged) == {"reward/format"}
    plain(["a", "<answer>b</answer>"], row=[1, 1], log_metric=logged.__setitem__)
    assert logged["reward/format spread"] == 0.5


def test_ranking_and_summary():
    rows = ranking(rubric("r1_omni"), group(ROLLOUTS, 0))
    assert [row["total"] for row in rows] == [2.0, 1.0, 1.0] and rows[0]["rank"] == 1
    assert rows[0]["completion"].endswith("<answer>sad</answer>") and rows[0]["advantage"] > 0 > rows[1]["advantage"]
    numbers = summary(rubric("r1_omni"), ROLLOUTS)
    assert numbers == {
        "total": pytest.approx(1 + 4 / 6),
        "accuracy": pytest.approx(4 / 6),
        "format": 1.0,
        "zero_variance": 0.5,
    }


def test_controls_change_a_rubric():
    base = rubric("emo_rl")
    keys = {control.key: control for control in controls(base)}
    assert {"eswr.weight", "eswr.gamma", "eswr.alpha.start", "structure.gate", "structure.partial"} <= set(keys)
    assert keys["eswr.alpha.start"].value == 1.0 and keys["structure.gate"].options == (None, "eswr")
    assert keys["eswr.alpha.end"].range == (0.0, 1.0) and "style" not in {c.field for c in keys.values()}
    strict = apply(base, {"eswr.alpha.start": 0.0, "structure.weight": 0.0, "structure.gate": "eswr"})
    assert [row["total"] for row in ranking(strict, group(ROLLOUTS, 0))] == [1.0, 0.0, 0.0]
    assert apply(base, {key: control.value for key, control in keys.items()}) == base
    with pytest.raises(RewardError, match=r"no control 'eswr\.beta'"):
        apply(base, {"eswr.beta": 1.0})


@pytest.mark.parametrize("name", RUBRICS)
def test_every_shipped_rubric_can_be_turned(name):
    base = rubric(name)
    turned = apply(base, {control.key: control.value for control in controls(base)})
    assert turned == base and pickle.loads(pickle.dumps(turned)) == base


def test_a_schedule_stays_one_when_every_control_is_handed_back():
    """The widget hands back every value; at progress 0.5 a near miss must still earn half."""
    base = rubric("emo_rl")
    back = apply(base, {control.key: control.value for control in controls(base)})
    near = {"completion": ["<answer>disgusted</answer>"], "solution": ["sad"]}
    paid = [back.rescore(near, progress).total[0] for progress in (0.0, 0.5, 1.0)]
    assert paid[1] == pytest.approx(paid[0] / 2) and paid[2] == 0.0 < paid[0]
    late = Rubric("late", (Part(Format("any"), schedule=LinearSchedule(0.0, 1.0)),))
    sooner = apply(late, {"format.schedule.start": 0.5})
    assert sooner.rescore(near, 0.0).total == [0.5] and sooner.rescore(near, 1.0).total == [1.0]


@pytest.mark.parametrize("name", RUBRICS)
def test_as_python_makes_the_same_rubric(name):
    import emolab.rewards as rewards
    from emolab.rewards import captions, reasoning, wheel

    names = {k: v for module in (rewards, captions, reasoning, wheel) for k, v in vars(module).items()}
    base = apply(rubric(name), {f"{rubric(name).parts[0].name}.weight": 0.25})
    assert eval(as_python(base), names) == base
    assert "alpha" not in as_python(rubric("emo_rl"))


def test_rollouts_are_written_and_read(tmp_path):
    path = write_rollouts(tmp_path / "deep" / "r.jsonl", ROLLOUTS)
    assert read_rollouts(path) == ROLLOUTS
    odd = from_rows([{"completion": "a\u2028b\x85c\ud800\r\n", "solution": "sad"}])
    assert read_rollouts(write_rollouts(tmp_path / "odd.jsonl", odd)) == odd
    with pytest.raises(RewardError, match="no such rollouts"):
        read_rollouts(tmp_path / "none.jsonl")
    path.write_text('{"completion": "x"}\n{"prompt": "?"}\n')
    with pytest.raises(RewardError, match="line 2: needs an object with a column 'completion'"):
        read_rollouts(path)
    path.write_text("{")
    with pytest.raises(RewardError, match="line 1: not JSON"):
        read_rollouts(path)
    with pytest.raises(RewardError, match="no rollouts with row 7"):
        group(ROLLOUTS, 7)
    with pytest.raises(RewardError, match="rollout 1: column 'completion'"):
        from_rows([{"prompt": "?"}])


class Parrot:
    """Stands in for a model: answers what it is told to."""

    def encode(self, samples, prompt):
        return samples

    def generate(self, samples, n, **settings):
        class Made:
            texts = [["<answer>sad</answer>"] * n for _ in samples]

        return Made


def test_collect_keeps_what_rewards_read(tmp_path):
    from emolab.prompts import PROMPTS
    from emolab.samples import Corpus, EmotionSample

    samples = [EmotionSample(f"s{i}", audio="a.wav", emotion="sad", words=("sad", "low")) for i in range(5)]
    corpus = Corpus(tmp_path, [*samples, EmotionSample("x", text="no label")])
    made = collect(Parrot(), corpus, PROMPTS["direct"], n=12, size=4)
    assert len(made["completion"]) == 12 and made["row"] == [0] * 4 + [1] * 4 + [2] * 4
    assert rubric("direct").rescore(made).total == [1.2] * 12
    assert rubric("affectgpt_rl").rescore(made).parts["wheel_f"] == [1.0] * 12
    assert rubric("mecap_r1").rescore(made).parts["bleu"] == [None] * 12
    with pytest.raises(RewardError, match="no sample with an emotion"):
        collect(Parrot(), Corpus(tmp_path, corpus.samples[-1:]), PROMPTS["direct"])
