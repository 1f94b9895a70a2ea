"""The realistic prior in numpy: what `prior.realistic` computes to draw z, and to fill melodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from melodylc.base.seeds import Source
from melodylc.runtime import flow
from melodylc.runtime.flow import VelocityField, form_of, tied
from melodylc.runtime.layers import normalised
from melodylc.runtime.networks import HierarchicalEncoder
from melodylc.runtime.weights import Weights

PRIOR_FILE = "prior.safetensors"  # beside a model
FILLING = 16  # steps of the integration where bars are known
AT_ONCE = 512  # draws, which bounds the memory for activations
LEAST_ANGLE = 1e-4  # radians, below which the arc is its chord


class NoiseMap(NamedTuple):
    """Noise to noise, the same for every bar: what a style is; see `latent.noise_map`."""

    mean: np.ndarray  # (D,)
    factor: np.ndarray  # (D, D), lower triangular

    def by(self, amount: float) -> NoiseMap:
        """Return the map that goes a share of the way: 0 leaves noise as it is, 1 is this one, more moves the mean."""
        still = np.eye(len(self.mean), dtype=np.float32)
        return NoiseMap(np.float32(amount) * self.mean, still + np.float32(min(amount, 1)) * (self.factor - still))

    def moved(self, noise: np.ndarray) -> np.ndarray:
        """Return noise (B, P, D), moved."""
        return self.mean + noise @ self.factor.T


@dataclass(frozen=True, eq=False)
class RealisticPrior:
    """A velocity network over bars, its distilled form, and the way from bars to z."""

    encoder: HierarchicalEncoder
    basis: Weights  # mean (E,), directions (E, D), units (D,)
    read_field: Callable[[], VelocityField]  # which draws need only where there is no student
    student: VelocityField | None
    forms: np.ndarray  # (F, P) uint8: for each bar the first that is equal to it
    guidance: float
    student_steps: int
    style: NoiseMap | None = None  # through which noise goes before the flow

    @cached_property
    def field(self) -> VelocityField:
        """Return the velocity network, read on first use."""
        return self.read_field()

    @property
    def noise_width(self) -> int:
        """Return how many numbers the noise of one draw has."""
        return self.forms.shape[1] * len(self.basis["units"])

    def noise(self, count: int, source: Source, form_source: Source) -> np.ndarray:
        """Draw the noise (count, N) of draws, equal in the bars that are equal in a form."""
        noise = source.normal(count, self.noise_width)
        return self.in_form(noise, self.forms[form_source.integers(len(self.forms), count)].astype(np.intp))

    def in_form(self, noise: np.ndarray, form: np.ndarray) -> np.ndarray:
        """Return noise (B, N) in which bars that are equal in a form (B, P) have the noise of the first of them."""
        return tied(self._bars(noise), form).reshape(noise.shape)

    def between(self, noise: np.ndarray, toward: np.ndarray, amount: float) -> np.ndarray:
        """Return noise (B, N) on the way from one (B, N) to another, in the form of the nearer."""
        form = form_of(self._bars(noise if amount < 0.5 else toward))
        return self.in_form(slerp(noise, toward, amount), form)

    def draw(self, noise: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return z (B, Z) for noise (B, N) and labels (B, Y), or (Y,) for all."""
        z = [np.empty((0, self.encoder.latent), np.float32)]
        for at in range(0, len(noise), AT_ONCE):
            part = slice(at, at + AT_ONCE)
            of_part = labels[part] if labels.ndim == 2 and len(labels) > 1 else labels.reshape(1, -1)
            z.append(self.latent(self._flow(self._styled(self._bars(noise[part])), of_part)))
        return np.concatenate(z)

    def complete(
        self,
        noise: np.ndarray,
        known: np.ndarray,
        where: np.ndarray,
        labels: np.ndarray,
        source: Source,
    ) -> np.ndarray:
        """Return z (B, Z) for noise (B, P, D) of melodies some of whose bars are known; see `prior.realistic`."""
        labels = np.broadcast_to(labels, (len(noise), labels.shape[-1]))
        z = [np.empty((0, self.encoder.latent), np.float32)]
        for at in range(0, len(noise), AT_ONCE):
            part = slice(at, at + AT_ONCE)
            bars = flow.complete(
                self.field,
                self._styled(noise[part]),
                labels[part],
                known[part],
                where[part],
                source,
                guidance=self.guidance,
                steps=FILLING,
                renewed=self._styled,
            )
            z.append(self.latent(bars))
        return np.concatenate(z)

    def latent(self, bars: np.ndarray) -> np.ndarray:
        """Return z (B, Z) for the coordinates of bars (B, P, D)."""
        embeddings = (bars * self.basis["units"]) @ self.basis["directions"].T + self.basis["mean"]
        return self.encoder.mean(normalised(embeddings))

    def bars(self, melodies: np.ndarray) -> np.ndarray:
        """Return the coordinates (B, P, D) of the bars of melodies (B, 256)."""
        centred = self.encoder.embed(melodies) - self.basis["mean"]
        return np.asarray(centred @ self.basis["directions"] / self.basis["units"])

    def _flow(self, noise: np.ndarray, labels: np.ndarray) -> np.ndarray:
        if self.student is None:
            return flow.integrate(self.field, noise, labels, guidance=self.guidance)
        return flow.euler(self.student, noise, labels, steps=self.student_steps)

    def _styled(self, noise: np.ndarray) -> np.ndarray:
        return noise if self.style is None else self.style.moved(noise)

    def _bars(self, noise: np.ndarray) -> np.ndarray:
        return noise.reshape(len(noise), self.forms.shape[1], len(self.basis["units"]))


def slerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Return the points (..., N) a share of the way along the arcs from a to b; see `latent.slerp`."""
    lengths = np.linalg.norm(a, axis=-1, keepdims=True) * np.linalg.norm(b, axis=-1, keepdims=True)
    angle = np.arccos(np.clip((a * b).sum(axis=-1, keepdims=True) / lengths, -1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        arc = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return np.where(angle < LEAST_ANGLE, a + np.float32(share) * (b - a), arc)
