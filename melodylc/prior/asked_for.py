"""What labels ask for, and which melodies have it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import ASKED, AT_LEAST, AT_MOST, CENTRES, FORBIDDEN, HIGH, LOW, NUMBERS, UNITS
from melodylc.melody import HOLD


def requested_numbers(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers that labels (B, Y) hold, (B, 4), and which of them are asked for, (B, 4) bool."""
    numbers = labels[:, NUMBERS:ASKED] * labels.new_tensor(UNITS) + labels.new_tensor(CENTRES)
    return numbers, labels[:, ASKED:] == 1


def allowed_pitches(labels: Tensor) -> Tensor:
    """Return which pitches labels (B, Y) allow, (B, 128) bool."""
    pitch = torch.arange(HOLD, device=labels.device)
    forbidden = labels[:, FORBIDDEN : FORBIDDEN + 12][:, pitch % 12] == 1
    numbers, asked = requested_numbers(labels)
    below = (pitch < numbers[:, LOW : LOW + 1] - 0.5) & asked[:, LOW : LOW + 1]
    above = (pitch > numbers[:, HIGH : HIGH + 1] + 0.5) & asked[:, HIGH : HIGH + 1]
    return ~(forbidden | below | above)


def satisfied_by(states: np.ndarray, labels: Tensor) -> np.ndarray:
    """Return which of melodies (B, 256) have what labels (B, Y) ask for, (B,) bool."""
    sounding = states < HOLD
    allowed = np.take_along_axis(allowed_pitches(labels).numpy(), np.where(sounding, states, 0).astype(int), axis=1)
    counts = sounding.sum(axis=1)
    numbers, asked = (each.numpy() for each in requested_numbers(labels))
    enough = ~asked[:, AT_LEAST] | (counts > numbers[:, AT_LEAST] - 0.5)
    few = ~asked[:, AT_MOST] | (counts < numbers[:, AT_MOST] + 0.5)
    return (allowed | ~sounding).all(axis=1) & enough & few
