"""Faces of people never seen before can be read: a small network trained on other identities says so."""

from __future__ import annotations

import numpy as np
import pytest
from emolab_synth import face
from emolab_synth.realise import face_of
from emolab_synth.talkers import talkers

from emolab.emotions import EMOTIONS


def pictures(split: str, per: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`per` apex pictures of each emotion by each talker of the split, talking: (n, 64, 64) grey, and labels."""
    images, labels = [], []
    for i, talker in enumerate(talkers(split, "a")):
        who = face_of(talker)
        for j, emotion in enumerate(EMOTIONS):
            for k in range(per):
                rng = np.random.default_rng([seed, i, j, k])
                strength = float(np.clip(rng.beta(4, 1), 0.4, 1)) if j else 0.0
                aus = face.sample_aus(emotion, strength, rng)
                images.append(face.clip(aus, who, rng, n_frames=1, speech=rng.uniform(0, 1, 1))[0].mean(-1))
                labels.append(j)
    return np.stack(images), np.array(labels)


@pytest.mark.slow
def test_seven_emotions_are_learnable_from_faces_of_new_identities() -> None:
    import torch
    from sklearn.metrics import recall_score
    from torch import nn

    def tensor(images: np.ndarray) -> torch.Tensor:
        x = torch.tensor(images, dtype=torch.float32)[:, None, 8:56, 8:56]
        return (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 10)

    def block(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]

    torch.manual_seed(0)
    rng, (images, labels), (held, gold) = np.random.default_rng(0), pictures("train", 9, 0), pictures("test", 6, 1)
    x, y, epochs = tensor(images), torch.tensor(labels), 16
    net = nn.Sequential(
        *block(1, 12),
        *block(12, 24),
        *block(24, 48),
        *block(48, 64),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 9, len(EMOTIONS)),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=3e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * (len(x) // 48))
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 48):
            images_now = x[batch].flip(-1) if rng.random() < 0.5 else x[batch]
            images_now = torch.roll(images_now, (int(rng.integers(-3, 4)), int(rng.integers(-3, 4))), (2, 3))
            loss = nn.functional.cross_entropy(net(images_now), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        guess = net(tensor(held)).argmax(1).numpy()
    assert recall_score(gold, guess, average="macro") >= 0.8
