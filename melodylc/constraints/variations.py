"""Variations of a melody as it stands: a bar from elsewhere, a few steps as the decoder could as well have had them.

They need a rule only to be judged, and cost a hundredth of a decode. Steps come from the decoder's own probabilities,
so that what is unlikely at its place hardly comes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc.melody import BARS, STEPS, STEPS_PER_BAR, canonical
from melodylc.model import Model

BARS_MOVED, STEPS_CHANGED = 32, 64  # variations of each kind
BLOCKS = (1, 2, 4)  # bars that are moved together
MOST_STEPS = 4  # changed at once
TEMPERATURE = 1.0  # of the decoder's probabilities of other states


def variations(
    model: Model,
    z: Tensor,
    melody: np.ndarray,
    others: np.ndarray,
    rng: np.random.Generator,
    allowed_states: np.ndarray | None = None,
) -> np.ndarray:
    """Return variations (V, 256) of a melody (256,) that z (1, Z) decodes to, or to something near it.

    Args:
        others: (N, 256), melodies to take bars from.
        allowed_states: (130,) bool, the states that may be chosen.
    """
    moved = [bars_from(melody, others[rng.integers(len(others))], rng) for _ in range(BARS_MOVED // 2)]
    moved += [bars_from(melody, melody, rng, anywhere=True) for _ in range(BARS_MOVED // 2)]
    likely = probabilities(model, z, melody, allowed_states)
    return canonical(np.stack([*moved, *(steps_changed(melody, likely, rng) for _ in range(STEPS_CHANGED))]))


def bars_from(melody: np.ndarray, other: np.ndarray, rng: np.random.Generator, anywhere: bool = False) -> np.ndarray:
    """Return a melody (256,) with some bars of another, at the same place or at any."""
    length = int(rng.choice(BLOCKS))
    to, source = (int(rng.integers(BARS // length)) * length for _ in range(2))
    source = source if anywhere else to
    changed = melody.reshape(BARS, STEPS_PER_BAR).copy()
    changed[to : to + length] = other.reshape(BARS, STEPS_PER_BAR)[source : source + length]
    return changed.reshape(STEPS)


@torch.no_grad()
def probabilities(model: Model, z: Tensor, melody: np.ndarray, allowed_states: np.ndarray | None) -> np.ndarray:
    """Return how likely each other state is at each step of a melody (256,), cumulated, (256, 130)."""
    states = torch.from_numpy(melody.astype(np.int64))[None].to(model.device)
    logits = model.vae.logits(z.to(model.device), states)[0].float().cpu() / TEMPERATURE
    logits.scatter_(1, states[0].cpu()[:, None], -torch.inf)  # another
    if allowed_states is not None:
        logits[:, ~torch.from_numpy(allowed_states)] = -torch.inf
    return logits.softmax(dim=1).cumsum(dim=1).numpy()


def steps_changed(melody: np.ndarray, cumulated: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a melody (256,) with other states at a few steps, drawn by their cumulated probabilities (256, 130)."""
    changed = melody.copy()
    steps = rng.choice(STEPS, size=rng.integers(1, MOST_STEPS + 1), replace=False)
    drawn = (cumulated[steps] < rng.random((len(steps), 1))).sum(axis=1)
    changed[steps] = np.minimum(drawn, cumulated.shape[1] - 1)
    return changed
