"""No shipped reward pays a hack more than an honest wrong answer, unless it is called published."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolab.emotions import EMOLAB_7, label_set
from emolab.errors import RewardError
from emolab.rewards import ESWR, Accuracy, Format, Part, Rubric, Structure
from emolab.rewards.captions import EmoGRPO
from emolab.rewards.hacks import HACKS, LANGUAGES, STYLES, cases, honest
from emolab.rewards.redteam import audit, pay, paying_hacks, style_of
from emolab.rewards.shipped import RUBRICS, rubric
from emolab.rewards.votes import Votes
from emolab.rewards.wheel import WheelF

OURS = [name for name in RUBRICS if not name.endswith("published")]
PUBLISHED = [name for name in RUBRICS if name.endswith("published")]
ALONE = [Accuracy(), ESWR(), Votes(), WheelF(), EmoGRPO(), Format("free"), Structure()]
"""Rewards that stand alone. BLEU and CIDEr do not: they pay a template with another emotion, so rubrics gate them."""
MS_PER_KB = 5.0


def test_the_hostile_corpus_is_large() -> None:
    made = {
        (language, style, kind): text
        for language in LANGUAGES
        for case in cases(EMOLAB_7, language)
        for style in STYLES
        for kind, build in HACKS.items()
        for text in build(case, style)
    }
    texts = {
        text
        for language in LANGUAGES
        for case in cases(EMOLAB_7, language)
        for style in STYLES
        for build in HACKS.values()
        for text in build(case, style)
    }
    assert len({kind for _, _, kind in made}) == len(HACKS) >= 60
    assert len(texts) >= 5_000
    for language in LANGUAGES:
        assert len({kind for found, _, kind in made if found == language}) >= 50


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OURS)
def test_no_hostile_completion_earns_more_than_an_honest_wrong_answer(name: str, language: str) -> None:
    found = audit(rubric(name), language=language, thorough=True)
    assert [(row["hack"], row["margin"], row["example"]) for row in found["rows"] if not row["ok"]] == []
    assert found["blind"]["ok"], found["blind"]
    assert found["ok"] and found["right"] > found["wrong"] + 0.5
    assert found["neutral_right"] == pytest.approx(found["right"], rel=0.1)
    assert len(found["rows"]) >= 45


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reward", ALONE, ids=lambda reward: reward.__name__)
def test_no_reward_that_stands_alone_pays_a_hack(reward, language: str) -> None:
    found = audit(reward, language=language, thorough=True)
    assert [(row["hack"], row["margin"], row["example"]) for row in found["rows"] if not row["ok"]] == []


@pytest.mark.parametrize("name", OURS)
def test_no_hack_pays_while_a_curriculum_has_not_ended(name: str) -> None:
    assert [row for row in audit(rubric(name), progress=0.0)["rows"] if not row["ok"]] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("labels", ["iemocap-4", "ravdess-8", "mafw-11", "emodb-7", "calm, tense, bored", "foo, bar"])
def test_no_hack_pays_with_other_label_sets(labels: str, language: str) -> None:
    for name in OURS:
        found = audit(rubric(name, labels), labels=labels, language=language)
        assert [(name, row["hack"], row["example"]) for row in found["rows"] if not row["ok"]] == []
        assert found["labels"] == label_set(labels).name


def test_a_set_that_the_lexicon_does_not_know_is_said() -> None:
    found = audit(rubric("affectgpt_rl", "foo, bar"), labels="foo, bar")
    assert found["notes"] == ["the lexicon knows no word for foo, bar: rewards on words pay nothing there"]
    assert audit(rubric("direct", "foo, bar"), labels="foo, bar")["notes"] == []


@pytest.mark.parametrize("name", OURS)
def test_no_completion_takes_longer_than_five_milliseconds_a_kilobyte(name: str) -> None:
    """Processor time; a text that is too slow is tried again, since the first call reads tables and others share the
    processor."""
    reward, style = rubric(name), style_of(rubric(name))
    pay(reward, cases()[0], ["<answer>sad</answer>"])
    for language in LANGUAGES:
        case = cases(EMOLAB_7, language)[2]
        for kind, build in HACKS.items():
            for i, text in enumerate(build(case, style)):
                limit = MS_PER_KB * max(1.0, len(text) / 1000) / 1000
                spent = min(_seconds(reward, case, f"{text}{' ' * (i + again)}") for again in range(3 if i < 2 else 1))
                if spent > limit:
                    spent = min(spent, *(_seconds(reward, case, f"{text}{' ' * (9 + again)}") for again in range(5)))
                assert spent <= limit, (kind, text[:80], len(text), spent)


def _seconds(reward, case, text: str) -> float:
    start = time.process_time()
    pay(reward, case, [text])
    return time.process_time() - start


def test_published_rubrics_pay_hacks_and_say_so() -> None:
    paid = {name: {row["hack"] for row in audit(rubric(name))["rows"] if not row["ok"]} for name in PUBLISHED}
    assert {"repeated answers", "nested tags"} & paid["r1_omni_published"]
    assert {"label spam", "every wheel word"} <= paid["affectgpt_rl_published"]
    assert "reference template, wrong emotion" in paid["mecap_r1_published"]
    audits = [audit(rubric(name)) for name in ("direct", "r1_omni_published")]
    found = paying_hacks(audits)
    assert found["direct"] == [] and set(found["r1_omni_published"]) == paid["r1_omni_published"]
    assert {row["hack"] for row in audits[0]["rows"]} <= set(HACKS)
    assert audits[0]["right"] == pytest.approx(1.2)
    literal = audit(rubric("emo_rl_published"))
    assert literal["neutral_right"] == pytest.approx(literal["wrong"])
    assert literal["published"] and not audit(rubric("emo_rl"))["published"]


def test_the_audit_finds_a_rubric_that_pays_for_form_alone() -> None:
    leaky = Rubric("leaky", (Part(Accuracy(published=True)), Part(Format("free", published=True), weight=0.1)))
    assert not audit(leaky, style="free")["ok"]


def test_the_audit_finds_that_a_plain_function_pays_denials() -> None:
    def names_it(completions, solution, **columns):
        return [float(gold in text) for text, gold in zip(completions, solution, strict=True)]

    found = audit(names_it)
    paying = {row["hack"] for row in found["rows"] if not row["ok"]}
    assert {"denial: not", "denial: far from", "denial: x is wrong", "label spam"} <= paying
    assert found["rubric"] == "names_it" and found["style"] == "free" and not found["ok"]

    def long(completions, **columns):
        return [len(text) / 1000 for text in completions]

    assert not audit(long)["ok"]


def test_a_blind_hedge_of_two_words_is_found_where_nothing_stops_it() -> None:
    """Without the factor on precision, two likely words earn more than one without listening; with it, they do not."""
    form = Part(Format("direct"), weight=0.5)
    free = audit(Rubric("free", (Part(WheelF(hedge=0.0, penalty="none")), form)))["blind"]
    stopped = audit(Rubric("stopped", (Part(WheelF()), form)))["blind"]
    assert free["several"] > free["single"] + 0.02 and not free["ok"]
    assert stopped["several"] <= stopped["single"] and stopped["ok"]


def test_a_denied_caption_and_the_opposite_in_chinese_earn_nothing() -> None:
    reward = rubric("mecap_r1")
    english = "The speaker sounds angry and furious: the voice is loud and harsh."
    texts = [
        english.replace("sounds", "does not sound"),
        english.replace("sounds", "doesn’t sound"),
        english.replace("sounds", "sounds anything but"),
        english.replace("angry and furious", "happy and glad"),
    ]
    paid = reward([f"<answer>{text}</answer>" for text in (*texts, english)], caption=[english] * 5)
    assert paid[:4] == [0.0] * 4 and paid[4] > 1.5
    chinese = "说话人听起来悲伤、难过，声音低而缓慢。"
    texts = [chinese.replace("悲伤、难过", other) for other in ("高兴、快乐", "不悲伤、不难过", "平静")]
    paid = reward([f"<answer>{text}</answer>" for text in (*texts, chinese)], caption=[chinese] * 4)
    assert paid[:3] == [0.0] * 3 and paid[3] > 1.5


def test_a_caption_in_a_script_that_nobody_here_reads_is_refused() -> None:
    with pytest.raises(RewardError, match=r"cannot be read; .* know English and Chinese.*row 3, completion"):
        rubric("mecap_r1")(["<answer>悲しい声</answer>"], caption=["とても悲しそうな声です"], row=[3])


def test_every_hack_differs_from_the_honest_answers() -> None:
    for case in cases():
        right, wrong = honest(case.emotion, case, "free"), honest(case.wrong, case, "free")
        assert all(text not in (right, wrong) for build in HACKS.values() for text in build(case, "free"))


def test_the_style_is_told_from_the_parts() -> None:
    styles = {name: style_of(rubric(name)) for name in RUBRICS}
    assert styles["direct"] == "direct" and styles["emo_rl"] == styles["emo_rl_published"] == "structured"
    assert styles["affectgpt_rl"] == "words" and styles["affectgpt_rl_no_think"] == "words_direct"
    assert styles["mecap_r1"] == "caption" and styles["r1_omni"] == "free"


def test_honest_answers_are_read_in_both_languages() -> None:
    for language in LANGUAGES:
        for case in cases(EMOLAB_7, language):
            for style in ("direct", "free", "structured"):
                assert Accuracy()([honest(case.emotion, case, style)], solution=[case.emotion]) == [1.0]
            words = pay(WheelF(), case, [honest(case.emotion, case, "words"), honest(case.wrong, case, "words")])
            assert words[0] == 1.0 and words[1] < 0.5


def test_shipped_rubrics_pickle_and_unknown_ones_are_named() -> None:
    for found in map(rubric, RUBRICS):
        assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(RewardError, match="no rubric 'x'; known are direct"):
        rubric("x")


PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "sad",
    "happy",
    "悲伤",
    "不",
    ", ",
    ". ",
    "\u200b",
    "not ",
    "isn’t ",
    "\ud800",
    "é",
    "<content>",
    "</content>",
]
COLUMNS = {"solution": ["sad"], "words": [["sad"]], "caption": ["She sounds sad and low."], "row": [0]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_rubric_raises_on_any_text(text: str) -> None:
    for found in map(rubric, RUBRICS):
        total = found([text], **COLUMNS, progress=1.0)[0]
        assert total is not None and -1.0 <= total <= 5.0
