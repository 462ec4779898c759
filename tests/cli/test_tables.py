"""Tables that fit a terminal, whatever was measured."""

from __future__ import annotations

import pytest

from emolab.cli.output import print_scores, print_table

LABELS = {"ua": 0.5, "ua_ci": (0.4, 0.6), "wa": 0.52, "weighted_f1": 0.51, "parse_rate": 0.9, "n": 140}


def test_a_score_stands_with_its_interval_and_what_has_none_with_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = {"info": {"skipped": {"skipped": {"unusable media": 2}}}}
    print_scores({"zero-shot": LABELS | skipped, "GRPO": LABELS | {"ua": None, "ua_ci": None}}, "a title")
    shown = capsys.readouterr().out
    assert "0.500" in shown and "0.40 – 0.60" in shown and "a title" in shown
    assert next(line for line in shown.splitlines() if "GRPO" in line).count("–") == 2
    assert "zero-shot: skipped 2 unusable media" in shown


def test_the_many_scores_of_captions_fit_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    keys = ("emotion_f1", "bleu_1", "bleu_4", "rouge_l", "distinct_1", "cider", "hit_rate", "length")
    captions = {key: 0.25 for key in keys} | {f"{key}_ci": (0.1, 0.3) for key in keys} | {"n": 12, "parse_rate": 1.0}
    print_scores({"supervised, other domain": captions})
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("Emo-F1", "BLEU-4", "CIDEr", "words", "parsed")) and "distinct" not in shown
    assert "…" not in shown and shown.count("0.10 – 0.30") == 1 and max(map(len, shown.splitlines())) <= 80


def test_chance_and_notes_are_printed_and_brackets_are_text(capsys):
    result = {
        "ua": 0.5,
        "ua_ci": [0.4, 0.6],
        "chance": 0.25,
        "parse_rate": 1.0,
        "n": 4,
        "info": {"notes": ["read [this]"]},
    }
    print_scores({"a [/] b": result}, "tiny on [/red]")
    out = capsys.readouterr().out
    assert all(text in out for text in ("chance", "0.250", "a [/] b", "[/red]", "note: read [this]"))


def test_no_table_reads_markup_or_smileys_in_a_name(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    from emolab.cli.attribute import render as attribution

    odd = "[/] $x$ :smile: [red]"
    print_table([odd, "what"], [[odd, "[b]bold"]], title=odd)
    explained = {
        "file": odd,
        "label": odd,
        "method": "swap",
        "masker": "m",
        "unit": "u",
        "errors_over": "",
        "errors": {},
    }
    many = {"phi": {odd: 0.5}, "shares": {odd: 1.0}, "interactions": {odd: 0.1}, "warnings": []}
    attribution(explained | many | {"players": {"word": [{"name": odd, "phi": 0.1, "error": 0.0}]}})
    assert capsys.readouterr().out.count(odd) == 8
