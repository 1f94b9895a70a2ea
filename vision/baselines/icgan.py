"""IcGAN (Perarnau et al. 2016): a conditional GAN, and encoders that invert it once it is trained.

Shapes: B images of (C, H, W), Z latent dimensions, Y labels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from melodylc.latent.precision import half_precision
from melodylc.latent.processes import Noise
from vision.baselines.gan import Gan
from vision.baselines.gan_losses import label_loss
from vision.baselines.systems import trained as trained_system
from vision.model_card import About
from vision.models import Encoder
from vision.training_loop import TrainingRun, adam, descend, set_learning_rate, train
from vision.workspace import Workspace


class InvertedGan(NamedTuple):
    """A generator G(z, y) and its inverse: of an image z, and the logits of y."""

    gan: Gan
    encoder: Encoder
    exclusive: bool  # whether labels are classes

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z (B, Z) and the labels y (B, Y), each 0 or 1, of images (B, C, H, W)."""
        z, logits = self.encoder(x).split([self.gan.latent, self.encoder.head.out_features - self.gan.latent], dim=1)
        if self.exclusive:
            return z, torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).float()
        return z, (logits > 0).float()

    def rebuild(self, x: Tensor) -> Tensor:
        """Return images (B, C, H, W), encoded and generated again."""
        return self.gan(*self.encode(x))

    def change(self, x: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) with other labels (B, Y)."""
        return self.gan(self.encode(x)[0], y)


def trained(workspace: Workspace) -> InvertedGan:
    """Return the conditional GAN in pixels with its inverse, trained."""
    gan, data, preset = trained_system(workspace, "conditional GAN"), workspace.data, workspace.preset
    training, labels = preset.pixels, len(data.attributes)

    def build() -> Encoder:
        return Encoder(data.shape, preset.pixel_layers, gan.latent + labels)

    def invert(encoder: Encoder, run: TrainingRun) -> None:
        optimiser = adam(encoder, training.learning_rate)

        def step(number: int) -> dict[str, Tensor]:
            set_learning_rate(optimiser, training.learning_rate, number, training.steps)
            x, y = run.draw(data.train, training.batch)
            with half_precision(run.processes.device):
                loss = inversion_loss(encoder, gan, x, y, data.exclusive, run.processes.noise)
            descend(optimiser, loss)
            return {"loss": loss.detach()}

        train(step, {"encoder": (encoder, optimiser)}, training.steps, run)

    settings = {"architecture": preset.pixel_layers, "training": training, "gan": workspace.networks.card(gan)}
    code = (
        "from vision.models import Architecture, Encoder",
        "",
        f"network = Encoder({data.shape}, {preset.pixel_layers}, {gan.latent + labels})",
    )
    about = About("The encoders of IcGAN, in one network.", code=code)
    return InvertedGan(gan, workspace.networks.load_or_train("icgan", build, invert, settings, about), data.exclusive)


def inversion_loss(
    encoder: Encoder, gan: Gan, x: Tensor, y: Tensor, exclusive: bool, noise: Noise = torch.randn
) -> Tensor:
    """Return the loss of both encoders: |z - E_z(G(z, y))|^2 on made images, -log p(y|x) on real ones (section 3.2).

    Labels are classified here, where the paper has their squared error.

    Args:
        x, y: real images (B, C, H, W) and their labels (B, Y), of which images are made as well.
    """
    z = noise((len(x), gan.latent)).to(x.device)
    with torch.no_grad():
        made = gan(z, y)
    found = encoder(made)[:, : gan.latent].float()
    return (found - z).square().sum(dim=1).mean() + label_loss(encoder(x)[:, gan.latent :].float(), y, exclusive)
