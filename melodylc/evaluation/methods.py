"""One method, measured: where it moves a common set of draws, what these decode to, and the line of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from melodylc import plausibility
from melodylc.constraints.sampling import Way, draw
from melodylc.evaluation.histograms import Histograms, histograms, overlap
from melodylc.evaluation.paper import density_rule, pitch_rule
from melodylc.evaluation.similarity import nearest_to_own_start, pairwise_distance
from melodylc.latent import losses
from melodylc.melody import HOLD
from melodylc.model import Model, generator
from melodylc.plausibility import Bounds

DRAWS = 2048  # of the prior, for each row; a share of one half then has a standard error of 0.011
FIRST_STREAM = 10  # of the random streams of a seed: the first decode of a row, later tries take the next ones

Move = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class MethodRow:
    """The figures of one method, one line of the table; shares lie in [0, 1]. Kept is satisfied and plausible."""

    name: str
    temperature: float
    pitch_kept: float
    pitch_satisfied: float
    pitch_mean: float
    density_kept: float
    density_satisfied: float
    density_mean: float
    both_kept: float
    both_satisfied: float
    plausible: float
    z_mse: float
    z_mse_weighted: float  # by sigma_bar^-2
    unique: float  # share of different melodies
    distance: float  # mean pairwise distance over that of the prior's draws
    identity: float  # share nearer to the decode of their own start than to those of nine others
    realism: float  # mean overlap of four histograms with held-out melodies
    overlaps: dict[str, float]
    onsets: float  # mean number of notes of a melody
    selection: str = ""  # "best of K" and "strict": selection and masks are always named

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in evaluation.json."""
        return asdict(self)


@dataclass(frozen=True)
class CommonDraws:
    """The draws of the prior that all methods start from, and what they decode to unmoved."""

    model: Model
    z: Tensor  # (B, Z)
    seed: int
    temperature: float
    prior_melodies: np.ndarray  # (B, 256)
    held_out: Histograms
    bounds: Bounds

    @classmethod
    def of(cls, model: Model, held_out: Histograms, draws: int, seed: int, temperature: float) -> CommonDraws:
        """Draw from the prior and decode at a temperature; realism is measured against the held-out histograms.

        Raises:
            UserError: if the bounds of what is plausible, beside the model, are damaged.
        """
        z = model.prior(draws, seed)
        melodies = model.decode_quickly(z, temperature=temperature, generator=generator(seed, FIRST_STREAM))
        return cls(model, z, seed, temperature, melodies, held_out, plausibility.bounds(model))

    def _decoded(self, z: Tensor, attempt: int, allowed_states: np.ndarray | None) -> np.ndarray:
        source = generator(self.seed, FIRST_STREAM + attempt)
        return self.model.decode_quickly(
            z, temperature=self.temperature, generator=source, allowed_states=allowed_states
        )

    def measure_method(
        self, name: str, move: Move | None = None, *, allowed_states: np.ndarray | None = None, tries: int = 1
    ) -> MethodRow:
        """Move the draws by a method (None: not at all), decode each once, and measure the melodies.

        Args:
            allowed_states: (130,) bool, what the decoder may draw (the strict mode); None: everything.
            tries: best-of-K: of so many decodes, the one of highest reward (C major).
        """
        moved = self.z if move is None else move(self.z).detach()
        pitch = pitch_rule()

        def make(way: Way, number: int, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            melodies = self._decoded(moved[left], number - 1, way.allowed_states)
            return melodies, pitch(melodies)

        if move is None and allowed_states is None and tries == 1:
            melodies = self.prior_melodies
        else:
            melodies = draw([Way(name, lambda z: z, allowed_states)], len(moved), tries, make).melodies
        selection = [f"best of {tries}"] if tries > 1 else []
        selection += ["strict"] if allowed_states is not None else []
        return self.measure_melodies(name, moved, melodies, " ".join(selection))

    def measure_melodies(self, name: str, moved: Tensor, melodies: np.ndarray, selection: str = "") -> MethodRow:
        """Measure melodies (B, 256) that were decoded from moved draws (B, Z)."""
        pitch, density = pitch_rule()(melodies), density_rule()(melodies)
        in_key, dense, plausible = pitch == 1, density == 1, self.bounds.plausible(melodies)
        overlaps = overlap(histograms(melodies), self.held_out)
        return MethodRow(
            name=name,
            temperature=self.temperature,
            pitch_kept=float((in_key & plausible).mean()),
            pitch_satisfied=float(in_key.mean()),
            pitch_mean=float(pitch.mean()),
            density_kept=float((dense & plausible).mean()),
            density_satisfied=float(dense.mean()),
            density_mean=float(density.mean()),
            both_kept=float((in_key & dense & plausible).mean()),
            both_satisfied=float((in_key & dense).mean()),
            plausible=float(plausible.mean()),
            z_mse=float(losses.shift(moved, self.z)),
            z_mse_weighted=float(losses.shift(moved, self.z, self.model.bank.sigma_bar)),
            unique=len(np.unique(melodies, axis=0)) / len(melodies),
            distance=pairwise_distance(melodies) / pairwise_distance(self.prior_melodies),
            identity=nearest_to_own_start(self.prior_melodies, melodies),
            realism=float(np.mean(list(overlaps.values()))),
            overlaps=overlaps,
            onsets=float((melodies < HOLD).sum(axis=1).mean()),
            selection=selection,
        )
