"""How far what the decoder would play is from what is asked for, differentiable: its own probabilities say so.

Critics would have to learn it from decodes. The decoder knows it: at every step it says how likely a note outside the
key or the range is, and how likely a note is at all. docs/training.md compares the two.

Shapes: B draws, L = 256 steps of a melody, V = 130 states, Y = 32 labels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.attributes import AT_LEAST, AT_MOST, FORBIDDEN
from melodylc.melody import HOLD
from melodylc.plausibility import FEATURES, STEP, Bounds
from melodylc.prior.asked_for import allowed_pitches, requested_numbers

KEPT, GAINED = 0.9, 1.1  # of the notes of a draw: no rule is met by silence, nor does one but "at least" ask for more
# Of the notes of "at most", but not more of them than the second number: a request for few is not one for silence.
FEWEST, FEW = 0.75, 60.0
NOTES_UNIT = 8.0  # notes that cost as much as one note outside
EXTRA_VARIANCE = 4.0  # notes^2, added to the decoder's own: beyond the bound by a standard deviation nothing is gained
# Shares of the bounds of what is plausible from which a draw costs something: one pitch or two is where draws end that
# satisfy a key too cheaply, steps are all that a whole tone scale suggests, and draws for many notes had too many.
INSIDE, INSIDE_NOTES = 0.8, 0.94
IMPLAUSIBLE_WEIGHT = 20.0
MORE_CLASSES, CLASSES_UNIT = 1.0, 20.0  # pitch classes more than the bound that a draw is to have; so many cost 1 more
LARGEST_SCALE, ENOUGH_NOTES = 8, 48.0  # a melody of so many notes plays all of a scale, unless that has more than 8
LEAST_LIKELY = 1e-3  # added to the probability that a note of a scale is played, whose logarithm is taken


def cost(logits: Tensor, states: Tensor, labels: Tensor, notes_before: Tensor, bounds: Bounds) -> Tensor:
    """Return what draws cost, (B,): 0 for those that surely have what is asked for and are plausible.

    The logarithm is taken of what is summed over notes, so that hard requests do not outweigh all others.

    Args:
        logits: (B, L, V), of the decoder, divided by the temperature.
        states: (B, L), decoded from them.
        labels: (B, Y).
        notes_before: (B,), the number of notes of the draws before anything was learned.
        bounds: of what is plausible.
    """
    pitches = logits[..., :HOLD]
    sounding = (states < HOLD).float()  # (B, L)
    counts = too_few_or_many(logits, labels, notes_before, bounds)
    missed = torch.log1p(outside(pitches, sounding, labels)) + torch.log1p(counts)
    return missed + IMPLAUSIBLE_WEIGHT * implausible(pitches, states, bounds)


def outside(pitches: Tensor, sounding: Tensor, labels: Tensor) -> Tensor:
    """Return -log P(no note lies outside the key and the range), (B,).

    Args:
        pitches: (B, L, 128), logits.
        sounding: (B, L), 1 where a note begins.
        labels: (B, Y).
    """
    inside = pitches.masked_fill(~allowed_pitches(labels)[:, None], -torch.inf)
    return ((pitches.logsumexp(dim=-1) - inside.logsumexp(dim=-1)) * sounding).sum(dim=1)


def unplayed(logits: Tensor, states: Tensor, labels: Tensor) -> Tensor:
    """Return -log P(every note of the scale is played), (B,); less for a few notes, 0 where no scale is asked for.

    Without its own notes a scale is another one: E blues without B flat is E minor pentatonic. No rule asks for it, so
    it is no part of `cost`; who asks for the scale does.

    Args:
        logits: (B, L, V).
        states: (B, L).
        labels: (B, Y).
    """
    pitches, sounding = logits[..., :HOLD], (states < HOLD).float()
    allowed = allowed_pitches(labels)
    of_scale = torch.stack([allowed[:, c::12].any(dim=1) for c in range(12)], dim=1)  # (B, 12), within the range
    a_scale = (labels[:, FORBIDDEN : FORBIDDEN + 12] == 0).sum(dim=1) <= LARGEST_SCALE
    likely = pitches.softmax(dim=-1) * sounding[..., None]
    surprise = -(1 - _absent(likely) + LEAST_LIKELY).clamp(max=1).log()
    enough = (sounding.sum(dim=1) / ENOUGH_NOTES).clamp(max=1)
    return (surprise * of_scale).sum(dim=1) * a_scale * enough


def too_few_or_many(logits: Tensor, labels: Tensor, notes_before: Tensor, bounds: Bounds) -> Tensor:
    """Return how far the expected number of notes lies beyond what is asked for or plausible, (B,), in `NOTES_UNIT`.

    Args:
        logits: (B, L, V).
        labels: (B, Y).
        notes_before: (B,).
    """
    begins = (logits[..., :HOLD].logsumexp(dim=-1) - logits.logsumexp(dim=-1)).exp()  # (B, L), P(a note begins)
    expected, deviation = begins.sum(dim=1), ((begins * (1 - begins)).sum(dim=1) + EXTRA_VARIANCE).sqrt()
    numbers, asked = requested_numbers(labels)
    at_least, at_most = numbers[:, AT_LEAST], numbers[:, AT_MOST]
    plausible = INSIDE_NOTES * _high(bounds, "notes")
    fewest = torch.minimum(KEPT * notes_before, FEWEST * at_most).maximum(FEWEST * at_most.clamp(max=FEW))
    fewest = torch.where(asked[:, AT_MOST], fewest, KEPT * notes_before)
    least = torch.where(asked[:, AT_LEAST], at_least + deviation, fewest)
    most = torch.maximum(GAINED * notes_before, least + 2 * deviation)
    most = torch.where(asked[:, AT_MOST], torch.minimum(at_most, most), most).clamp(max=plausible)
    return (F.relu(least - expected) + F.relu(expected + deviation - most)) / NOTES_UNIT


def implausible(pitches: Tensor, states: Tensor, bounds: Bounds) -> Tensor:
    """Return how far draws are beyond what is plausible of their pitches, expected, (B,).

    Features are shares of notes: the commonest pitch, the two commonest, steps. Too few pitch classes count as well.

    Args:
        pitches: (B, L, 128), logits.
        states: (B, L).
        bounds: of what is plausible.
    """
    sounding = (states < HOLD).float()
    likely = pitches.softmax(dim=-1) * sounding[..., None]  # (B, L, 128)
    count = sounding.sum(dim=1).clamp(min=1)
    first, both = (likely.sum(dim=1) / count[:, None]).topk(2, dim=1).values.cumsum(dim=1).unbind(dim=1)
    beyond = F.relu(first - INSIDE * _high(bounds, "commonest pitch"))
    beyond = beyond + F.relu(both - INSIDE * _high(bounds, "two commonest pitches"))
    steps = (likely * _steps_from(states)).sum(dim=(1, 2)) / count
    beyond = beyond + F.relu(steps - INSIDE * _high(bounds, "steps"))
    wanted = bounds.low[FEATURES.index("pitch classes")] + MORE_CLASSES
    return beyond + F.relu(wanted - (1 - _absent(likely)).sum(dim=1)) / CLASSES_UNIT


def _absent(likely: Tensor) -> Tensor:
    """Return how likely each pitch class is absent, (B, 12), given how likely pitches are played (B, L, 128)."""
    of_class = torch.stack([likely[..., c::12].sum(dim=-1) for c in range(12)], dim=-1)  # (B, L, 12)
    return torch.log1p(-of_class.clamp(max=1 - 1e-4)).sum(dim=1).exp()


def _steps_from(states: Tensor) -> Tensor:
    """Return which pitches are a step from the note before, (B, L, 128), given states (B, L)."""
    place = torch.arange(states.shape[1], device=states.device).expand_as(states)
    last = torch.where(states < HOLD, place, -1).cummax(dim=1).values  # (B, L), where the last note began
    before = F.pad(last[:, :-1], (1, 0), value=-1)
    pitch = torch.where(before >= 0, states.gather(1, before.clamp(min=0)), -HOLD)
    interval = (torch.arange(HOLD, device=states.device) - pitch[..., None]).abs()
    return (interval > 0) & (interval <= STEP)


def _high(bounds: Bounds, feature: str) -> float:
    return bounds.high[FEATURES.index(feature)]
