"""The realistic prior: latent vectors like the encodings of melodies, with what is asked for, from noise.

Noise becomes the coordinates of 16 bars (`latent.flow`), these the embeddings of bars, and these z, as the encoder's
upper level reads it. Which bars are equal is drawn first, as a form that a melody of the corpus has. So every z it
draws is the encoding of something near a melody, where most of N(0, I) is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc import kinds
from melodylc.base import storage
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.base.seeds import Source
from melodylc.latent.flow import FlowSizes, VelocityField, complete, euler, form_of, integrate, surprise, tied
from melodylc.latent.noise_map import NoiseMap
from melodylc.latent.slerp import slerp
from melodylc.latent.sources import TorchSource
from melodylc.prior.basis import Basis
from melodylc.runtime.prior import PRIOR_FILE
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE

FILE = PRIOR_FILE
KIND = kinds.PRIOR
FILLING = 16  # steps of the integration where bars are known: two evaluations each
AT_ONCE = 512  # draws, which bounds the memory for activations


@dataclass(frozen=True, eq=False)
class RealisticPrior:
    """A velocity network over bars, its distilled form, and the way from bars to z."""

    encoder: HierarchicalEncoder
    basis: Basis
    field: VelocityField
    student: VelocityField | None  # draws in few steps, what is asked for weighed already
    forms: Tensor  # (F, P) uint8: of melodies of the corpus, for each bar the first that is equal to it
    card: dict[str, Any]  # guidance, student_steps and how it was trained
    style: NoiseMap | None = None  # through which noise goes before the flow

    @property
    def noise_width(self) -> int:
        """Return how many numbers the noise of one draw has."""
        return self.field.sizes.parts * self.field.sizes.width

    def noise(self, count: int, source: torch.Generator | None, form_source: torch.Generator | None) -> Tensor:
        """Draw the noise (count, N) of draws, equal in the bars that are equal in a form."""
        noise = torch.randn(count, self.noise_width, generator=source)
        chosen = torch.randint(len(self.forms), (count,), generator=form_source)
        return self.in_form(noise, self.forms[chosen].long())

    def in_form(self, noise: Tensor, form: Tensor) -> Tensor:
        """Return noise (B, N) in which bars that are equal in a form (B, P) have the noise of the first of them."""
        return tied(self._bars(noise), form).flatten(1)

    def between(self, noise: Tensor, toward: Tensor, amount: float) -> Tensor:
        """Return noise (B, N) on the way from one (B, N) to another, in the form of the nearer."""
        form = form_of(self._bars(noise if amount < 0.5 else toward))
        return self.in_form(slerp(noise, toward, amount), form)

    def _styled(self, noise: Tensor) -> Tensor:
        return noise if self.style is None else self.style(noise)

    def _bars(self, noise: Tensor) -> Tensor:
        return noise.reshape(len(noise), self.field.sizes.parts, -1)

    @torch.no_grad()
    def draw(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return z (B, Z) for noise (B, N) and labels (B, Y), or one (Y,) for all."""
        device = next(self.field.parameters()).device
        labels = labels.expand(len(noise), -1)
        parts = zip(noise.split(AT_ONCE), labels.split(AT_ONCE), strict=True)
        moved = [self.move(n.to(device), y.to(device)).cpu() for n, y in parts]
        return torch.cat(moved) if moved else torch.empty(0, self.encoder.posterior.out_features // 2)

    def move(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return z (B, Z) for noise (B, N) and labels (B, Y); differentiable in the noise."""
        return self.latent(self.flow(self._styled(self._bars(noise)), labels))

    def flow(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return the coordinates of bars (B, P, D) for their noise (B, P, D) and labels (B, Y)."""
        if self.student is None:
            return integrate(self.field, noise, labels, guidance=self.card["guidance"])
        return euler(self.student, noise, labels, steps=self.card["student_steps"])

    @torch.no_grad()
    def complete(
        self, noise: Vectors, known: Vectors, where: Vectors, labels: Vectors, source: Source, steps: int = FILLING
    ) -> Tensor:
        """Return z (B, Z) for noise (B, P, D) of melodies some of whose bars are known.

        Args:
            known: (B, P, D), coordinates of bars; read where known.
            where: (B, P) bool, which bars are known.
            labels: (Y,) or (B, Y).
            source: of further noise.
        """
        assert isinstance(source, TorchSource)
        device = next(self.field.parameters()).device
        labels = torch.as_tensor(labels).expand(len(noise), -1)
        guidance = self.card["guidance"]
        filled = []
        given = (noise, labels, known, where)
        for part in zip(*(torch.as_tensor(each).split(AT_ONCE) for each in given), strict=True):
            x, y, known_bars, at = (each.to(device) for each in part)
            filled.append(
                complete(
                    self.field,
                    self._styled(x),
                    y,
                    known_bars,
                    at,
                    source.generator,
                    guidance=guidance,
                    steps=steps,
                    renewed=self._styled,
                )
            )
        return torch.cat([self.latent(bars).cpu() for bars in filled])

    def latent(self, bars: Tensor) -> Tensor:
        """Return z (B, Z) for the coordinates of bars (B, P, D)."""
        embeddings = self.basis.embeddings(bars.float())
        return self.encoder.upper(F.layer_norm(embeddings, embeddings.shape[-1:])).mean.float()

    @torch.no_grad()
    def bars(self, melodies: np.ndarray) -> Tensor:
        """Return the coordinates (B, P, D) of the bars of melodies (B, 256)."""
        device = next(self.field.parameters()).device
        return self.basis.coordinates(self.encoder.embed(torch.tensor(melodies).to(device)).float())

    def surprise(self, bars: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return how unlike melodies bars (B, P, D) are, (B,): of real ones about 0.8, of others more; see `flow`."""
        if labels is None:
            labels = bars.new_zeros(self.field.sizes.labels)
        return surprise(self.field, bars, labels.expand(len(bars), -1))

    @torch.no_grad()
    def invert(self, bars: Tensor, steps: int = 24) -> Tensor:
        """Return the noise (B, P, D) that leads to bars (B, P, D) where nothing is asked for: the flow backwards."""
        labels = bars.new_zeros(len(bars), self.field.sizes.labels)
        noise = integrate(self.field, bars, labels, steps=steps, span=(1.0, 0.0))
        return noise if self.style is None else self.style.back(noise)


def save(prior: RealisticPrior, model_path: Path) -> None:
    """Write a prior beside a model, in half precision."""
    tensors = {f"field.{name}": value.half() for name, value in prior.field.state_dict().items()}
    if prior.student is not None:
        tensors |= {f"student.{name}": value.half() for name, value in prior.student.state_dict().items()}
    tensors |= {f"basis.{name}": value for name, value in prior.basis.tensors().items()} | {"forms": prior.forms}
    path = model_path.with_name(FILE)
    storage.write_tensors(path, tensors)
    storage.write_card(path, KIND, prior.card)


def load(vae: MelodyVAE, model_path: Path) -> RealisticPrior | None:
    """Load the prior beside a model; None where there is none, as with models of earlier versions.

    Raises:
        UserError: if it is damaged, or of another model.
    """
    path = model_path.with_name(FILE)
    if not path.exists():
        return None
    card = storage.read_card(path, KIND)
    tensors = storage.read_tensors(path, "prior")

    def under(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    def network(prefix: str) -> VelocityField:
        with torch.device("meta"):
            found = VelocityField(FlowSizes(**card["sizes"]))
        found.load_state_dict(under(prefix), assign=True)
        return found.eval().requires_grad_(False)

    try:
        assert isinstance(vae.encoder, HierarchicalEncoder), "its encoder is flat"
        basis = Basis(**under("basis."))
        student = network("student.") if under("student.") else None
        return RealisticPrior(vae.encoder, basis, network("field."), student, tensors["forms"], card)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        detail = str(error).splitlines()[0]
        raise UserError(f"prior: {path} and its card do not fit the model ({detail}); train the prior again") from error
