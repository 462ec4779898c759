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
# # 06 EMO-RL: paying for near misses, and for reasons
#
# Emotions have no sharp borders. A reward that knows only right and wrong
# punishes *disgusted* for *sad* as hard as *happy* for *sad*. EMO-RL (arXiv
# 2509.15654) changes two things: it pays for near misses, and it makes the
# model write down, in a fixed structure, what it hears before it answers.
#
# **After this notebook you can**
# - follow its reward from a circle of emotions to the gradient;
# - show its traps on answers that a model really gave;
# - say what a fixed structure of reasons costs, and when;
# - read a claim of a paper beside paired runs, and judge it.
#
# **You need** notebooks 03 and 04.
#
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 2 | 1 | 2 GB | none |

# %%
from emolab.course import check, setup

lab = setup("06")
lab

# %% [markdown]
# ## A model that is unsure
#
# Partial credit is for a model that is still often wrong. So here is one:
# a cold start on a handful of clips, and eight answers to each of seventy
# clips that it was not trained on, sampled as GRPO samples them.

# %%
from emolab.recipes import common, get_recipe

EmoRL = get_recipe("emo-rl")
settings = EmoRL.Settings.cpu(quantise=None, cold_per_label=5,
                              cold_epochs=5, test_per_label=10)
recipe = EmoRL(settings)
parts = recipe.parts(lab.corpus)
lalm = recipe.load()
recipe.cold_start(lalm, parts.cold, progress=False)
clips = common.resolved(common.take_per_label(parts.train, 10, 0))
batch = lalm.encode(clips, recipe.prompt())
answers = lalm.generate(batch, n=8, seed=0, max_new_tokens=12).texts
print(f"{len(parts.cold)} clips to learn from, {len(clips)} to answer")

# %%
import pandas as pd

from emolab.parsing import parse_label

rollouts = pd.DataFrame([
    {"clip": i, "gold": clip.emotion, "text": text,
     "answer": parse_label(text)}
    for i, (clip, texts) in enumerate(zip(clips, answers))
    for text in texts
])
rollouts["right"] = rollouts.answer == rollouts.gold
print(f"{rollouts.right.mean():.0%} of {len(rollouts)} answers are right")
pd.crosstab(rollouts.gold, rollouts.answer.fillna("no label"))

# %% [markdown]
# ## The reward: near misses on a circle
#
# The similarity of two emotions is a matter of their angle on Plutchik's
# circle. A right answer earns 1, a wrong one $\alpha S$ if it is more
# similar than $\gamma = 0.7$, else 0. Seen from *sad*:

# %%
from emolab.emotions import EMOTIONS, similarity
from emolab.plots.emotions import plutchik_circle

near_sad = {name: similarity(name, "sad") for name in EMOTIONS[1:]}
plutchik_circle(near_sad, centre="sad", gamma=0.7)

# %% [markdown]
# ### What it is for
#
# GRPO learns from differences within a group of answers to the same clip.
# Where all eight earn the same there is nothing to learn. Count such groups
# under plain accuracy, and under ESWR with more and less partial credit.

# %%
from emolab.rewards import ESWR, Accuracy

texts, gold = rollouts.text.tolist(), rollouts.gold.tolist()
kinds = {"accuracy": Accuracy(), "ESWR, α = 0.3": ESWR(alpha=0.3),
         "ESWR, α = 1": ESWR(alpha=1.0),
         "as printed": ESWR(alpha=1.0, published=True)}
for name, reward in kinds.items():
    rollouts[name] = reward(texts, texts, solution=gold)
by_clip = rollouts.groupby("clip")[list(kinds)[:3]]
silent = (by_clip.nunique() == 1).mean()
silent.plot.barh(figsize=(6, 1.8), xlim=(0, 1),
                 xlabel="groups without signal");

# %% [markdown]
# ## Trap one: read literally, a right *neutral* earns nothing
#
# *Neutral* stands in the middle of the circle; its similarity to everything,
# itself included, is ½, and ½ is below the threshold. These are the right
# answers that the model gave, and what the formula as printed pays for them:

# %%
right = rollouts[rollouts.right].groupby("gold")
right[["as printed", "ESWR, α = 1"]].mean().T.round(2)

# %% [markdown]
# A model trained on the formula as printed is taught that nobody is ever
# neutral. An exact match must earn 1 before anyone looks at the circle.
#
# ## Trap two: the ladder has few rungs
#
# Only direct neighbours on the circle, 45° apart, are more similar than 0.7.
# Which of the wrong answers above earn anything at all?

# %%
wrong = rollouts[~rollouts.right & rollouts.answer.notna()]
earning = (wrong["ESWR, α = 1"] > 0).groupby(wrong.gold)
pd.DataFrame({"wrong answers": earning.size(),
              "of them paid": earning.mean().round(2),
              "neighbours": [
                  ", ".join(b for b in EMOTIONS if b != a
                            and similarity(a, b) > 0.7)
                  for a in earning.size().index]})

# %% [markdown]
# *Happy* has no neighbour among the seven labels, so nobody is ever nearly
# happy; *sad* has two.
#
# ## Trap three: partial credit pays for hedging
#
# What should a model that is unsure answer? Not what it believes most, but
# what earns most on average. With neighbours paid at 85%, a label between
# two candidates can be worth more than either. Ask our model what it
# believes of each clip, and which answer is worth most at different α.

# %%
import numpy as np

scores = lalm.label_scores(batch, EMOTIONS).detach()
belief = scores.softmax(-1).double().numpy()
truth = np.array([EMOTIONS.index(clip.emotion) for clip in clips])
rows = {}
for alpha in (0.0, 0.3, 0.6, 1.0):
    reward = ESWR(alpha=alpha)
    credit = np.array([[reward.credit(a, g) for a in EMOTIONS]
                       for g in EMOTIONS])
    best = (belief @ credit).argmax(1)
    rows[alpha] = {"right": (best == truth).mean()} | {
        name: (best == i).mean() for i, name in enumerate(EMOTIONS)}
pd.DataFrame(rows).T.rename_axis("α").round(2)

# %% [markdown]
# Follow the columns as α grows: labels with two neighbours win answers from
# those with one or none. Whether more answers are right by that is luck;
# the reward does not ask. That is why the paper takes the ladder away: α
# falls to 0 while training goes on.
#
# ## Reasons: none, free, structured
#
# The second idea is the form of the reasons. Three cold starts on the same
# clips, which differ in what the model is taught to write:

# %%
from dataclasses import replace

clip = parts.test[0]
print("gold:", clip.emotion)
for style in ("direct", "free", "structured"):
    kind = EmoRL(replace(settings, reasoning=style, cold_epochs=8,
                         cold_per_label=8))
    model = kind.load()
    kind.cold_start(model, kind.parts(lab.corpus).cold, progress=False)
    asked = model.encode(common.resolved(parts.test[:1]), kind.prompt())
    said = model.generate(asked, n=1, greedy=True, max_new_tokens=48)
    print(f"\n{style}\n  taught  {kind.target(clip)}"
          f"\n  writes  {said.texts[0][0]}")

# %% [markdown]
# Each word of a rationale is one more that can go wrong, and one more that
# must be sampled in every rollout. In return the answer can build on it.
# Whether that pays is a question for measurements.
#
# ## What the paper claims, and what our ledger shows
#
# `emolab bench claims emo-rl` runs every arm of these comparisons with ten
# seeds, from shared cold starts, on clips of talkers and sentences that no
# model has met. Its files are read here.

# %%
from emolab.course import claims_of, show_claim

claims = claims_of("emo-rl")

# %% [markdown]
# **Does paying for near misses help?** Dots are seeds; bars are 95%
# intervals over seeds and talkers; the shaded strip is what would be too
# little to matter.

# %%
show_claim(claims["emo-rl-eswr"])

# %% [markdown]
# **Do structured reasons help, and when?** Before reinforcement and after:

# %%
show_claim(claims["emo-rl-reasoning"])

# %%
example = claims["emo-rl-reasoning"]["examples"][0]
print(f"gold: {example['gold']}")
for arm, text in example["said"].items():
    print(f"{arm:20}{text}")

# %% [markdown]
# **Does reinforcement travel further than supervision?** Measured on other
# talkers, other sentences, another room:

# %%
show_claim(claims["emo-rl-transfer"], differences=True)

# %% [markdown]
# Read an *undecided* as what it is: these runs cannot tell. And read a
# verdict as one on a tiny model and a synthetic voice. The page
# `benchmarks/claims/README.md` has all claims, the rule, and the commands.
#
# ## Summary
#
# - ESWR pays for near misses on Plutchik's circle, for a while.
# - Exact matches must be paid first, or *neutral* dies out.
# - Partial credit invites hedging; α must fall.
# - Structure is a form to be learned before it can help.
# - A claim is judged on paired seeds, with an interval and a rule.
#
# ## Exercise 6.1
#
# A model believes that a clip is angry with 45%, sad with 35%, disgusted
# with 12%. What should it answer? Return the label with the largest expected
# reward under ESWR: for each possible answer, sum the belief in each gold
# label times the credit of that answer. `ESWR(alpha=alpha).credit(answer,
# gold)` is the credit.

# %% tags=["exercise"] exercise="6.1"
from emolab.rewards import ESWR


def best_answer(belief, alpha):
    """The label that earns most; `belief` maps each label to p."""
    credit = ESWR(alpha=alpha).credit
    worth = {
        answer: sum(p * credit(answer, gold) for gold, p in belief.items())
        for answer in belief
    }
    return max(worth, key=worth.get)


# %% tags=["check"]
check.ex_6_1(best_answer)

# %% [markdown]
# ## Tweak this
#
# The circle is a choice. `kind` takes another similarity: "vad" measures
# distance in valence, arousal and dominance. Which near misses are paid
# now? Lower `gamma` until every label has a neighbour, and look at the
# hedging table again with that reward.

# %%
reward = ESWR(alpha=1.0, kind="vad", gamma=0.7)
paid = {a: [b for b in EMOTIONS if b != a and reward.credit(b, a) > 0]
        for a in EMOTIONS}
pd.Series({a: ", ".join(b) for a, b in paid.items()}, name="paid")
