"""What the prior learns from: the bars of melodies as the encoder sees them, and the facts that labels are drawn from.

Encoding costs as much as a step of learning, so examples are kept and seen several times; at each step a few are
replaced by new ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc.latent.flow import form_of
from melodylc.latent.precision import half_precision
from melodylc.melody import BARS, HOLD
from melodylc.prior import labels
from melodylc.prior.basis import Basis
from melodylc.vae.data import TrainingWindows, ranks, transposed
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE

# Unconstrained draws are to be as melodies are, in their keys and registers: only examples whose key, or key and range,
# is asked for are transposed.
TRANSPOSED, SNAPPED = 0.3, 0.3  # shares of the examples; the others stay as they are
NEAR, FAR, FAR_SHARE = 6, 18, 0.4  # semitones: keys within the register; registers, in a share of the transposed
FORMS = 8192  # of examples, which travel with the weights
PRINCIPAL = 8192  # melodies whose bars the basis is of
ENCODED_AT_ONCE = 256  # melodies, which bounds the memory for activations


class Examples:
    """A pool of encoded melodies of one split, drawn file by file so that long files do not dominate."""

    def __init__(self, vae: MelodyVAE, windows: TrainingWindows, tracks: np.ndarray, basis: Basis, size: int) -> None:
        encoder = vae.encoder
        assert isinstance(encoder, HierarchicalEncoder), "the prior needs an encoder of single bars"
        self.encoder, self.windows, self.basis, self.size = encoder, windows, basis, size
        self._cumulative = np.cumsum(file_weights(windows, tracks))
        self.bars = torch.empty(0, BARS, len(basis.units), dtype=torch.float16)
        self.facts = labels.facts(np.empty((0, 256), np.uint8))
        self.scale, self.with_key, self.with_range = np.empty(0, int), np.empty(0, bool), np.empty(0, bool)

    def fill(self, rng: np.random.Generator) -> None:
        """Encode examples until the pool is full."""
        while len(self.bars) < self.size:
            self.add(min(ENCODED_AT_ONCE, self.size - len(self.bars)), rng)

    def add(self, count: int, rng: np.random.Generator) -> None:
        """Encode new examples; where the pool is full, they replace others."""
        chosen = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1])
        states = self.windows.states[chosen]
        kind = rng.random(count)
        snap, move = kind < SNAPPED, kind < SNAPPED + TRANSPOSED
        far = move & ~snap & (rng.random(count) < FAR_SHARE)
        semitones = np.where(far, rng.integers(-FAR, FAR + 1, count), rng.integers(-NEAR, NEAR + 1, count))
        states = transposed(states, np.where(move, semitones, 0))
        scale = np.where(snap, rng.choice(labels.SCALE_SETS, count), 0)
        states[snap] = labels.snapped(states[snap], scale[snap], rng.random(int(snap.sum())) < 0.5)
        bars, known = self.encode(states), labels.facts(states)
        if len(self.bars) < self.size:
            self.bars = torch.cat([self.bars, bars])
            self.facts = labels.Facts(
                *(np.concatenate(pair) for pair in zip(vars(self.facts).values(), vars(known).values(), strict=True))
            )
            self.scale = np.concatenate([self.scale, scale])
            self.with_key, self.with_range = np.concatenate([self.with_key, move]), np.r_[self.with_range, far]
            return
        places = rng.choice(self.size, count, replace=False)
        self.bars[torch.from_numpy(places)] = bars
        for name, values in vars(known).items():
            getattr(self.facts, name)[places] = values
        self.scale[places], self.with_key[places], self.with_range[places] = scale, move, far

    @torch.no_grad()
    def encode(self, states: np.ndarray) -> Tensor:
        """Return the coordinates (N, 16, D) of the bars of melodies (N, 256), in half precision."""
        device = next(self.encoder.parameters()).device
        with half_precision(device):
            embeddings = self.encoder.embed(torch.from_numpy(states).to(device)).float()
        return self.basis.coordinates(embeddings.cpu()).half()

    def forms(self) -> Tensor:
        """Return the forms (F, 16) of some of the examples: for each bar the first that is equal to it."""
        return form_of(self.bars[:FORMS])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw examples (count, 16, D) and labels (count, 32) of requests that they satisfy."""
        places = rng.integers(len(self.bars), size=count)
        drawn = labels.draw_labels(
            self.facts.rows(places), rng, self.scale[places], self.with_key[places], self.with_range[places]
        )
        return self.bars[torch.from_numpy(places)].float(), torch.from_numpy(drawn)


def file_weights(windows: TrainingWindows, tracks: np.ndarray) -> np.ndarray:
    """Return (N,) the weight of each window: every file counts alike, within it the k-th highest track as 1 / k."""
    _, file, of_file = np.unique(windows.sources, return_inverse=True, return_counts=True)
    weights = 1 / ranks(windows.states, file, tracks)
    return weights / np.bincount(file, weights)[file] / len(of_file)


def principal(vae: MelodyVAE, windows: TrainingWindows, rng: np.random.Generator) -> Basis:
    """Return the basis of the bars of `PRINCIPAL` melodies drawn at random, transposed within their register."""
    encoder = vae.encoder
    assert isinstance(encoder, HierarchicalEncoder), "the prior needs an encoder of single bars"
    device = next(encoder.parameters()).device
    parts = []
    with torch.no_grad(), half_precision(device):
        for _ in range(PRINCIPAL // ENCODED_AT_ONCE):
            states = torch.from_numpy(windows.draw(ENCODED_AT_ONCE, NEAR, rng)).to(device)
            parts.append(encoder.embed(states).float().flatten(0, 1).cpu())
    return Basis.of(torch.cat(parts))


def notes_in(states: np.ndarray) -> np.ndarray:
    """Return (N,) the number of notes of melodies (N, 256)."""
    return np.asarray((states < HOLD).sum(axis=1))
