"""What notebook 04 shows of a model from inside: the positions of a prompt, an adapted layer, the errors of 4 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from emolab.lalm import LALM
    from emolab.prompts import Prompt
    from emolab.samples import EmotionSample


def positions_picture(lalm: LALM, clip: EmotionSample, prompt: Prompt) -> Figure:
    """A clip's sound, and the row of positions that the decoder reads, by what each of them holds."""
    import matplotlib.pyplot as plt
    import numpy as np

    from emolab.media import SAMPLE_RATE, audio_of

    batch = lalm.encode([clip], prompt)
    kinds = np.full(batch.input_ids.shape[1], "instruction", dtype=object)
    for span in batch.spans[0]:
        kinds[span.start : span.end] = "transcript" if span.modality == "text" else span.modality
    figure, axes = plt.subplots(2, 1, figsize=(9, 3), height_ratios=(2, 1), layout="constrained")
    wave = audio_of(clip)
    axes[0].plot(np.arange(len(wave)) / SAMPLE_RATE, wave, lw=0.4)
    title = f"The sound, and the row of {len(kinds)} positions that the decoder reads"
    axes[0].set(xlabel="seconds", yticks=[], title=title)
    for kind in dict.fromkeys(kinds):
        at = np.flatnonzero(kinds == kind)
        axes[1].bar(at, 1, width=0.9, label=f"{kind} ({len(at)})")
    axes[1].set(xlabel="position", yticks=[], ylim=(0, 1))
    figure.legend(*axes[1].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    plt.close(figure)
    return figure


def adapted_layer(lalm: LALM) -> dict[str, Any]:
    """One adapted layer of a model: `W` (out, in), `A` (r, in), `B` (out, r), the `alpha` of the adapter, an input `x`
    (in,), and the layer's own output `y` (out,) without its bias. All are float32 arrays; 4 bits are unpacked."""
    import torch

    layer: Any = next(m for m in lalm.decoder.modules() if hasattr(m, "lora_A"))
    inside = layer.base_layer
    with torch.no_grad():
        eye = torch.eye(inside.in_features, device=lalm.device, dtype=lalm.dtype)
        bias = 0 if inside.bias is None else inside.bias
        x = torch.randn(inside.in_features, generator=torch.Generator().manual_seed(0))
        found = {
            "W": (inside(eye) - bias).T,
            "A": layer.lora_A["default"].weight,
            "B": layer.lora_B["default"].weight,
            "x": x,
            "y": layer(x.to(eye)[None])[0] - bias,
        }
    arrays = {name: value.float().numpy(force=True) for name, value in found.items()}
    return arrays | {"alpha": layer.lora_alpha["default"]}


def code_book_errors(book: NDArray[np.floating]) -> Figure:
    """Where the sixteen numbers of a code `book` lie among normal weights, and what is lost beside even steps."""
    import matplotlib.pyplot as plt
    import numpy as np

    blocks = np.random.default_rng(0).normal(size=(400, 64))
    scaled = blocks / np.abs(blocks).max(1, keepdims=True)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    axes[0].hist(scaled.ravel(), bins=80, density=True, alpha=0.5)
    axes[0].vlines(book, 0, 0.3, color="black", lw=1)
    title = "The code book (lines) and normal weights"
    axes[0].set(xlabel="weight / largest of its block", ylabel="density", title=title)
    for name, codes in (("NF4", book), ("16 even steps", np.linspace(-1, 1, 16))):
        error = (codes[np.abs(scaled[..., None] - codes).argmin(-1)] - scaled).ravel()
        label = f"{name}: root mean square {np.sqrt((error**2).mean()):.4f}"
        axes[1].hist(error, bins=81, range=(-0.1, 0.1), alpha=0.5, label=label)
    axes[1].set(xlabel="error / largest of the block", ylabel="weights", title="What is lost", ylim=(0, 1450))
    axes[1].legend(loc="upper left", fontsize=8.5)
    plt.close(figure)
    return figure
