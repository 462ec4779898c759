"""Write the rows of a task: which clips a protocol tests, what they are asked, and whose voice the swapped twin gives.

    python integrations/lmms_eval/prepare.py iemocap4 /data/IEMOCAP
    lmms-eval --model qwen2_audio --tasks emolab_iemocap4_group --include_path integrations/lmms_eval

The rows name media by absolute paths; nothing of the corpus is copied. Every choice is that of `emolab evaluate`: the
labels, the wording of the prompt, the usable clips, the donors.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from emolab.corpora import corpus_folds
from emolab.errors import CorpusError, EmolabError
from emolab.evaluate.controls import apply_control
from emolab.evaluate.run import gold_labels, usable_samples
from emolab.prompts import get_prompt
from emolab.samples import Corpus

HERE = Path(__file__).parent
TASKS = {  # task: corpus, labels, protocol
    "iemocap4": ("iemocap", "iemocap-4", "iemocap-5fold"),
    "meld": ("meld", "meld-7", "meld-official"),
    "ravdess": ("ravdess", "ravdess-8", "ravdess-emobox"),
    "cremad": ("cremad", "cremad-6", "cremad-5fold"),
    "mer2023": ("mer2023", "mer2023-6", "mer2023-official"),
    "emotiontalk": ("emotiontalk", "emotiontalk-7", "emotiontalk-official"),
    "mafw": ("mafw", "mafw-11", "mafw-5fold"),
    "dfew": ("dfew", "dfew-7", "dfew-5fold"),
}
PROMPT = "direct"


def tested(task: str, root: Path, fold: str | None = None) -> Corpus:
    """The clips that the task's protocol tests: those of one fold, or of all, each once.

    Raises CorpusError for a fold that the protocol does not have.
    """
    name, labels, protocol = TASKS[task]
    folds = corpus_folds(f"{name}:{root}", labels=labels, protocol=protocol)
    chosen = [found for found in folds if fold in (None, found.fold)]
    if not chosen:
        raise CorpusError(f"fold {fold!r}: {protocol} has {', '.join(str(found.fold) for found in folds)}")
    seen = {s.id: s for found in chosen for s in found if s.split == "test"}
    return chosen[0].replace(sorted(seen.values(), key=lambda s: s.id))


def rows_of(corpus: Corpus, seed: int = 0) -> tuple[list[dict[str, Any]], str]:
    """The rows of the usable clips, and a sentence on those that are left out."""
    prompt = get_prompt(PROMPT, corpus.labels).using("audio")
    gold = gold_labels(corpus, corpus.labels)
    samples, report = usable_samples(corpus, prompt=prompt)
    rows = [
        {
            "id": sample.id,
            "audio": sample.audio,
            "swapped": donor.audio,
            "donor_emotion": donor.extra.get("donor_emotion"),
            "gold": gold(sample)[0],
            "speaker": sample.speaker,
            "question": prompt.text(sample),
            "prompt": prompt.id,
            "label_set": corpus.labels.name,
            "labels": list(corpus.labels),
        }
        for sample, donor in zip(samples, apply_control(samples, "swapped", seed), strict=True)
    ]
    return rows, report.sentence()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("root", type=Path, help="the folder that holds the corpus as published")
    parser.add_argument("--fold", help="one fold of the protocol; without it, the test clips of all folds")
    parser.add_argument("--out", type=Path, help="default: data/TASK.jsonl beside the task files")
    asked = parser.parse_args()
    try:
        rows, left_out = rows_of(tested(asked.task, asked.root, asked.fold))
    except EmolabError as error:
        raise SystemExit(f"error: {error}") from None
    out = asked.out or HERE / "data" / f"{asked.task}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sys.stdout.write(f"{out}: {len(rows)} clips" + (f"; left out {left_out}" if left_out else "") + "\n")


if __name__ == "__main__":
    main()
