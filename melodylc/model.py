"""A trained model as its users hold it: sample, encode, decode."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import LABELS, Attributes
from melodylc.base import numbers
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.base.seeds import Source, state_of
from melodylc.base.storage import FileKind, read_tensors
from melodylc.latent.devices import usable
from melodylc.latent.posterior import Posterior
from melodylc.latent.precision import half_precision
from melodylc.latent.slerp import slerp
from melodylc.latent.sources import TorchSource
from melodylc.loading import learned_card
from melodylc.melody import STEPS, check
from melodylc.prior import realistic
from melodylc.prior.realistic import RealisticPrior
from melodylc.runtime.bank import fingerprint as fingerprint
from melodylc.runtime.model import FORM_STREAM, weights_at
from melodylc.vae import storage
from melodylc.vae.bank import Bank
from melodylc.vae.decoding import TEMPERATURE, decode
from melodylc.vae.model import MelodyVAE

if TYPE_CHECKING:
    from melodylc.style import Style


class Model:
    """A melody VAE with its realistic prior and its bank. `melodylc.load` makes one.

    The networks may be on a GPU; vectors come and go on the CPU, where actors and critics, which are small, work. A
    model without a realistic prior, as earlier versions trained them, draws z from N(0, I).
    """

    def __init__(
        self, vae: MelodyVAE, card: dict[str, Any], bank: Bank, path: Path, realistic: RealisticPrior | None = None
    ) -> None:
        self.vae, self.card, self.bank, self.path, self.realistic = vae, card, bank, path, realistic
        self.temperature = float(card.get("temperature", TEMPERATURE))
        self.style: Style | None = None  # that its draws are in, by `in_style`,
        self.style_amount = 0.0
        self.plain: Model | None = None  # and the model without it

    @property
    def device(self) -> torch.device:
        """Return the device of the networks."""
        return next(self.vae.parameters()).device

    @property
    def latent(self) -> int:
        """Return the number of dimensions of z."""
        return self.vae.sizes.latent

    def source(self, seed: int | None, stream: int = 0) -> Source:
        """Return a source of random numbers for a seed and one of its streams.

        Raises:
            UserError: for a seed that is none.
        """
        return self.source_at(state_of(seed, stream))

    def source_at(self, state: int) -> Source:
        """Return a source of random numbers that starts from a state, such as `base.seeds.state_for` gives."""
        return TorchSource(torch.Generator().manual_seed(state))

    def noise(self, count: int, seed: int | None = None, source: torch.Generator | Source | None = None) -> Tensor:
        """Draw the noise (count, N) that `from_noise` makes z of; of one seed, a longer draw begins with the shorter.

        Args:
            source: a generator to draw from, in place of a seed.
        """
        count, source = numbers.integer("count", count, 0), _of_torch(source)
        if self.realistic is None:
            return torch.randn(count, self.latent, generator=source or generator(seed))
        return self.realistic.noise(count, source or generator(seed), source or generator(seed, FORM_STREAM))

    def noise_between(self, noise: Tensor, toward: Tensor, amount: float) -> Tensor:
        """Return noise (B, N) on the way from one (B, N), at amount 0, to another, at 1."""
        if self.realistic is None:
            return slerp(noise, toward, amount)
        return self.realistic.between(noise, toward, amount)

    def from_noise(self, noise: Vectors, attributes: Attributes | Tensor | None = None) -> Tensor:
        """Return z (B, Z) for noise (B, N), where encodings of real melodies lie.

        Args:
            attributes: what the melodies are to have, or the labels of that for each of them (B, Y); most of them will.
                Without a realistic prior they are ignored.
        """
        noise = torch.as_tensor(noise)
        if self.realistic is None:
            return noise
        if attributes is None:
            attributes = torch.zeros(LABELS)
        labels = attributes if isinstance(attributes, Tensor) else attributes.labels()
        return self.realistic.draw(noise, labels)

    def prior(self, count: int, seed: int | None = None, attributes: Attributes | None = None) -> Tensor:
        """Draw z (count, Z) from the prior; of one seed, a longer draw begins with the shorter one.

        Args:
            attributes: see `from_noise`.
        """
        return self.from_noise(self.noise(count, seed), attributes)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Sample melodies (count, 256), decoded from draws of the prior, without constraints."""
        return self.decode(self.prior(count, seed), seed=seed, temperature=temperature)

    @torch.no_grad()
    def encode(self, melodies: np.ndarray) -> Posterior:
        """Encode melodies (B, 256) or one (256,) to their posterior: `.mean` and `.sigma`, each (B, Z).

        `decode` takes the mean of a posterior; draw with `.sample()` where a draw is meant.

        Raises:
            ValueError: if it is no melody.
        """
        states = check(melodies).reshape(-1, STEPS)
        parts = [
            self.vae.encode(torch.tensor(part).to(self.device))  # a copy: what a rule is given is read-only
            for part in np.array_split(states, -(-len(states) // 128) or 1)
        ]
        return Posterior(torch.cat([p.mean for p in parts]).cpu(), torch.cat([p.sigma for p in parts]).cpu())

    def decode(
        self,
        z: Vectors | Posterior,
        *,
        temperature: float | None = None,
        seed: int | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode z (B, Z), or the mean of a posterior, to melodies (B, 256).

        Args:
            temperature: 0 takes the likeliest state at every step; default: the model's.
            allowed_states: (130,) bool, states the strict mode lets through.

        Raises:
            UserError: for a temperature outside 0 to 10, or a z of another width.
        """
        if isinstance(z, Posterior):
            z = z.mean
        z = torch.as_tensor(z)
        given = numbers.temperature(temperature)
        temperature = self.temperature if given is None else given
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise UserError(f"z: expected shape (B, {self.latent}), got {tuple(z.shape)}")
        source = generator(seed, 1)
        return decode(
            self.vae, z.to(self.device), temperature=temperature, generator=source, allowed_states=allowed_states
        )

    def decode_quickly(
        self,
        z: Vectors,
        *,
        temperature: float | None = None,
        generator: torch.Generator | Source | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode as `decode` does, in bf16 where the hardware computes it: for learning, which decodes thousands."""
        temperature, z = self.temperature if temperature is None else temperature, torch.as_tensor(z)
        with half_precision(self.device):
            return decode(
                self.vae,
                z.to(self.device),
                temperature=temperature,
                generator=_of_torch(generator),
                allowed_states=allowed_states,
            )

    @torch.no_grad()
    def logits(self, z: Vectors, melody: np.ndarray) -> np.ndarray:
        """Return the decoder's logits (256, 130) for the states of a melody (256,), each given those before it.

        Args:
            z: (1, Z), that it decodes from, or something near it.
        """
        states = torch.from_numpy(melody.astype(np.int64))[None].to(self.device)
        return self.vae.logits(torch.as_tensor(z).to(self.device), states)[0].float().cpu().numpy()

    def bar_embeddings(self, z: Vectors) -> Tensor:
        """Return the embeddings of the 16 bars (B, 16, E) that z (B, Z) decodes from; differentiable in z."""
        z = torch.as_tensor(z)
        with half_precision(self.device):
            return self.vae.conductor(z.to(self.device)).float().to(z.device)

    def between(self, first: np.ndarray, last: np.ndarray, count: int) -> Tensor:
        """Return points (count, Z) on the arc from the encoding of one melody (256,) to another's, both among them.

        Raises:
            UserError: for fewer than 2.
        """
        numbers.integer("count", count, 2)
        a, b = self.encode(np.stack([first, last])).mean
        return torch.stack([slerp(a, b, i / (count - 1)) for i in range(count)])


def generator(seed: int | None, stream: int = 0) -> torch.Generator | None:
    """Return torch's own generator without a seed; with one, an independent generator for each stream.

    Raises:
        UserError: for a seed that is none.
    """
    numbers.seed(seed)
    return None if seed is None else torch.Generator().manual_seed(state_of(seed, stream))


def _of_torch(source: torch.Generator | Source | None) -> torch.Generator | None:
    if isinstance(source, torch.Generator | None):
        return source
    assert isinstance(source, TorchSource), "what plays without torch draws from numpy"
    return source.generator


def read_learned(
    path: str | os.PathLike[str], kind: FileKind, model: Model
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the card and the tensors of what was learned on a model.

    Raises:
        UserError: if they are missing, damaged, of another kind, or were learned on another model.
    """
    return learned_card(path, kind, model), read_tensors(path, kind.word)


def load(path: str | os.PathLike[str] | None = None, device: str | None = None) -> Model:
    """Load the embedded model, or one from `melodylc train`: a folder, or its model.safetensors.

    Args:
        device: where its networks are to be: cpu (the default), cuda, cuda:1.

    Raises:
        UserError: if files are missing, damaged, or do not fit each other; for a device that is not there.
    """
    path = weights_at(path)
    vae, card = storage.load(path)
    if device is not None:
        vae = vae.to(usable(device))
    return Model(vae, card, Bank.load(path, vae.sizes.latent), path, realistic.load(vae, path))
