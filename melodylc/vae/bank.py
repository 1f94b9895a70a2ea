"""The bank of a model: melodies whose z is known, stored beside the weights.

With it, learning a rule has thousands of examples before it decodes anything. The bank holds encoded melodies of the
corpus and decoded draws of the prior. The z of the latter are drawn again from a fixed seed, so only their melodies are
stored.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.latent.precision import half_precision
from melodylc.runtime.bank import FILE, standard_draws, unpacked
from melodylc.vae.decoding import decode
from melodylc.vae.model import MelodyVAE

DRAWN = 4096  # decoded draws of the prior: a megabyte before compression
ENCODED_AT_ONCE = 128  # melodies, which bounds the memory for activations


@dataclass(frozen=True)
class Bank:
    """N melodies of the corpus with their encodings, and M draws of the prior with the melodies they decode to."""

    states: np.ndarray  # (N, 256) uint8
    mean: Tensor  # (N, Z)
    sigma_bar: Tensor  # (Z,), the mean over the melodies of the posterior's standard deviation
    drawn: np.ndarray  # (M, 256) uint8
    drawn_from: Tensor | None = None  # (M, Z), the draws; None for N(0, I), whose draws can be made again

    def draws(self) -> Tensor:
        """Return (M, Z): the draws of the prior that `drawn` were decoded from."""
        return prior_draws(len(self.drawn), self.mean.shape[1]) if self.drawn_from is None else self.drawn_from

    def known(self) -> tuple[Tensor, np.ndarray]:
        """Return all pairs of the bank: z (N + M, Z) and melodies (N + M, 256)."""
        return torch.cat([self.mean, self.draws()]), np.concatenate([self.states, self.drawn])

    @classmethod
    @torch.no_grad()
    def make(cls, vae: MelodyVAE, melodies: np.ndarray, temperature: float, drawn: int | None = None) -> Bank:
        """Encode melodies (N, 256), and decode draws of the prior at a temperature.

        Args:
            drawn: how many draws of the prior; default: `DRAWN`.
        """
        device = next(vae.parameters()).device
        parts = np.array_split(melodies, -(-len(melodies) // ENCODED_AT_ONCE))
        posteriors = [vae.encode(torch.from_numpy(part).to(device)) for part in parts]
        mean = torch.cat([p.mean for p in posteriors]).cpu()
        sigma_bar = torch.cat([p.sigma for p in posteriors]).mean(dim=0).cpu()
        draws = prior_draws(DRAWN if drawn is None else drawn, mean.shape[1])
        return cls(melodies, mean, sigma_bar, _decoded(vae, draws, temperature))

    def with_draws(self, vae: MelodyVAE, draws: Tensor, temperature: float) -> Bank:
        """Return the bank with draws (M, Z) of a realistic prior in the place of those of N(0, I)."""
        return replace(self, drawn=_decoded(vae, draws, temperature), drawn_from=draws)

    def save(self, weights: Path) -> None:
        """Write bank.safetensors beside the weights: vectors in half precision, melodies compressed."""
        tensors = {
            "states": _packed(self.states),
            "drawn": _packed(self.drawn),
            "mean": self.mean.half(),
            "sigma_bar": self.sigma_bar.half(),
        }
        if self.drawn_from is not None:
            tensors["drawn_from"] = self.drawn_from.half()
        storage.write_tensors(weights.with_name(FILE), tensors)

    @classmethod
    def load(cls, weights: Path, latent: int) -> Bank:
        """Read bank.safetensors beside the weights.

        Raises:
            UserError: if it is missing, damaged, or of another model.
        """
        path = weights.with_name(FILE)
        tensors = storage.read_tensors(path)
        try:
            states, drawn = (unpacked(tensors[name].numpy()) for name in ("states", "drawn"))
            bank = cls(states, tensors["mean"], tensors["sigma_bar"], drawn, tensors.get("drawn_from"))
        except (KeyError, ValueError, zlib.error) as error:
            raise UserError(f"model: {path} is damaged ({error}); train the model again") from error
        shapes = bank.mean.shape, bank.sigma_bar.shape, bank.draws().shape
        if shapes != ((len(bank.states), latent), (latent,), (len(bank.drawn), latent)):
            raise UserError(f"model: {path} belongs to another model than {weights}; keep the two together")
        return bank


def _decoded(vae: MelodyVAE, draws: Tensor, temperature: float) -> np.ndarray:
    """Return the melodies (M, 256) that draws (M, Z) decode to."""
    device = next(vae.parameters()).device
    source = torch.Generator().manual_seed(0)
    with half_precision(device):
        return decode(vae, draws.to(device), temperature=temperature, generator=source)


def prior_draws(count: int, latent: int) -> Tensor:
    """Return (count, Z) draws of N(0, I), always the same."""
    return torch.from_numpy(standard_draws(count, latent))


def _packed(states: np.ndarray) -> Tensor:
    return torch.frombuffer(bytearray(zlib.compress(states.tobytes(), 9)), dtype=torch.uint8)
