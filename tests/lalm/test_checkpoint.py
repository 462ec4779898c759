"""A trained model on disk: its note comes last, and a folder that is none, or is damaged, is one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emolab.errors import ModelError
from emolab.lalm.checkpoint import INFO, checkpoint_info, is_checkpoint, load_checkpoint, save_checkpoint


class Failing:
    """A model whose adapters cannot be written."""

    def save(self, folder: Path) -> None:
        (folder / "adapter_model.safetensors").write_bytes(b"half")
        raise OSError


def test_a_checkpoint_that_was_not_finished_is_none(tmp_path: Path) -> None:
    model: Any = Failing()
    with pytest.raises(OSError):
        save_checkpoint(tmp_path / "deep" / "grpo", model, {"model": "tiny-omni"})
    assert not is_checkpoint(tmp_path / "deep" / "grpo")
    with pytest.raises(ModelError, match=r"no emolab.json; expected a folder that `emolab train` wrote"):
        load_checkpoint(tmp_path / "deep" / "grpo")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"model": 3}', b"\xff"])
def test_a_damaged_note_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / INFO).write_bytes(content)
    with pytest.raises(ModelError, match=r"emolab.json: .*(again)"):
        checkpoint_info(tmp_path)
