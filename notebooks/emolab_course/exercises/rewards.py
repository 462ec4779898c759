"""The exercises of notebook 03: rewards, and attacks on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emolab.emotions import EMOLAB_7, similarity
from emolab_course.compare import FunctionExercise, JudgedExercise, Mistake


def _eswr(predicted: str | None, gold: str, alpha: float) -> float:
    from emolab.rewards import ESWR

    return 0.0 if predicted is None else ESWR(alpha=alpha).credit(predicted, gold)


def _label_inputs(rng: np.random.Generator) -> Iterator[tuple[str | None, str, float]]:
    yield "neutral", "neutral", 1.0
    yield "sad", "sad", 0.25
    yield None, "sad", 1.0
    yield "disgusted", "sad", 0.5
    for alpha in (1.0, float(rng.random())):
        for predicted in EMOLAB_7:
            for gold in EMOLAB_7:
                yield predicted, gold, alpha


def _literal(predicted: str | None, gold: str, alpha: float) -> float:
    closeness = 0.0 if predicted is None else similarity(predicted, gold, "published")
    return 1.0 if closeness == 1.0 else alpha * closeness if closeness > 0.7 else 0.0


def _no_threshold(predicted: str | None, gold: str, alpha: float) -> float:
    if predicted is None or predicted == gold:
        return float(predicted == gold)
    return alpha * similarity(predicted, gold)


def _scaled_match(predicted: str | None, gold: str, alpha: float) -> float:
    closeness = 0.0 if predicted is None else similarity(predicted, gold)
    return alpha * closeness if closeness > 0.7 else 0.0


def _exact_only(predicted: str | None, gold: str, alpha: float) -> float:
    return float(predicted == gold)


def _unreadable_is_near(predicted: str | None, gold: str, alpha: float) -> float:
    return alpha * 0.5 if predicted is None else _eswr(predicted, gold, alpha)


def _not_scaled(predicted: str | None, gold: str, alpha: float) -> float:
    return _eswr(predicted, gold, 1.0)


SIMILARITY_REWARD = FunctionExercise(
    number="3.2",
    title="The similarity-weighted reward",
    kind="implement",
    stars=1,
    minutes=10,
    why=("this is the reward of EMO-RL, and its published formula has a trap that costs right answers their pay."),
    hints=(
        "Three cases earn three things: unreadable, exact, and near.",
        (
            "Treat the exact match before you look at the circle: a label without a place has similarity one "
            "half to itself."
        ),
        (
            "None gives 0; predicted == gold gives 1; else s = similarity(predicted, gold), and alpha * s if "
            "s > 0.7, else 0."
        ),
    ),
    reasoning=(
        "The order of the cases matters. If similarity were asked first, a right *neutral* would have S = "
        "½, which is below the threshold, and would earn nothing. The curriculum scales only what is a "
        "concession, the near miss. A right answer is worth 1 at every stage, or training would forget, "
        "while alpha falls, that it is right."
    ),
    reference=_eswr,
    inputs=_label_inputs,
    mistakes={
        "neutral trap": Mistake(
            _literal, 'a right "neutral" must earn 1: give exact matches their reward before you look at the circle'
        ),
        "no threshold": Mistake(
            _no_threshold, "partial credit is only for similarities above 0.7; below that the reward is 0"
        ),
        "scaled match": Mistake(
            _scaled_match, "alpha scales partial credit only; an exact match earns 1 whatever alpha is"
        ),
        "exact only": Mistake(_exact_only, "a near miss (sad for disgusted) earns alpha times its similarity, not 0"),
        "unreadable": Mistake(_unreadable_is_near, "an unreadable answer (None) earns 0, whatever alpha is"),
        "not scaled": Mistake(_not_scaled, "multiply the credit of a near miss by alpha"),
    },
)


def _contradicts(text: str) -> tuple[str, str]:
    from emolab.parsing import parse, parse_label
    from emolab.rewards.shipped import rubric
    from emolab.rewards.wheel import reasoning_words
    from emolab.wheels import sample_scores

    paid = float(rubric("r1_omni")([text], solution=["sad"])[0] or 0.0)
    label, words = parse_label(text), reasoning_words(text)
    measured = (
        f"R1-Omni's reward pays {paid:.2f} of 2; the answer is read as {label!r}, the reasons name {words or 'none'}."
    )
    if label is None:
        return "unreadable", measured
    if label != "sad":
        return "wrong label", measured
    if not parse(text).format_ok or parse(text).think is None or paid < 2:
        return "no reasons", measured
    if not words:
        return "no emotion", measured
    f = (sample_scores(["sad"], list(words)) or (0.0, 0.0, 0.0))[2]
    return ("agrees" if f > 0 else ""), measured


CONTRADICTION = JudgedExercise(
    number="3.1",
    title="Full pay for nonsense",
    kind="break",
    stars=1,
    minutes=10,
    why="a reward for the label and the form leaves the reasons free: they may say the opposite.",
    hints=(
        "Which part of an answer does neither Accuracy nor Format read?",
        "The label must be sad and the form right. The think block may say whatever you like.",
        "<think>… a happy voice …</think><answer>sad</answer>",
    ),
    reasoning=(
        "Accuracy reads the answer block, Format looks for the tags, and nobody reads the reasons. So "
        "`<think>What a happy voice!</think><answer>sad</answer>` earns all that R1-Omni can pay. Training does not "
        "aim at such texts, but it does not mind them either: reasons drift wherever it is easy for them to go. "
        "Notebook 10 measures this, and asks for a reward that reads the reasons."
    ),
    takes=str,
    example="<think>What a happy, cheerful voice!</think><answer>sad</answer>",
    judge=_contradicts,
    mistakes={
        "unreadable": Mistake("slow and low", "the reward must be able to read a label: use an answer block"),
        "wrong label": Mistake(
            "<think>a sad voice</think><answer>happy</answer>", "the gold label is sad, and so must the answer be"
        ),
        "no reasons": Mistake("<answer>sad</answer>", "write a think block before the answer, for the full pay of 2"),
        "no emotion": Mistake(
            "<think>slow and low</think><answer>sad</answer>",
            "let the reasons name an emotion, and another one than sad",
        ),
        "agrees": Mistake(
            "<think>a gloomy voice</think><answer>sad</answer>",
            "these reasons support the answer: let them name an emotion far from sad",
        ),
    },
)


def _careful() -> Any:
    from emolab.rewards import Accuracy, Rubric
    from emolab_course.demos import expert_words

    return Rubric.of([Accuracy(EMOLAB_7), expert_words], "careful")  # type: ignore[list-item]


def _attack(text: str) -> tuple[str, str]:
    from emolab.parsing import parse_label
    from emolab_course.demos import EXPERT_WORDS

    honest = "<think>The voice says it all.</think><answer>happy</answer>"
    wrong, mine = (float(v or 0.0) for v in _careful()([honest, text], solution=["sad"] * 2))
    measured = f"An honest wrong answer earns {wrong:.2f}, your text earns {mine:.2f}."
    if not text.strip():
        return "empty", measured
    if parse_label(text) == "sad":
        return "right answer", measured
    if mine > wrong:
        return "", measured
    if not EXPERT_WORDS & set(text.lower().replace("<", " ").replace(">", " ").split()):
        return "from the list", measured
    return ("outside" if parse_label(text) else "no answer"), measured


MISSED_ATTACK = JudgedExercise(
    number="3.4",
    title="An attack that the red team misses",
    kind="break",
    stars=2,
    minutes=15,
    why="an audit knows the attacks that somebody wrote down; training finds the others.",
    hints=(
        "The audit passes this rubric. Read the code of expert_words: for what does it pay that no attack contains?",
        "The reward looks at the reasons alone, and wants an answer that can be read. The answer may be wrong.",
        "<think>jitter shimmer …</think><answer>happy</answer>, where the gold label is sad.",
    ),
    reasoning=(
        "The words that this reward pays for occur in none of the audit's attacks, so every attack earns 0 from it. "
        "A text that recites them earns nearly as much as a right answer, whatever the clip. A passed audit says that "
        "known holes are closed. Two cures: gate the part by accuracy, so that reasons are paid beside right answers "
        "only; and add the attack to the audit, where it will be tried on every later reward."
    ),
    takes=str,
    example="<think>jitter shimmer formant timbre prosody cadence</think><answer>happy</answer>",
    judge=_attack,
    mistakes={
        "empty": Mistake("", "an empty text earns nothing here: this reward does not pay for brevity"),
        "right answer": Mistake(
            "<answer>sad</answer>", "this is the right answer, and no attack; the gold label is sad"
        ),
        "from the list": Mistake(
            "<think>The voice says it all.</think><answer>not sad</answer>",
            "the audit tries such texts already: look at what expert_words counts",
        ),
        "outside": Mistake(
            "jitter shimmer <answer>happy</answer>", "the words are counted inside the think block alone"
        ),
        "no answer": Mistake(
            "<think>jitter shimmer formant</think>", "the words are paid beside an answer that can be read: add one"
        ),
    },
)

Reward = Callable[..., Any]


def _designed(reward: Reward) -> tuple[str, str]:
    from emolab.rewards import Accuracy, Rubric
    from emolab.rewards.redteam import audit

    def think(words: str, answer: str) -> str:
        return f"<think>{words}</think><answer>{answer}</answer>"

    short, ramble = "the voice is slow, low and very quiet", " ".join(["slow and low and slow"] * 40)
    texts = [think(short, "sad"), "<answer>sad</answer>", think(ramble, "sad"), think(short, "happy")]
    given = reward(texts, solution=["sad"] * 4)
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != len(texts):
        return "not a list", f"For {len(texts)} completions it returned {type(given).__name__}."
    rubric = Rubric.of([Accuracy(EMOLAB_7), reward], "mine")
    reasoned, bare, rambling, wrong = (float(v or 0.0) for v in rubric(texts, solution=["sad"] * 4))
    measured = (
        f"Right with a short reason {reasoned:.2f}, right without {bare:.2f}, right and rambling {rambling:.2f}, "
        f"wrong with a short reason {wrong:.2f}."
    )
    if reasoned < bare + 0.05:
        return "no difference", measured
    if rambling > reasoned + 1e-9:
        return "pays rambling", measured
    if wrong >= bare:
        return "outweighs", measured
    empty = float(rubric([think("", "sad")], solution=["sad"])[0] or 0.0)
    if empty > bare + 1e-9:
        return "pays the tag", f"{measured} Right with an empty think block {empty:.2f}."
    found = audit(rubric, style="free")
    paying = [row["hack"] for row in found["rows"] if not row["ok"]]
    if paying:
        return "holes", f"{len(paying)} attacks pay, such as: {paying[0]}."
    return ("" if found["blind"]["ok"] else "hedging"), f"{measured} None of {len(found['rows'])} attacks pays"


def _example_reward(completions: Sequence[str], solution: Sequence[str], **columns: Any) -> list[float]:
    from emolab.parsing import parse, parse_label

    return [
        0.2 * (parse_label(text) == gold and 5 <= len((parse(text).think or "").split()) <= 30)
        for text, gold in zip(completions, solution, strict=True)
    ]


def _one_number(completions: Sequence[str], **columns: Any) -> float:
    return 0.2


def _constant(completions: Sequence[str], **columns: Any) -> list[float]:
    return [0.2 for _ in completions]


def _length(completions: Sequence[str], **columns: Any) -> list[float]:
    return [min(0.5, len(text) / 1000) for text in completions]


def _the_tag(completions: Sequence[str], **columns: Any) -> list[float]:
    return [0.1 * ("<think>" in text) for text in completions]


def _too_much(completions: Sequence[str], **columns: Any) -> list[float]:
    return [2.0 * ("<think>" in text and len(text) < 300) for text in completions]


def _by_the_word(completions: Sequence[str], **columns: Any) -> list[float]:
    counts = [len(text.split()) for text in completions]
    return [0.02 * count * (count <= 40) for count in counts]


OWN_REWARD = JudgedExercise(
    number="3.5",
    title="A reward of your own that passes the audit",
    kind="design",
    stars=3,
    minutes=30,
    why="this is the work: say what you want as a number that cannot be earned in another way.",
    hints=(
        "Ask what the laziest text earns: a reason beside a wrong answer, a very long reason, a reason and no answer.",
        "Pay the reason only where the label is right, so it can never make up for a wrong answer.",
        "0.2 * (parse_label(text) == gold and 5 <= number of words in parse(text).think <= 30), for each completion.",
    ),
    reasoning=(
        "The part is gated by the right label, so no wrong answer earns from it, whatever is written. It is bounded "
        "above, so a right answer without reasons stays worth more than any wrong one. It has a lower and an upper "
        "length, so neither an empty nor a rambling block pays. What it still does not do: read the reason. Any "
        "seven words will do. A program that wants true reasons must compare them with something; see notebook 10."
    ),
    takes=Callable,
    example=_example_reward,
    judge=_designed,
    mistakes={
        "not a list": Mistake(_one_number, "return a list with one number for each completion"),
        "no difference": Mistake(_constant, "a right answer with a short reason must earn at least 0.05 more"),
        "pays rambling": Mistake(_length, "a reason of 200 words must not earn more than one of eight"),
        "pays the tag": Mistake(_the_tag, "an empty think block earns as much as a reason: count what stands in it"),
        "outweighs": Mistake(
            _too_much, "a reason must not make up for a wrong label: pay less for it than for the label"
        ),
        "holes": Mistake(
            _by_the_word, "your reward pays for reasons beside answers that are wrong or unreadable: gate it"
        ),
    },
)


def _hedged_share(credit: Any, n: int = 400) -> float:
    """How often an unsure model earns more with another answer than with the one that it believes most."""
    beliefs = np.random.default_rng(0).dirichlet(np.full(len(EMOLAB_7), 0.5), n)
    best = (beliefs @ credit).argmax(1)
    return float((best != beliefs.argmax(1)).mean())


def _threshold(settings: Mapping[str, Any]) -> tuple[str, str]:
    from emolab.rewards import ESWR
    from emolab_course.demos import credit_table

    if not {"kind", "gamma", "alpha"} <= set(settings):
        return "keys", f"The keys are {', '.join(map(str, settings))}."
    reward = ESWR(EMOLAB_7, alpha=settings["alpha"], gamma=settings["gamma"], kind=settings["kind"])
    credit = credit_table(reward)
    near = [label for label in EMOLAB_7 if label != "happy" and credit.loc["happy", label] > 0]
    hedged = _hedged_share(credit.to_numpy())
    measured = f"Neighbours of happy: {', '.join(near) or 'none'}; {hedged:.1%} of unsure beliefs are paid for hedging."
    if not near:
        return ("nobody is paid" if settings["alpha"] == 0 else "no neighbour"), measured
    if "angry" in near or "sad" in near:
        return "a strange neighbour", measured
    return ("pays hedgers" if hedged > 0.05 else ""), measured


HAPPY_NEIGHBOURS = JudgedExercise(
    number="3.3",
    title="Neighbours for happy, nothing for hedgers",
    kind="design",
    stars=2,
    minutes=20,
    why="partial credit helps only labels that have neighbours, and each neighbour is an invitation to hedge.",
    hints=(
        "On Plutchik's circle happy is 90 degrees from its nearest labels. Is there another similarity?",
        'kind="vad" puts surprised near happy. Find a gamma between that similarity and the next one.',
        "Many labels have neighbours at such a gamma, so alpha must be small: try 0.1.",
    ),
    reasoning=(
        'With `kind="vad"` happy and surprised have similarity 0.69, and no other label is as near to happy, so gamma '
        "= 0.6 makes them neighbours. But other pairs are near as well, and at alpha = 1 an unsure model earns most "
        "with an answer between its candidates in a large share of beliefs. Alpha decides how much: at 0.1 a "
        "neighbour must be almost as likely as the favourite to tempt anybody. On the circle no threshold does it: "
        "there angry and fearful are as near to happy as neutral is."
    ),
    takes=dict,
    example={"kind": "vad", "gamma": 0.6, "alpha": 0.1},
    judge=_threshold,
    mistakes={
        "keys": Mistake({"gamma": 0.6}, 'give "kind", "gamma" and "alpha"'),
        "nobody is paid": Mistake({"kind": "vad", "gamma": 0.6, "alpha": 0.0}, "with alpha = 0 no near miss is paid"),
        "no neighbour": Mistake(
            {"kind": "plutchik", "gamma": 0.7, "alpha": 0.1}, "happy has no neighbour at this threshold: lower it"
        ),
        "a strange neighbour": Mistake(
            {"kind": "plutchik", "gamma": 0.4, "alpha": 0.1},
            "angry is no near miss for happy: on the circle it is as near as any other; measure nearness otherwise",
        ),
        "pays hedgers": Mistake(
            {"kind": "vad", "gamma": 0.6, "alpha": 1.0},
            "hedging pays too often: near misses earn too much of the whole",
        ),
    },
)

EXERCISES = (SIMILARITY_REWARD, CONTRADICTION, MISSED_ATTACK, OWN_REWARD, HAPPY_NEIGHBOURS)
