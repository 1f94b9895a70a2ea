"""A trained model without torch: sample, encode and decode, as `melodylc.model` does, from the same files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from melodylc import kinds
from melodylc.attributes import LABELS, Attributes
from melodylc.base import numbers, storage
from melodylc.base.arrays import Vectors, as_array
from melodylc.base.errors import UserError
from melodylc.base.seeds import NumpySource, Source, state_of
from melodylc.melody import BARS, STEPS, check
from melodylc.runtime import shapes
from melodylc.runtime.bank import Bank
from melodylc.runtime.flow import VelocityField
from melodylc.runtime.networks import MelodyVAE
from melodylc.runtime.prior import PRIOR_FILE, RealisticPrior, slerp
from melodylc.runtime.sizes import LARGEST, Sizes

TEMPERATURE = 0.5  # of sampling, for models whose card names none
FORM_STREAM = 5  # random numbers of the forms, apart from those of the noise (0) and the decoder (1)
ENCODED_AT_ONCE = 128  # melodies, which bounds the memory for activations
WEIGHTS = Path(__file__).parent.with_name("weights")


class Posterior(NamedTuple):
    """q(z | melody), a diagonal Gaussian for each melody."""

    mean: np.ndarray  # (B, Z)
    sigma: np.ndarray  # (B, Z)


class PlayingModel:
    """A melody VAE with its realistic prior, in numpy: all that playing needs, and nothing that learns.

    `melodylc.Model` says what its methods return; here vectors are arrays.
    """

    def __init__(
        self, vae: MelodyVAE, card: dict[str, Any], bank: Bank, path: Path, realistic: RealisticPrior, latent: int
    ) -> None:
        self.vae, self.card, self.bank, self.path, self.realistic = vae, card, bank, path, realistic
        self.latent = latent
        self.temperature = float(card.get("temperature", TEMPERATURE))
        self.style: Any = None  # that its draws are in, by `melodylc.in_style`,
        self.style_amount = 0.0
        self.plain: PlayingModel | None = None  # and the model without it

    def source(self, seed: int | None, stream: int = 0) -> Source:
        """Return a source of random numbers for a seed and one of its streams.

        Raises:
            UserError: for a seed that is none.
        """
        return self.source_at(state_of(seed, stream))

    def source_at(self, state: int) -> Source:
        """Return a source of random numbers that starts from a state, such as `base.seeds.state_for` gives."""
        return NumpySource(state)

    def noise(self, count: int, seed: int | None = None, source: Source | None = None) -> np.ndarray:
        """Draw the noise (count, N) that `from_noise` makes z of; a longer draw of a seed begins with the shorter."""
        count = numbers.integer("count", count, 0)
        return self.realistic.noise(count, source or self.source(seed), source or self.source(seed, FORM_STREAM))

    def noise_between(self, noise: np.ndarray, toward: np.ndarray, amount: float) -> np.ndarray:
        """Return noise (B, N) on the way from one (B, N), at amount 0, to another, at 1."""
        return self.realistic.between(noise, toward, amount)

    def from_noise(self, noise: np.ndarray, attributes: Attributes | None = None) -> np.ndarray:
        """Return z (B, Z) for noise (B, N), where encodings of real melodies lie."""
        return self.realistic.draw(noise, (attributes or Attributes()).as_numbers())

    def prior(self, count: int, seed: int | None = None, attributes: Attributes | None = None) -> np.ndarray:
        """Draw z (count, Z) from the prior; of one seed, a longer draw begins with the shorter one."""
        return self.from_noise(self.noise(count, seed), attributes)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Sample melodies (count, 256), decoded from draws of the prior, without constraints."""
        return self.decode(self.prior(count, seed), seed=seed, temperature=temperature)

    def encode(self, melodies: np.ndarray) -> Posterior:
        """Encode melodies (B, 256) or one (256,) to their posterior: `.mean` and `.sigma`, each (B, Z).

        Raises:
            ValueError: if it is no melody.
        """
        states = check(melodies).reshape(-1, STEPS)
        parts = [
            self.vae.encoder.encode(part) for part in np.array_split(states, -(-len(states) // ENCODED_AT_ONCE) or 1)
        ]
        mean, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Posterior(mean, sigma)

    def decode(
        self,
        z: Vectors | Posterior,
        *,
        temperature: float | None = None,
        seed: int | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode z (B, Z), or the mean of a posterior, to melodies (B, 256); see `melodylc.Model.decode`.

        Raises:
            UserError: for a temperature outside 0 to 10, or a z of another width.
        """
        return self.decode_quickly(
            z, temperature=temperature, generator=self.source(seed, 1), allowed_states=allowed_states
        )

    def decode_quickly(
        self,
        z: Vectors | Posterior,
        *,
        temperature: float | None = None,
        generator: Source | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode as `decode` does, with a generator in place of a seed; there is but one precision here."""
        z = as_array(z.mean if isinstance(z, Posterior) else z)
        given = numbers.temperature(temperature)
        temperature = self.temperature if given is None else given
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise UserError(f"z: expected shape (B, {self.latent}), got {tuple(z.shape)}")
        return self.vae.decode(z, temperature, generator or self.source(None), allowed_states)

    def between(self, first: np.ndarray, last: np.ndarray, count: int) -> np.ndarray:
        """Return points (count, Z) on the arc from the encoding of one melody (256,) to another's, both among them.

        Raises:
            UserError: for fewer than 2.
        """
        numbers.integer("count", count, 2)
        a, b = self.encode(np.stack([first, last])).mean
        return np.stack([slerp(a, b, i / (count - 1)) for i in range(count)]).astype(np.float32)

    def bar_embeddings(self, z: np.ndarray) -> np.ndarray:
        """Return the embeddings of the 16 bars (B, 16, E) that z (B, Z) decodes from."""
        return self.vae.conductor(z)

    def logits(self, z: np.ndarray, melody: np.ndarray) -> np.ndarray:
        """Return the decoder's logits (256, 130) for the states of a melody (256,), each given those before it."""
        return self.vae.logits(z, melody[None])[0]


def runs(path: str | os.PathLike[str] | None) -> bool:
    """Return whether a model can be played without torch: with a hierarchical encoder and a realistic prior.

    Raises:
        UserError: if its card is missing or damaged.
    """
    path = weights_at(path)
    sizes = storage.read_card(path, kinds.MODEL).get("sizes")
    return isinstance(sizes, dict) and bool(sizes.get("bar_encoder")) and path.with_name(PRIOR_FILE).exists()


def weights_at(path: str | os.PathLike[str] | None) -> Path:
    """Return where the weights are of the embedded model, or of one: a folder, or its model.safetensors."""
    path = WEIGHTS if path is None else Path(path)
    return path / "model.safetensors" if path.is_dir() else path


def load(path: str | os.PathLike[str] | None = None) -> PlayingModel:
    """Load the embedded model, or another that `runs`, without torch.

    Raises:
        UserError: if files are missing, damaged, or do not fit each other.
    """
    path = weights_at(path)
    card = storage.read_card(path, kinds.MODEL)
    found = storage.shapes_of(path)
    try:
        sizes = Sizes.of_card(card)
        shapes.check(found, shapes.of_vae(sizes))
        equal_within = numbers.number("equal_within", card.get("equal_within", 0.0), 0, LARGEST)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"model: the card and the weights at {path} do not fit each other ({error})") from error
    vae = MelodyVAE(storage.read_arrays(path), equal_within)
    bank = Bank(path, sizes.latent)
    return PlayingModel(vae, card, bank, path, _prior(vae, sizes, path.with_name(PRIOR_FILE)), sizes.latent)


def _prior(vae: MelodyVAE, sizes: Sizes, path: Path) -> RealisticPrior:
    """Return the prior beside a model.

    Raises:
        UserError: if it is missing or damaged, or of another model.
    """
    card = storage.read_card(path, kinds.PRIOR)
    found = storage.shapes_of(path, "prior")
    try:
        of_flow = card["sizes"]
        field = shapes.of_field(**of_flow)
        width = of_flow["width"]
        expected = {f"field.{name}": shape for name, shape in field.items()}
        has_student = any(name.startswith("student.") for name in found)
        if has_student:
            expected |= {f"student.{name}": shape for name, shape in field.items()}
        expected |= {"basis.mean": (sizes.embedding,), "basis.directions": (sizes.embedding, width)}
        expected |= {"basis.units": (width,), "forms": (found["forms"][0], BARS)}
        shapes.check(found, expected)
        if (of_flow["parts"], of_flow["labels"]) != (BARS, LABELS):
            raise ValueError(f"{of_flow['parts']} parts and {of_flow['labels']} labels")
        student_steps = numbers.integer("student_steps", card["student_steps"], 1) if has_student else 0
        guidance = numbers.number("guidance", card["guidance"], 0)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"prior: {path} and its card do not fit the model ({error}); train the prior again") from error
    heads = of_flow["heads"]
    return RealisticPrior(
        vae.encoder,
        storage.read_arrays(path, "prior", "basis."),
        lambda: VelocityField(storage.read_arrays(path, "prior", "field."), heads),
        VelocityField(storage.read_arrays(path, "prior", "student."), heads) if has_student else None,
        storage.read_array(path, "forms", "prior"),
        guidance,
        student_steps,
    )
