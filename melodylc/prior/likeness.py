"""How far draws are, as a whole, from real melodies: the energy distance of what is counted in them, differentiable.

A flow has the bars of melodies, and not quite how often they come: it makes fewer steps and repeats fewer rhythms than
people do. No single draw is wrong, so no cost of a draw can mend that; the distance of a batch of them from a set of
real melodies can (Székely and Rizzo, "Energy statistics", 2013), count by count. What is counted is what a judge would
look at: intervals, lengths, positions in the bar, returns of bars and rhythms, the commonest pitches. In draws it is
what the decoder expects. (With the states it took, and the gradient of the probabilities, draws came to be told apart
more easily, not less: 0.975 after 150 steps, from 0.953; as it is, 0.933 after 100.)

Shapes: B draws, R real melodies, L = 256 steps, V = 130 states, T = 16 bars, S = 16 steps of a bar, C counts.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.melody import BARS, HOLD, REST, STATES, STEPS_PER_BAR
from melodylc.rules.key import SCALES

OCTAVE, LONGEST = 12, 16  # semitones, steps: wider intervals share a count, and longer notes
LAGS = (1, 2, 4, 8)  # bars: where phrases return in most tunes
LEAST_DEVIATION = 0.01  # of a count over real melodies, by which it is divided
QUANTILES = 256  # of the counts in real melodies, which stand for all of them
AT_ONCE = 128  # real melodies counted together


class Likeness:
    """The counts in real melodies (R, 256), which those in draws are compared with."""

    def __init__(self, melodies: np.ndarray, device: torch.device) -> None:
        with torch.no_grad():
            parts = torch.from_numpy(melodies).long().to(device).split(AT_ONCE)
            counted = torch.cat([counts(F.one_hot(part, STATES).float(), part) for part in parts])  # (R, C)
        self.mean, self.deviation = counted.mean(dim=0), counted.std(dim=0) + LEAST_DEVIATION
        at = (torch.arange(QUANTILES, device=device) + 0.5) / QUANTILES
        self.real = ((counted - self.mean) / self.deviation).quantile(at, dim=0)  # (QUANTILES, C)
        self.among_real = _among(self.real)

    def distance(self, states: Tensor, logits: Tensor) -> Tensor:
        """Return the energy distance of draws from the real melodies, the mean over all counts.

        Args:
            states: (B, L), decoded, two draws at least.
            logits: (B, L, V), that they were decoded from.
        """
        found = (counts(logits.softmax(dim=-1), states) - self.mean) / self.deviation
        between = (found[:, None] - self.real).abs().mean(dim=(0, 1))
        return (2 * between - _among(found) - self.among_real).mean()


def _among(values: Tensor) -> Tensor:
    """Return the mean distance between two of values (N, C), (C,)."""
    return (values[:, None] - values).abs().sum(dim=(0, 1)) / (len(values) * (len(values) - 1))


def counts(likely: Tensor, states: Tensor) -> Tensor:
    """Return what is counted in melodies, (B, C).

    Args:
        likely: (B, L, V), the probabilities of states, each given those before it; of a melody that is there, one-hot.
        states: (B, L), of the melodies.
    """
    pitches, hold, rest = likely[..., :HOLD], likely[..., HOLD], likely[..., REST]
    begins = pitches.sum(dim=-1)  # (B, L)
    notes = begins.sum(dim=1, keepdim=True)
    many = notes.clamp(min=1)
    positions = begins.unflatten(1, (BARS, STEPS_PER_BAR)).sum(dim=1)
    of_pitch = pitches.sum(dim=1)  # (B, 128)
    commonest = of_pitch.topk(2, dim=1).values
    of_class = torch.stack([of_pitch[:, c::12].sum(dim=1) for c in range(12)], dim=1)
    in_scale = (of_class @ _scales(of_class)).amax(dim=1, keepdim=True)
    of_notes = [intervals(pitches, states), lengths(begins, hold), positions, commonest, in_scale]
    shares = torch.cat(of_notes, dim=1) / many
    number = torch.arange(HOLD, device=likely.device).to(likely)
    centre = of_pitch @ number[:, None] / many
    width = ((of_pitch * (number - centre).square()).sum(dim=1, keepdim=True) / many + 1).sqrt()
    different = (1 - (1 - pitches).prod(dim=1)).sum(dim=1, keepdim=True)
    rhythm = torch.stack([begins, hold, rest], dim=-1)
    returns = torch.cat([returning(likely), returning(rhythm)], dim=1)
    return torch.cat([shares, notes / 100, width / 12, different / 12, rest.mean(dim=1, keepdim=True), returns], dim=1)


def intervals(pitches: Tensor, states: Tensor) -> Tensor:
    """Return how many notes follow by each interval, and how many return to the pitch before the last, (B, 27).

    Args:
        pitches: (B, L, 128), how likely a note of each pitch begins.
        states: (B, L).
    """
    before = _note_before(states)
    semitones = torch.arange(-OCTAVE, OCTAVE + 1, device=states.device)
    wanted = before[..., None] + semitones  # (B, L, 25)
    there = ((before[..., None] >= 0) & (wanted >= 0) & (wanted < HOLD)).to(pitches)
    each = (pitches.gather(2, wanted.clamp(0, HOLD - 1)) * there).sum(dim=1)
    wider = (pitches.sum(dim=-1) * (before >= 0)).sum(dim=1) - each.sum(dim=1)
    second = _note_before(states, skip=1)
    back = pitches.gather(2, second.clamp(min=0)[..., None])[..., 0] * ((second >= 0) & (second != before))
    return torch.cat([each, wider[:, None], back.sum(dim=1, keepdim=True)], dim=1)


def lengths(begins: Tensor, hold: Tensor) -> Tensor:
    """Return how many notes have each length in steps, up to the longest, (B, 16).

    Args:
        begins: (B, L), how likely a note begins.
        hold: (B, L), how likely one goes on.
    """
    sounding, ended = begins, []
    for step in range(1, LONGEST):
        goes_on = F.pad(hold[:, step:], (0, step))
        ended.append((sounding * (1 - goes_on)).sum(dim=1))
        sounding = sounding * goes_on
    return torch.stack([*ended, sounding.sum(dim=1)], dim=1)


def returning(steps: Tensor) -> Tensor:
    """Return the share of bars that an earlier one equals, and of steps that are the same some bars later, (B, 5).

    Args:
        steps: (B, L, K), how likely each of K states is.
    """
    bars = steps.unflatten(1, (BARS, STEPS_PER_BAR))  # (B, T, S, K)
    same = torch.einsum("bisk,bjsk->bijs", bars, bars)
    equal = same.prod(dim=-1).tril(diagonal=-1)  # (B, T, T)
    repeated = (1 - (1 - equal).prod(dim=-1)).mean(dim=1)
    later = [same.mean(dim=-1).diagonal(lag, dim1=1, dim2=2).mean(dim=1) for lag in LAGS]
    return torch.stack([repeated, *later], dim=1)


def _note_before(states: Tensor, skip: int = 0) -> Tensor:
    """Return the pitch of the note before each step (B, L), or one further back; -1 where there is none."""
    begins = states < HOLD
    number = begins.cumsum(dim=1) - begins.long()  # of notes before the step
    order = torch.where(begins, begins.cumsum(dim=1) - 1, states.shape[1])
    of_note = states.new_full((len(states), states.shape[1] + 1), -1).scatter(1, order, states)
    wanted = number - 1 - skip
    return torch.where(wanted >= 0, of_note.gather(1, wanted.clamp(min=0)), -1)


def _scales(like: Tensor) -> Tensor:
    """Return the pitch classes of the major scales, (12, 12), a column each."""
    major = like.new_zeros(12)
    major[list(SCALES["major"])] = 1
    return torch.stack([major.roll(root) for root in range(12)], dim=1)
