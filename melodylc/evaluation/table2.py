"""Table 2 of Latent Constraints beside ours: rewards, shares satisfied, shift, diversity, identity, realism."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from melodylc.evaluation.histograms import Histograms, histograms, overlap
from melodylc.latent import losses
from melodylc.melody import HOLD
from melodylc.model import Model, generator
from melodylc.rules import notes, pitch_classes

DRAWS = 2048
PAIRS = 20_000
OTHERS = 9  # decodes of other draws that a melody is compared with, beside its own start's
KEY = "C major"
DENSITY = 192

# The paper's table 2: mean reward and share satisfied of c_pitch and c_density, and z MSE.
PAPER_TABLE = {
    "prior": ((0.579, 0.0043), (0.417, 0.0004), None),
    "C major": ((0.991, 0.708), (None, None), 0.015),
    "C major, 192 notes": ((0.982, 0.624), (0.985, 0.849), 0.039),
}

Move = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Row:
    """One line of the table; shares in [0, 1]."""

    name: str
    temperature: float
    pitch_mean: float
    pitch_satisfied: float
    density_mean: float
    density_satisfied: float
    both_satisfied: float
    z_mse: float
    z_mse_weighted: float  # by sigma_bar^-2
    unique: float  # share of different melodies
    distance: float  # mean pairwise distance over that of the prior's draws
    identity: float  # share nearer to the decode of their own start than to those of nine others
    realism: float  # mean overlap of four histograms with held-out melodies
    overlaps: dict[str, float]
    onsets: float  # notes a melody, on average
    selection: str = ""  # best-of-K and masks are never silent

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def pairwise_distance(states: np.ndarray, seed: int = 0) -> float:
    """The mean share of steps in which two melodies of a batch (B, 256) differ, over random pairs."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(len(states), size=(2, PAIRS))
    pairs = a != b
    return float((states[a[pairs]] != states[b[pairs]]).mean())


def identity(starts: np.ndarray, melodies: np.ndarray, seed: int = 0) -> float:
    """The share of melodies (B, 256) nearer to the decode of their own start (B, 256) than to those of nine others.

    Near is by the share of equal steps. 0.1 is chance; a tie is a miss.
    """
    rng = np.random.default_rng(seed)
    own = (starts == melodies).mean(axis=1)
    wins = np.ones(len(starts), bool)
    for _ in range(min(OTHERS, len(starts) - 1)):
        other = (np.arange(len(starts)) + rng.integers(1, len(starts), len(starts))) % len(starts)
        wins &= own > (starts[other] == melodies).mean(axis=1)
    return float(wins.mean())


@dataclass(frozen=True)
class Bench:
    """What rows are measured against: one set of draws and what the prior makes of them."""

    model: Model
    z: Tensor  # (B, Z)
    seed: int
    temperature: float
    of_prior: np.ndarray  # (B, 256)
    held_out: Histograms

    @classmethod
    def of(cls, model: Model, held_out: Histograms, draws: int, seed: int, temperature: float) -> Bench:
        z = model.prior(draws, seed)
        of_prior = model.decode_quickly(z, temperature=temperature, generator=generator(seed, 10))
        return cls(model, z, seed, temperature, of_prior, held_out)

    def _decoded(self, z: Tensor, again: int, allowed_states: np.ndarray | None) -> np.ndarray:
        source = generator(self.seed, 10 + again)
        return self.model.decode_quickly(
            z, temperature=self.temperature, generator=source, allowed_states=allowed_states
        )

    def row(
        self, name: str, move: Move | None = None, *, allowed_states: np.ndarray | None = None, tries: int = 1
    ) -> Row:
        """One method: where it moves the draws, decoded once each.

        Args:
            allowed: (130,) bool, the strict mode.
            tries: best-of-K: the decode of highest reward (C major) of so many.
        """
        moved = self.z if move is None else move(self.z).detach()
        in_key = pitch_classes(KEY)
        melodies = self.of_prior
        if move is not None or allowed_states is not None or tries > 1:
            melodies = self._decoded(moved, 0, allowed_states)
        for again in range(1, tries):
            left = np.flatnonzero(in_key(melodies) < 1)
            if not len(left):
                break
            redrawn = self._decoded(moved[left], again, allowed_states)
            better = in_key(redrawn) > in_key(melodies[left])
            melodies = melodies.copy()
            melodies[left[better]] = redrawn[better]
        selection = [f"best of {tries}"] if tries > 1 else []
        selection += ["strict"] if allowed_states is not None else []
        return self.measured(name, moved, melodies, " ".join(selection))

    def measured(self, name: str, moved: Tensor, melodies: np.ndarray, selection: str = "") -> Row:
        """The figures of melodies (B, 256) decoded from moved (B, Z)."""
        in_key, dense = pitch_classes(KEY), notes(at_least=DENSITY)
        pitch, density = in_key(melodies), dense(melodies)
        overlaps = overlap(histograms(melodies), self.held_out)
        return Row(
            name=name,
            temperature=self.temperature,
            pitch_mean=float(pitch.mean()),
            pitch_satisfied=float((pitch == 1).mean()),
            density_mean=float(density.mean()),
            density_satisfied=float((density == 1).mean()),
            both_satisfied=float(((density == 1) & (pitch == 1)).mean()),
            z_mse=float(losses.shift(moved, self.z)),
            z_mse_weighted=float(losses.shift(moved, self.z, self.model.bank.sigma_bar)),
            unique=len(np.unique(melodies, axis=0)) / len(melodies),
            distance=pairwise_distance(melodies) / pairwise_distance(self.of_prior),
            identity=identity(self.of_prior, melodies),
            realism=float(np.mean(list(overlaps.values()))),
            overlaps=overlaps,
            onsets=float((melodies < HOLD).sum(axis=1).mean()),
            selection=selection,
        )


def text(table: list[Row]) -> str:
    """The table for a terminal, the paper's figures first."""
    head = (
        f"{'':<34} {'temp.':>5} {'pitch':>6} {'satisf.':>8} {'density':>7} {'satisf.':>8} {'both':>7} {'z MSE':>6} "
        f"{'weighted':>8} {'unique':>7} {'distance':>8} {'own start':>9} {'realism':>7} {'notes':>6}"
    )
    lines = ["one decode of each draw, no masks and no selection unless the row says so", head]

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f} %"

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    for name, (pitch, density, mse) in PAPER_TABLE.items():
        lines.append(
            f"{'paper: ' + name:<34.34} {'':>5} {number(pitch[0]):>6} {share(pitch[1]):>8} {number(density[0]):>7} "
            f"{share(density[1]):>8} {'':>7} {number(mse):>6}"
        )
    for row in table:
        name = row.name + (f" [{row.selection}]" if row.selection else "")
        lines.append(
            f"{name:<34.34} {row.temperature:>5.2f} {row.pitch_mean:>6.3f} {share(row.pitch_satisfied):>8} "
            f"{row.density_mean:>7.3f} {share(row.density_satisfied):>8} {share(row.both_satisfied):>7} "
            f"{row.z_mse:>6.3f} {row.z_mse_weighted:>8.3f} {share(row.unique):>7} {row.distance:>8.3f} "
            f"{share(row.identity):>9} {row.realism:>7.3f} {row.onsets:>6.1f}"
        )
    return "\n".join(lines)
