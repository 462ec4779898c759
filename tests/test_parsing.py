"""The one parser: every format, every way to get it wrong, and text that no sane model writes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolab.caches import LONGEST
from emolab.parsing import opened_by, parse, parse_label, parse_words, split_words

STRUCTURED = (
    "<think><content>It went well.</content><acoustics>low, slow</acoustics><summary>sad voice</summary>"
    "</think><answer>sad</answer>"
)


def test_every_format_of_the_contract():
    direct = parse("<answer>sad</answer>")
    assert (direct.think, direct.answer, direct.problems) == (None, "sad", ())
    assert direct.format_ok and not direct.structure_ok
    free = parse("<think>slow and low</think>\n<answer> sad </answer>\n")
    assert (free.think, free.answer, free.format_ok, free.structure_ok) == ("slow and low", "sad", True, False)
    structured = parse(STRUCTURED)
    assert structured.structure_ok and structured.format_ok
    assert structured.sections == {"content": "It went well.", "acoustics": "low, slow", "summary": "sad voice"}
    assert parse(STRUCTURED.replace("<summary>", "<visual>brows down</visual><summary>")).structure_ok


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no <answer> block"),
        ("sad", "no <answer> block"),
        ("<answer>sad", "<answer> is not closed"),
        ("<answer></answer>", "<answer> is empty"),
        ("<think> </think><answer>sad</answer>", "<think> is empty"),
        ("Well. <answer>sad</answer>", "text outside the blocks"),
        ("<answer>sad</answer> done", "text outside the blocks"),
        ("<answer>sad</answer><think>why</think>", "<think> comes after <answer>"),
        ("<answer>sad</answer><answer>angry</answer>", "several <answer> blocks"),
        ("<think>a</think><think>b</think><answer>sad</answer>", "several <think> blocks"),
        ("<think>a<answer>sad</answer></think>", "<answer> inside <think>"),
        ("<answer><answer>sad</answer></answer>", "<answer> inside <answer>"),
        ("</answer>sad<answer>", "</answer> without <answer>"),
        ("<content>x</content><answer>sad</answer>", "<content> is misplaced"),
    ],
)
def test_malformed_completions_say_what_is_wrong(text, problem):
    parsed = parse(text)
    assert not parsed.format_ok
    assert problem in parsed.problems


@pytest.mark.parametrize(
    "broken",
    [
        STRUCTURED.replace("<content>It went well.</content>", ""),
        STRUCTURED.replace("It went well.", " "),
        STRUCTURED.replace("<summary>sad voice</summary>", "<summary>sad voice</summary> and so on"),
        STRUCTURED.replace("content>", "CONTENT>"),
        STRUCTURED.replace(
            "<acoustics>low, slow</acoustics><summary>sad voice</summary>",
            "<summary>sad voice</summary><acoustics>low, slow</acoustics>",
        ),
        STRUCTURED.replace("</content>", "</content><content>again</content>"),
        STRUCTURED + "!",
    ],
)
def test_structure_must_be_complete_and_in_order(broken):
    assert not parse(broken).structure_ok
    assert parse(broken).problems or "CONTENT" in broken


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("<answer>Sadness.</answer>", "sad"),
        (STRUCTURED, "sad"),
        ("The voice is angry.", "angry"),
        ("sad or angry", None),
        ("<think>sad</think>", None),
        ("<think>a<answer>sad</answer></think>", None),
        ("<answer>sad</answer>" * 2, None),
        ("<answer><think>x</think>sad</answer>", None),
        ("<answer>s\u200bad</answer>", None),
        ("<answer>\u0455ad</answer>", None),
        ("<think><answer>sad</answer></think><answer>sad</answer>", None),
        ("preamble <answer>sad</answer>", "sad"),
        ("<answer>not angry</answer>", None),
        ("<answer>neutral, happy, sad, angry</answer>", None),
    ],
)
def test_parse_label(text, label):
    assert parse_label(text) == label


def test_what_the_prompt_has_opened_belongs_to_the_completion():
    for tail in ("<think>", "<think>\n", "<|im_start|>assistant\n<think>\n\n"):
        opened = opened_by(f"user\nReply with <answer>emotion</answer>.{tail}")
        assert opened.strip() == "<think>" and opened in tail
        completion = "slow and low</think>\n<answer>sad</answer>"
        parsed = parse(opened + completion)
        assert (parsed.think, parsed.answer, parsed.format_ok) == ("slow and low", "sad", True)
        assert not parse(completion).format_ok and parse_label(opened + completion) == "sad"
        assert parse_words(opened + "x</think><answer>sad, low</answer>") == ("sad", "low")
        assert parse(opened + STRUCTURED.removeprefix("<think>")).structure_ok
    assert parse_label("<think>sad") is None  # thought, but never said
    for closed in ("<think>\n\n</think>\n\n", "assistant\n", "", "<think> about it", "<content>"):
        assert opened_by(closed) == ""
    assert opened_by("<answer>") == "<answer>" and parse("<answer>sad</answer>").answer == "sad"


def test_the_cache_is_bounded_in_bytes():
    from emolab import parsing

    info = parsing.parse.cache_info()
    assert info.maxsize * LONGEST * 4 <= 64 * 2**20  # four bytes a character at most
    parse("<answer>sad</answer>" + " " * LONGEST)
    assert parsing.parse.cache_info().currsize == info.currsize


def test_words():
    assert parse_words("<think>x</think><answer>[Angry, 'furious'; angry]</answer>") == ("angry", "furious")
    assert parse_words("<think>angry</think>") == ()
    assert parse_words("angry, sad") == ("angry", "sad")
    assert split_words("a bit  sad,,\n 生气、愤怒") == ("a bit sad", "生气", "愤怒")
    assert split_words("x" * 100) == ()


PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<content>",
        "</content>",
        "<acoustics>",
        "</acoustics>",
        "<summary>",
        "</summary>",
        "<",
        ">",
        "sad",
        "angry",
        ",",
        " ",
        "\n",
        "\u200b",
        "é",
        "\ud800",
        "\x00",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join))
def test_parser_never_raises_and_keeps_its_promises(text):
    parsed = parse(text)
    assert parsed == parse(text)
    if parsed.format_ok:
        assert parsed.answer and text.count("<answer>") == 1 == text.count("</answer>") and not parsed.problems
    if parsed.structure_ok:
        assert parsed.format_ok and {"content", "acoustics", "summary"} <= set(parsed.sections)
    assert parsed.answer is None or parsed.answer in text
    assert len(parsed.problems) < 40
    parse_label(text)
    parse_words(text)


@pytest.mark.parametrize(
    "unit",
    [
        "<think>",
        "</answer>",
        "<answer>x</answer>",
        "a,",
        "<",
        " ",
        "<think>a</think>",
        "sad ",
        "\n<content>",
        "<answer>" + " " * 50,
    ],
)
def test_parsing_is_linear(unit):
    def seconds(size):
        text = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            parse(text), parse_label(text), parse_words(text)
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(125_000), seconds(1_000_000)
    assert large < 2.0
    assert large < 8 * 3 * small + 0.05
