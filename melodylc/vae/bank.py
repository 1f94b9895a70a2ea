"""Encoded melodies that travel with the weights: a new rule has thousands of examples before its first step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melodylc.errors import UserError
from melodylc.melody import check
from melodylc.vae import storage
from melodylc.vae.model import MelodyVAE
from midi_io.files import whole


@dataclass(frozen=True)
class Bank:
    """N melodies and what the encoder makes of them."""

    states: np.ndarray  # (N, 256) uint8
    mean: Tensor  # (N, Z)
    sigma_bar: Tensor  # (Z,), the encoder's sigma averaged over the melodies

    @classmethod
    @torch.no_grad()
    def make(cls, vae: MelodyVAE, melodies: np.ndarray) -> Bank:
        """Encode melodies (N, 256)."""
        device = next(vae.parameters()).device
        parts = np.array_split(melodies, -(-len(melodies) // 128))
        posteriors = [vae.encode(torch.from_numpy(part).to(device)) for part in parts]
        mean = torch.cat([p.mean for p in posteriors]).cpu()
        return cls(melodies, mean, torch.cat([p.sigma for p in posteriors]).mean(dim=0).cpu())

    def save(self, weights: Path) -> None:
        """Write bank.safetensors beside the weights, in half precision."""
        from safetensors.torch import save_file

        with whole(weights.with_name("bank.safetensors")) as beside:
            save_file(
                {
                    "states": torch.from_numpy(self.states),
                    "mean": self.mean.half(),
                    "sigma_bar": self.sigma_bar.half(),
                },
                beside,
            )

    @classmethod
    def load(cls, weights: Path, latent: int) -> Bank:
        """Read bank.safetensors beside the weights.

        Raises:
            UserError: if it is missing, damaged, or of another model.
        """
        path = weights.with_name("bank.safetensors")
        tensors = storage.read_tensors(path)
        try:
            bank = cls(check(tensors["states"].numpy().astype(np.uint8)), tensors["mean"], tensors["sigma_bar"])
        except (KeyError, ValueError) as error:
            raise UserError(f"model: {path} is damaged ({error}); train the model again") from error
        if bank.mean.shape != (len(bank.states), latent) or bank.sigma_bar.shape != (latent,):
            raise UserError(f"model: {path} belongs to another model than {weights}; keep the two together")
        return bank
