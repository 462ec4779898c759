# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     name: python3
# ---

# %% [markdown]
# # 07 Open vocabulary: a reward for words
#
# A few labels are a poor language. Somebody who is "let down" and somebody
# who is "heartbroken" would both be filed under *sad*. AffectGPT-RL (arXiv
# 2605.06126) lets the model answer with as many words as it likes. But then,
# what is a right answer? And how can a score over sets of words teach
# anything?
#
# **After this notebook you can**
# - score free emotion words on emotion wheels, by hand and for a corpus;
# - say why this score cannot be a loss but can be a reward;
# - find out what a word list does to your words before you trust it;
# - show when naming more words pays, and what a length penalty changes.
#
# **You need** notebooks 03 and 04.
#
# <!-- cost study=60 -->

# %%
from emolab_course import at_most, check, figures, setup, verdict

lab = setup("07")
lab

# %% [markdown]
# ## One label, many words
#
# This notebook needs samples that have emotion words beside their label, as
# a listener would choose them. Where a corpus has none, the embedded corpus
# is used. Weak and strong feelings get different words:

# %%
import pandas as pd

import emolab as el

recipe = lab.recipe("affectgpt-rl")
corpus = lab.corpus_for(recipe)
words = pd.DataFrame(
    [(s.emotion, word) for s in corpus for word in s.words],
    columns=["label", "word"])
words.groupby("label").word.agg(
    words="nunique",
    most_often=lambda w: ", ".join(w.value_counts()[:6].index))

# %% [markdown]
# Two listeners who agree about a person seldom write the same list. So
# lists must not be compared letter by letter.
#
# ## From a form to a cluster
#
# The score looks up each word three times. Its *form* leads to a base word
# ("sadly" is "sad"), the base word to a place on an *emotion wheel*, and the
# place to its *cluster*. There is not one true wheel, so there are five, and
# every score is the mean over them. A word that is found nowhere drops out.

# %%
from emolab.wheels import embedded

wheels = embedded()
looked_up = ["sadly", "heartbroken", "let down", "furiously",
             "startled", "anxious", "purple"]
pd.DataFrame(
    {
        "base": [", ".join(*wheels.clusters([w], "form"))
                 for w in looked_up],
        **{name: [", ".join(c) for c in clusters] for name, clusters in zip(
            wheels.wheels,
            zip(*(wheels.clusters([w]) for w in looked_up)))},
    },
    index=looked_up)

# %% [markdown]
# Here is one of the wheels. Gold words are marked ●, an answer's words ○.
# The clusters of the gold are filled, those of the answer have an edge.

# %%
gold, answer = ["gloomy", "sad"], ["sorrowful", "anxious"]
figures.emotion_wheel("plutchik", gold, answer)

# %% [markdown]
# ## Precision, recall, F
#
# On one wheel, *precision* is the share of the answer's clusters that are
# gold, and *recall* the share of gold clusters that the answer found. Over
# a corpus, both are averaged first, and F is taken of the averages. For a
# single answer, which is what a reward needs, F is taken at once.

# %%
from emolab.wheels import sample_scores, wheel_scores

tries = {
    "other words, same place": ["sorrowful", "unhappy"],
    "one of two right": ["sorrowful", "anxious"],
    "wrong": ["delighted"],
    "unknown": ["purple"],
}
pd.DataFrame(
    {name: sample_scores(gold, given) for name, given in tries.items()},
    index=["precision", "recall", "F"]).T.round(2)

# %%
answers = list(tries.values())
scores = wheel_scores([gold] * len(answers), answers)
print(f"all four as a corpus: P {scores.precision:.2f}, "
      f"R {scores.recall:.2f}, F {scores.f1:.2f}")

# %% [markdown]
# <!-- exercise 7.1 -->
#
# Write the F of one wheel. `gold` and `predicted` are lists with a set of
# clusters for each sample. A sample whose gold is empty does not count; an
# empty prediction has precision and recall 0. Average precision and recall
# over the samples, then take F of the two averages (0 if both are 0).

# %% tags=["exercise"] exercise="7.1"


def wheel_f(gold, predicted):
    """Return F from precision and recall averaged over the samples."""
    pairs = [(len(g & p) / len(p) if p else 0.0, len(g & p) / len(g))
             for g, p in zip(gold, predicted) if g]
    precision = sum(p for p, _ in pairs) / len(pairs)
    recall = sum(r for _, r in pairs) / len(pairs)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


# %% tags=["check"]
check.ex_7_1(wheel_f)

# %% [markdown]
# ## A score without a gradient
#
# Supervised training raises the probability of the gold list, token by
# token. Ask a model for the log-probability of several answers to one clip,
# and put it beside their F. The model has just learned, from a few clips,
# to write lists of words:

# %%
parts = recipe.splits(corpus)
prompt = recipe.prompt(corpus.labels)
lalm = recipe.load()
recipe.cold_start(lalm, parts.cold, progress=False)
print({name: len(part) for name, part in vars(parts).items()})
print(recipe.target(parts.cold[0]))

# %%
import torch

from emolab.training.runs import resolved

most = max(parts.test, key=lambda sample: len(sample.words))
clip = resolved(parts.test.replace([most]))[0]
far = "happy" if sample_scores(clip.words, ["happy"])[2] == 0 else "angry"
lists = {
    "gold": clip.words,
    "gold, turned round": clip.words[::-1],
    "one gold word": clip.words[:1],
    "gold and one wrong word": (*clip.words, far),
    "one wrong word": (far,),
}
texts = [f"<answer>{', '.join(w)}</answer>" for w in lists.values()]
with torch.no_grad():
    batch = lalm.encode([clip], prompt)
    likely = lalm.text_scores(batch, [texts])[0]
pd.DataFrame(
    {"answer": [", ".join(w) for w in lists.values()],
     "log-probability": likely.tolist(),
     "F": [sample_scores(clip.words, w)[2] for w in lists.values()]},
    index=list(lists)).round(2)

# %% [markdown]
# The first two rows have the same F and different log-probabilities.
# Order, choice and number of words all count, token by
# token. F sees the meaning, but it is a look-up in a table: there is nothing
# to differentiate. A reward needs no derivative. This is the whole idea of
# AffectGPT-RL: *use the metric as the reward*.
#
# ## Trap 1: naming everything
#
# A wheel has $n$ clusters, and $k$ of them are right. An answer that names
# all of them has recall 1 and precision $k/n$, so $F = 2k/(n+k)$:

# %%
from emolab_course.quirks import quirks

spam = [row for row in quirks() if row["kind"] == "label spam"]
pd.DataFrame(spam).set_index("wheel")[["item", "detail"]]

# %% [markdown]
# That is little for somebody who knows the answer, and much for somebody
# who does not. Take a model that has no idea, and names $m$ of eight
# clusters at random. It is right with probability $m/n$, and then earns
# $2/(m+1)$. The curve "none" shows what it earns on average. The other curves
# belong to the penalties below, for gold of two words in one cluster:

# %%
from emolab.rewards.wheel import PENALTIES, length_penalty
from emolab_course.demos import guessing_pays

curves = guessing_pays(clusters=8, gold=2)
figures.spam_curves(
    curves, "A model that knows nothing: what naming m words pays")

# %% [markdown]
# <!-- exercise 7.2 -->
#
# A wheel has 8 clusters, and gold has one of them. A model that knows
# nothing names three different clusters at random. What does it earn on
# average, as F of a single answer, without any penalty?

# %% tags=["exercise"] exercise="7.2"
# A number between 0 and 1.
my_f = 3 / 8 * 2 * (1 / 3) / (1 / 3 + 1)

# %% tags=["check"]
check.ex_7_2(my_f)

# %% [markdown]
# Without a penalty every further word pays: a model that is unsure has a
# reason to list instead of to listen. The paper's *length penalties*
# multiply the reward where an answer has more words ($L_p$) than gold ($L_g$):
# P1 = $1/(L_p-L_g+1)$, P2 = $L_g/L_p$, P3 = $\log L_g/\log L_p$. They move
# the best number of words back to what gold has.
#
# One of them is broken at the edge. If gold has one word, P3 is 0 for any
# second word, right or not; the smoothed form adds 1 inside both logarithms:

# %%
pd.DataFrame(
    {kind: [length_penalty(m, 1, kind) for m in (1, 2, 3, 6)]
     for kind in PENALTIES},
    index=pd.Index([1, 2, 3, 6], name="words, gold has 1")).round(2)

# %% [markdown]
# ## Trap 2: what word lists do to words
#
# The published lists are for non-commercial use, so they are not in this
# package; it reads them from a folder that you name, and scores exactly as
# the official script does. These few rows of ours have the same format and
# two of its habits: a form that is listed under two names, and a wheel
# without a neutral branch.

# %%
from emolab_course.demos import example_lists

folder = example_lists(lab.folder / "lists")
rows = pd.DataFrame(quirks(str(folder)))
rows[rows.item.isin(["fear", "neutral", "sad"])].reset_index(drop=True)

# %%
from emolab.wheels import load_wheels

for name, answer in (("fear", "scared"), ("neutral", "neutral")):
    found = wheel_scores([[name]], [[answer]], load_wheels(str(folder)))
    print(f"gold {name!r}, answer {answer!r}: F {found.f1:.2f} "
          f"over {found.n['wheel1']} sample(s)")

# %% [markdown]
# "fear" is listed as a form of "fearless", and of all wheel words that a
# form leads to, the alphabetically first wins: fear becomes a happy
# feeling. "neutral" stands on no wheel: a neutral gold is skipped, and a
# neutral answer counts as empty. The published lists do both. Our own do
# neither, and a test says so. Run `quirks(folder)` on whatever you use.
#
# ## Real answers, five penalties
#
# Let the model answer some clips several times, with chance, and score every
# answer under each penalty, without any guard:

# %%
from emolab.parsing import parse_words
from emolab.rewards.wheel import WheelF

free = {"min_precision": 0, "max_extra": 99, "consistent": False}
clips = resolved(parts.train[:at_most(24, 4)])
said = lalm.generate(lalm.encode(clips, prompt), n=4, seed=0,
                     temperature=1.3, max_new_tokens=32).texts
flat = [(clip, text) for clip, texts in zip(clips, said) for text in texts]
table = pd.DataFrame({
    "gold": [", ".join(clip.words) for clip, _ in flat],
    "answer": [", ".join(parse_words(text)) for _, text in flat],
    "extra": [len(parse_words(t)) - len(clip.words) for clip, t in flat],
    **{kind: WheelF(penalty=kind, **free)(
        [t for _, t in flat],
        words=[list(clip.words) for clip, _ in flat])
       for kind in PENALTIES}})
longer = table[table.extra > 0]
print(f"{len(longer)} of {len(table)} answers name more words than gold")
longer.sort_values("none").tail(6).round(2)

# %%
from emolab_course import listen

listen([(f"gold: {', '.join(clip.words)}; answer: "
         f"{', '.join(parse_words(texts[0])) or 'no words'}", clip)
        for clip, texts in list(zip(clips, said))[:3] if clip.audio])

# %% [markdown]
# A penalty only touches answers that name more words than gold. Among
# those, it cannot tell a synonym from a guess: it counts words.
#
# <!-- exercise 7.3 -->
#
# Write a penalty that can. `gold` and `answer` are lists of words. Return a
# factor for the reward: 1 for a right answer, also where it names synonyms
# or fewer words than gold. A wrong word more must cost at least a fifth, and
# four wrong words clearly more than one.
# `emolab.wheels.embedded().clusters(words)` gives five sets of clusters.

# %% tags=["exercise"] exercise="7.3"
from emolab.wheels import embedded


def penalty(gold, answer):
    """Return the factor, 0 to 1, for an answer's words."""
    wheels = embedded()
    pairs = zip(wheels.clusters(gold), wheels.clusters(answer))
    factors = [min(1, len(g) / len(a)) if a else 1 for g, a in pairs]
    return sum(factors) / len(factors)


# %% tags=["check"]
check.ex_7_3(penalty)

# %% [markdown]
# ## Trap 3: the blind hedge
#
# A model that does not listen can still choose what it says. The audit of
# `el.audit` looks for the best *blind* answer: it has one clip of each
# emotion, and tries one word, two words, and more, the same for all clips.
# Below is what the recipe's rubric pays the best single word and the best
# list. `plain` is the rubric with F as the wheel reward, length penalty
# included. `guarded` is the shipped one: there F is multiplied by the
# precision of the answer, once more, on each wheel.

# %%
from dataclasses import replace

from emolab.rewards.shipped import rubric

guarded = rubric("affectgpt_rl")
plain = replace(guarded, parts=tuple(
    replace(part, reward=replace(part.reward, hedge=0.0))
    if hasattr(part.reward, "hedge") else part
    for part in guarded.parts))
audits = {"plain": el.audit(plain), "guarded": el.audit(guarded)}
pd.DataFrame({
    name: {"one word": round(found["blind"]["single"], 3),
           "best list": round(found["blind"]["several"], 3),
           "the list": found["blind"]["several_answer"].split(
               "<answer>")[1].removesuffix("</answer>"),
           "audit passed": found["ok"]}
    for name, found in audits.items()}).T

# %% [markdown]
# Under the plain reward the best list has two words, and it earns more than
# the best single word. No penalty of the length stops it: it costs the pair
# less than a second chance brings. A model that is trained with this reward
# is paid for hedging, and the audit says so. With the factor on precision
# the pair earns no more than one word, and the audit passes. You can ask the
# same of your own rubric: `emolab reward audit --reward FILE:NAME`.

# %% [markdown]
# ## Train
#
# The wheel F is the reward, with a smaller one for the form of the answer.
# Two questions are asked of the run. Does the reward of training answers
# rise, that is, does reinforcement do what it is paid for? And does the
# wheel F rise for speakers that the run never heard? The sentences below
# the curves answer both, each with its intervals.

# %%
before = recipe.measure(lalm, parts.test, prompt, progress=False)
history = recipe.grpo(lalm, parts.train, lab.folder / "grpo",
                      resume=False, progress=False)
after = recipe.measure(lalm, parts.test, prompt, progress=False)
el.plot.training_curves(history)

# %%
columns = ["wheel_f", "wheel_f_ci", "wheel_precision", "wheel_recall",
           "hit_rate", "sentiment_f1", "n_words", "n_clusters"]
from emolab_course import reward_trend

print(reward_trend(history))
print(verdict("Wheel F on held-out speakers", before, after, key="wheel_f"))
print(f"words in an answer: {before['n_words']:.1f} at the cold start, "
      f"{after['n_words']:.1f} after")
kinds = [len(found) for s in parts.test
         for found in wheels.clusters(list(s.words))]
print(f"clusters of a clip's gold words: {sum(kinds) / len(kinds):.2f}")
pd.DataFrame({"cold start": before, "after this short run": after}
             ).T[columns].map(
    lambda x: [round(v, 2) for v in x] if isinstance(x, list | tuple)
    else round(x, 2))

# %% [markdown]
# `hit_rate` and `sentiment_f1` are asked of the *same answers*: does one of
# the words name the basic emotion, and is their mean valence on the right
# side? But a hit rate is a recall: naming everything has hit rate 1.
#
# ## What the paper says, and what we found
#
# `emolab bench claims affectgpt-rl` trains every arm on the embedded corpus
# with ten seeds, from shared cold starts, and measures on speakers and
# sentences that no model has met. Its files are read here.

# %%
from emolab_course import claims_of, show_claim

claims = claims_of("affectgpt-rl")

# %% [markdown]
# **Does the wheel reward beat supervision on the wheel?** Dots are seeds;
# bars are 95% intervals over seeds and speakers; the shaded strip is what
# would be too little to matter.

# %%
show_claim(claims["affectgpt-rl-wheel"])

# %% [markdown]
# **Does spam happen, and do penalties stop it?** Look at the words an
# answer with a penalty and without; the table above has the cold start's.

# %%
show_claim(claims["affectgpt-rl-length"])

# %% [markdown]
# What a formula invites need not happen. On our wheels the gold words of a
# sample mostly share a cluster: the mean number of their clusters is close to
# 1. So is that of an answer (`n_clusters`). One right word is enough, and a
# second word of the same cluster adds nothing. Our run ends with fewer words
# an answer than its cold start. So do the ledger's runs: their answers shrink
# under the reward without a penalty, and more under each penalty.
#
# **Does it help to think first?**

# %%
show_claim(claims["affectgpt-rl-thinking"])

# %% [markdown]
# Here it costs: answering at once scores higher, before training and after
# it.
#
# **Does what is learned carry over?**

# %%
show_claim(claims["affectgpt-rl-transfer"])

# %% [markdown]
# Two scores that nothing rewarded rise over the cold start. That does not
# make the reward the better teacher. At home supervised training ends at
# about the same scores, and in the other domain its wheel F is higher.

# %% [markdown]
# ## Summary
#
# - Free words are compared by where they land on emotion wheels.
# - The score has no gradient; as a reward it needs none.
# - Word lists have bugs, and a bug in the list is a bug in the reward.
# - Naming more words pays the unsure, until a guard is there. A penalty on
#   the length alone leaves two words worth more than one.

# %% [markdown]
# <!-- exercise 7.4 -->
#
# The gold words of a clip are *gloomy*, its basic emotion is *sad*. Write a
# list of words with hit rate 1 and a wheel F of at most 0.45.

# %% tags=["exercise"] exercise="7.4"
# A list of words.
my_words = ["sad", "happy", "angry", "afraid", "surprised"]

# %% tags=["check"]
check.ex_7_4(my_words)

# %% [markdown]
# ## Tweak this
#
# How sure must a model be before naming one word is better than naming two?
# Say it gives its best guess probability `p` and its second best `q`. Change
# `p`, or the penalty, and see when the second word stops to pay. Then set
# `length_penalty` and `guards` in the settings above, and train again.

# %%
p, gold_length = 0.5, 1
for q in (0.1, 0.2, 0.3, 0.4, 0.5):
    both = (p + q) * 2 / 3
    paid = {kind: both * length_penalty(2, gold_length, kind) > p
            for kind in PENALTIES}
    print(f"q = {q}: a second word pays under",
          ", ".join(f"'{k}'" for k, yes in paid.items() if yes) or "-")
