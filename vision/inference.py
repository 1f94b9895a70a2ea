"""Images and vectors passed through trained networks, a chunk at a time.

Shapes: N images of (C, H, W), B vectors, Z latent dimensions, Y labels, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from melodylc.latent.posterior import Posterior
from vision.data.images import Images
from vision.models import VAE, Encoder

CHUNK = 250  # images passed through a network at once where nothing is trained


@dataclass(frozen=True)
class Encodings:
    """q(z|x) of the training images, as actors and critics are trained on it."""

    mean: Tensor  # (N, Z)
    sigma: Tensor | None  # (N, Z); None for a plain autoencoder
    sigma_bar: Tensor  # (Z,), the mean of sigma: the scale of the distance penalty


def encodings(vae: VAE, images: Images, device: torch.device) -> Encodings:
    """Encode images for the training of actors and critics."""
    mean, sigma = encode(vae, images, device)
    sigma_bar = sigma.mean(dim=0)
    return Encodings(mean, sigma, sigma_bar) if vae.sigma_x else Encodings(mean, None, torch.ones_like(sigma_bar))


@torch.no_grad()
def encode(vae: VAE, images: Images, device: torch.device) -> Posterior:
    """Return q(z|x) of images, on the device."""
    parts = [vae.encode(images.at(rows)[0].to(device)) for rows in _slices(len(images))]
    return Posterior(torch.cat([p.mean for p in parts]), torch.cat([p.sigma for p in parts]))


@torch.no_grad()
def decode(decoder: Callable[..., Tensor], z: Tensor, y: Tensor | None = None) -> Tensor:
    """Decode vectors (B, Z), with labels (B, Y) for a conditional decoder, to images on the CPU."""
    return torch.cat([decoder(z[rows], *(() if y is None else (y[rows],))).cpu() for rows in _slices(len(z))])


@torch.no_grad()
def logits(classifier: Encoder, images: Tensor, device: torch.device) -> Tensor:
    """Return a classifier's logits of images, (N, Y), on the CPU."""
    return torch.cat([classifier(images[rows].to(device)).cpu() for rows in _slices(len(images))])


@torch.no_grad()
def features(classifier: Encoder, images: Tensor, device: torch.device) -> Tensor:
    """Return a classifier's penultimate features of images, (N, F), on the CPU."""
    return torch.cat([classifier.penultimate(images[rows].to(device)).cpu() for rows in _slices(len(images))])


def _slices(count: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))
