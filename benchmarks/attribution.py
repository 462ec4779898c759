"""Attribution against the plain loop, `shap` and `captum`: seconds and error at equal evaluations, and how near the
token limit.

`emolab bench attribution` prints a table and writes `benchmarks/results/attribution.json`. The plain loop is what a
reader of a paper writes: for each coalition, way of being absent and label one forward of the stock model, media
towers included.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "attribution.json"


def register(app: typer.Typer) -> None:
    """Add `attribution` to the group `bench`."""
    app.command("attribution")(attribution)


def plain_values(game: Any, sample: Any, prompt: Any) -> Callable[[Any], Any]:
    """The game, evaluated by the plain loop: nothing cached, nothing packed, one row at a time."""
    import numpy as np
    import torch

    @torch.no_grad()
    def value(present: Any) -> Any:
        found = []
        for coalition in np.asarray(present, bool):
            ways = 1 if coalition.all() else len(game.absent)
            found.append(np.mean([one(coalition, way) for way in range(ways)]))
        return np.array(found)

    def one(coalition: Any, way: int) -> float:
        scores = []
        for label in game.labels if game.measure == "posterior" else [game.target]:
            game.lalm.cache.clear()
            batch = game.lalm.encode([sample], prompt)
            embeds = game.embeddings(torch.from_numpy(coalition)[None], torch.tensor([way]))
            scores.append(forward(game.lalm, batch.with_embeds(embeds), game.template.replace("{label}", label)))
        if game.measure == "posterior":
            return float(torch.tensor(scores).log_softmax(-1)[list(game.labels).index(game.target)])
        return scores[0]

    return value


def counted(game: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], list[int]]:
    """The game with 0/1 masks of any kind as its argument, and the sizes of the calls that it has had."""
    import numpy as np

    sizes: list[int] = []

    def value(present: Any) -> Any:
        rows = np.asarray(present).astype(bool)
        sizes.append(len(rows))
        return game(rows)

    return value, sizes


def forward(lalm: Any, batch: Any, text: str) -> float:
    """Log-probability of an answer after one prompt by a forward of the stock model; its mean over the tokens for one
    label.
    """
    import torch

    ids = torch.tensor([[*lalm.tokenizer(text, add_special_tokens=False)["input_ids"], lalm.tokenizer.eos_token_id]])
    embeds = torch.cat([batch.embeds, lalm.table(ids)], 1)
    after = batch.positions[..., -1:] + torch.arange(1, ids.shape[1] + 1)
    positions = torch.cat([batch.positions, after], -1)
    logits = lalm.base(
        inputs_embeds=embeds,
        attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long),
        position_ids=positions if len(positions) > 1 else positions[0],
        use_cache=False,
    ).logits
    logprobs = logits[0, batch.embeds.shape[1] - 1 : -1].log_softmax(-1)
    return float(logprobs.gather(-1, ids[0][:, None]).sum())


def token_limit(game: Any, rows: int) -> Callable[[], Any]:
    """One forward of the bare decoder over as many tokens as the packed game holds: nothing can be faster without
    sharing prefixes.
    """
    import torch

    texts = [game.template.replace("{label}", label) for label in game.labels]
    answers = sum(len(game.lalm.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
    length = int(game.batch.lengths[0]) + answers
    embeds = torch.randn(rows, length, game.batch.embeds.shape[-1]) * 0.02
    positions = torch.arange(length).expand(len(game.batch.positions), rows, length)

    @torch.no_grad()
    def run() -> Any:
        return game.lalm.decoder(
            inputs_embeds=embeds, position_ids=positions if len(positions) > 1 else positions[0], use_cache=False
        )

    return run


def seconds(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """Median wall seconds of `work`, and what it returned."""
    taken, value = [], None
    for _ in range(times):
        start = time.perf_counter()
        value = work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2], value


def modality_rows(game: Any, sample: Any, prompt: Any) -> list[dict[str, Any]]:
    """Exact Shapley values of the modalities: ours, the plain loop, shap's exact explainer over the plain loop, and
    the token limit.
    """
    import numpy as np
    import shap

    from emolab.attribution.shapley import exact

    n = len(game.players)
    plain = plain_values(game, sample, prompt)
    ours, found = seconds(lambda: exact(game, n), 5)
    loop, reference = seconds(lambda: exact(plain, n), 1)
    asked, sizes = counted(plain)
    explainer = shap.explainers.Exact(asked, np.zeros((1, n)))
    peer, theirs = seconds(lambda: explainer(np.ones((1, n))).values[0], 1)
    limit, _ = seconds(token_limit(game, 1 + 7 * len(game.absent)), 5)
    gap = float(np.abs(found.values - reference.values).max())
    return [
        {"name": "emolab, exact", "players": "modalities", "seconds": ours, "evaluations": 8, "error": gap},
        {"name": "plain loop", "players": "modalities", "seconds": loop, "evaluations": 8, "error": 0.0},
        {"name": "shap Exact", "players": "modalities", "seconds": peer, "evaluations": sum(sizes),
         "error": float(np.abs(theirs - reference.values).max())},
        {"name": "token limit", "players": "modalities", "seconds": limit, "evaluations": 8, "error": None},
    ]  # fmt: skip


def window_rows(game: Any, sample: Any, prompt: Any, pairs: int) -> list[dict[str, Any]]:
    """Sampled Shapley values of audio windows at equal evaluations: ours, shap's and captum's permutation samplers."""
    import numpy as np
    import shap
    import torch
    from captum.attr import ShapleyValueSampling

    from emolab.attribution.shapley import exact, sampled

    n = len(game.players)
    truth = exact(game, n).values
    plain = plain_values(game, sample, prompt)
    budget = 2 * pairs * (n + 1)
    ours, found = seconds(lambda: sampled(game, n, np.random.default_rng(0), max_pairs=pairs, min_pairs=2), 3)
    (asked_shap, sizes_shap), (asked_captum, sizes_captum) = counted(plain), counted(plain)
    permutation = shap.explainers.Permutation(asked_shap, np.zeros((1, n)), seed=0)
    theirs_shap, values_shap = seconds(lambda: permutation(np.ones((1, n)), max_evals=budget, silent=True).values[0], 1)
    torch.manual_seed(0)
    sampler = ShapleyValueSampling(lambda x: torch.from_numpy(asked_captum(x.numpy())))
    theirs_captum, values_captum = seconds(
        lambda: sampler.attribute(torch.ones(1, n), baselines=0, n_samples=2 * pairs).numpy()[0], 1
    )
    scale = np.abs(truth).max()
    rows = []
    for name, taken, values, used in (
        ("emolab, antithetic", ours, found.values, found.evaluations),
        ("shap Permutation", theirs_shap, values_shap, sum(sizes_shap)),
        ("captum ShapleyValueSampling", theirs_captum, values_captum, sum(sizes_captum)),
    ):
        error = float(np.abs(values - truth).max() / scale)
        rows.append({"name": name, "players": f"{n} windows", "seconds": taken, "evaluations": used, "error": error})
    return rows


@command
def attribution(
    corpus: Annotated[Path | None, typer.Option(help="A corpus folder; the embedded smoke corpus by default.")] = None,
    model: Annotated[str | None, typer.Option(help="Model; the profile's by default.")] = None,
    pairs: Annotated[int, typer.Option(help="Antithetic pairs for the windows.")] = 4,
    write: Annotated[bool, typer.Option(help="Write the result file.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Attribution: seconds and error against the plain loop, shap and captum at equal evaluations."""
    from emolab.attribution.collect import Settings
    from emolab.attribution.players import audio_windows, modality_players
    from emolab.attribution.validate import choose, donors_of
    from emolab.attribution.values import DonorPool, EmbeddingGame, absent_embeddings
    from emolab.evaluate import provenance
    from emolab.evaluate.inputs import read_corpus, read_model

    table = read_corpus(corpus, "smoke")
    lalm, prompt = read_model(model)
    sample = choose(table, 1)[0]
    batch = lalm.encode([sample], prompt)
    pool = DonorPool.encode(lalm, donors_of(table), prompt)
    settings = Settings()

    def game(players: Any, ways: int) -> Any:
        absent = absent_embeddings(lalm, sample, prompt, batch, "swap", pool, ways)
        return EmbeddingGame(lalm, batch, players, absent, str(sample.emotion), measure=settings.measure)

    windows = audio_windows(batch, seconds=max(0.25, 0.04 * len(batch.positions_of(0, "audio")) / 8))
    rows = modality_rows(game(modality_players(batch), 4), sample, prompt)
    rows += window_rows(game(windows, 1), sample, prompt, pairs)
    ours, loop, _, limit = rows[:4]
    result = {
        "rows": rows,
        "speed_up": loop["seconds"] / ours["seconds"],
        "over_token_limit": ours["seconds"] / limit["seconds"],
        "prompt_tokens": int(batch.lengths[0]),
        "provenance": provenance({"model": lalm.name, "pairs": pairs}, 0, str(lalm.device)),
    }
    if write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    emit(result, as_json, render)


def render(result: dict[str, Any]) -> None:
    """Print the rows as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("method", "players", "seconds", "evaluations", "largest error")
    for row in result["rows"]:
        error = "" if row["error"] is None else f"{row['error']:.1e}"
        table.add_row(row["name"], row["players"], f"{row['seconds']:.3f}", str(row["evaluations"]), error)
    console = Console()
    console.print(table)
    console.print(
        f"{result['speed_up']:.1f} times as fast as the plain loop; {result['over_token_limit']:.2f} times the token "
        f"limit ({result['prompt_tokens']} prompt tokens)"
    )
