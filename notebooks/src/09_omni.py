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
# | minutes (cpu) | minutes (gpu) | memory | downloads |
# |---|---|---|---|
# | 3 | 2 | 3 GB | none |

# %%
from emolab.course import check, setup, watch

lab = setup("09")
lab

# %% [markdown]
# ## Clips whose evidence lies in one place
#
# In many clips of this corpus the emotion is in the voice alone, in the
# face alone, or in the words alone; in others several agree, or one
# contradicts another. The table says which.

# %%
import pandas as pd

from emolab.recipes import common
from emolab.recipes.r1_omni import R1Omni, R1OmniSettings, evidence_of
from emolab.synth.embedded import embedded_corpus

pd.set_option("display.max_colwidth", 80)
corpus = embedded_corpus("omni")
recipe = R1Omni(R1OmniSettings.cpu(
    quantise=None, cold_per_label=32, cold_epochs=4, steps=25,
    test_per_label=12))
parts = recipe.parts(corpus)
table = pd.DataFrame({"split": s.split, "evidence": evidence_of(s)}
                     for s in corpus.where(domain="a"))
pd.crosstab(table["evidence"], table["split"])

# %%
from emolab.media import frames_of

clips = corpus.where(split="test", domain="a", emotion="happy")
pair = [next(s for s in clips if evidence_of(s) == kind)
        for kind in ("audio", "video")]
for clip in pair:
    print(f'{clip.emotion}: "{clip.text}", told by the '
          f'{clip.extra["carriers"][0]}')
watch({f"told by the {clip.extra['carriers'][0]}":
       frames_of(common.resolved(corpus.replace([clip]))[0])
       for clip in pair})

# %% [markdown]
# Both are happy, and only one of the faces says so. A model that sees
# without hearing must miss one of them.
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
pd.DataFrame({name: reward([""] * 5, answers, solution=["happy"] * 5)
              for name, reward in columns.items()}, index=answers)

# %% [markdown]
# ## A bad model, or a bad scorer?
#
# The paper's base model scores below chance, which no amount of ignorance
# can explain: guessing does better. Ask our model as it comes, and score
# the same answers three ways: the released exact match, the one parser,
# and not by what it writes but by which label it finds most likely.

# %%
from emolab.evaluate import evaluate
from emolab.plots.evaluation import score_bars
from emolab.rewards import Accuracy

base, direct = lab.model(), recipe.baseline_prompt()
written = evaluate(base, parts.test, direct, max_new_tokens=64,
                   progress=False)
texts = [row["text"] for row in written["rows"]]
gold = [row["gold"] for row in written["rows"]]
exact = Accuracy(published=True)([""] * len(texts), texts, solution=gold)
likely = evaluate(base, parts.test, direct, mode="labels", progress=False)
print(f"{written['parse_rate']:.0%} readable; the first: {texts[0]!r}")
score_bars({
    "exact match (share right)": {"ua": sum(exact) / len(exact)},
    "parsed answers": written,
    "most likely label": likely,
})

# %% [markdown]
# One model, and what it is worth depends on who reads it. An answer that
# cannot be read counts as wrong, so a base that was never taught the form
# can look no better than ignorant, and everything that teaches form looks
# like a gain in emotion. Report the parse rate beside the score, and
# compare with the cold start.
#
# ## A cold start that says where it looked
#
# The rows of the table state which modality carries the emotion. The
# rationales of the cold start are written from these rows: nothing else
# is known to them.

# %%
lalm = recipe.load()
losses = recipe.cold_start(lalm, parts.cold, progress=False)
prompt = recipe.prompt()
checks = ("swapped", "no_transcript", "no_video")
before = recipe.measure(lalm, parts.test, prompt, checks, progress=False)
print(recipe.target(parts.cold[0]))
pd.DataFrame(before["rows"])[["condition", "gold", "text"]].head(6)

# %% [markdown]
# ## Reward alone
#
# GRPO sees labels, no rationales. Of eight answers to a clip, those with
# the right label become more likely, with whatever reasons they gave.

# %%
from emolab.plots.training import training_curves

history = recipe.grpo(lalm, parts.train, lab.folder / "grpo",
                      save_steps=None, resume=False)
training_curves(history)

# %%
after = recipe.measure(lalm, parts.test, prompt, checks, progress=False)
score_bars({"most likely label, untrained": likely, "cold start": before,
            "after this short run": after})

# %% [markdown]
# ## What it learned to use
#
# One score hides where the gain came from. Split it by where the evidence
# lies:

# %%
from emolab.plots.attribution import before_after

kinds = ("audio", "video", "text", "agree", "conflict", "neutral")
before_after(*({kind: found[f"ua_{kind}"] for kind in kinds}
               for found in (before, after)), ylabel="UA",
             title="By where the evidence lies")

# %% [markdown]
# And take evidence away: a voice of somebody in another emotion, no words,
# no face.

# %%
from emolab.plots.evaluation import controls

controls({name: {None: found, **found["controls"]}
          for name, found in (("cold start", before), ("after", after))},
         title="Which modality does it lean on?")

# %% [markdown]
# The modality whose loss hurts most is the one the model leans on. One
# whose loss hurts little is under-used, however much the rationales speak
# of it. Readers of the paper found the voice neglected in R1-Omni; here
# it is another one.
#
# ## Does it say so?
#
# Count, on clips with exactly one carrier, how often the rationale names
# that one and nothing else. The same texts, exchanged between clips, show
# what a fixed habit would get. And of all modalities that are named, how
# many carry nothing: hallucinated evidence.

# %%
columns = ["names_carrier", "names_carrier_shuffled", "names_wrong",
           "names_audio", "names_video", "names_text",
           "right_when_named", "right_otherwise"]
pd.DataFrame({name: {c: found[c] for c in columns}
              for name, found in (("cold start", before), ("after", after))
              }).T.astype(float).round(2)

# %% [markdown]
# Compare the last two columns: does a model that looks in the right place
# answer better? If so, a reward for the answer alone can teach it to say
# where it looked. If not, the reasons are decoration.

# %%
wrong = [row for row in after["rows"] if row["predicted"] != row["gold"]]
samples = {s.id: s for s in parts.test}
pd.DataFrame([{
    "evidence in": ", ".join(samples[row["id"]].extra["carriers"]) or "none",
    "shows something else":
        ", ".join(samples[row["id"]].extra["distractors"]),
    "gold": row["gold"], "answer": row["text"],
} for row in wrong[:6]])

# %% [markdown]
# Every one of these sounds like a reason. None of them was checked by
# anybody while the model was trained: the reward reads the answer and the
# tags. Notebook 10 compares such claims with what moved the answer.
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
# `emolab bench claims r1-omni` runs the recipe with ten seeds, and judges
# each claim by a rule that was fixed before. Its files are read here.

# %%
from emolab.course import claims_of, show_claim

claims = claims_of("r1-omni")
show_claim(claims["r1-omni-rlvr"])

# %%
show_claim(claims["r1-omni-elsewhere"])

# %% [markdown]
# And the claim that nobody had measured: does the rationale name what
# carried the emotion, beyond what a habit would get?

# %%
show_claim(claims["r1-omni-rationale"], differences=True)

# %% [markdown]
# Two questions, two rows: whether rationales name the carrier more often
# than a habit would, and whether reward for the answer alone makes them
# better at it. Look at the seeds, too: trained by the same reward, some
# runs keep their reasons apart and others drift towards a favourite.

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
#
# ## Exercise 9.1
#
# R1-Omni keeps the model near its cold start with a penalty on each token:
# k3 = r - log r - 1, where r is the token's probability under the
# reference, divided by its probability now. Both arguments hold
# log-probabilities, one for each token.

# %% tags=["exercise"] exercise="9.1"
import numpy as np


def k3(now, reference):
    """Return each token's estimated distance from the reference."""
    log_ratio = reference - now
    return np.exp(log_ratio) - log_ratio - 1


# %% tags=["check"]
check.ex_9_1(k3)

# %% [markdown]
# ## Tweak this
#
# How strongly does the penalty pull? Plot it beside the plain log-ratio.
# Then train with `R1OmniSettings.cpu(steps=40, beta=0.1)` above, or with
# `modalities=("video", "text")`, and look again at what the model uses.

# %%
import matplotlib.pyplot as plt

log_ratio = np.linspace(-2, 2, 200)
plt.plot(log_ratio, k3(np.zeros(200), log_ratio), label="k3")
plt.plot(log_ratio, -log_ratio, label="plain: log now - log reference")
plt.axhline(0, color="grey", lw=0.8)
plt.xlabel("log of the reference's probability over the policy's")
plt.legend();
