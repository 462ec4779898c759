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
# # 02 Zero-shot: what does the model know already?
#
# Before you teach a model anything, measure what it can do untaught. Before
# you believe the measurement, measure what the model would score deaf.
#
# **After this notebook you can**
# - say what an audio language model is given, position by position;
# - evaluate it in two ways: by what it writes, and by what it finds likely;
# - see the answers that a model prefers before it has heard anything, and
#   take that preference away;
# - run the controls without which a score means little.
#
# **You need** notebook 01.
#
# <!-- cost study=45 -->

# %%
from emolab_course import at_most, check, figures, setup

lab = setup("02")
lalm = lab.model()
lab

# %% [markdown]
# ## What the model is given
#
# A prompt is a row of positions. Text fills some of them. The rest is what
# the audio encoder made of the sound: one vector for each stretch of audio.
# To the language model they are all just positions.

# %%
import pandas as pd

import emolab as el
from emolab.prompts import get_prompt
from emolab.recipes.run import take_per_label
from emolab.samples import resolve

labels = lab.corpus.labels
test = take_per_label(lab.voices("test"), at_most(20), seed=0)
prompt = get_prompt("direct", labels).using("audio", "text")
sample = resolve(test[0], test.root)
batch = lalm.encode([sample], prompt)
spans = pd.DataFrame([vars(span) for span in batch.spans[0]])
print(prompt.text(sample))
spans.groupby("modality").agg(
    positions=("start", "count"), first_second=("t0", "min"),
    last_second=("t1", "max"))

# %% [markdown]
# The transcript is in the prompt too. In the embedded corpus the words of
# these clips are neutral, so reading does not help.
#
# ## Let it write
#
# Ask for an answer to each of the test clips, and count.

# %%
written = el.evaluate(lalm, test, prompt, max_new_tokens=16, progress=False)
rows = pd.DataFrame(written["rows"])
print(f"UA {written['ua']:.3f}, 95% interval "
      f"{written['ua_ci'][0]:.3f} to {written['ua_ci'][1]:.3f}; "
      f"chance {1 / len(labels):.3f}")
print(f"{written['parse_rate']:.0%} of {written['n']} answers are readable")
rows["text"].value_counts().head(8).to_frame("times written")

# %% [markdown]
# The default model writes answers that can be read. Its failure is another
# one: it writes a few labels again and again, and some never. Hear a few of
# the clips, with what the model wrote:

# %%
from emolab_course import listen

heard = rows.head(4)
listen({f"felt: {row.gold}; written: {row.text[:40]}": resolve(
    next(s for s in test if s.id == row.id), test.root)
    for row in heard.itertuples()})

# %% [markdown]
# ## Or ask what it finds likely
#
# Instead of letting the model write, compute the probability of each label
# as the answer, and take the largest. Then no answer is unreadable, and a
# preference becomes visible. This plot averages the probabilities over all
# clips, and over inputs that contain nothing at all.

# %%
scored = el.evaluate(lalm, test, prompt, mode="labels", progress=False)
figures.label_bias(scored["info"]["label_bias"])

# %% [markdown]
# Without a preference, all dots would lie at chance. A label that is likely
# without any content is a preference of the model, not something that it
# heard. *Calibration* takes the preference away: either by what the model
# answers to inputs without content, or by its mean over the evaluated clips.

# %%
kinds = scored["info"]["by_calibration"]
pd.DataFrame(kinds).T[["ua", "ua_ci", "wa", "parse_rate"]]

# %% [markdown]
# Neither method looks at a gold label. "mean" does look at the whole test
# set, so it cannot be used for one file. Say so when you report it.
#
# <!-- exercise 2.1 -->
#
# A label's score is the log-probability that the model writes exactly its
# tokens. `logits` has a row for each position of prompt and label, and a
# column for each token of the vocabulary. `label` holds the label's tokens,
# which stand at the end. Return the log-probability of the label.

# %% tags=["exercise"] exercise="2.1"
import numpy as np


def label_score(logits, label):
    """Return the log-probability of the label's tokens."""
    n = len(label)
    rows = logits[len(logits) - n - 1:-1]
    logs = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
    return logs[np.arange(n), label].sum()


# %% tags=["check"]
check.ex_2_1(label_score)

# %% [markdown]
# <!-- exercise 2.2 -->
#
# Write the calibration by the mean. `scores` has shape (clips, labels):
# log-probabilities that need not sum to one over the labels. Normalise each
# row over the labels, subtract each label's mean over the clips, and
# normalise again. Everything stays in logs.

# %% tags=["exercise"] exercise="2.2"
import numpy as np


def calibrated_scores(scores):
    """Return log-posteriors freed of each label's mean."""
    total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    posterior = scores - total
    posterior = posterior - posterior.mean(axis=0)
    return posterior - np.logaddexp.reduce(posterior, axis=1, keepdims=True)


# %% tags=["check"]
check.ex_2_2(calibrated_scores)

# %% [markdown]
# <!-- exercise 2.3 -->
#
# One step of the calibration above can be left out, and no result ever
# changes. Which one, and why? The steps are: normalise over the labels,
# subtract each label's mean over the clips, normalise over the labels again.

# %% tags=["exercise"] exercise="2.3"
# A letter from a to f.
my_step = "a"

# %% tags=["check"]
check.ex_2_3(my_step)

# %% [markdown]
# ## Where it errs

# %%
calibrated = el.evaluate(lalm, test, prompt, mode="labels",
                         calibration="mean", progress=False)
el.plot.confusion_matrix(calibrated["rows"], labels,
                         title="Zero-shot, calibrated")

# %% [markdown]
# ## Would it notice?
#
# Now the controls. Replace every voice by silence. Replace it by another
# person's voice in another emotion. Take the words away. The score of a
# model that listens must fall. Lines are 95% intervals over speakers.

# %%
under = {None: calibrated}
for name in ("silent", "swapped", "no_transcript"):
    under[name] = el.evaluate(lalm, test, prompt, mode="labels",
                              control=name, calibration="mean",
                              progress=False)
el.plot.controls({f"{lalm.name}, zero-shot": under})

# %% [markdown]
# The first bar lies above chance. Silence takes it down to chance, and
# another voice below it. Without the words nothing is lost. So the untaught
# model already listens a little, and it reads nothing from these neutral
# words. Notebook 04 shows the controls again after training.
#
# <!-- exercise 2.4 -->
#
# Write a control that catches a model which reads the transcript and does
# not listen. `ask(text, voice)` is a model: it answers with a label when it
# is shown the words of one emotion and the voice of another. `clips` are
# dicts with `text`, `voice` and `emotion`, whose words and voice agree.
# Return True for a reader, False for any other model, also for one that
# always gives the same answer, and for one that uses both.

# %% tags=["exercise"] exercise="2.4"
def reads_only(ask, clips):
    """Return whether the model follows the words and never the voice."""
    pairs = [(a, b) for a in clips for b in clips]
    by_voice = any(ask(a["text"], a["voice"]) != ask(a["text"], b["voice"])
                   for a, b in pairs)
    by_text = any(ask(a["text"], a["voice"]) != ask(b["text"], a["voice"])
                  for a, b in pairs)
    return by_text and not by_voice


# %% tags=["check"]
check.ex_2_4(reads_only)

# %% [markdown]
# ## Is the task just hard?
#
# Classical signal processing describes a clip by its pitch, level, timing
# and voice quality. A linear classifier on top of these features has never
# heard of language models. Give it some labelled clips:

# %%
from emolab.baselines import classical_baseline

train = take_per_label(lab.voices("train"), at_most(50, 4), seed=0)
classical = classical_baseline(train, test, progress=False, labels=labels)
el.plot.score_bars({
    "written answers": written,
    "scored labels": scored,
    "scored, calibrated": calibrated,
    f"prosody + LR, {len(train)} labels": classical,
}, title="A few features of the signal, beside the untaught model")

# %% [markdown]
# The last bar says how much of the evidence is in plain features of the
# signal. What the language model misses below that bar, it misses because
# it does not know what the sounds *mean*. Notebook 04 teaches it.
#
# ## Summary
#
# - An audio language model reads positions. Some of them are sound.
# - Generated answers and scored labels are two different measurements.
# - Models have favourite answers. Calibration removes them without labels.
# - Controls come with every score: silent, swapped, without transcript.
# - A classical baseline says what is easy.

# %% [markdown]
# <!-- exercise 2.5 -->
#
# The intervals above are over speakers. Write one. `right` holds 1 or 0 for
# each clip, `speakers` its speaker. Each row of `draws` is one imagined
# study: positions in the sorted list of the speakers, some of them twice.
# Return the percentiles 2.5 and 97.5 of the share of right answers over the
# studies.

# %% tags=["exercise"] exercise="2.5"
import numpy as np


def interval(right, speakers, draws):
    """Return the 95% interval over speakers, (low, high)."""
    names = sorted(set(speakers))
    own = [right[np.array(speakers) == name] for name in names]
    shares = [np.concatenate([own[i] for i in draw]).mean()
              for draw in draws]
    return np.percentile(shares, 2.5), np.percentile(shares, 97.5)


# %% tags=["check"]
check.ex_2_5(interval)

# %% [markdown]
# ## Tweak this
#
# Ask differently. Is the model better when it is shown everything that a
# sample has, faces and words included, and not the voice alone?

# %%
both = take_per_label(lab.corpus.where(
    lambda s: s.split == "test" and (s.video or s.text)), at_most(10), 1)
for name, asked in (("voice", get_prompt("direct", labels).using("audio")),
                    ("everything", get_prompt("direct", labels))):
    result = el.evaluate(lalm, both, asked, mode="labels",
                         calibration="mean", progress=False)
    print(f"{name:11} UA {result['ua']:.3f} of {result['n']} clips")
