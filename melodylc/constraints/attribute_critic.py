"""The critics of attributes: what they predict of a melody, and how far that is from what is requested.

Attributes can be measured of any melody, so critics need not know which are requested: from the bar embeddings they
predict which pitch classes are absent, whether it is plausible, the number of notes, the lowest and the highest pitch.
Every decode teaches them, whatever it was made for, and the energy of any request follows from the same predictions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc import attributes
from melodylc.attributes import ASKED, AT_LEAST, AT_MOST, FORBIDDEN
from melodylc.latent import losses
from melodylc.melody import HOLD
from melodylc.plausibility import Bounds
from melodylc.prior.asked_for import requested_numbers

# Columns of measures, after 12 absences of pitch classes
PLAUSIBLE, COUNT, LOW, HIGH, MEASURED = 12, 13, 14, 15, 16
OUTPUTS = MEASURED + 3  # logits of absence and of being plausible; means; logarithms of standard deviations
CENTRES = attributes.CENTRES[AT_MOST:]  # count, lowest and highest pitch: where predictions are 0
UNITS = attributes.UNITS[AT_MOST:]  # and where they are 1 more
NUMBERS_WEIGHT = 0.3  # of the numbers' likelihood: noisier than the absences' cross-entropy, it must not outweigh it
FEWEST = 0.7  # of the notes of "at most": a request for few is not one for silence
LOG_DEVIATION = (-4.0, 2.0)  # in units: from half a note or a fifth of a semitone to more than any melody's range
LARGEST_ERROR = 8.0  # standard deviations: a silent melody has no lowest or highest pitch worth learning
HALF_STEP = 0.5  # notes or semitones: whole numbers satisfy a bound whose prediction is nearer to it than to the next


def measure(states: np.ndarray, bounds: Bounds) -> Tensor:
    """Measure melodies (B, 256).

    Returns:
        (B, 16): 12 absences of pitch classes, whether it is plausible, number of notes, lowest and highest pitch.
    """
    onset = states < HOLD
    absent = np.stack([~((states % 12 == c) & onset).any(axis=1) for c in range(12)], axis=1)
    count = onset.sum(axis=1)
    lowest = np.where(onset, states, 127).min(axis=1)
    highest = np.where(onset, states, 0).max(axis=1)
    numbers = np.stack([bounds.plausible(states), count, lowest, highest], axis=1)
    return torch.from_numpy(np.concatenate([absent, numbers], axis=1).astype(np.float32))


def satisfied_shares(measured: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return which attributes measures (B, 16) satisfy, given labels (B, 32).

    Returns:
        For key, at least, at most, low and high, (B,): 1 or 0, and nan where the attribute is open.
    """
    nan = torch.full((len(y),), float("nan"))
    forbidden = y[:, FORBIDDEN : FORBIDDEN + 12] == 1
    key = ((measured[:, :12] == 1) | ~forbidden).all(dim=1) & (measured[:, COUNT] > 0)
    requested, given = requested_numbers(y)
    satisfied = {
        "at least": measured[:, COUNT] >= requested[:, 0],
        "at most": measured[:, COUNT] <= requested[:, 1],
        "low": measured[:, LOW] >= requested[:, 2],
        "high": measured[:, HIGH] <= requested[:, 3],
    }
    shares = {"key": torch.where(forbidden.any(dim=1), key.float(), nan)}
    for index, (name, right) in enumerate(satisfied.items()):
        shares[name] = torch.where(given[:, index], right.float(), nan)
    return shares


def predictions(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a critic's outputs (B, 19) predict.

    Returns:
        Logits of the absence of each pitch class and of being plausible, (B, 13); means and standard deviations of the
        numbers, (B, 3) each.
    """
    return out[:, :COUNT], _numbers(out), out[:, MEASURED:].clamp(*LOG_DEVIATION).exp() * out.new_tensor(UNITS)


def critic_loss(out: Tensor, measured: Tensor) -> Tensor:
    """Return a critic's loss: cross-entropy of the logits, Gaussian likelihood of the numbers in their units.

    Args:
        out: (B, 19), the critic's outputs.
        measured: (B, 16).
    """
    logits, means, deviations = predictions(out)
    error = ((measured[:, COUNT:] - means) / deviations).clamp(-LARGEST_ERROR, LARGEST_ERROR)
    likelihood = 0.5 * error**2 + (deviations / deviations.new_tensor(UNITS)).log()
    return losses.regression(logits, measured[:, :COUNT]) + NUMBERS_WEIGHT * likelihood.mean()


def energy(out: Tensor, y: Tensor, least_notes: Tensor, enough: float) -> Tensor:
    """Return -log P(the melody has what is requested and is plausible), (B,), by outputs (B, 19) and labels (B, 32).

    Args:
        least_notes: (B,) numbers of notes not to fall below where "at least" is not requested: a rule on pitches is
            not to be satisfied by silence.
        enough: logits, and twice the standard deviations, beyond which nothing more is gained.
    """
    logits, means, deviations = predictions(out)
    (count, low, high), deviation = means.unbind(dim=1), deviations.unbind(dim=1)
    (at_least, at_most, least_low, most_high), given = requested_numbers(y)[0].unbind(dim=1), y[:, ASKED:]

    def above(distance: Tensor, deviation: Tensor) -> Tensor:
        """Return -log P(a number lies above a bound), its mean at a distance from it."""
        return -torch.special.log_ndtr(((distance + HALF_STEP) / deviation).clamp(max=enough / 2))

    forbidden = y[:, FORBIDDEN : FORBIDDEN + 12]
    costs = losses.constraint_loss(logits.clamp(max=enough))
    cost = (costs[:, :12] * forbidden).sum(dim=1) + costs[:, PLAUSIBLE]
    few = torch.where(given[:, AT_MOST] == 1, torch.minimum(least_notes, FEWEST * at_most), least_notes)
    least = torch.where(given[:, AT_LEAST] == 1, at_least, few)
    cost = cost + above(count - least, deviation[0])
    cost = cost + given[:, AT_MOST] * above(at_most - count, deviation[0])
    cost = cost + given[:, 2] * above(low - least_low, deviation[1])
    return cost + given[:, 3] * above(most_high - high, deviation[2])


def _numbers(out: Tensor) -> Tensor:
    """Return number of notes, lowest and highest pitch (B, 3) of predictions, out of their units."""
    return out[:, COUNT:MEASURED] * out.new_tensor(UNITS) + out.new_tensor(CENTRES)
