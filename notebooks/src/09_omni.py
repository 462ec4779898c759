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
# # 09 R1-Omni: a face, a voice, some words, and a reward to check
#
# R1-Omni taught a small model to name the emotion in a video clip, with two
# rewards that a program can verify: is the label right, and is the form
# right? Nobody rewarded its reasons. Its authors found that the reasons
# nevertheless tell which modality gave the emotion away. Here the clips
# come with the answer to that question, so it can be counted.
#
# **After this notebook you can**
# - train a model that sees, hears and reads, by reward alone;
# - tell a bad model from a bad scorer;
# - say which modality a model leans on, and which one it neglects;
# - count how often a rationale names what carried the emotion.
#
# **You need** notebooks 03 and 04.
#
# <!-- cost study=60 -->

# %%
from emolab_course import (check, evidence_slopes, listen, setup, verdict,
                           watch)

lab = setup("09")
lab

# %% [markdown]
# ## Clips whose evidence lies in one place
#
# In many clips of the embedded corpus the emotion is in the voice alone, in
# the face alone, or in the words alone. In others several agree, or one
# contradicts another. The table says which. A corpus of recordings does not
# state this; then the kind is *unknown*.

# %%
import numpy as np
import pandas as pd
from IPython.display import display

import emolab as el
from emolab.recipes.r1_omni import evidence_of
from emolab.training.runs import resolved

pd.set_option("display.max_colwidth", 80)
recipe = lab.recipe("r1-omni")
corpus = lab.corpus_for(recipe)
parts = recipe.splits(corpus)
labels = corpus.labels
table = pd.DataFrame({"split": name,
                      "evidence": evidence_of(s) or "unknown"}
                     for name, part in vars(parts).items() for s in part)
pd.crosstab(table["evidence"], table["split"])

# %%
from emolab.media import frames_of

shown = {}
for kind in ("audio", "video"):
    found = parts.test.where(
        lambda s, kind=kind: s.video and evidence_of(s) == kind
        and s.emotion == labels[1])
    for clip in resolved(found[:1]):
        print(f'{clip.emotion}: "{clip.text}", told by the {kind}')
        shown[f"told by the {kind}"] = clip
display(watch({name: frames_of(clip) for name, clip in shown.items()}))
listen({name: clip for name, clip in shown.items() if clip.audio})

# %% [markdown]
# Where two faces are shown, both people feel the same, and only one of the
# faces says so. A model that sees without hearing must miss the other.
#
# ## A reward that a program can verify
#
# *Accuracy* is 1 where the answer is the label, *format* is 1 where there
# is a think block followed by an answer block. They are added, without
# weights. The released code compares strings and takes the form loosely;
# ours reads every answer through one parser.

# %%
from emolab.rewards.shipped import rubric

answers = [
    "<think>the face tells it</think><answer>happy</answer>",
    "<think>the face tells it</think><answer>Happy.</answer>",
    "<think>the face tells it</think><answer>happiness</answer>",
    "<think></think><answer>happy</answer>",
    "The speaker is happy.",
]
columns = {"ours": rubric("r1_omni"), "released": rubric("r1_omni_published")}
pd.DataFrame({name: reward(answers, solution=["happy"] * 5)
              for name, reward in columns.items()}, index=answers)

# %% [markdown]
# ## A bad model, or a bad scorer?
#
# The paper's base model scores below chance, which no amount of ignorance
# can explain: guessing does better. Ask our model as it comes, and score
# the same answers three ways: the released exact match, the one parser,
# and not by what it writes but by which label it finds most likely.

# %%
base, direct = lab.model(), recipe.direct_prompt(labels)
written = el.evaluate(base, parts.test, direct, max_new_tokens=64,
                      progress=False)
texts = [row["text"] for row in written["rows"]]
gold = [row["gold"] for row in written["rows"]]
exact = el.Accuracy(labels, published=True)(texts, solution=gold)
likely = el.evaluate(base, parts.test, direct, mode="labels",
                     progress=False)
print(f"{written['parse_rate']:.0%} readable; the first: {texts[0]!r}")
from emolab.metrics.bootstrap import mean_interval

el.plot.score_bars({
    "exact match (share right)": {"ua": np.mean(exact),
                                  "ua_ci": mean_interval(np.array(exact)),
                                  "chance": labels.chance},
    "parsed answers": written,
    "most likely label": likely,
}, title="One model, three ways to score it")

# %%
tagged = [f"<answer> {g.capitalize()}. </answer>" for g in gold]
loose = el.Accuracy(labels)(tagged, solution=gold)
strict = el.Accuracy(labels, published=True)(tagged, solution=gold)
print("right answers, written with a capital letter and a full stop:")
print(f"exact match {sum(strict) / len(strict):.2f}, "
      f"parser {sum(loose) / len(loose):.2f}")

# %% [markdown]
# The last two numbers are scores of the same right answers. What a model is
# worth depends on who reads it. An answer that cannot be read counts as
# wrong, so a base that was never taught the form can look no better than
# ignorant, and everything that teaches form looks like a gain in emotion.
# Report the parse rate beside the score, and compare with the cold start.
#
# <!-- exercise 9.1 -->
#
# Deflate a score. The gold label is *happy*. Write at least three different
# answers that our parser counts as right and the released scorer, exact
# match, counts as wrong.

# %% tags=["exercise"] exercise="9.1"
# A list of answers, as a model writes them.
my_answers = ["<answer>Happy</answer>", "<answer>happy.</answer>",
              "<answer>happiness</answer>"]

# %% tags=["check"]
check.ex_9_1(my_answers)

# %% [markdown]
# ## A cold start that says where it looked
#
# The rows of the table state which modality carries the emotion. The
# rationales of the cold start are written from these rows: nothing else
# is known to them.

# %%
lalm = recipe.load()
losses = recipe.cold_start(lalm, parts.cold, progress=False)
prompt = recipe.for_model(lalm).prompt(labels)
checks = ("swapped", "no_transcript", "no_video")
before = recipe.measure(lalm, parts.test, prompt, checks, progress=False)
print(recipe.target(parts.cold[0]))
pd.DataFrame(before["rows"])[["gold", "text"]].head(6)

# %% [markdown]
# ## Reward alone
#
# GRPO sees labels, no rationales. Of the answers to a clip, those with the
# right label become more likely, with whatever reasons they gave. Read two
# sentences below: whether the reward of training answers rose, and whether
# UA rose for speakers that the run never heard.

# %%
history = recipe.grpo(lalm, parts.train, lab.folder / "grpo",
                      resume=False, progress=False)
el.plot.training_curves(history)

# %%
from emolab_course import reward_trend

after = recipe.measure(lalm, parts.test, prompt, checks, progress=False)
print(reward_trend(history))
print(verdict("UA on held-out speakers", before, after))
el.plot.score_bars({"most likely label, untrained": likely,
                    "cold start": before, "after this short run": after},
                   title="UA on held-out speakers")

# %% [markdown]
# ## What it learned to use
#
# One score hides where the gain came from. Split it by where the evidence
# lies:

# %%
if lab.knows("carriers", "The embedded corpus would split UA here.",
             corpus):
    display(evidence_slopes(parts.test, before, after, evidence_of))

# %% [markdown]
# Some lines rise and some fall, so the gain is not the same everywhere. The
# intervals are wide, since few clips are left of each kind.
#
# <!-- exercise 9.2 -->
#
# Before you run the next cell: the face is taken away from every clip of the
# test. Which bar must fall to chance, whatever the model learned?

# %% tags=["exercise"] exercise="9.2"
# A letter from a to f.
my_prediction = "b"

# %% tags=["check"]
check.ex_9_2(my_prediction)

# %% [markdown]
# And take evidence away: a voice of somebody in another emotion, no words,
# no face.

# %%
el.plot.controls({name: {None: found, **found["controls"]}
          for name, found in (("cold start", before), ("after", after))},
         title="Which modality does it lean on?")

# %% [markdown]
# The modality whose loss hurts most is the one that the model leans on. Here
# these are the voice and the words. The face is the one whose loss hurts
# least: it is under-used, however much the rationales speak of it.
#
# ## Does it say so?
#
# Count, on clips with exactly one carrier, how often the rationale names
# that one and nothing else. The same texts, exchanged between clips, show
# what a fixed habit would get. And of all modalities that are named, how
# many carry nothing: hallucinated evidence.

# %%
columns = [c for c in ("names_carrier", "names_carrier_shuffled",
                       "names_wrong", "names_audio", "names_video",
                       "names_text", "right_when_named", "right_otherwise")
           if before.get(c) is not None]
pd.DataFrame({name: {c: found[c] for c in columns}
              for name, found in (("cold start", before), ("after", after))
              }).T.astype(float).round(2)

# %%
if "names_carrier" in columns:
    print(verdict("The share that names the carrier", before, after,
                  key="names_carrier"))

# %% [markdown]
# Nothing rewards the reasons, so a run can drift towards a favourite. This run
# names the voice more often after training than before (`names_audio`). The
# ledger below counts over ten runs.
#
# In the table, look at the last two columns. Where the rationale names the
# carrier, the answer is right more often than elsewhere, before training and
# after it.

# %%
wrong = [row for row in after["rows"] if row["predicted"] != row["gold"]]
samples = {s.id: s for s in parts.test}
pd.DataFrame([{
    "evidence in": evidence_of(samples[row["id"]]) or "unknown",
    "gold": row["gold"], "answer": row["text"],
} for row in wrong[:6]])

# %% [markdown]
# These read like reasons, and the answers are wrong. Nobody checked a reason
# while the model was trained: the reward reads the answer and the tags. So
# nothing pays for their letters, either, and some words lose theirs.
# Notebook 10 compares such claims with what moved the answer.
#
# ## The paper, and our longer runs
#
# What the paper reports, weighted and unweighted accuracy; the last corpus
# was in neither training:

# %%
paper = pd.DataFrame(
    {"DFEW": ["22.64/19.44", "38.66/35.31", "60.23/44.39", "65.83/56.27"],
     "MAFW": ["20.18/13.52", "38.39/28.02", "50.44/30.39", "57.68/40.04"],
     "RAVDESS": ["7.33/9.38", "29.00/27.19", "29.33/30.75", "43.00/44.69"]},
    index=["base", "cold start", "supervised, same labels", "R1-Omni"])
paper

# %% [markdown]
# `emolab bench claims r1-omni` runs the recipe on the embedded corpus with
# ten seeds, and judges each claim by a rule that was fixed before. Its files
# are read here.

# %%
from emolab_course import claims_of, show_claim

claims = claims_of("r1-omni")
show_claim(claims["r1-omni-rlvr"])

# %%
show_claim(claims["r1-omni-elsewhere"])

# %% [markdown]
# Reinforcement has the highest mean in both tables, and that does not decide
# the claims. At home its lead is undecided. In the other domain its lead over
# the cold start holds, and its lead over supervised training is undecided.
#
# And the claim that nobody had measured: does the rationale name what
# carried the emotion, beyond what a habit would get?

# %%
show_claim(claims["r1-omni-rationale"], differences=True)

# %% [markdown]
# Two questions, two rows. Do rationales name the carrier more often than a
# habit would? They do, in every seed. Does reward for the answer alone make
# them better at it? No: after training they name the carrier less often than
# before. The reading has the seeds: most fall, and by very different amounts.

# %% [markdown]
# ## Summary
#
# - Two rewards that a program can check are enough to train with; what
#   rises is another question, so split the score before you name a cause.
# - Scores of models that were not taught the form measure the form.
# - UA by where the evidence lies, and controls, say which modality a model
#   leans on; one score does not.
# - A rationale's claim can be counted where the truth is known. Being
#   rewarded for the answer does not make the reasons true by itself.

# %% [markdown]
# <!-- exercise 9.3 -->
#
# R1-Omni keeps the model near its cold start with a penalty on each token:
# k3 = r - log r - 1, where r is the token's probability under the
# reference, divided by its probability now. Both arguments hold
# log-probabilities, one for each token.

# %% tags=["exercise"] exercise="9.3"
import numpy as np


def k3(now, reference):
    """Return each token's estimated distance from the reference."""
    log_ratio = reference - now
    return np.exp(log_ratio) - log_ratio - 1


# %% tags=["check"]
check.ex_9_3(k3)

# %% [markdown]
# <!-- exercise 9.4 -->
#
# Where does a run with this penalty end? `reference` holds the probabilities
# of some answers under the reference, `reward` what each earns. Return the
# probabilities that maximise the mean reward minus `beta` times the KL
# divergence from the reference. Derive them on paper first.

# %% tags=["exercise"] exercise="9.4"
import numpy as np


def policy(reference, reward, beta):
    """Return the best policy under the penalty, summing to one."""
    logs = np.log(reference) + reward / beta
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


# %% tags=["check"]
check.ex_9_4(policy)

# %% [markdown]
# A sweep over β needs no training then. Three answers, of which the
# reference likes the one that earns least:

# %%
import matplotlib.pyplot as plt

best = check.exercise("9.4").reference
likes, earns = np.array([0.70, 0.25, 0.05]), np.array([0.0, 0.5, 1.0])
betas = np.geomspace(0.02, 5, 60)
chosen = np.array([best(likes, earns, beta) for beta in betas])
names = [f"earns {r:g}, liked {p:.0%}" for r, p in zip(earns, likes)]
plt.plot(betas, chosen, label=names)
plt.xscale("log")
plt.xlabel("β")
plt.ylabel("probability of the answer")
plt.title("A large β keeps the reference, a small one the best answer")
plt.legend();

# %% [markdown]
# ## Tweak this
#
# How strongly does the penalty pull? Here it is beside the plain log-ratio.
# Then train with `lab.recipe("r1-omni", steps=40, beta=0.1)` above, or with
# `modalities=("video", "text")`, and look again at what the model uses.

# %%
log_ratio = np.linspace(-2, 2, 200)
penalty = check.exercise("9.3").reference
plt.plot(log_ratio, penalty(np.zeros(200), log_ratio), label="k3")
plt.plot(log_ratio, -log_ratio, label="plain: log now - log reference")
plt.axhline(0, color="grey", lw=0.8)
plt.xlabel("log of the reference's probability over the policy's")
plt.ylabel("penalty of a token")
plt.title("k3 is never negative, the log-ratio is")
plt.legend();
