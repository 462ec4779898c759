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
# # 14 Should we? Law, consent, culture, misuse
#
# A system that works can still be wrong to build, and a system that works on
# average can fail for the person in front of it. This notebook is about
# people who are judged by a model of this kind. It has more questions than
# code. Discuss it with somebody who disagrees with you.
#
# **After this notebook you can**
# - say which uses the law of the European Union forbids or regulates;
# - compute how many people a good classifier accuses wrongly;
# - measure whom a model serves badly;
# - say what a label means in another culture, and what consent needs.
#
# **You need** notebooks 00 to 02.
#
# <!-- cost study=90 -->

# %%
from emolab_course import at_most, check, setup

lab = setup("14")
lab

# %% [markdown]
# ## What is it that is recognised?
#
# A model of this kind guesses a label that somebody gave to a recording.
# Between the label and a feeling lie three steps, and each can fail.
#
# - **From feeling to expression.** People scowl when they concentrate, smile
#   when they are afraid, and cry for joy. In the studies that Barrett et al.
#   (2019, *Psychological Science in the Public Interest* 20) review, people
#   did not reliably show the expected face when they felt the emotion, and
#   showed it without the emotion.
# - **From expression to label.** Acted speech shows what an actor thinks
#   anger sounds like. Raters say what they hear, and disagree.
# - **From label to answer.** The model errs, with a confidence of its own.
#
# So write "the recording was labelled angry", and not "the speaker is
# angry". The difference matters most where somebody decides about people.
#
# ## Law
#
# In the European Union the AI Act (Regulation 2024/1689) defines an *emotion
# recognition system* as one that infers emotions or intentions of people
# from their biometric data (Article 3(39)). A voice and a face are such
# data. Words alone are not.
#
# | | rule |
# |---|---|
# | Article 5(1)(f) | forbidden at work and in education, except for medical or safety reasons (since February 2025) |
# | Annex III, 1(c) | other emotion recognition systems are high-risk: risk management, documentation, human oversight |
# | Article 50(3) | people must be told that such a system is used on them |
#
# Recordings of people who can be identified are personal data under the
# GDPR. Consent must be freely given, and as easy to withdraw as to give
# (Article 7); people may ask for erasure (Article 17). Other countries have
# other rules, and rules change. This is a lesson and no legal advice.
#
# <!-- exercise 14.1 -->
#
# Sort five plans for a product in the European Union: "forbidden",
# "regulated" (high-risk, with information of the people), or "outside" (no
# emotion recognition in the sense of the AI Act).
#
# - A: a call centre scores its *employees'* voices for cheerfulness;
# - B: a museum's installation paints the mood of visitors' voices, with a
#   sign at the door;
# - C: a school's exam software flags pupils whose faces show stress;
# - D: a tool sorts customers' *letters* into angry and friendly ones;
# - E: a lorry driver's voice is checked for fatigue, to prevent accidents.
#   Take fatigue as a physical state, as the Act's recital 18 does.

# %% tags=["exercise"] exercise="14.1"
# For each letter "forbidden", "regulated" or "outside".
my_answer = {"A": "forbidden", "B": "regulated", "C": "forbidden",
             "D": "outside", "E": "outside"}

# %% tags=["check"]
check.ex_14_1(my_answer)

# %% [markdown]
# ## A small error, and many people
#
# A help line wants to find desperate callers. One in fifty is. A model finds
# nine of ten, and raises a false alarm for one in ten of the others. That
# is a far better model than any in this course.
#
# <!-- exercise 14.2 -->
#
# `share` of all people are in the state that is looked for, `recall` of
# these are flagged, and `false_alarm` of all others too. Of those who are
# flagged, what share is flagged wrongly?

# %% tags=["exercise"] exercise="14.2"
def wrongly_flagged(share, recall, false_alarm):
    """Return the share of flagged people who are flagged wrongly."""
    right, wrong = share * recall, (1 - share) * false_alarm
    return wrong / (right + wrong)


# %% tags=["check"]
check.ex_14_2(wrongly_flagged)

# %%
import matplotlib.pyplot as plt
import numpy as np

wrongly_flagged = check.ours("14.2")
share = np.geomspace(0.001, 0.5, 200)
for alarm in (0.01, 0.1, 0.3):
    plt.semilogx(share, wrongly_flagged(share, 0.9, alarm),
                 label=f"{alarm:.0%} false alarms")
plt.plot([0.02], [wrongly_flagged(0.02, 0.9, 0.1)], "o", color="black",
         label="the help line")
plt.xlabel("share of people in that state")
plt.ylabel("of those flagged, flagged wrongly")
plt.ylim(0, 1)
plt.title("The rarer the state, the more alarms are false")
plt.legend()
print(f"help line: {wrongly_flagged(0.02, 0.9, 0.1):.0%} of those flagged "
      "are flagged wrongly")

# %% [markdown]
# For a help line that may be acceptable: a human answers anyway, and a false
# alarm costs a kind question. For a police officer with the same screen it
# is not. The same number is good or bad by what happens next.
#
# ## Whom does it serve badly?
#
# A mean hides people. Take the classical baseline of notebook 02, which is
# quick, and score each held-out speaker alone. Lines are 95% intervals.

# %%
import pandas as pd
from IPython.display import display
from scipy.stats import beta, t

from emolab.baselines import classical_baseline
from emolab.recipes.run import take_per_label

labels = lab.corpus.labels
train = take_per_label(lab.voices("train"), at_most(20, 4), seed=0)
test = take_per_label(lab.voices("test"), at_most(24, 4), seed=0)
found = classical_baseline(train, test, progress=False, labels=labels)
who = {sample.id: sample.speaker or "unknown" for sample in test}
rows = pd.DataFrame(found["rows"])
rows["speaker"] = [who[i] for i in rows["id"]]
rows["right"] = rows["predicted"] == rows["gold"]
people = rows.groupby("speaker")["right"].agg(["sum", "count"])
people["share"] = people["sum"] / people["count"]
people = people.sort_values("share")

# %%
wrong = people["count"] - people["sum"]
low = beta.ppf(0.025, people["sum"].clip(lower=1e-9), wrong + 1)
high = beta.ppf(0.975, people["sum"] + 1, wrong.clip(lower=1e-9))
figure, axis = plt.subplots(figsize=(6, 0.26 * len(people) + 1.2))
axis.hlines(range(len(people)), low, high, color="#14817b")
axis.plot(people["share"], range(len(people)), "o", color="#14817b")
axis.axvline(rows["right"].mean(), color="black", ls=":",
             label="all speakers")
axis.set_yticks(range(len(people)), people.index)
axis.set(xlim=(0, 1), xlabel="share of right answers",
         title="One score, many people")
axis.legend()
worst, best = people.iloc[0], people.iloc[-1]
print(f"from {worst['share']:.0%} ({people.index[0]}) "
      f"to {best['share']:.0%} ({people.index[-1]}), "
      f"all together {rows['right'].mean():.0%}")

# %% [markdown]
# With few clips a speaker the intervals are wide, so do not name a worst
# person from this plot. A group of speakers can be judged. In the embedded
# corpus the first letter of a speaker says whether the voice is a woman's
# (f) or a man's (m). Intervals are over speakers:

# %%
if lab.embedded:
    each = people["share"].groupby(people.index.str[0])
    half = each.std() / each.size()**0.5 * t.ppf(0.975, each.size() - 1)
    groups = pd.DataFrame({"speakers": each.size(), "right": each.mean(),
                           "low": each.mean() - half,
                           "high": each.mean() + half})
    display(groups.round(2))
    apart = groups["low"].max() > groups["high"].min()
    print("the intervals " + ("do not overlap: one group is served worse"
          if apart else "overlap: these clips cannot tell the groups apart"))
else:
    print("The embedded corpus would compare two groups of voices here.")

# %% [markdown]
# Hear a clip of the speaker at each end of the plot, with its label and the
# answer that it got. These are people, not rows.

# %%
from emolab.training.runs import resolved
from emolab_course import listen

answers = rows.set_index("id")["predicted"]
heard = {who: next(sample for sample in resolved(test)
                   if (sample.speaker or "unknown") == who)
         for who in (people.index[0], people.index[-1])}
listen([(f"{who}: felt {clip.emotion}, answered {answers[clip.id]}", clip)
        for who, clip in heard.items()])

# %% [markdown]
# Report such a table for the groups that you serve: age, sex, first
# language, illness. A group that is missing from the
# data has no line here, and that is the worst line of all.
#
# ## Culture
#
# People recognise emotions in voices of other cultures better than chance,
# and those of their own culture better than that: meta-analyses call it an
# in-group advantage (Elfenbein & Ambady 2002, *Psychological Bulletin* 128;
# for voices Laukka & Elfenbein 2021, *Emotion Review* 13). Cultures also
# have rules on who may show what to whom. A corpus of actors of one city is
# a corpus of that city's theatre. Two questions help:
#
# - Who chose the labels, in which language, and what is lost in their
#   translation? Seven words do not cover what people of any culture feel.
# - Would the speakers agree with the label? Ask them. If they were not
#   asked, write that.
#
# ## Consent, and what a voice gives away
#
# A voice identifies a person. It also tells about age, origin and some
# illnesses, which nobody was asked about. A fair request says: who records,
# for what, how long it is kept, who else hears it, that a no has no
# consequences, and how to withdraw. Consent at work is rarely free.
#
# ## Misuse, and drift of purpose
#
# A system that was built for a help line can be bought by an insurer. Ask of
# your own: who could use it to harm whom, would it need another threshold
# for that, and what would you notice? What you publish decides a part of it:
# weights, a licence, a threshold with a warning, or a paper alone.
#
# <!-- exercise 14.3 -->
#
# A threshold is a decision about people. `scores` are a model's scores,
# `angry` says which people are (1 or 0). Return the lowest of the scores at
# which, if all with at least this score are flagged, at most the share
# `most` of the flagged are flagged wrongly. Return None where there is no
# such score: then do not flag anybody.

# %% tags=["exercise"] exercise="14.3"
import numpy as np


def threshold(scores, angry, most):
    """Return the lowest fair threshold, or None."""
    for score in np.sort(np.unique(scores)):
        flagged = scores >= score
        if (1 - angry[flagged]).mean() <= most:
            return float(score)
    return None


# %% tags=["check"]
check.ex_14_3(threshold)

# %% [markdown]
# ## What this package does
#
# `emolab predict` says with every answer how unlike the training data a
# recording is, and its help names the limits. The model card says what the
# model is not for. None of this stops anybody. But nobody who used it
# can say that they were not told.
#
# ## Summary
#
# - A label is a guess about a recording. Decisions are about people.
# - Some uses are forbidden, and most are regulated. A legal use can still
#   be wrong.
# - Rare states make mostly false alarms, however good the model.
# - Report by speaker and group. Ask who is missing.
#
# <!-- exercise 14.4 -->
#
# A vendor writes: "Our model reads customers' emotions with 92% accuracy,
# validated on 10,000 acted recordings in English. It is unbiased: accuracy
# is 92% for women and for men." You are asked to buy it for a hospital's
# telephone line in Lisbon. What is the first thing that you say?

# %% tags=["exercise"] exercise="14.4"
# The letter of your answer.
my_answer = "a"

# %% tags=["check"]
check.ex_14_4(my_answer)

# %% [markdown]
# ## Tweak this
#
# A second test is often proposed as a cure: flag a person only if two
# recordings are flagged. Which false alarm rate would that give, if the two
# were independent? For one person they are not: a voice that is misheard
# once is misheard again. Change `again`, the chance that a second false
# alarm follows the first.

# %%
for again in (0.1, 0.5, 0.9):
    both = wrongly_flagged(0.02, 0.9 * 0.9, 0.1 * again)
    print(f"a false alarm repeats with {again:.0%}: "
          f"{both:.0%} of those flagged twice are flagged wrongly")
