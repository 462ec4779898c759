"""A recipe that trains in no time: its model is a number, how often it is right."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from benchmarks.claims.declare import Arm, Claim, Contrast
from emolab.emotions import EMOTIONS
from emolab.samples import Corpus

BASE = Arm("cold start", "fake", stage="before")
GOOD = Arm("good", "fake", {"skill": 0.9}, start={})
ALIKE = Arm("alike", "fake", {"skill": 0.9, "remark": "again"}, start={})
BAD = Arm("bad", "fake", {"skill": 0.5}, start={})


def claim(*contrasts: Contrast, arms: tuple[Arm, ...] = (GOOD, BAD, BASE), name: str = "fake-claim") -> Claim:
    return Claim(name, "fake", f"Title of {name}", "skill helps.", "2", "two skills, one cold start.", arms, contrasts)


class FakeModel:
    frozen = False
    name = "fake"
    use_audio_in_video = False

    def __init__(self, skill: float) -> None:
        self.skill = skill

    def save(self, folder: Path) -> None:
        (folder / "skill.json").write_text(json.dumps(self.skill))


@dataclass(frozen=True)
class FakeRecipe:
    name: ClassVar[str] = "fake"
    corpus_size: ClassVar[str] = "fake"
    done: ClassVar[list[str]] = []

    skill: float = 0.3
    remark: str = ""
    modalities: tuple[str, ...] = ("audio",)
    domain: str | None = "a"
    test_per_label: int | None = None
    model: str = "fake"
    quantise: str | None = None
    max_new_tokens: int = 4
    seed: int = 0

    @classmethod
    def cpu(cls, **changes: Any) -> FakeRecipe:
        return cls(**changes)

    def settings_dict(self) -> dict[str, Any]:
        return asdict(self)

    def prompt(self) -> Any:
        return SimpleNamespace(name="direct", modalities=("audio",))

    direct_prompt = prompt

    def note(self, prompt: Any) -> dict[str, Any]:
        return {"recipe": self.name, "prompt": prompt.name}

    def load(self) -> FakeModel:
        return FakeModel(0.0)

    def other_domain(self, corpus: Corpus, split: str = "test") -> Corpus:
        return corpus.where(split=split, domain="b")

    def splits(self, corpus: Corpus, split: str = "test") -> Any:
        return SimpleNamespace(cold=corpus, train=corpus, test=corpus.where(split=split, domain="a"))

    def cold_start(self, lalm: FakeModel, corpus: Corpus, progress: bool = True) -> None:
        self.done.append(f"cold {self.seed}")
        lalm.skill = self.skill

    sft = cold_start

    def grpo(self, lalm: FakeModel, corpus: Corpus, out: Path, progress: bool = True) -> None:
        assert lalm.skill == 0.3, "GRPO starts from the cold start that its arm shares"
        if self.remark == "fails":
            raise RuntimeError("no signal")
        self.done.append(f"grpo {self.seed} {self.skill}")
        lalm.skill = self.skill
        out.mkdir(parents=True)
        (out / "metrics.jsonl").write_text(json.dumps({"step": 1, "zero_variance": 1 - lalm.skill}) + "\n")

    def measure(self, lalm: FakeModel, corpus: Corpus, prompt: Any, progress: bool = True) -> dict[str, Any]:
        rng = random.Random(self.seed)
        rows = []
        for sample in corpus:
            wrong = rng.choice([e for e in EMOTIONS if e != sample.emotion])
            answer = sample.emotion if rng.random() < lalm.skill else wrong
            rows.append(
                {
                    "id": sample.id,
                    "speaker": sample.speaker,
                    "gold": sample.emotion,
                    "predicted": answer,
                    "text": f"<answer>{answer}</answer>",
                }
            )
        return {"rows": rows}
