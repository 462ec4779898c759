"""emolab: learn and do emotion recognition with large audio-language models and reinforcement learning."""

__version__ = "0.1.0"
