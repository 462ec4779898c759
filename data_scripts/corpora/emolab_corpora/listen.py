"""LISTEN (arXiv 2510.10444): do audio models listen or transcribe? The same emotions with neutral, matching and
opposite words, and without words.

Checked against DeliJingyiC/LISTEN (`scripts/test_your_model.py`: columns, experiments; `scripts/evaluation_utils.py`:
the ten labels). Rows are not verified against a public listing: the data set is gated.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from emolab.errors import CorpusError
from emolab.media.usable import Check
from emolab.samples import Corpus, LoadReport
from emolab_corpora.builder import Builder

CONDITIONS = {"1": "neutral text", "2": "matched", "3": "mismatched", "4": "paralinguistic"}
COLUMNS = ("id", "experiment_type", "answer", "transcription", "audio")


def load(root: str | Path, check: Check = "header") -> tuple[Corpus, LoadReport]:
    """Load the Parquet files of VibeCheck1/LISTEN_full, as `hf download` writes them. Audio is written to the build
    folder once, and the corpus's root is there.

    `extra` holds the `condition`, the `experiment` (1; 2A and 3A: words alone; 2B and 3B: the voice; 4: no words),
    `choices`, and in experiment 3 `explicit_emotion`, what the words say: that is the label of 3A, while the label of
    3B is the voice's. Speakers are not stated. Raises CorpusError if there is no Parquet file or a column is missing.
    """
    import pyarrow.parquet as pq

    from emolab.paths import build_folder
    from emolab_corpora.hub import store_audio

    root = Path(root)
    build = Builder("listen", root, check)
    files = sorted(root.rglob("*.parquet"))
    if not files:
        raise CorpusError(f"{root}: no Parquet file; LISTEN has data/train-*.parquet as `hf download` writes it")
    where = build_folder() / "corpora" / f"listen-{hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:8]}"
    where.mkdir(parents=True, exist_ok=True)
    build.root = where  # the audio is written there
    for file in files:
        table = pq.ParquetFile(file)
        if absent := [name for name in COLUMNS if name not in table.schema_arrow.names]:
            raise CorpusError(f"{file}: column {absent[0]!r} is missing; it has {', '.join(table.schema_arrow.names)}")
        rows = (row for batch in table.iter_batches(batch_size=64) for row in batch.to_pylist())
        for i, row in enumerate(rows, 1):
            experiment = str(row["experiment_type"])
            key = f"{experiment}-{row['id']}"
            if experiment[:1] not in CONDITIONS:
                build.skip("unknown experiment", f"{key}: {experiment!r}")
                continue
            heard = not experiment.endswith("A")
            stem = hashlib.sha256(key.encode()).hexdigest()[:16]
            audio = store_audio(row["audio"], where, stem, f"{file}, row {i}") if heard else None
            if audio is None or build.usable(audio):
                build.add(
                    key,
                    audio=audio,
                    text=None if experiment == "4" else row["transcription"],
                    emotion=row.get("explicit_emotion") if experiment == "3A" else row["answer"],
                    extra={
                        "condition": CONDITIONS[experiment[:1]],
                        "experiment": experiment,
                        "choices": list(row.get("choices") or ()),
                        "explicit_emotion": row.get("explicit_emotion"),
                    },
                )
    return build.finish("data/train-00000-of-00001.parquet")
