"""Table 2 of Latent Constraints beside ours: rewards, shares satisfied, shift, diversity.

One decode of one draw each (K = 1); nothing is masked, nothing selected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc.control import Control
from melodylc.latent import losses
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.rules import notes, pitch_classes

DRAWS = 2048
PAIRS = 20_000
KEY = "C major"
DENSITY = 192

# The paper's table 2: mean reward and share satisfied of c_pitch and c_density, and z MSE.
PAPER = {
    "prior": ((0.579, 0.0043), (0.417, 0.0004), None),
    "C major": ((0.991, 0.708), (None, None), 0.015),
    "C major, 192 notes": ((0.982, 0.624), (0.985, 0.849), 0.039),
}


@dataclass(frozen=True)
class Row:
    """One line of the table; shares in [0, 1]."""

    name: str
    temperature: float
    pitch_mean: float
    pitch_satisfied: float
    density_mean: float
    density_satisfied: float
    z_mse: float
    z_mse_weighted: float  # by sigma_bar^-2
    unique: float  # share of different melodies
    distance: float  # mean pairwise distance over that of the prior's draws
    onsets: float  # notes a melody, on average

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "pitch": {"mean": self.pitch_mean, "satisfied": self.pitch_satisfied},
            "density": {"mean": self.density_mean, "satisfied": self.density_satisfied},
            "z_mse": self.z_mse,
            "z_mse_weighted": self.z_mse_weighted,
            "unique": self.unique,
            "distance": self.distance,
            "onsets": self.onsets,
            "temperature": self.temperature,
        }


def pairwise_distance(states: np.ndarray, seed: int = 0) -> float:
    """The mean share of steps in which two melodies of a batch (B, 256) differ, over random pairs."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(len(states), size=(2, PAIRS))
    pairs = a != b
    return float((states[a[pairs]] != states[b[pairs]]).mean())


def rows(model: Model, controls: dict[str, Control], *, draws: int = DRAWS, seed: int = 0) -> list[Row]:
    """The prior and each control at the model's temperature, then the same at 1 and at argmax (0)."""
    in_key, dense = pitch_classes(KEY), notes(at_least=DENSITY)
    z = model.prior(draws, seed)
    table = []
    for temperature in dict.fromkeys((model.temperature, 1.0, 0.0)):
        of_prior = model.decode(z, temperature=temperature, seed=seed)
        base = pairwise_distance(of_prior)
        for name in ("prior", *controls):
            moved = controls[name].move(z) if name in controls else z
            melodies = of_prior
            if name in controls:
                melodies = model.decode(moved, temperature=temperature, seed=seed)
            pitch, density = in_key(melodies), dense(melodies)
            table.append(
                Row(
                    name=name,
                    temperature=temperature,
                    pitch_mean=float(pitch.mean()),
                    pitch_satisfied=float((pitch == 1).mean()),
                    density_mean=float(density.mean()),
                    density_satisfied=float((density == 1).mean()),
                    z_mse=float(losses.shift(moved, z)),
                    z_mse_weighted=float(losses.shift(moved, z, model.bank.sigma_bar)),
                    unique=len(np.unique(melodies, axis=0)) / len(melodies),
                    distance=pairwise_distance(melodies) / base,
                    onsets=float((melodies < HOLD).sum(axis=1).mean()),
                )
            )
    return table


def text(table: list[Row]) -> str:
    """The table for a terminal, the paper's figures first."""
    head = (
        f"{'':<20} {'temp.':>6} {'pitch':>7} {'satisf.':>8} {'density':>8} {'satisf.':>8} {'z MSE':>7} "
        f"{'weighted':>9} {'unique':>7} {'distance':>9} {'notes':>6}"
    )
    lines = ["K = 1, no masks, no selection; the paper's corpus, model and temperature are other ones", head]

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.2f} %"

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    for name, (pitch, density, mse) in PAPER.items():
        lines.append(
            f"{'paper: ' + name:<20.20} {'':>6} {number(pitch[0]):>7} {share(pitch[1]):>8} {number(density[0]):>8} "
            f"{share(density[1]):>8} {number(mse):>7}"
        )
    for row in table:
        lines.append(
            f"{row.name:<20.20} {row.temperature:>6.2f} {row.pitch_mean:>7.3f} {share(row.pitch_satisfied):>8} "
            f"{row.density_mean:>8.3f} {share(row.density_satisfied):>8} {row.z_mse:>7.3f} {row.z_mse_weighted:>9.3f} "
            f"{share(row.unique):>7} {row.distance:>9.3f} {row.onsets:>6.1f}"
        )
    return "\n".join(lines)
