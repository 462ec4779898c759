"""Attribution against the plain loop, `shap` and `captum`: seconds and error at equal evaluations, and how near the
token limit.

`emolab bench attribution` prints a table and writes `benchmarks/results/attribution.json`. The plain loop is what a
reader of a paper writes: for each coalition, version of the masker and label one forward of the stock model, media
towers included.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from emolab.cli.output import JsonOption, command, emit

RESULT = Path(__file__).resolve().parent / "results" / "attribution.json"


def register(app: typer.Typer) -> None:
    """Add `attribution` to the group `bench`."""
    app.command("attribution")(attribution)


def plain_values(game: Any, sample: Any, prompt: Any, encode_once: bool = False) -> Callable[[Any], Any]:
    """The game by the plain loop: one row at a time, nothing packed, and nothing cached except, with `encode_once`,
    what the media towers give.
    """
    import numpy as np
    import torch

    @torch.no_grad()
    def value(present: Any) -> Any:
        found = []
        for coalition in np.asarray(present, bool):
            versions = 1 if coalition.all() else len(game.masked)
            found.append(np.mean([one(coalition, version) for version in range(versions)]))
        return np.array(found)

    def one(coalition: Any, version: int) -> float:
        scores = []
        for answer in answers_of(game):
            if not encode_once:
                game.model.cache.clear()
            batch = game.batch if encode_once else game.model.encode([sample], prompt)
            embeds = game.embeddings(torch.from_numpy(coalition)[None], torch.tensor([version]))
            scores.append(forward(game.model, batch.with_embeds(embeds), answer))
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


def forward_tokens(game: Any) -> int:
    """How many positions the decoder runs for the exact values of `game`: prefixes that coalitions share count once."""
    from emolab.attribution.shapley import exact

    seen: list[int] = []
    hook = game.model.decoder.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["inputs_embeds"].shape[:2].numel()), with_kwargs=True
    )
    exact(game, len(game.players))
    hook.remove()
    return sum(seen)


def token_limit(game: Any, tokens: int) -> Callable[[], Any]:
    """One forward of the bare decoder over `tokens` positions, in rows as long as the prompt, and of the head over the
    answers' share of them: a game that runs so many positions cannot be faster.
    """
    import torch

    length = int(game.batch.lengths[0])
    rows = max(1, round(tokens / length))
    answers = answer_tokens(game) * rows_of(game)
    embeds = torch.randn(rows, length, game.batch.embeds.shape[-1]) * 0.02
    positions = torch.arange(length).expand(len(game.batch.positions), rows, length)

    @torch.no_grad()
    def run() -> Any:
        hidden = game.model.decoder(
            inputs_embeds=embeds, position_ids=positions if len(positions) > 1 else positions[0], use_cache=False
        ).last_hidden_state
        return game.model.head(hidden.flatten(0, 1)[:answers])

    return run


def answer_tokens(game: Any) -> int:
    """Tokens of all answers that are scored after one prompt."""
    return sum(len(game.model.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in answers_of(game))


def answers_of(game: Any) -> list[str]:
    """The answers whose log-probabilities the game's value is made of."""
    labels = game.labels if game.measure == "posterior" else [game.target]
    return [game.template.replace("{label}", label) for label in labels]


def rows_of(game: Any) -> int:
    """Prompts of the exact game: every coalition with each version of the masker, the full one once."""
    return 1 + (2 ** len(game.players) - 1) * len(game.masked)


def seconds(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """Median processor seconds of `work`, which other work on the machine does not change, and what it returned."""
    taken, value = [], None
    for _ in range(times):
        start = time.process_time()
        value = work()
        taken.append(time.process_time() - start)
    return sorted(taken)[len(taken) // 2], value


def modality_rows(game: Any, sample: Any, prompt: Any) -> list[dict[str, Any]]:
    """Exact Shapley values of the modalities: ours, the plain loop, shap's exact explainer over the plain loop, and
    the token limits.
    """
    import numpy as np
    import shap

    from emolab.attribution.shapley import exact

    n = len(game.players)
    plain = plain_values(game, sample, prompt)
    shared = forward_tokens(game)
    unshared = rows_of(game) * (int(game.batch.lengths[0]) + answer_tokens(game))
    ours, found = seconds(lambda: exact(game, n), 7)
    limit, _ = seconds(token_limit(game, shared), 7)
    unshared_limit, _ = seconds(token_limit(game, unshared), 7)
    loop, reference = seconds(lambda: exact(plain, n), 1)
    encoded, _ = seconds(lambda: exact(plain_values(game, sample, prompt, True), n), 1)
    asked, sizes = counted(plain)
    explainer = shap.explainers.Exact(asked, np.zeros((1, n)))
    peer, theirs = seconds(lambda: explainer(np.ones((1, n))).values[0], 1)
    rows = [
        ("emolab, exact", ours, 8, np.abs(found.values - reference.values).max()),
        ("plain loop", loop, 8, 0.0),
        ("plain loop, media encoded once", encoded, 8, None),
        ("shap Exact over the plain loop", peer, sum(sizes), np.abs(theirs - reference.values).max()),
        (f"token limit, {shared} positions", limit, 8, None),
        (f"token limit without shared prefixes, {unshared} positions", unshared_limit, 8, None),
    ]
    return [
        {"name": name, "players": "modalities", "seconds": taken, "evaluations": used,
         "error": None if error is None else float(error)}
        for name, taken, used, error in rows
    ]  # fmt: skip


def samplers(n: int, pairs: int) -> dict[str, Callable[[Callable[[Any], Any], int], Any]]:
    """Ours, shap's and captum's permutation samplers of n players, each a function of a game and a seed."""
    import numpy as np
    import shap
    import torch
    from captum.attr import ShapleyValueSampling

    from emolab.attribution.shapley import sampled

    def by_shap(game: Callable[[Any], Any], seed: int) -> Any:
        explainer = shap.explainers.Permutation(game, np.zeros((1, n)), seed=seed)
        return explainer(np.ones((1, n)), max_evals=2 * pairs * (n + 1), silent=True).values[0]

    def by_captum(game: Callable[[Any], Any], seed: int) -> Any:
        torch.manual_seed(seed)
        method = ShapleyValueSampling(lambda x: torch.from_numpy(game(x.numpy())))
        return method.attribute(torch.ones(1, n), baselines=0, n_samples=2 * pairs).numpy()[0]

    return {
        "emolab, antithetic": lambda game, seed: (
            sampled(game, n, np.random.default_rng(seed), max_pairs=pairs, min_pairs=2).values
        ),
        "shap Permutation": by_shap,
        "captum ShapleyValueSampling": by_captum,
    }


def window_rows(game: Any, sample: Any, prompt: Any, pairs: int, seeds: int = 20) -> list[dict[str, Any]]:
    """Sampled Shapley values of audio windows at equal evaluations: ours, shap's and captum's permutation samplers.

    Seconds are of one run, ours over its own game, the others over the plain loop; the error, largest over the
    players and relative to the largest value, is the mean over `seeds` orders with its standard error.
    """
    import numpy as np

    from emolab.attribution.shapley import coalitions, exact_from_table

    n = len(game.players)
    table = np.asarray(game(coalitions(n)), float)
    truth, plain = exact_from_table(table), plain_values(game, sample, prompt)
    rows = []
    for name, sampler in samplers(n, pairs).items():
        asked, sizes = counted(game if name.startswith("emolab") else plain)
        taken, _ = seconds(partial(sampler, asked, 0), 1)
        known = [sampler(lambda x: table[np.asarray(x).astype(bool) @ (1 << np.arange(n))], k) for k in range(seeds)]
        errors = np.abs(np.array(known) - truth).max(1) / np.abs(truth).max()
        error = {"error": float(errors.mean()), "error_se": float(errors.std(ddof=1) / np.sqrt(seeds))}
        rows.append({"name": name, "players": f"{n} windows", "seconds": taken, "evaluations": sum(sizes), **error})
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
    import torch
    from emolab_course.measure import choose

    from emolab.attribution.game import Background, Game, Masker, background_samples
    from emolab.attribution.players import audio_windows, modality_players
    from emolab.evaluate import provenance
    from emolab.evaluate.inputs import read_corpus, read_model

    table = read_corpus(corpus, "smoke")
    lalm, prompt = read_model(model)
    sample = choose(table, 1)[0]
    batch = lalm.encode([sample], prompt)
    background = Background.encode(lalm, background_samples(table), prompt)

    def game(players: Any, versions: int) -> Any:
        masker, target = Masker("swap", background, versions), str(sample.emotion)
        return Game(lalm, sample, masker, prompt=prompt, players=players, target=target, batch=batch)

    windows = audio_windows(batch, seconds=max(0.25, 0.04 * len(batch.positions_of(0, "audio")) / 8))
    rows = modality_rows(game(modality_players(batch), 4), sample, prompt)
    rows += window_rows(game(windows, 1), sample, prompt, pairs)
    ours, loop, encoded, _, limit, unshared = rows[:6]
    result = {
        "rows": rows,
        "speed_up": loop["seconds"] / ours["seconds"],
        "speed_up_encoded_once": encoded["seconds"] / ours["seconds"],
        "over_token_limit": ours["seconds"] / limit["seconds"],
        "over_unshared_limit": ours["seconds"] / unshared["seconds"],
        "prompt_tokens": int(batch.lengths[0]),
        "load": os.getloadavg()[0],
        "threads": torch.get_num_threads(),
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

    table = Table("method", "players", "processor seconds", "evaluations", "largest error")
    for row in result["rows"]:
        error = "" if row["error"] is None else f"{row['error']:.1e}"
        error += f" ± {row['error_se']:.0e}" if "error_se" in row else ""
        table.add_row(row["name"], row["players"], f"{row['seconds']:.3f}", str(row["evaluations"]), error)
    console = Console()
    console.print(table)
    console.print(
        f"{result['speed_up']:.1f} times as fast as the plain loop, {result['speed_up_encoded_once']:.1f} where that "
        f"encodes the media once; {result['over_token_limit']:.2f} times the token "
        f"limit, {result['over_unshared_limit']:.2f} times that without shared prefixes ({result['prompt_tokens']} "
        f"prompt tokens, load {result['load']:.1f})"
    )
