"""README.md shows what the committed results say, and links to what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from emolab_course.readme import section

from emolab.cli.bench import load_benchmark

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"
WRITTEN = {
    "results": ("walk.py", "table", "walk.json"),
    "speed": ("_grpo_report.py", "table", "grpo.json"),
    "quantised": ("quantised.py", "sentence", "quantised.json"),
    "attribution": ("truth", "summary", "truth.json"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_measured_section_is_what_its_command_writes_from_the_committed_result(name: str) -> None:
    script, function, result = WRITTEN[name]
    write = getattr(load_benchmark(ROOT / "benchmarks" / script), function)
    assert section(README, name) == write(json.loads((RESULTS / result).read_text(encoding="utf-8"))).strip("\n")


@pytest.mark.parametrize("page", ["README.md", "benchmarks/claims/README.md", "benchmarks/results/truth.md"])
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in t]
    missing = [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()]
    assert missing == []
