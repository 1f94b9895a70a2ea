"""A trained model as its users hold it: sample, encode, decode."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import LABELS, Attributes
from melodylc.base import numbers
from melodylc.base.errors import UserError
from melodylc.base.storage import FileKind, read_card, read_tensors
from melodylc.latent.posterior import Posterior
from melodylc.latent.precision import half_precision
from melodylc.latent.slerp import slerp
from melodylc.melody import STEPS, check
from melodylc.prior import realistic
from melodylc.prior.realistic import RealisticPrior
from melodylc.vae import storage
from melodylc.vae.bank import Bank
from melodylc.vae.decoding import TEMPERATURE, decode
from melodylc.vae.model import MelodyVAE

if TYPE_CHECKING:
    from melodylc.style import Style

WEIGHTS = Path(__file__).with_name("weights")

FORM_STREAM = 5  # random numbers of the forms, apart from those of the noise (0) and the decoder (1)


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
        self.plain: Model | None = None  # and the model without it

    @property
    def device(self) -> torch.device:
        """Return the device of the networks."""
        return next(self.vae.parameters()).device

    @property
    def latent(self) -> int:
        """Return the number of dimensions of z."""
        return self.vae.sizes.latent

    def noise(self, count: int, seed: int | None = None, source: torch.Generator | None = None) -> Tensor:
        """Draw the noise (count, N) that `from_noise` makes z of; of one seed, a longer draw begins with the shorter.

        Args:
            source: a generator to draw from, in place of a seed.
        """
        count = numbers.integer("count", count, 0)
        if self.realistic is None:
            return torch.randn(count, self.latent, generator=source or generator(seed))
        return self.realistic.noise(count, source or generator(seed), source or generator(seed, FORM_STREAM))

    def noise_between(self, noise: Tensor, toward: Tensor, amount: float) -> Tensor:
        """Return noise (B, N) on the way from one (B, N), at amount 0, to another, at 1."""
        if self.realistic is None:
            return slerp(noise, toward, amount)
        return self.realistic.between(noise, toward, amount)

    def from_noise(self, noise: Tensor, attributes: Attributes | Tensor | None = None) -> Tensor:
        """Return z (B, Z) for noise (B, N), where encodings of real melodies lie.

        Args:
            attributes: what the melodies are to have, or the labels of that for each of them (B, Y); most of them will.
                Without a realistic prior they are ignored.
        """
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
        z: Tensor | Posterior,
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
        z: Tensor,
        *,
        temperature: float | None = None,
        generator: torch.Generator | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode as `decode` does, in bf16 where the hardware computes it: for learning, which decodes thousands."""
        temperature = self.temperature if temperature is None else temperature
        with half_precision(self.device):
            return decode(
                self.vae, z.to(self.device), temperature=temperature, generator=generator, allowed_states=allowed_states
            )

    def bar_embeddings(self, z: Tensor) -> Tensor:
        """Return the embeddings of the 16 bars (B, 16, E) that z (B, Z) decodes from; differentiable in z."""
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


def fingerprint(model: Model) -> str:
    """Return a digest of the model's bank, which no two trainings share."""
    return hashlib.blake2b(model.bank.mean.half().numpy().tobytes(), digest_size=8).hexdigest()


def read_learned(
    path: str | os.PathLike[str], kind: FileKind, model: Model
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the card and the tensors of what was learned on a model.

    Raises:
        UserError: if they are missing, damaged, of another kind, or were learned on another model.
    """
    card = read_card(path, kind)
    if card.get("model") != fingerprint(model):
        raise UserError(f"{kind.word}: {path} was learned on another model; learn it again on this one")
    return card, read_tensors(path, kind.word)


def generator(seed: int | None, stream: int = 0) -> torch.Generator | None:
    """Return torch's own generator without a seed; with one, an independent generator for each stream.

    Raises:
        UserError: for a seed that is none.
    """
    numbers.seed(seed)
    if seed is None:
        return None
    mixed = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))


def load(path: str | os.PathLike[str] | None = None, device: str | None = None) -> Model:
    """Load the embedded model, or one from `melodylc train`: a folder, or its model.safetensors.

    Args:
        device: where its networks are to be: cpu (the default), cuda, cuda:1.

    Raises:
        UserError: if files are missing, damaged, or do not fit each other; for a device that is not there.
    """
    path = WEIGHTS if path is None else Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    vae, card = storage.load(path)
    if device is not None:
        try:
            vae = vae.to(device)
        except (RuntimeError, AssertionError) as error:
            detail = str(error).splitlines()[0]
            raise UserError(f"device: expected cpu, or cuda where there is a GPU, got {device!r} ({detail})") from error
    return Model(vae, card, Bank.load(path, vae.sizes.latent), path, realistic.load(vae, path))
