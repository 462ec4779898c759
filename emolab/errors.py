"""Errors that a user can act on: each message names the file or row, what was expected, and what to do."""

from __future__ import annotations


class EmolabError(Exception):
    """Base of every error that a command shows as one line instead of a traceback."""


class MediaError(EmolabError):
    """An audio or video file that cannot be used. `reason` is what a load report counts it under."""

    reason = "corrupt"


class PointerError(MediaError):
    """A Git LFS pointer where a recording should be."""

    reason = "Git LFS pointer"


class TooLongError(MediaError):
    """A recording above a limit of length."""

    reason = "too long"


class CorpusError(EmolabError):
    """A table or a corpus folder that does not have the published layout."""


class ModelError(EmolabError):
    """A model that cannot be loaded or does not fit its processor."""


class ContextError(ModelError):
    """A prompt, or a prompt with its answer, of more tokens than a model takes."""


class RewardError(EmolabError):
    """A reward that was called without what it needs, or that returned something unusable."""


class TrainingError(EmolabError):
    """Training that must stop: a deaf model, a NaN, a checkpoint of another run."""


class EvaluationError(EmolabError):
    """An evaluation that cannot be run: nothing to score, an unknown control, a table that does not fit."""


class AttributionError(EmolabError):
    """An attribution that cannot be computed: too many players, no donors, no carriers to compare with."""


class SynthError(EmolabError):
    """A voice, face or sentence that the synthesiser does not have, or an engine that is not installed."""
