"""What is known of each public corpus before a file of it is read: licence, source, label set, published size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from emolab.errors import CorpusError
from emolab.files import read_toml


@dataclass(frozen=True)
class CorpusInfo:
    """Facts of one corpus. `labels` names its label set; `size` counts what a loader finds in a complete copy, at
    least, and is 0 where nobody states it; `fetch` says whether `data_scripts/<name>.py` downloads it by itself;
    `hub` is the gated data set that a token downloads: `hf download HUB --repo-type dataset --local-dir FOLDER`.
    """

    name: str
    title: str
    size: int
    labels: str
    language: str
    modalities: tuple[str, ...]
    url: str
    licence: str
    fetch: bool = False
    hub: str | None = None

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


CORPORA: dict[str, CorpusInfo] = {
    name: CorpusInfo(name, **row | {"modalities": tuple(row["modalities"])})
    for name, row in read_toml(__file__, "catalogue.toml").items()
}
"""The sixteen corpora by name."""


def info(name: str) -> CorpusInfo:
    """The facts of a corpus by name. Raises CorpusError that lists the names."""
    if name not in CORPORA:
        raise CorpusError(f"no corpus {name!r}; known are {', '.join(CORPORA)}, and 'manifest' for your own recordings")
    return CORPORA[name]
