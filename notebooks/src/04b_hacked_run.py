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
# # 04b A hacked run: the model does what you pay for
#
# A reward says what it pays for, and not what you meant. In this notebook a
# formula from a paper, read literally, trains a model for about sixty steps.
# All its curves look good. Then you look at the answers.
#
# **After this notebook you can**
# - see a policy exploit a reward, in its answers;
# - compute before training what a reward invites;
# - log what you care about beside what you pay for;
# - close a hole, and show on the same cold start that it is closed.
#
# **You need** notebooks 03 and 04.
#
# <!-- cost study=75 -->

# %%
from emolab_course import at_most, check, listen, practice, setup, verdict

lab = setup("04b")
lab

# %% [markdown]
# ## A rubric from a paper
#
# EMO-RL pays for near misses: with $S$ the similarity of two emotions on
# Plutchik's circle and $\gamma$ a threshold, an answer earns $\alpha S$
# where $S > \gamma$, and else nothing. Two readings of the text are possible
# that its authors may not have meant. The formula is applied to right
# answers too (`published=True`). And $\alpha$ stays 1, as it is before its
# curriculum begins. A small part pays for the form of the answer.

# %% tags=["teaching"]
import pandas as pd

import emolab as el
from emolab.rewards import Format, Part

labels = lab.corpus.labels
paid = el.ESWR(labels, alpha=1.0, published=True)
right = el.Accuracy(labels)


def right_neutral(completions, solution, **columns):
    """Accuracy on neutral clips alone; None where the clip is another."""
    found = right(completions, solution=solution)
    return [value if label == "neutral" else None
            for value, label in zip(found, solution)]


literal = el.Rubric("literal", (
    Part(paid), Part(Format("direct"), weight=0.2),
    Part(right, weight=0.0), Part(right_neutral, weight=0.0)))
from emolab_course import credit_table

credit_table(paid).round(2)

# %% [markdown]
# Rows are gold labels, columns are answers. The last two parts of the rubric
# have weight 0: they are *logged and not paid*. They are what we care about:
# is the answer right, and is it right on clips of the label that the formula
# forgets? Do not show this to the model; do show it to yourself.
#
# <!-- exercise 4b.1 -->
#
# A policy that does not listen gives one answer to every clip. `pay` holds
# what each answer (column) earns on each clip (row). Return what the best
# of these policies earns on average.

# %% tags=["exercise"] exercise="4b.1"
import numpy as np


def best_blind(pay):
    """Return the mean pay of the best single answer."""
    return float(np.mean(pay, axis=0).max())


# %% tags=["check"]
check.ex_4b_1(best_blind)

# %% [markdown]
# <!-- exercise 4b.2 -->
#
# Predict before you train. A clip is *neutral*, and *neutral* has no place
# on the circle: its similarity to every label, itself included, is ½. Which
# answer to neutral clips will the literal reading with $\gamma = 0.7$ teach?

# %% tags=["exercise"] exercise="4b.2"
# The letter of your answer.
my_answer = "d"

# %% tags=["check"]
check.ex_4b_2(my_answer)

# %% [markdown]
# ## Train it
#
# A cold start like that of notebook 04, and then sixty steps. A learning rate
# about three times that of the recipe saves time.

# %%
practised = practice(lab)
recipe, parts = practised.recipe, practised.parts
prompt = recipe.prompt(labels)
before = recipe.measure(practised.lalm, parts.test, prompt, progress=False)

curves = el.plot.LiveCurves(
    ("reward", "parsed answers", "entropy"), every=10)
hacked = practised.train(literal, recipe.steps,
                         lambda rows: curves.update(rows) or True)
curves.update(hacked["rows"], force=True)
after = recipe.measure(practised.lalm, parts.test, prompt, progress=False)

# %% [markdown]
# The reward rises, the answers can be read, and the entropy ends below its
# start: the model becomes surer of itself. Nothing here looks wrong. In a
# hurry one would ship this model.
#
# ## Look at the answers

# %%
shown = [rows["rows"] for rows in (before, after)]
el.plot.confusion_matrix(shown[0], labels, title="After the cold start")

# %%
el.plot.confusion_matrix(shown[1], labels,
                         title="After training with the literal formula")

# %%
given = pd.DataFrame({
    name: {label: sum(row["predicted"] == label for row in rows)
           for label in labels}
    for name, rows in zip(("cold start", "trained"), shown)})
gone = [label for label in labels if given["trained"][label]
        < 0.02 * len(shown[1])]
print("answers that have died out:", ", ".join(gone) or "none")
print(verdict("UA", before, after))
given.T

# %% [markdown]
# UA alone does not tell, because most labels are paid as they should be: what
# one label loses, others gain. The columns tell it. Where one column collects
# several rows, the model gives an answer that earns something on many
# clips, whether or not it is right on this one. An answer whose column is
# empty has died out, and with it every clip of that label is lost.
#
# Some clips to hear, with the answer that training has made of them:

# %%
from emolab.samples import resolve

by_id = {sample.id: sample for sample in parts.test}
lost = [(b, a) for b, a in zip(*shown)
        if b["predicted"] == b["gold"] != a["predicted"]][:at_most(4)]
listen({f"{a['gold']}, now called {a['predicted']}":
        resolve(by_id[a["id"]], parts.test.root) for _, a in lost}
       or {"no clip was lost": resolve(parts.test[0], parts.test.root)})

# %% [markdown]
# ## The curve that would have told
#
# The rubric logged two shares of right answers without paying for them: over
# all clips, and over neutral clips. Beside them stands what was paid. All
# three are means over the answers of a step.

# %%
import matplotlib.pyplot as plt

from emolab.plots.training import column, smooth


names = {"reward/eswr_published": "what was paid",
         "reward/accuracy": "right answers",
         "reward/right_neutral": "right answers to neutral clips"}
for name, label in names.items():
    steps, values = column(hacked["rows"], name)
    plt.plot(steps, smooth(values, 7), label=label)
plt.axhline(labels.chance, color="black", lw=1, ls=":", label="chance")
plt.xlabel("step")
plt.ylabel("mean over the answers of a step")
plt.ylim(0, 1)
plt.title("The mean looks well while one label dies")
plt.legend();

# %%
for name, label in names.items():
    values = column(hacked["rows"], name)[1]
    if len(values):
        print(f"{label}: {values[:5].mean():.2f} in the first five steps "
              f"that have it, {values[-5:].mean():.2f} in the last five")

# %% [markdown]
# What is paid and the share of right answers rise together, so the second
# curve would not have told either. It is a mean over all labels, and six of
# seven are paid as they should be. The third curve tells: right answers to
# neutral clips fall to nearly nothing. Log what you care about label by
# label.
#
# ## The audit that would have told
#
# No training is needed for the diagnosis. The red team's audit asks what
# right and wrong answers earn, label by label, and what is the best policy
# that does not listen.

# %%
found = el.audit(el.Rubric("literal", literal.parts[:2]), progress=0.0,
                 labels=labels)
blind = found["blind"]
facts = {"an honest right answer, on average": found["right"],
         "a right answer 'neutral'": found["neutral_right"],
         "an honest wrong answer": found["wrong"],
         f"the best blind answer: {blind['single_answer']}":
             blind["single"]}
pd.Series(facts).dropna().round(2).to_frame("earns")

# %% [markdown]
# Two alarms. A right answer "neutral" earns no more than a wrong one, if the
# labels have it. And the blind answer earns far more than its share of right
# answers, because it is paid on its neighbours' clips too:

# %%
exact = el.audit(el.Rubric("exact", (
    Part(el.Accuracy(labels)), Part(Format("direct"), weight=0.2))),
    labels=labels)
pd.DataFrame({name: {"best blind answer": a["blind"]["single"],
                     "right answer": a["right"]}
              for name, a in (("literal", found), ("exact match", exact))
              }).T.assign(share=lambda t: t.iloc[:, 0] / t.iloc[:, 1]
                          ).round(2)

# %% [markdown]
# <!-- exercise 4b.3 -->
#
# Now break one yourself. Write a reward that looks reasonable and passes no
# inspection: a function of `completions` and `**columns` that pays an answer
# with a right label, and that one of the red team's attacks beats. The check
# runs the audit. It wants a reward under which a right answer still earns
# more than a wrong one.

# %% tags=["exercise"] exercise="4b.3"
from emolab.parsing import parse_label


def careless(completions, solution=(), **columns):
    """Pay right answers, and leave one hole open."""
    return [float(parse_label(text) == gold) + 0.3 * (len(text) > 80)
            for text, gold in zip(completions, solution)]


# %% tags=["check"]
check.ex_4b_3(careless)

# %% [markdown]
# ## The cure
#
# Pay exact matches first, and let $\alpha$ fall to 0: this is the recipe's
# own rubric. Same cold start, same steps, same learning rate.

# %%
own = recipe.rewards(labels)
cured = el.Rubric("cured", (
    *own.parts, Part(el.Accuracy(labels), weight=0.0)))
mended = practised.train(cured, recipe.steps, lambda rows: True)
healthy = recipe.measure(practised.lalm, parts.test, prompt,
                         progress=False)
el.plot.score_bars({"cold start": before, "literal formula": after,
                    "exact matches first": healthy},
                   title="UA hides what became of one label")

# %%
print(verdict("From the hacked to the cured run, UA", after, healthy))
counts = pd.Series([row["predicted"] for row in healthy["rows"]])
gone = [label for label in labels if (counts == label).mean() < 0.02]
print("answers that have died out:", ", ".join(gone) or "none")

# %% [markdown]
# ## Summary
#
# - A policy finds what a reward pays, within a few dozen steps.
# - The reward's own curve cannot show it. Log what you mean beside what you
#   pay, with weight 0, and label by label: a mean over labels hides a label.
# - Read answers, and whole rows of a confusion matrix.
# - The audit and the best blind answer tell before training does.
#
# <!-- exercise 4b.4 -->
#
# A colleague trains with a reward for captions. Reward: up from 0.55 to
# 0.94. Length: steady. Entropy: down. Distinct captions on 200 clips: down
# from 180 to 3. What do you say?

# %% tags=["exercise"] exercise="4b.4"
# The letter of your answer.
my_answer = "b"

# %% tags=["check"]
check.ex_4b_4(my_answer)

# %% [markdown]
# ## Tweak this
#
# Is it the first reading or the second that does the harm? Here is what the
# laziest policy earns under each. Replace `literal` above by one of them,
# and train again.

# %%
best_blind = check.ours("4b.1")
readings = {"literal": {"alpha": 1.0, "published": True},
            "exact matches first": {"alpha": 1.0},
            "α has fallen to 0": {"alpha": 0.0}}
pd.Series({name: best_blind(credit_table(el.ESWR(labels, **options)
                                         ).to_numpy())
           for name, options in readings.items()}).round(2).to_frame(
    "best blind answer")
