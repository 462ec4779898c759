"""Where each corpus comes from: addresses and hashes for those that may be downloaded, instructions for the others.

Hashes and sizes: RAVDESS's audio as published on Zenodo; MELD's as recorded by several independent downloads. For
the others none is published that could be checked: what was seen is recorded beside the download.
"""

from __future__ import annotations

from dataclasses import dataclass

from .download import Archive

_ZENODO = "https://zenodo.org/records/1188976/files"
_ZENODO_API = "https://zenodo.org/api/records/1188976/files"


@dataclass(frozen=True)
class Source:
    """How to get one corpus. `lfs` is where the files behind Git LFS pointers are; `steps` tell a person what to do."""

    archives: tuple[Archive, ...] = ()
    video: tuple[Archive, ...] = ()  # more archives, only on request
    lfs: tuple[str, ...] = ()
    steps: str = ""


def _ravdess(name: str, size: int | None = None, digest: str | None = None) -> Archive:
    return Archive(name, (f"{_ZENODO}/{name}?download=1", f"{_ZENODO_API}/{name}/content"), size, digest)


_GATED = (
    "Accept the terms at https://huggingface.co/datasets/{0} with an account of yours, make a token there, and run "
    "`hf auth login`, then `hf download {0} --repo-type dataset --local-dir FOLDER`."
)

SOURCES: dict[str, Source] = {
    "ravdess": Source(
        (_ravdess("Audio_Speech_Actors_01-24.zip", 208_468_073, "md5:bc696df654c87fed845eb13823edef8a"),),
        video=tuple(_ravdess(f"Video_Speech_Actor_{actor:02d}.zip") for actor in range(1, 25)),
    ),
    "cremad": Source(
        (
            Archive(
                "CREMA-D-master.zip",
                (
                    "https://github.com/CheyneyComputerScience/CREMA-D/archive/refs/heads/master.zip",
                    "https://codeload.github.com/CheyneyComputerScience/CREMA-D/zip/refs/heads/master",
                ),
            ),
        ),
        lfs=("https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master",),
    ),
    "tess": Source(
        (
            Archive(
                "TESS.zip",
                ("https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF",),
            ),
        )
    ),
    "emodb": Source(
        (
            Archive(
                "emodb.zip",
                (
                    "http://emodb.bilderbar.info/download/download.zip",
                    "http://www.emodb.bilderbar.info/download/download.zip",
                ),
            ),
        )
    ),
    "meld": Source(
        (
            Archive(
                "MELD.Raw.tar.gz",
                (
                    "https://huggingface.co/datasets/declare-lab/MELD/resolve/main/MELD.Raw.tar.gz",
                    "https://web.eecs.umich.edu/~mihalcea/downloads/MELD.Raw.tar.gz",
                ),
                10_878_146_150,
                "sha256:a56b4407d574195cbce470d86f9c9d72fcfea59b0e34502ecd4babee4a5c613e",
                inner=("train.tar.gz", "dev.tar.gz", "test.tar.gz"),
            ),
        )
    ),
    "savee": Source(
        steps=(
            "Register at http://kahlan.eps.surrey.ac.uk/savee/ (free, by e-mail), download AudioData.zip with the "
            "account you are given, then run this command with --archive AudioData.zip."
        )
    ),
    "iemocap": Source(
        steps=(
            "Ask for it at https://sail.usc.edu/iemocap/iemocap_release.htm (a form, signed by a member of staff). "
            "Unpack IEMOCAP_full_release.tar.gz into the folder, or give it with --archive. Only Session1 to Session5 "
            "with dialog/EmoEvaluation, dialog/transcriptions and sentences/wav are needed."
        )
    ),
    "esd": Source(
        steps=(
            "Sign the licence linked at https://hltsingapore.github.io/ESD/ and unpack the archive you are sent: the "
            "folder then holds 0001 to 0020."
        )
    ),
    "emotiontalk": Source(
        steps=_GATED.format("BAAI/Emotiontalk") + " Unpack Text, Audio, Video and Multimodal side by side there."
    ),
    "mer2023": Source(
        steps=(
            "Sign the agreement at http://merchallenge.cn/ and unpack train, test1, test2, test3 and the four "
            "*-label.csv files into the folder."
        )
    ),
    "mer2024": Source(
        steps=(
            "Sign the agreement at https://zeroqiaoba.github.io/MER2024-website/ and unpack video-labeled, "
            "video-unlabeled-with-test2noise and label-disdim.csv into the folder."
        )
    ),
    "mer2025": Source(steps=_GATED.format("MERChallenge/MER2025") + " Unpack the archives of video and audio there."),
    "mer2026": Source(steps=_GATED.format("MERChallenge/MER2026") + " Unpack the archives of video and audio there."),
    "listen": Source(steps=_GATED.format("VibeCheck1/LISTEN_full")),
    "dfew": Source(
        steps=(
            "Sign the agreement at https://dfew-dataset.github.io/ and unpack Clip and EmoLabel_DataSplit into the "
            "folder."
        )
    ),
    "mafw": Source(
        steps=(
            "Sign the agreement at https://mafw-database.github.io/MAFW/ and unpack the clips and 'Train & Test Set' "
            "into the folder."
        )
    ),
}
