"""What is known of each public corpus before a file of it is read: licence, source, label set, published size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from emolab.errors import CorpusError


@dataclass(frozen=True)
class CorpusInfo:
    """Facts of one corpus. `labels` names its taxonomy; `size` counts what a loader finds in a complete copy."""

    name: str
    title: str
    size: int
    labels: str
    language: str
    modalities: tuple[str, ...]
    licence: str
    url: str
    fetch: bool  # whether `data_scripts/<name>.py` downloads it by itself

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


_AV, _ALL = ("audio", "video"), ("audio", "video", "text")

CORPORA: dict[str, CorpusInfo] = {
    info.name: info
    for info in (
        CorpusInfo(
            "iemocap",
            "IEMOCAP",
            10_039,
            "iemocap-raw",
            "en",
            ("audio", "text"),
            "by signed agreement with USC SAIL, research only",
            "https://sail.usc.edu/iemocap/",
            False,
        ),
        CorpusInfo(
            "meld",
            "MELD",
            13_706,
            "meld-7",
            "en",
            _ALL,
            "GPL-3.0 for the annotations; the clips are from a television series, research use",
            "https://affective-meld.github.io/",
            True,
        ),
        CorpusInfo(
            "ravdess",
            "RAVDESS",
            1_440,
            "ravdess-8",
            "en",
            _ALL,
            "CC BY-NC-SA 4.0",
            "https://zenodo.org/records/1188976",
            True,
        ),
        CorpusInfo(
            "cremad",
            "CREMA-D",
            7_438,
            "cremad-6",
            "en",
            ("audio", "text"),
            "Open Database License 1.0, contents under the Database Contents License",
            "https://github.com/CheyneyComputerScience/CREMA-D",
            True,
        ),
        CorpusInfo(
            "savee",
            "SAVEE",
            480,
            "savee-7",
            "en",
            ("audio",),
            "free for research after registration; no redistribution",
            "http://kahlan.eps.surrey.ac.uk/savee/",
            False,
        ),
        CorpusInfo(
            "tess",
            "TESS",
            2_800,
            "tess-7",
            "en",
            ("audio", "text"),
            "CC BY-NC-ND 4.0",
            "https://doi.org/10.5683/SP2/E8H2MF",
            True,
        ),
        CorpusInfo(
            "emodb",
            "EmoDB",
            535,
            "emodb-7",
            "de",
            ("audio", "text"),
            "free to use, citation asked for (its audb edition states CC0)",
            "http://emodb.bilderbar.info/",
            True,
        ),
        CorpusInfo(
            "esd",
            "ESD",
            35_000,
            "esd-5",
            "zh/en",
            ("audio", "text"),
            "by signed agreement, research only",
            "https://hltsingapore.github.io/ESD/",
            False,
        ),
        CorpusInfo(
            "emotiontalk",
            "EmotionTalk",
            19_250,
            "emotiontalk-7",
            "zh",
            _ALL,
            "CC BY-NC-SA 4.0",
            "https://huggingface.co/datasets/BAAI/Emotiontalk",
            False,
        ),
        CorpusInfo(
            "mer2023",
            "MER2023",
            5_030,
            "mer2023-6",
            "zh",
            _AV,
            "by signed agreement, research only",
            "http://merchallenge.cn/",
            False,
        ),
        CorpusInfo(
            "mer2024",
            "MER2024",
            5_030,
            "mer2024-6",
            "zh",
            _AV,
            "by signed agreement, research only",
            "https://zeroqiaoba.github.io/MER2024-website/",
            False,
        ),
        CorpusInfo(
            "dfew",
            "DFEW",
            11_697,
            "dfew-7",
            "-",
            _AV,
            "by signed agreement, research only",
            "https://dfew-dataset.github.io/",
            False,
        ),
        CorpusInfo(
            "mafw",
            "MAFW",
            9_172,
            "mafw-11",
            "-",
            _ALL,
            "by signed agreement, research only",
            "https://mafw-database.github.io/MAFW/",
            False,
        ),
    )
}


def info(name: str) -> CorpusInfo:
    """The facts of a corpus by name. Raises CorpusError that lists the names."""
    if name not in CORPORA:
        raise CorpusError(f"no corpus {name!r}; known are {', '.join(CORPORA)}, and 'manifest' for your own recordings")
    return CORPORA[name]
