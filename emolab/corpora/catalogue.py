"""What is known of each public corpus before a file of it is read: licence, source, label set, published size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from emolab.errors import CorpusError


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
    fetch: bool
    url: str
    licence: str
    hub: str | None = None

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


_TABLE = """
iemocap | IEMOCAP | 10039 | iemocap-raw | en | audio text | by hand
    | https://sail.usc.edu/iemocap/ | by signed agreement with USC SAIL, research only
meld | MELD | 13706 | meld-7 | en | audio video text | fetched
    | https://affective-meld.github.io/
    | GPL-3.0 for the annotations; the clips are from a television series, research use
ravdess | RAVDESS | 1440 | ravdess-8 | en | audio video text | fetched
    | https://zenodo.org/records/1188976 | CC BY-NC-SA 4.0
cremad | CREMA-D | 7438 | cremad-6 | en | audio text | fetched
    | https://github.com/CheyneyComputerScience/CREMA-D
    | Open Database License 1.0, contents under the Database Contents License
savee | SAVEE | 480 | savee-7 | en | audio | by hand
    | http://kahlan.eps.surrey.ac.uk/savee/ | free for research after registration; no redistribution
tess | TESS | 2800 | tess-7 | en | audio text | fetched
    | https://doi.org/10.5683/SP2/E8H2MF | CC BY-NC-ND 4.0
emodb | EmoDB | 535 | emodb-7 | de | audio text | fetched
    | http://emodb.bilderbar.info/ | free to use, citation asked for (its audb edition states CC0)
esd | ESD | 35000 | esd-5 | zh/en | audio text | by hand
    | https://hltsingapore.github.io/ESD/ | by signed agreement, research only
emotiontalk | EmotionTalk | 19250 | emotiontalk-7 | zh | audio video text | hub BAAI/Emotiontalk
    | https://huggingface.co/datasets/BAAI/Emotiontalk | CC BY-NC-SA 4.0
mer2023 | MER2023 | 5030 | mer2023-6 | zh | audio video | hub MERChallenge/MER2023
    | https://huggingface.co/datasets/MERChallenge/MER2023 | by agreement on the hub, non-commercial research only
mer2024 | MER2024 | 5030 | mer2024-6 | zh | audio video text | hub MERChallenge/MER2024
    | https://huggingface.co/datasets/MERChallenge/MER2024 | by agreement on the hub, non-commercial research only
mer2025 | MER2025 | 31327 | mer2024-6 | zh | audio video text | hub MERChallenge/MER2025
    | https://huggingface.co/datasets/MERChallenge/MER2025 | by agreement on the hub, non-commercial research only
mer2026 | MER2026 | 31327 | mer2024-6 | zh | audio video text | hub MERChallenge/MER2026
    | https://huggingface.co/datasets/MERChallenge/MER2026 | by agreement on the hub, non-commercial research only
listen | LISTEN | 0 | listen-10 | en | audio text | hub VibeCheck1/LISTEN_full
    | https://delijingyic.github.io/LISTEN | see the terms on the hub; its sources keep their own licences
dfew | DFEW | 11697 | dfew-7 | - | audio video | by hand
    | https://dfew-dataset.github.io/ | by signed agreement, research only
mafw | MAFW | 9172 | mafw-11 | - | audio video text | by hand
    | https://mafw-database.github.io/MAFW/ | by signed agreement, research only
"""


def _info(row: str) -> CorpusInfo:
    name, title, size, labels, language, modalities, how, url, licence = (cell.strip() for cell in row.split("|"))
    kinds, hub = tuple(modalities.split()), how.removeprefix("hub ") if how.startswith("hub ") else None
    return CorpusInfo(name, title, int(size), labels, language, kinds, how == "fetched", url, licence, hub)


CORPORA: dict[str, CorpusInfo] = {
    found.name: found for found in map(_info, _TABLE.strip().replace("\n   ", "").split("\n"))
}
"""The sixteen corpora by name."""


def info(name: str) -> CorpusInfo:
    """The facts of a corpus by name. Raises CorpusError that lists the names."""
    if name not in CORPORA:
        raise CorpusError(f"no corpus {name!r}; known are {', '.join(CORPORA)}, and 'manifest' for your own recordings")
    return CORPORA[name]
