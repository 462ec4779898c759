"""`emolab.rewards` and everything that it imports load no torch, trl, transformers or pandas, also when they score."""

import subprocess
import sys

CODE = """
import sys
import emolab.rewards
from emolab.rewards import groups, redteam, rollouts
from emolab.rewards.shipped import RUBRICS, rubric
for name in RUBRICS:
    redteam.audit(rubric(name))
heavy = {"torch", "trl", "transformers", "pandas", "datasets", "peft", "librosa"} & set(sys.modules)
assert not heavy, heavy
"""


def test_rewards_and_the_audit_need_no_heavy_library():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
