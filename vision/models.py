"""The image networks (section 9.2): feed-forward for MNIST, convolutional for CelebA.

Shapes: B images of (C, H, W), Z latent dimensions, Y labels, F features of a trunk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from melodylc.latent.posterior import Posterior
from vision.batch_norm import BatchNorm

LOG_2PI = math.log(2 * math.pi)
LEAST_SIGMA = 1e-6  # of a posterior: keeps log sigma finite


@dataclass(frozen=True)
class Architecture:
    """The sizes of an encoder and of the decoder that mirrors it.

    Either `hidden`, widths of linear layers, or `channels` and `kernels` of convolutions of stride 2, outermost first.
    """

    latent: int
    hidden: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    kernels: tuple[int, ...] = (5, 5, 3, 3)

    def as_listed(self) -> Architecture:
        """Return the encoder in the order of section 9.2.2: 2048 channels first, 256 last, kernels 3, 3, 5, 5.

        All presets follow the authors' notebook, which has the reverse: channels grow as the resolution falls. The
        decoder of the same section mirrors that, and most channels at the highest resolution cost four times the work.
        """
        return replace(self, channels=self.channels[::-1], kernels=self.kernels[::-1])


class Residual(nn.Module):
    """A layer whose output is added to its input: x + ReLU(layer(x))."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, ...) to the same shape."""
        return x + torch.relu(self.layer(x))


class Encoder(nn.Module):
    """Images, with labels if it takes any, to vectors: q(z|x), attribute logits, or one logit of a pixel critic."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        outputs: int,
        labels: int = 0,
        *,
        residual: bool = False,
        normed: bool = False,
        slope: float = 0.0,
    ) -> None:
        """Build an untrained encoder.

        Args:
            residual: whether a residual layer of the same width follows each layer.
            normed: whether convolutions but the first are followed by batch normalisation (Radford et al. 2015).
            slope: of activations below 0.
        """
        super().__init__()
        layers: list[nn.Module] = []
        channels, height, width = shape

        def activation() -> nn.Module:
            return nn.LeakyReLU(slope) if slope else nn.ReLU()

        if architecture.hidden:
            inputs = channels * height * width + labels  # labels beside the pixels
            layers.append(nn.Flatten())
            for units in architecture.hidden:
                layers += [nn.Linear(inputs, units), activation()]
                layers += [Residual(nn.Linear(units, units))] if residual else []
                inputs = units
            self.features, found = inputs, inputs
        else:
            channels += labels  # labels as constant planes beside the colours
            for units, kernel in zip(architecture.channels, architecture.kernels, strict=True):
                first = not layers
                layers.append(nn.Conv2d(channels, units, kernel, stride=2, padding=kernel // 2))
                layers += [BatchNorm(units), activation()] if normed and not first else [activation()]
                layers += [Residual(nn.Conv2d(units, units, 3, padding=1))] if residual else []
                channels, height, width = units, (height + 1) // 2, (width + 1) // 2
            self.features, found = channels, channels * height * width
        self.flat = bool(architecture.hidden)
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(found, outputs)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Map images (B, C, H, W), with labels (B, Y) if it takes any, to (B, O)."""
        return self.head(self.read(x, y))

    def read(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the head's input, (B, N), for images (B, C, H, W), with labels (B, Y) if it takes any."""
        if y is not None and self.flat:
            x = torch.cat([x.flatten(1), y], dim=-1)
        elif y is not None:
            x = torch.cat([x, y[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
        return self.trunk(x).flatten(1)

    def penultimate(self, x: Tensor) -> Tensor:
        """Return the last layer's features, (B, F); of convolutions the mean over pixels, as in Frechet distances."""
        found = self.trunk(x)
        return found if self.flat else found.mean(dim=(2, 3))


class Decoder(nn.Module):
    """Latent vectors, with labels if it takes any, to images in [0, 1]: the encoder's layers in reverse."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        labels: int = 0,
        *,
        normed: bool = False,
        residual: bool = False,
    ) -> None:
        """Build an untrained decoder.

        Args:
            residual: whether a residual layer of the same width follows each layer but the last.
            normed: whether convolutions are followed by batch normalisation, as generators are (Radford et al. 2015).
        """
        super().__init__()
        channels, height, width = shape
        layers: list[nn.Module] = []
        inputs = architecture.latent + labels
        if architecture.hidden:
            for units in reversed(architecture.hidden):
                layers += [nn.Linear(inputs, units), nn.ReLU()]
                layers += [Residual(nn.Linear(units, units))] if residual else []
                inputs = units
            layers += [nn.Linear(inputs, channels * height * width), nn.Unflatten(1, shape)]
        else:
            # the decoder of the paper, whichever order the encoder has: channels and kernels (5, 5, 3, 3) shrink
            widths, kernels = (channels, *sorted(architecture.channels)), sorted(architecture.kernels)
            steps = len(architecture.channels)
            if height % 2**steps or width % 2**steps:
                raise ValueError(f"expected sides divisible by {2**steps}, got {height} x {width}")
            first = (widths[-1], height >> steps, width >> steps)
            layers += [nn.Linear(inputs, math.prod(first)), nn.Unflatten(1, first)]
            layers += [BatchNorm(widths[-1]), nn.ReLU()] if normed else []
            for step in range(steps, 0, -1):
                kernel = kernels[step - 1]
                layers.append(
                    nn.ConvTranspose2d(widths[step], widths[step - 1], kernel, 2, padding=kernel // 2, output_padding=1)
                )
                if step > 1:
                    units = widths[step - 1]
                    layers += [BatchNorm(units), nn.ReLU()] if normed else [nn.ReLU()]
                    layers += [Residual(nn.Conv2d(units, units, 3, padding=1))] if residual else []
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Map vectors (B, Z), with labels (B, Y) if it takes any, to images (B, C, H, W)."""
        return torch.sigmoid(self.layers(z if y is None else torch.cat([z, y], dim=-1)).float())


class VAE(nn.Module):
    """An encoder, a decoder and the likelihood N(x; g(z), sigma_x^2 I); sigma_x 0 is the plain autoencoder.

    With labels it is conditional (Sohn et al. 2015): encoder and decoder both read them.
    """

    def __init__(
        self, shape: tuple[int, int, int], architecture: Architecture, sigma_x: float, labels: int = 0
    ) -> None:
        super().__init__()
        self.encoder = Encoder(shape, architecture, 2 * architecture.latent, labels)
        self.decoder = Decoder(shape, architecture, labels)
        self.latent, self.sigma_x, self.labels = architecture.latent, sigma_x, labels
        self.pixels = math.prod(shape)

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """Return q(z|x); sigma is 0 in a plain autoencoder."""
        found = Posterior.from_outputs(self.encoder(x, y), LEAST_SIGMA)
        return found if self.sigma_x else found._replace(sigma=torch.zeros_like(found.sigma))

    def log_likelihood(self, x: Tensor, decoded: Tensor) -> Tensor:
        """Return log N(x; g(z), sigma_x^2 I) of each image in nats, (B,); at sigma_x 0 minus the squared error."""
        squared = (x - decoded).square().flatten(1).sum(dim=-1)
        if not self.sigma_x:
            return -squared
        return -0.5 * squared / self.sigma_x**2 - self.pixels * (math.log(self.sigma_x) + 0.5 * LOG_2PI)
