"""First rewards and the rubric: hand-worked values, the shape TRL wants, and every way to call them wrong."""

import pickle
import re
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolab.emotions import EMOTIONS, similarity
from emolab.errors import RewardError
from emolab.rewards import ESWR, Accuracy, Format, LinearSchedule, Part, Rubric, Structure

STRUCTURED = (
    "<think><content>all is well</content><acoustics>low and slow</acoustics><summary>sounds sad</summary>"
    "</think><answer>sad</answer>"
)
FREE = "<think>low and slow</think><answer>sad</answer>"


def answers(*labels):
    return [f"<answer>{label}</answer>" for label in labels]


def call(reward, completions, **columns):
    return reward(completions, **columns)


def test_accuracy():
    assert call(Accuracy(), answers("Sad.", "angry", "sad or angry"), solution=["sad"] * 3) == [1.0, 0.0, 0.0]
    assert call(Accuracy(), ["I think it is sad"], solution=["sadness"]) == [1.0]
    assert call(Accuracy(published=True), [*answers("sad", "Sad"), "sad"], solution=["sad"] * 3) == [1.0, 0.0, 1.0]


def test_eswr_credits_neighbours_by_alpha():
    close = similarity("fearful", "surprised")
    full = call(ESWR(alpha=1.0), answers("fearful", "surprised", "happy"), solution=["fearful"] * 3)
    assert full == [1.0, pytest.approx(close), 0.0]
    assert call(ESWR(alpha=0.25), answers("surprised"), solution=["fearful"]) == [pytest.approx(0.25 * close)]


def test_eswr_trap_a_correct_neutral_earns_nothing_when_read_literally():
    assert call(ESWR(), answers("neutral"), solution=["neutral"]) == [1.0]
    assert call(ESWR(published=True), answers("neutral"), solution=["neutral"]) == [0.0]
    literal = [call(ESWR(published=True), answers(e), solution=[e])[0] for e in EMOTIONS]
    assert literal == [0.0] + [1.0] * 6
    assert ESWR(published=True).__name__ == "eswr_published"


def test_eswr_trap_joy_never_earns_partial_credit():
    for other in EMOTIONS[2:]:
        assert call(ESWR(alpha=1.0), answers(other), solution=["happy"]) == [0.0]


def test_eswr_takes_other_similarities_and_label_sets():
    table = {a: {b: 1.0 if a == b else 0.87 for b in ("sad", "angry")} for a in ("sad", "angry")}
    learned = ESWR(labels=("sad", "angry"), alpha=1.0, kind=table)
    assert call(learned, answers("angry"), solution=["sad"]) == [0.87]
    assert call(ESWR(alpha=1.0, kind="vad"), answers("angry"), solution=["disgusted"])[0] > 0.7
    meld = ("neutral", "joy", "sadness", "anger", "surprise", "fear", "disgust")
    assert call(ESWR(labels=meld, alpha=1.0), answers("surprised", "joy"), solution=["fear", "joy"])[1] == 1.0


def test_eswr_curriculum_follows_training():
    close = similarity("sad", "disgusted")
    for step, alpha in [(0, 1.0), (25, 0.75), (100, 0.0)]:
        state = SimpleNamespace(global_step=step, max_steps=100)
        got = call(ESWR(), answers("disgusted", "sad"), solution=["sad"] * 2, trainer_state=state)
        assert got == [pytest.approx(alpha * close), 1.0]
    assert call(ESWR(), answers("disgusted"), solution=["sad"], progress=0.5) == [pytest.approx(0.5 * close)]
    assert LinearSchedule(1.0, 0.0, 0.5, 1.0)(0.75) == 0.5
    with pytest.raises(ValueError, match="begin < finish"):
        LinearSchedule(begin=0.5, finish=0.5)


def test_format_styles():
    texts = [FREE, "<answer>sad</answer>", STRUCTURED, "sad", "<think></think><answer>sad</answer>"]
    assert call(Format("free"), texts) == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert call(Format("direct"), texts) == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert call(Format("structured"), texts) == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert call(Format("any"), texts) == [1.0, 1.0, 1.0, 0.0, 0.0]
    nested = "<think><answer>x</answer></think><answer>sad</answer>"
    assert call(Format("free"), [nested]) == [0.0]
    assert call(Format(published=True), [nested, "<think></think><answer></answer>", "sad"]) == [1.0, 1.0, 0.0]
    with pytest.raises(RewardError, match="expected one of any"):
        Format("json")


def test_structure_wants_words_in_every_section():
    thin = STRUCTURED.replace("low and slow", "x")
    swapped = STRUCTURED.replace("content>", "summary>")
    assert call(Structure(), [STRUCTURED, thin, FREE, swapped]) == [1.0, 0.0, 0.0, 0.0]
    assert call(Structure(partial=True), [STRUCTURED, thin, FREE]) == [1.0, pytest.approx(2 / 3), 0.0]
    assert call(Structure(min_words=1), [thin]) == [1.0]


def test_messages_count_like_strings():
    messages = [
        [{"role": "assistant", "content": FREE}],
        [{"role": "assistant", "content": [{"type": "text", "text": FREE}]}],
    ]
    for reward in (Accuracy(), Format("free"), ESWR()):
        assert call(reward, messages, solution=["sad"] * 2) == [1.0, 1.0]
    with pytest.raises(RewardError, match="string or a list of chat messages, got int"):
        call(Format(), [3])


def test_a_missing_column_is_an_error_that_names_it():
    with pytest.raises(RewardError, match=r"'accuracy' needs the column 'solution'.*columns given: label"):
        call(Accuracy(), answers("sad"), label=["sad"])
    with pytest.raises(RewardError, match="must hold 2 values"):
        call(Accuracy(), answers("sad", "sad"), solution=["sad"])
    with pytest.raises(RewardError, match="solution 'purple' is not one of"):
        call(Accuracy(), answers("sad"), solution=["purple"])
    assert call(Accuracy(), answers("sad"), solution=[None]) == [None]


def test_rewards_and_rubrics_pickle_with_their_names():
    for reward in (Accuracy(), ESWR(published=True), Format(), Structure(), rubric()):
        again = pickle.loads(pickle.dumps(reward))
        assert again == reward and again.__name__ == reward.__name__


def rubric(**changes):
    parts = (Part(ESWR(alpha=1.0)), Part(Format("any"), weight=0.5), Part(Structure(), gate="eswr", weight=2.0))
    return Rubric("demo", parts, **changes)


def test_rubric_weighs_gates_and_keeps_every_column():
    completions = [STRUCTURED, STRUCTURED.replace("<answer>sad", "<answer>happy"), "<answer>disgusted</answer>"]
    scores = rubric().score(completions, solution=["sad"] * 3)
    close = pytest.approx(similarity("sad", "disgusted"))
    assert scores.parts == {"eswr": [1.0, 0.0, close], "format": [1.0] * 3, "structure": [1.0, 1.0, 0.0]}
    assert scores.counted["structure"] == [2.0, 0.0, 0.0]
    assert scores.total == [3.5, 0.5, pytest.approx(similarity("sad", "disgusted") + 0.5)]
    assert scores.table()[1] == {"eswr": 0.0, "format": 1.0, "structure": 1.0, "total": 0.5}
    assert rubric(clip=(0.0, 1.0))(completions, solution=["sad"] * 3) == [1.0, 0.5, 1.0]
    assert rubric().columns == ("solution",)


def test_rubric_schedules_clips_and_skips_what_does_not_apply():
    late = Rubric(
        "late", (Part(Accuracy(), clip=(0.0, 0.5)), Part(Format("any"), schedule=LinearSchedule(0.0, 1.0, 0.5, 1.0)))
    )
    texts = answers("sad")
    assert late(texts, solution=["sad"], progress=0.5) == [0.5]
    assert late(texts, solution=["sad"], progress=1.0) == [1.5]
    assert late(texts, solution=[None], progress=1.0) == [1.0]
    assert Rubric("one", (Part(Accuracy()),))(texts, solution=[None]) == [None]


def test_rubric_rejects_nonsense():
    with pytest.raises(RewardError, match="two parts named 'format'"):
        Rubric("bad", (Part(Format()), Part(Format("any"))))
    with pytest.raises(RewardError, match="gated by 'judge'"):
        Rubric("bad", (Part(Format(), gate="judge"),))
    with pytest.raises(RewardError, match="no part 'judge'"):
        rubric().with_part("judge", weight=1.0)
    with pytest.raises(RewardError, match="no column 'completion'"):
        rubric().rescore({"prompt": ["?"]})


def test_rubric_logs_to_trl():
    metrics, extra = {}, {}
    rubric()(
        answers("sad", "happy"),
        solution=["sad"] * 2,
        log_metric=metrics.__setitem__,
        log_extra=extra.__setitem__,
    )
    assert metrics["reward/eswr"] == 0.5 and extra["format"] == [1.0, 1.0]


def test_rescore_needs_no_model_and_equals_scoring():
    rollouts = {"prompt": ["?"] * 2, "completion": answers("sad", "happy"), "solution": ["sad"] * 2}
    assert rubric().rescore(rollouts).total == [1.5, 0.5]
    assert rubric().with_part("format", weight=0.0).rescore(rollouts).total == [1.0, 0.0]


def test_trl_calls_them_with_more_than_they_read():
    state = SimpleNamespace(global_step=5, max_steps=10)
    kwargs = {
        "solution": ["sad"],
        "trainer_state": state,
        "log_extra": lambda *a: None,
        "log_metric": lambda *a: None,
        "completion_ids": [[1]],
    }
    assert rubric()(prompts=["?"], completions=answers("sad"), **kwargs) == [1.5]


def test_a_plain_function_is_a_reward():
    def short(completions, **columns):
        return [float(len(text) < 30) for text in completions]

    found = Rubric.of([Accuracy(), (short, 0.5), Part(Format("any"), gate="accuracy")], name="mine")
    assert [part.name for part in found.parts] == ["accuracy", "short", "format"]
    assert found(answers("sad", "happy"), solution=["sad"] * 2) == [2.5, 0.5]
    assert found.__name__ == "mine" and found.columns == ("solution",)
    with pytest.raises(RewardError, match="no parts"):
        Rubric.of([])


def test_a_solution_may_be_tagged_or_bare():
    for solution in ("sad", "<answer>sad</answer>", "<think>low</think><answer>Sadness</answer>"):
        assert Accuracy()(answers("sad"), solution=[solution]) == [1.0] == ESWR()(answers("sad"), solution=[solution])
    assert Accuracy(published=True)(answers("sad"), solution=["<answer>sad</answer>"]) == [1.0]


def test_every_reward_has_the_one_signature():
    """No class between that changes it: the completions first, the columns by name."""
    import inspect

    from emolab.rewards import captions, form, labels, reasoning, votes, wheel
    from emolab.rewards.base import Named

    found = [
        value
        for module in (captions, form, labels, reasoning, votes, wheel)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Named) and value is not Named
    ]
    assert len(found) >= 12
    for reward in (*found, Rubric):
        assert str(inspect.signature(reward.__call__)) == (
            "(self, completions: 'Sequence[Any]', **columns: 'Any') -> 'list[float | None]'"
        )


RELEASED = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
TAGS = st.sampled_from(
    ["<think>", "</think>", "<answer>", "</answer>", " ", "\n", "x", "</", "think>", "\u3000", "\x1f"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TAGS, max_size=14).map("".join))
def test_the_published_form_is_the_released_expression(text):
    matched = RELEASED.fullmatch(text.strip()) is not None
    assert Format(published=True)([text]) == [float(matched)]
    wrapped = f"<think>{text}</answer>"
    assert Format(published=True)([wrapped]) == [float(RELEASED.fullmatch(wrapped.strip()) is not None)]


def test_the_published_form_takes_linear_time():
    """The released expression is quadratic on these: 100 kB took half a second, 1 MB a minute."""
    for text in ("<think>" + "</think>" * 120_000 + "</answer>", "<think></think>" + " " * 1_000_000 + "</answer>"):
        start = time.process_time()
        assert Format(published=True)([text]) == [0.0]
        assert time.process_time() - start < 2.0
