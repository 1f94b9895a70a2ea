"""The critics of attributes: what they predict of a melody, and how far that is from what is requested.

Attributes can be measured of any melody, so critics need not know which are requested: from the bar embeddings they
predict which pitch classes are absent, the number of notes, the lowest and the highest pitch. Every decode teaches
them, whatever it was made for, and the energy of any request is computed from the same predictions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import CENTRES, COUNT, HIGH, LOW, MEASURED, UNITS
from melodylc.latent import losses
from melodylc.melody import HOLD

OUTPUTS = MEASURED + 3  # logits of absence; means; logarithms of standard deviations
TOLERANCE = 0.1  # a number of notes is satisfied within this share of the requested one
NUMBERS_WEIGHT = 0.3  # of the numbers' likelihood: noisier than the absences' cross-entropy, it must not outweigh it
LOG_DEVIATION = (-4.0, 2.0)  # in units: from half a note or a fifth of a semitone to more than any melody's range
LARGEST_ERROR = 8.0  # standard deviations: a silent melody has no lowest or highest pitch worth learning
HALF_STEP = 0.5  # semitones: whole pitches satisfy a bound as long as their prediction is nearer to it than the next


def measure(states: np.ndarray) -> Tensor:
    """Measure melodies (B, 256): (B, 15), 12 absences of pitch classes, number of notes, lowest and highest pitch."""
    onset = states < HOLD
    absent = np.stack([~((states % 12 == c) & onset).any(axis=1) for c in range(12)], axis=1)
    count = onset.sum(axis=1)
    lowest = np.where(onset, states, 127).min(axis=1)
    highest = np.where(onset, states, 0).max(axis=1)
    numbers = np.stack([count, lowest, highest], axis=1)
    return torch.from_numpy(np.concatenate([absent, numbers], axis=1).astype(np.float32))


def satisfied_shares(measured: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return which attributes measures (B, 15) satisfy, given labels (B, 18).

    Returns:
        For key, count, low and high, (B,): 1 or 0, and nan where the attribute is open.
    """
    nan = torch.full((len(y),), float("nan"))
    key = ((measured[:, :12] == 1) | (y[:, :12] == 1)).all(dim=1) & (measured[:, COUNT] > 0)
    requested = _numbers(y)
    satisfied = {
        "count": (measured[:, COUNT] - requested[:, 0]).abs() <= TOLERANCE * requested[:, 0],
        "low": measured[:, LOW] >= requested[:, 1],
        "high": measured[:, HIGH] <= requested[:, 2],
    }
    shares = {"key": torch.where(y[:, :12].min(dim=1).values < 1, key.float(), nan)}
    for index, (name, right) in enumerate(satisfied.items()):
        shares[name] = torch.where(y[:, MEASURED + index] == 1, right.float(), nan)
    return shares


def predictions(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a critic's outputs (B, 18) predict.

    Returns:
        Logits of the absence of each pitch class, (B, 12); means and standard deviations of the numbers, (B, 3) each.
    """
    return out[:, :12], _numbers(out), out[:, MEASURED:].clamp(*LOG_DEVIATION).exp() * out.new_tensor(UNITS)


def critic_loss(out: Tensor, measured: Tensor) -> Tensor:
    """Return a critic's loss: cross-entropy of the absences, Gaussian likelihood of the numbers in their units.

    Args:
        out: (B, 18), the critic's outputs.
        measured: (B, 15).
    """
    absent, means, deviations = predictions(out)
    error = ((measured[:, 12:] - means) / deviations).clamp(-LARGEST_ERROR, LARGEST_ERROR)
    likelihood = 0.5 * error**2 + (deviations / deviations.new_tensor(UNITS)).log()
    return losses.regression(absent, measured[:, :12]) + NUMBERS_WEIGHT * likelihood.mean()


def energy(out: Tensor, y: Tensor, least_notes: Tensor, enough: float) -> Tensor:
    """Return -log P(the requested attributes are satisfied), (B,), by a critic's outputs (B, 18) and labels (B, 18).

    Args:
        least_notes: (B,) numbers of notes not to fall below where none is requested: a rule on pitches is not to be
            satisfied by silence.
        enough: logits, and twice the standard deviations, beyond which nothing more is gained.
    """
    absent, means, deviations = predictions(out)
    (count, low, high), deviation = means.unbind(dim=1), deviations.unbind(dim=1)
    (count_requested, least_low, most_high), given = _numbers(y).unbind(dim=1), y[:, MEASURED:]

    def above(distance: Tensor, deviation: Tensor) -> Tensor:
        """Return -log P(a number lies above a bound), its mean at a distance from it."""
        return -torch.special.log_ndtr((distance / deviation).clamp(max=enough / 2))

    cost = (losses.constraint_loss(absent.clamp(max=enough)) * (1 - y[:, :12])).sum(dim=1)
    near = TOLERANCE * count_requested
    cost = cost + given[:, 0] * (
        above(count - count_requested + near, deviation[0]) + above(count_requested + near - count, deviation[0])
    )
    cost = cost + (1 - given[:, 0]) * above(count - least_notes, deviation[0])
    cost = cost + given[:, 1] * above(low - least_low + HALF_STEP, deviation[1])
    return cost + given[:, 2] * above(most_high - high + HALF_STEP, deviation[2])


def _numbers(y: Tensor) -> Tensor:
    """Return number of notes, lowest and highest pitch (B, 3) of labels or predictions, out of their units."""
    return y[:, COUNT:MEASURED] * y.new_tensor(UNITS) + y.new_tensor(CENTRES)
