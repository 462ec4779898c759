"""Figures draw what they are given: the right numbers, labels and colours, and no style leaks out."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_course import figures

from benchmarks.claims.drawing import ledger_plot
from emolab.emotions import EMOTIONS, LABEL_SETS, label_set
from emolab.plots import attribution, evaluation, explanation, training
from emolab.plots.style import EMOTION_COLOURS, MODALITY_COLOURS, colour_of, new_figure, palette, styled

RNG = np.random.default_rng(0)
RESULT = {
    "ua": 0.6,
    "wa": 0.62,
    "weighted_f1": 0.6,
    "ua_ci": [0.55, 0.66],
    "chance": 1 / 7,
    "n": 100,
    "parse_rate": 0.9,
}


def texts(figure) -> list[str]:
    import matplotlib.text

    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def draw(figure):
    figure.canvas.draw()
    return figure


def test_every_emotion_and_modality_has_its_own_colour():
    assert tuple(EMOTION_COLOURS) == EMOTIONS and len(set(EMOTION_COLOURS.values())) == 7
    assert set(MODALITY_COLOURS) == {"audio", "video", "text"}


@pytest.mark.parametrize(
    "labels", [*LABEL_SETS, "calm, tense, bored", "x, y, z", ", ".join(f"own {i}" for i in range(40))]
)
def test_a_palette_fits_any_label_set(labels):
    colours = palette(label_set(labels))
    assert list(colours) == list(label_set(labels)) and all(c.startswith("#") and len(c) == 7 for c in colours.values())
    assert len(set(colours.values())) == len(colours) or len(colours) > 20


def test_a_label_has_the_colour_of_its_emotion_whatever_its_name():
    assert palette("meld-7")["joy"] == EMOTION_COLOURS["happy"] == colour_of("happiness") == colour_of("高兴")
    assert palette("emodb-7")["anxiety"] == EMOTION_COLOURS["fearful"]
    assert {c: palette(EMOTIONS)[c] for c in EMOTIONS} == EMOTION_COLOURS
    both = palette("angry, furious")
    assert both["angry"] == EMOTION_COLOURS["angry"] != both["furious"]


def test_style_does_not_leak_into_the_callers_figures():
    import matplotlib as mpl

    before = mpl.rcParams["axes.spines.top"]
    inside = styled(lambda: mpl.rcParams["axes.spines.top"])()
    assert inside is False and mpl.rcParams["axes.spines.top"] == before
    import matplotlib.pyplot as plt

    new_figure()
    assert not plt.get_fignums()


def test_confusion_matrix_shows_row_percentages_and_unparsed_answers():
    rows = [{"gold": "sad", "predicted": p} for p in ("sad", "sad", "happy", None)] + [
        {"gold": "happy", "predicted": "happy"}
    ]
    found = texts(draw(evaluation.confusion_matrix(rows, ("happy", "sad"))))
    assert {"50", "25", "100", "no label", "sad  (4)"} <= set(found)
    rows = [{"gold": "contempt", "predicted": "anger"}, {"gold": "anger", "predicted": "anger"}]
    assert {f"{label}  (0)" for label in ("helplessness", "fear")} <= set(texts(evaluation.confusion_matrix(rows)))


def test_score_bars_and_controls_carry_values_intervals_and_chance():
    figure = draw(evaluation.score_bars({"zero-shot": RESULT | {"ua": 0.2, "ua_ci": [0.15, 0.25]}, "after RL": RESULT}))
    assert {"zero-shot", "after RL", "0.20", "0.60", "chance"} <= set(texts(figure))
    figure = draw(evaluation.controls({"after RL": {None: RESULT, "silent": RESULT | {"ua": 0.14}}}))
    assert {"as recorded", "silent", "0.14", "chance"} <= set(texts(figure))


def test_text_from_data_is_no_formula():
    odd = ("a$b{", "$x_$", "[/]")
    rows = [{"gold": label, "predicted": label} for label in odd]
    found = texts(draw(evaluation.confusion_matrix(rows, odd, title="cost: $5 and $\\frac")))
    assert set(odd) <= set(found)
    draw(evaluation.score_bars({"$1_": RESULT, "a$b$": RESULT}))


def test_chance_is_what_the_results_state():
    four, none = RESULT | {"chance": 0.25}, {k: v for k, v in RESULT.items() if k != "chance"}

    def lines(figure):
        dashed = (line.get_xdata() for line in figure.axes[0].lines if line.get_linestyle() == "--")
        return sorted({places[0] for places in dashed if len(places)})

    assert lines(evaluation.score_bars({"a": four, "b": four})) == [0.25]
    assert lines(evaluation.score_bars({"a": four, "b": RESULT})) == [1 / 7, 0.25]
    assert lines(evaluation.score_bars({"a": none})) == [] == lines(evaluation.score_bars({"a": RESULT}, "wa"))
    assert lines(evaluation.score_bars({"a": none}, chance=0.5)) == [0.5]
    assert "chance" not in texts(evaluation.controls({"a": {None: none}}))


def test_planes_and_overviews_take_the_labels_of_the_table():
    import pandas as pd

    table = pd.DataFrame(
        {"emotion": ["calm", "angry", "tense"], "valence": [0.5, -0.5, 0.0], "arousal": [-0.5, 0.5, 0.1],
         "split": ["train"] * 3, "speaker": ["a", "b", "c"]}
    )  # fmt: skip
    assert "angry" in texts(draw(figures.vad_plane(table))) and "calm" not in texts(draw(figures.vad_plane(table)))
    assert {"calm", "angry", "tense"} <= set(texts(draw(figures.corpus_overview(table))))


def test_label_bias():
    bias = {
        "inputs": dict.fromkeys(EMOTIONS, 1 / 7),
        "content_free": dict(zip(EMOTIONS, np.full(7, 1 / 7), strict=True)),
    }
    assert "on silence and empty words" in texts(draw(figures.label_bias(bias)))


def test_training_curves_leave_out_what_was_not_logged():
    rows = [
        {"step": i, "reward": i / 50, "reward/eswr": i / 60, "reward/format": 1.0, "parse_rate": 0.9, "kl": None}
        for i in range(50)
    ]
    figure = draw(training.training_curves(rows, (*training.MAIN, "KL to the start")))
    found = texts(figure)
    assert {"reward", "reward parts", "parsed answers", "eswr", "format"} <= set(
        found
    ) and "KL to the start" not in found
    assert draw(training.training_curves([]))
    smooth = training.smooth(np.array([0.0, 3.0, 6.0]), 3)
    assert smooth.tolist() == [1.5, 3.0, 4.5]
    assert training.smooth(np.array([2.0, 2.0, 2.0]), 50).tolist() == [2.0, 2.0, 2.0]
    draw(figures.advantages([[0, 1, 1], [0, 0, 0]], [[-1.4, 0.7, 0.7], [0, 0, 0]]))


def test_live_curves_redraw_every_few_steps(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda figure, display_id: shown.append(figure))
    live = training.LiveCurves(("reward",), every=10)
    for i in range(9):
        live.update([{"step": j, "reward": 0.1} for j in range(i + 1)])
    assert len(shown) == 1


def test_clip_card_and_player():
    wave = (0.1 * np.sin(np.arange(16_000) * 0.05)).astype(np.float32)
    card = draw(figures.clip_card(wave, np.full(100, 120.0), words=[("hello", 0.2)], title="a clip", emotion="sad"))
    assert {"a clip", "hello", "F0, Hz"} <= set(texts(card))
    html = explanation.sound_html(wave, "sad & low")
    assert "data:audio/flac;base64," in html and "sad &amp; low" in html and len(html) < 400_000
    draw(figures.clip_card(np.zeros(8000, np.float32)))


def test_corpus_pictures():
    import pandas as pd

    table = pd.DataFrame(
        {
            "emotion": np.repeat(EMOTIONS, 4),
            "split": ["train", "train", "val", "test"] * 7,
            "speaker": list("aabc") * 7,
            "condition": ["A", "T"] * 14,
            "valence": RNG.uniform(-1, 1, 28),
            "arousal": RNG.uniform(-1, 1, 28),
        }
    )
    assert {"Samples by emotion and split", "Samples by emotion and condition", "Speakers by split"} <= set(
        texts(draw(figures.corpus_overview(table)))
    )
    assert set(EMOTIONS) <= set(texts(draw(figures.vad_plane(table))))


def test_attribution_pictures():
    shares = RNG.dirichlet([1, 1, 1], 30)
    assert {"audio", "video", "text"} <= set(texts(draw(figures.modality_triangle(shares, groups={"audio": "red"}))))
    phi = {"audio": 1.2, "text": -0.3}
    draw(attribution.modality_bars(phi, {"audio": 0.1, "text": 0.1}))
    windows = [{"name": f"{i}", "t0": i / 4, "t1": (i + 1) / 4, "phi": i - 1.5, "error": 0.1} for i in range(4)]
    draw(attribution.windows_on_wave(np.zeros(16_000), windows))
    spoken = [{**w, "name": name} for w, name in zip(windows, ("(pause)", "so", "am", "I"), strict=True)]
    said = texts(draw(attribution.windows_on_wave(np.zeros(16_000), windows, spoken=spoken)))
    assert {"so", "am", "I"} <= set(said) and "(pause)" not in said
    html = attribution.words_html(
        [{"name": "<b>not</b>", "phi": -1.0, "error": 0.1}, {"name": "good", "phi": 0.5}], "sad"
    )
    assert "&lt;b&gt;not" in html and "φ = -1.000 ± 0.100" in html
    cells = [{"frame": f, "region": (r, c), "phi": 0.1 * f - c} for f in (0, 2) for r in range(2) for c in range(2)]
    draw(attribution.face_heat(RNG.integers(0, 255, (4, 16, 16, 3), dtype=np.uint8), cells))
    draw(figures.before_after({"audio": 0.1, "text": 0.2}, {"audio": 0.9, "text": 0.1}))
    spans = {"audio": [[0.0, 0.2], [0.8, 1.0]]}
    draw(figures.before_after({"audio": 0.1}, {"audio": 0.9}, intervals=spans))


def test_the_spread_of_reward_parts_has_a_panel_of_its_own():
    rows = [{"step": i, "reward/eswr": 0.5, "reward/format": 1.0, "reward/eswr spread": 0.3} for i in range(4)]
    figure = draw(training.training_curves(rows, ("reward parts", "spread within groups")))
    drawn = {axis.get_title(loc="left"): len(axis.lines) for axis in figure.axes}
    assert drawn == {"reward parts": 4, "spread within groups": 2}, "each once faint, once as a running mean"


def test_the_ledger_in_one_picture_turns_claimed_sides_to_the_right():
    def contrast(sign, value, ci, verdict, **more):
        return {"first": "a", "second": "b", "metric": "ua", "title": "UA %", "sign": sign, "margin": 0.02, "ci": ci,
                "difference": value, "verdict": verdict, "counts": True, "no_worse": False, **more}  # fmt: skip

    claim = {
        "title": "A beats B",
        "verdict": "holds",
        "contrasts": [
            contrast(-1, -0.04, [-0.06, -0.02], "holds"),
            contrast(1, 0.4, [0.3, 0.5], "holds"),
            contrast(1, None, None, "undecided"),
            contrast(1, 0.01, [0.0, 0.02], "does not", counts=False),
        ],
    }
    figure = draw(ledger_plot({"x": claim}))
    lines = [line for line in figure.axes[0].lines if len(set(line.get_xdata())) == 2 and line.get_ydata()[0] > 0]
    dots = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert list(lines[0].get_xdata()) == pytest.approx([1.0, 3.0])
    assert dots == pytest.approx([2.0, 8.0]), "what goes further than the picture stands at its edge"
    assert "A beats B: holds" in texts(figure)


def test_truth_suite_pictures():
    row = {"recovery": 0.9, "recovery_ci": [0.8, 1.0], "auc": 0.95, "auc_ci": [0.9, 1.0], "conflict": None}
    rows = [{"name": "Shapley, swap", **row}, {"name": "chance", **row}]
    found = texts(draw(figures.truth_table(rows, rows)))
    assert {"carrier named", "Shapley, swap", "before"} <= set(found) and not any("source" in t for t in found)
    assert "AUC" not in texts(draw(figures.truth_table(rows, columns=("recovery",))))
    silent = {"hallucination": None, "omission": None, "agreement": None}
    told = {key: 0.2 for key in silent} | {f"{key}_ci": [0.1, 0.3] for key in silent}
    assert {"before", "after"} <= set(texts(draw(figures.stated_rates({"before": told, "after": told}))))
    draw(figures.stated_rates({"before": silent}))


def test_plot_chooses_the_picture_of_an_attribution():
    import emolab.plots
    from emolab.attribution.players import Player
    from emolab.attribution.shapley import Attribution
    from emolab.samples import EmotionSample

    def made(*players: Player, **options: str) -> Attribution:
        n = len(players)
        return Attribution(RNG.normal(size=n), np.full(n, 0.1), 0.0, 1.0, 8, players, "sad", **options)

    modalities = made(Player("audio", "audio", (0,)), Player("text", "text", (1,)), errors_over="background")
    found = texts(draw(emolab.plots(modalities)))
    assert {"audio", "text", "Why sad?", "φ: what it adds (log-probability)"} <= set(found)
    assert "± standard error over background" in found
    twice = texts(draw(attribution.plot(made(*[Player("no", "text", (i,), word="no") for i in range(2)]))))
    assert {"no (1)", "no (2)"} <= set(twice)
    sample = EmotionSample(
        "a", extra={"waveform": np.zeros(16_000, np.float32), "frames": np.zeros((4, 8, 8, 3), np.uint8)}
    )
    windows = made(
        Player("0", "audio", (0,), 0.0, 0.5), Player("1", "audio", (1,), 0.5, 1.0), unit="log-probability of a token"
    )
    assert "φ (log-probability of a token)" in texts(draw(attribution.plot(windows, sample)))
    cells = made(*[Player(f"c{i}", "video", (i,), frame=0, region=(0, i)) for i in range(2)])
    assert "from frame 0" in texts(draw(attribution.plot(cells, sample)))
    explained = {"phi": {"audio": 1.0}, "errors": {"audio": 0.2}, "label": "sad", "unit": "u", "errors_over": "2 clips"}
    assert "± standard error over 2 clips" in texts(draw(attribution.plot(explained)))


@pytest.mark.parametrize("name", ["confusion_matrix", "score_bars", "controls"])
def test_evaluation_figures_are_documented(name):
    assert getattr(evaluation, name).__doc__


def test_a_running_mean_of_nothing_is_nothing():
    from emolab.plots.training import smooth

    assert len(smooth(np.array([]), 5)) == 0
    assert smooth(np.array([1.0, 3.0, 5.0]), 3).tolist() == [2.0, 3.0, 4.0]
