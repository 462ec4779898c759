"""docs/large_runs.md says what the committed rows say."""

from __future__ import annotations

import json
from pathlib import Path

from emolab_course.readme import section

from benchmarks.gpu import films
from benchmarks.launches import RESULT
from emolab.profiles import PROFILES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "large_runs.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
NAMES = {"qwen2_audio": "Qwen2-Audio-7B, 4 bits", "qwen2_5_omni": "Qwen2.5-Omni-3B, 4 bits"}


def test_launches_are_those_that_were_counted() -> None:
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    for row in result["rows"]:
        if row["4 bits"]:
            name = "the same with adapters" if row["adapters"] else NAMES[row["family"]]
            assert f"| {name} | {row['launches']:,.0f} | {row['recorded']:.0f} |" in PAGE
    one, three = result["updates"]
    assert one["plain"] == three["plain"]
    said = f"{one['ours']} launches a layer of ours for one prompt and {three['ours']} for three; the plain path has"
    assert f"{said} {one['plain']}." in FLAT


def test_seconds_of_a_card_are_those_of_its_rows() -> None:
    rows = {}
    for path in (ROOT / "benchmarks" / "results" / "gpu").glob("*/grpo-7b*.json"):
        rows |= {row["name"]: row for row in json.loads(path.read_text(encoding="utf-8"))["result"]["rows"]}
    rollout, one, three = (rows[f"gpu/{name}"] for name in ("rollout/7b", "update/7b", "update/7b/x3"))
    assert f"take {rollout['ours']:.1f} s recorded, and {rollout['plain']:.1f} s by `generate`" in FLAT
    assert f"took {one['ours']:.2f} s on that card, and the plain one {one['plain']:.2f} s" in FLAT
    assert f"for each launch: {three['ours']:.2f} s and {three['plain']:.2f} s." in FLAT


def test_the_first_step_and_the_engine_are_as_measured() -> None:
    results = ROOT / "benchmarks" / "results"
    small, large = json.loads((results / "memory.json").read_text(encoding="utf-8"))["rows"]
    said = f"For 200 clips they were {small['first_step_cpu_seconds']:.2f} s of processor time, and for 20,000 clips"
    assert f"{said} {large['first_step_cpu_seconds']:.2f} s." in FLAT
    engine = json.loads((results / "engine.json").read_text(encoding="utf-8"))
    assert f"it was {engine['mean_difference']:.1e}".replace("e-0", "e-") + f" for {engine['completions']} comp" in FLAT
    assert engine["dtype"] == "torch.float32", "the bound for 16 bits has a measurement now: the page must say which"


def test_films_are_what_the_planner_says() -> None:
    assert section(PAGE, "films") == films.table()
    assert [films.film_tokens(seconds) - 25 * seconds - films.WORDS for seconds in (4, 8, 16)] == [2880, 5760, 11520]
    assert films.film_tokens(60) - films.film_tokens(16) == 25 * 44, "from 16 s on, only the sound goes on to grow"
    assert films.film_tokens(2, (240, 320)) < films.film_tokens(2)
    assert [films.longest(PROFILES[name]) for name in ("gpu-8gb", "gpu-24gb")] == [4, 0]
    assert {profile.name for profile in PROFILES.values() if films.sees(profile)} == {"gpu-8gb", "gpu-16gb", "gpu-80gb"}
