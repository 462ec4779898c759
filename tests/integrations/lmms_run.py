"""Run the task files of one folder in lmms-eval itself, on given completions. Its own process, in its own environment.

python lmms_run.py FOLDER TASK COMPLETIONS.json OUT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lmms_eval.api.model import lmms
from lmms_eval.evaluator import evaluate
from lmms_eval.tasks import TaskManager, get_task_dict


class Canned(lmms):
    """Answers each document with the completion that is written down for its id; notes what it was shown."""

    def __init__(self, completions):
        super().__init__()
        self.completions, self.shown = completions, []

    def generate_until(self, requests):
        answers = []
        for context, options, doc_to_visual, number, task, split in (request.args for request in requests):
            doc = self.task_dict[task][split][number]
            (sound,) = doc_to_visual(doc)
            self.shown.append(
                [task, doc["id"], context, len(sound["array"]), float(abs(sound["array"]).sum()), options]
            )
            answers.append(self.completions[doc["id"]])
        return answers

    def generate_until_multi_round(self, requests):
        raise NotImplementedError

    def loglikelihood(self, requests):
        raise NotImplementedError


def main(folder, task, completions, out):
    model = Canned(json.loads(Path(completions).read_text(encoding="utf-8")))
    manager = TaskManager(include_path=folder, include_defaults=False)
    tasks = get_task_dict([task], manager)
    for group in [tasks, *(found for found in tasks.values() if isinstance(found, dict))]:
        model.task_dict |= {name: found.dataset for name, found in group.items() if hasattr(found, "dataset")}
    found = evaluate(model, tasks, bootstrap_iters=0, log_samples=True)
    kept = {"results": found["results"], "samples": found["samples"], "shown": model.shown}
    Path(out).write_text(json.dumps(kept, default=str), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
