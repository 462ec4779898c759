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
# # 03 Rewards: what is an answer worth?
#
# Reinforcement learning asks for no model answer. It asks for a number that
# says how good an answer was. The model learns whatever that number pays
# for, whether you meant it or not.
#
# **After this notebook you can**
# - compute by hand the rewards that R1-Omni and EMO-RL train with;
# - explain why EMO-RL pays for near misses, and name two traps in its
#   formula;
# - write a reward of your own, attack it, and look at it in the lab;
# - find out what a reward invites before training does.
#
# **You need** notebook 00.
#
# <!-- cost study=60 -->

# %%
from emolab_course import check, figures, setup

lab = setup("03")
lab

# %% [markdown]
# ## An answer has a form
#
# A program computes the reward, so a program must be able to read the
# answer. Here answers come in blocks: reasons inside `<think>`, the verdict
# inside `<answer>`. One parser reads them, the same for training and for
# evaluation. It says what it found, and what was wrong.

# %%
import pandas as pd

from emolab.parsing import parse, parse_label

completions = {
    "answer only": "<answer>sad</answer>",
    "with reasons": "<think>slow and low</think><answer>sad</answer>",
    "a synonym": "<answer>Sorrow.</answer>",
    "no blocks": "The speaker sounds sad.",
    "a denial": "The speaker isn't sad.",
    "two answers": "<answer>sad</answer><answer>angry</answer>",
    "a list": "<answer>sad, angry, happy</answer>",
    "never closed": "<think>hm <answer>sad</answer>",
}
pd.DataFrame({
    "label": {name: parse_label(c) for name, c in completions.items()},
    "problems": {name: "; ".join(parse(c).problems)
                 for name, c in completions.items()},
})

# %% [markdown]
# The last rows have no label: a list of every emotion is no way to be
# right, and an answer inside an unfinished thought does not count.
#
# ## A reward is a function
#
# A reward takes the completions, and the columns of the data by name. It
# returns one number for each completion. The trainer knows nothing else of
# it. R1-Omni adds two: `Format` (are the blocks there?) and `Accuracy` (is
# the label the right one?).

# %%
import emolab as el
from emolab.rewards import Format

texts = list(completions.values())
gold = ["sad"] * len(texts)
pd.DataFrame({
    "format": Format("any")(texts),
    "accuracy": el.Accuracy()(texts, solution=gold),
}, index=list(completions))

# %% [markdown]
# The two can disagree, and they should. The answer "no blocks" is right but
# badly formed. A model that is trained on both is pulled towards the form
# without losing the point.
#
# <!-- exercise 3.1 -->
#
# The gold label is *sad*. Write an answer that earns the full pay of
# R1-Omni's two rewards, and whose reasons contradict the answer.

# %% tags=["exercise"] exercise="3.1"
# A text with a think block and an answer block.
my_nonsense = ("<think>What a happy, cheerful voice!</think>"
               "<answer>sad</answer>")

# %% tags=["check"]
check.ex_3_1(my_nonsense)

# %% [markdown]
# ## Nearly right: EMO-RL's similarity-weighted reward
#
# *Disgusted* instead of *sad* is a smaller mistake than *happy* instead of
# *sad*. Early in training a model is rarely right, and a reward of 0 or 1
# gives most groups of answers nothing to compare. EMO-RL measures how close
# two emotions $a$ and $b$ are by the angle $\Delta\theta$ between them on
# Plutchik's circle:
#
# $$S(a, b) = \tfrac{1}{2}\,(\cos \Delta\theta + 1)$$

# %%
labels = lab.corpus.labels
placed = [name for name in labels if labels.place(name)
          and labels.place(name).angle is not None]
near = {name: labels.similarity(name, placed[0]) for name in placed}
figures.plutchik_circle(near, centre=placed[0], gamma=0.7)

# %% [markdown]
# A label without a place on the circle, such as *neutral*, has similarity ½
# to every other label.
#
# The reward (ESWR) is 1 for an exact match. For a near miss it is
# $\alpha S$ where $S$ exceeds a threshold $\gamma$, and 0 elsewhere. Over
# training $\alpha$ falls from 1 to 0. So the partial credit is a ladder that
# is taken away once the model has climbed it.

# %%
from emolab_course import credit_table

figures.similarity_matrices(
    {f"alpha = {alpha}": credit_table(el.ESWR(labels, alpha)).to_numpy()
     for alpha in (1.0, 0.5, 0.0)}, labels, values="reward",
    xlabel="answer", ylabel="gold label")

# %% [markdown]
# Rows are gold labels, columns are answers. With the paper's threshold only
# direct neighbours on the circle earn anything, so some rows have no near
# miss at all. This is the first trap: the reward helps some emotions and
# not others.
#
# The second trap is in the reading of the formula. If similarity is all
# that counts, a *right* label without a place has $S = ½$, which is below
# the threshold:

# %%
right = {"exact match first": el.ESWR(labels, alpha=1.0),
         "formula, literally": el.ESWR(labels, alpha=1.0, published=True)}
pd.DataFrame({name: {label: reward.credit(label, label) for label in labels}
              for name, reward in right.items()}).T

# %% [markdown]
# A 0 in the second row is a right answer that earns nothing. A model that
# is trained on that row stops giving this answer.
#
# <!-- exercise 3.2 -->
#
# Write ESWR yourself. `predicted` is a label, or `None` where the answer
# could not be read. Use `similarity(a, b)` and the threshold 0.7. Mind the
# traps above.

# %% tags=["exercise"] exercise="3.2"
from emolab.emotions import similarity


def eswr(predicted, gold, alpha):
    """Reward 1 for a match, alpha * S for a near miss, else 0."""
    if predicted is None:
        return 0.0
    if predicted == gold:
        return 1.0
    closeness = similarity(predicted, gold)
    return alpha * closeness if closeness > 0.7 else 0.0


# %% tags=["check"]
check.ex_3_2(eswr)

# %% [markdown]
# ## What does a reward invite?
#
# Before you spend an hour on training, ask what the laziest policy earns. A
# lazy policy does not listen: it gives one answer to everything, on data
# with equally many clips of each label.

# %%
lazy = pd.DataFrame({
    f"alpha = {alpha}": credit_table(el.ESWR(labels, alpha=alpha)).mean()
    for alpha in (0.0, 0.5, 1.0)})
axis = lazy.plot.bar(figsize=(8, 3.2), width=0.8, rot=0)
axis.axhline(labels.chance, color="black", lw=1, ls=":", label="chance")
axis.legend()
axis.set(ylabel="mean reward, 0 to 1", xlabel="the one answer",
         title="Partial credit pays some answers that ignore the clip");

# %% [markdown]
# A bar above the dotted line is an invitation to give that answer whenever
# the model is unsure. Partial credit makes such bars. The curriculum takes
# it away, so $\alpha$ must reach 0 while there is still training left.
#
# <!-- exercise 3.3 -->
#
# With the paper's threshold *happy* has no neighbour. Find settings of ESWR
# that give it a sensible one, and that rarely pay a model for hedging: in at
# most 5% of unsure beliefs another answer than the likeliest may earn more.
# `kind` is "plutchik" or "vad". (This exercise is about the seven labels of
# the embedded corpus.)

# %% tags=["exercise"] exercise="3.3"
# {"kind": ..., "gamma": ..., "alpha": ...}
my_settings = {"kind": "vad", "gamma": 0.6, "alpha": 0.1}

# %% tags=["check"]
check.ex_3_3(my_settings)

# %% [markdown]
# ## A rubric: several rewards as one
#
# A `Rubric` is a weighted sum that keeps every part's column. So you can see
# *which* part moved when the total moves. This is the rubric of EMO-RL: ESWR
# plus a smaller reward for the structure of the reasoning.

# %%
from emolab.rewards.shipped import rubric

think = ("<think><content>plain words</content><acoustics>slow and low"
         "</acoustics><summary>so sad then</summary></think>")
answers = {
    "right, reasoned": f"{think}<answer>sad</answer>",
    "right, bare": "<answer>sad</answer>",
    "near, reasoned": f"{think}<answer>disgusted</answer>",
    "wrong, reasoned": f"{think}<answer>happy</answer>",
    "unreadable": f"{think} sad or happy, who knows",
}
five = {"completion": list(answers.values()), "solution": ["sad"] * 5}
scores = rubric("emo_rl").rescore(five, progress=0.25)
pd.DataFrame(scores.table(), index=list(answers)).round(3)

# %% [markdown]
# `rescore` needs the answers only, not the model. Here is the same set at
# the start, in the middle and at the end of the curriculum:

# %%
pd.DataFrame({f"{progress:.0%} of training":
              rubric("emo_rl").rescore(five, progress=progress).total
              for progress in (0.0, 0.5, 1.0)}, index=list(answers)).round(3)

# %% [markdown]
# ## A reward of your own
#
# Any function of this shape is a reward, here and in the trainer. Say that
# you want short answers. This one pays up to half a point for brevity:

# %% tags=["teaching"]
def brevity(completions, **columns):
    """1 for an empty answer, falling to 0 at 80 characters."""
    return [max(0.0, 1 - len(text) / 80) for text in completions]


mine = el.Rubric.of([el.Accuracy(labels), (brevity, 0.5)], "mine")

# %% [markdown]
# Now attack it. The audit gives your rubric answers that nobody wants, and
# compares what each earns with an honest *wrong* answer. An attack that
# earns more is a hole that training can find.

# %%
found = pd.DataFrame(el.audit(mine, labels=labels)["rows"])
paying = found[~found["ok"]].sort_values("margin", ascending=False)
print(f"{len(paying)} of {len(found)} attacks pay")
paying[["hack", "pay", "margin"]].head(8).round(2)

# %% [markdown]
# Brevity pays for an empty answer. The cure is a *gate*: the part counts
# only where another part is above zero.

# %%
from emolab.rewards import Part

cured = el.Rubric.of([el.Accuracy(labels),
                      Part(brevity, 0.5, gate="accuracy")], "cured")
found = pd.DataFrame(el.audit(cured, labels=labels)["rows"])
print(f"{(~found['ok']).sum()} of {len(found)} attacks pay")

# %% [markdown]
# Notebook 04 trains with a rubric like this one. In a terminal the same is
# `emolab reward audit --reward my_rewards.py:brevity` and
# `emolab train emo-rl --reward my_rewards.py:brevity --reward-weight 0.5`.
#
# ## A passed audit is a list that was gone through
#
# This reward pays a tenth for each expert word in the reasons. The audit
# finds nothing wrong with it:

# %%
import inspect

from emolab_course import expert_words
from emolab_course.demos import EXPERT_WORDS

careful = el.Rubric.of([el.Accuracy(labels), expert_words], "careful")
found = pd.DataFrame(el.audit(careful, labels=labels)["rows"])
print(inspect.getsource(expert_words))
print("expert words:", ", ".join(sorted(EXPERT_WORDS)))
print(f"{(~found['ok']).sum()} of {len(found)} attacks pay")

# %% [markdown]
# <!-- exercise 3.4 -->
#
# Find an attack that the audit misses. The gold label is *sad*. Write a text
# that is not the right answer and earns more from the rubric `careful` than
# an honest wrong answer does.

# %% tags=["exercise"] exercise="3.4"
# A text, as a model could write it.
my_attack = ("<think>jitter shimmer formant timbre prosody cadence</think>"
             "<answer>happy</answer>")

# %% tags=["check"]
check.ex_3_4(my_attack)

# %% [markdown]
# ## The reward lab
#
# The lab opens on real answers: a model that has seen a few clips answers
# each of some training clips several times.

# %%
from emolab_course import practice

practised = practice(lab)
rollouts = practised.rollouts
print(f"{len(rollouts['completion'])} answers to "
      f"{len(set(rollouts['row']))} clips")
pd.Series(rollouts["completion"]).value_counts().head(4).to_frame("times")

# %% [markdown]
# Hear two of the clips, each with its label and its first two answers:

# %%
from emolab_course import listen

each = len(rollouts["completion"]) // len(practised.clips)
listen([(f"felt: {clip.emotion}; answered: "
         f"{'; '.join(rollouts['completion'][i * each:i * each + 2])}", clip)
        for i, clip in enumerate(practised.clips[:2])])

# %% [markdown]
# In a running notebook, move the sliders. The table ranks one group of
# answers; red bars are answers that training would make more likely, blue
# bars less likely. Below it, the attacks are scored again at each change.
# The last row trains a few steps with the rubric as it stands, and measures
# the model on held-out clips.

# %%
from emolab_course.widgets.reward_lab import reward_lab

reward_lab(cured, rollouts, rewards=[Format("direct"), el.ESWR(labels)],
           sound=practised.sound, train=practised.train)

# %% [markdown]
# ## What the package pays
#
# The package has one rule for the rewards that it ships: no attack earns
# more than an honest wrong answer. Rubrics called *published* pay as their
# papers say, or as their code does.

# %%
from emolab.rewards.redteam import audit_all, paying_hacks

audits = audit_all()
pd.Series({name: ", ".join(hacks) or "none"
           for name, hacks in paying_hacks(audits).items()}).to_frame(
    "attacks that pay more than an honest wrong answer")

# %% [markdown]
# ## When people disagree
#
# Some corpora keep the vote of each annotator. A reward can compare the
# answers of a group with these votes instead of with one label. It is 1
# minus the Jensen–Shannon divergence between the two distributions: 1 where
# they are equal, 0 where they share nothing.

# %%
from collections import Counter

from emolab.rewards.votes import agreement

votes = {"sad": 2, "neutral": 1}
groups = {"all say sad": ["sad"] * 3,
          "two of three say sad": ["sad", "sad", "neutral"],
          "all say happy": ["happy"] * 3}
pd.Series({name: agreement(Counter(given), votes)
           for name, given in groups.items()}).round(2).to_frame(
    "agreement with the votes")

# %% [markdown]
# `emolab.rewards.votes.Votes` is this as a reward.
#
# ## Summary
#
# - A reward is a function from completions and columns to numbers.
# - `Accuracy` pays for exact matches, `Format` for the blocks, `ESWR` also
#   for near misses on Plutchik's circle, for a while.
# - Read literally, ESWR pays nothing for a right label without a place.
# - Ask of every reward what a policy earns that does not listen, and
#   attack it before training does.

# %% [markdown]
# <!-- exercise 3.5 -->
#
# Write a reward of your own that pays for a short reason. Together with
# `Accuracy` a right answer with a short reason must earn more than a bare
# right answer, and a long ramble must not earn more. A wrong answer must
# earn less than any right one. And no attack of the audit may pay.
# `solution` holds the gold labels.

# %% tags=["exercise"] exercise="3.5"
from emolab.parsing import parse, parse_label


def short_reason(completions, solution, **columns):
    """Return what each completion earns for its reason."""
    lengths = [len((parse(text).think or "").split())
               for text in completions]
    return [0.2 * (parse_label(text) == gold and 5 <= n <= 30)
            for text, gold, n in zip(completions, solution, lengths)]


# %% tags=["check"]
check.ex_3_5(short_reason)

# %% [markdown]
# ## Tweak this
#
# The threshold decides who has neighbours. Lower `gamma` and watch the lazy
# answers earn more. Then try `kind="vad"`, which measures distance in
# valence, arousal and dominance instead of on the circle.

# %%
tweaked = el.ESWR(labels, alpha=1.0, gamma=0.4, kind="plutchik")
credit_table(tweaked).mean().round(2).to_frame("one answer to everything")
