"""Evaluation by what was asked for: a label, emotion words or a caption."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emolab.evaluate.captions import evaluate_captions
from emolab.evaluate.run import evaluate
from emolab.evaluate.words import evaluate_words

if TYPE_CHECKING:
    from emolab.prompts import Prompt

BY_STYLE: dict[str, Callable[..., dict[str, Any]]] = {"words": evaluate_words, "caption": evaluate_captions}


def evaluation_of(prompt: Prompt) -> Callable[..., dict[str, Any]]:
    """The evaluation that fits a prompt's style: `evaluate_words`, `evaluate_captions` or `evaluate`.

    All take (lalm, corpus, prompt) and the options `emolab.evaluate.asking.AskOptions`.
    """
    return BY_STYLE.get(prompt.style, evaluate)
