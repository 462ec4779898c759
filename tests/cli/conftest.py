"""What commands are tested with instead of a model that takes seconds to load."""

from __future__ import annotations

from typing import Any

import pytest

from emolab.prompts import get_prompt


@pytest.fixture(scope="session")
def model() -> Any:
    from benchmarks.tiny_models import tiny_random

    return tiny_random()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    """Commands answer with a tiny random model."""
    import emolab.evaluate.inputs as inputs

    def read_model(name=None, checkpoint=None, quantise=None, prompt=None):
        return model, get_prompt(prompt or "direct")

    monkeypatch.setattr(inputs, "read_model", read_model)
