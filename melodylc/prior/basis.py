"""The coordinates in which the prior sees bars: principal components of their embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from melodylc.vae.pca import components

WIDTH = 64  # components of 192, which hold 99.8 % of the variance


@dataclass(frozen=True)
class Basis:
    """The mean of embeddings (E,), their directions (E, D) and the length of a unit along each (D,)."""

    mean: Tensor
    directions: Tensor
    units: Tensor

    @classmethod
    def of(cls, embeddings: Tensor, width: int = WIDTH) -> Basis:
        """Return the basis of embeddings (N, E).

        A unit is the square root of a component's standard deviation, times a constant that makes the mean variance 1:
        with equal units small components, which are mostly noise, would count as much as large ones; with units of the
        embeddings themselves they would hardly be learned.
        """
        mean = embeddings.mean(dim=0)
        centred = embeddings - mean
        variances, directions = components(centred.T @ centred / len(centred), min(width, embeddings.shape[1]))
        deviations = variances.clamp(min=1e-8).sqrt()
        units = deviations.sqrt()
        units = units * ((variances / units.square()).mean().sqrt())
        return cls(mean, directions, units)

    def coordinates(self, embeddings: Tensor) -> Tensor:
        """Return coordinates (..., D) of embeddings (..., E)."""
        return (embeddings - self.mean) @ self.directions / self.units

    def embeddings(self, coordinates: Tensor) -> Tensor:
        """Return embeddings (..., E) at coordinates (..., D)."""
        return (coordinates * self.units) @ self.directions.T + self.mean

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored of it."""
        return {"mean": self.mean, "directions": self.directions, "units": self.units}

    def to(self, device: torch.device) -> Basis:
        """Return the basis on a device."""
        return Basis(self.mean.to(device), self.directions.to(device), self.units.to(device))
