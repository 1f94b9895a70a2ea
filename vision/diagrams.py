"""Columns of figures 12 and 13: actors, critics and the VAEs of images."""

from __future__ import annotations

import torch

from melodylc.latent.diagrams import Box, layers_of, shape_of
from melodylc.latent.networks import Actor, Conditioned
from vision.models import VAE


def columns_of_vae(vae: VAE, shape: tuple[int, int, int]) -> dict[str, list[Box]]:
    """Return the columns of figure 13: encoder and decoder of images of a shape (C, H, W)."""
    image, z = torch.zeros(1, *shape), torch.zeros(1, vae.latent)
    encoder = [Box("input", f"image: {shape_of(image)}"), *layers_of(vae.encoder, image)]
    encoder += [Box("step", f"mean, softplus: sigma: 2 x {vae.latent}")]
    decoder = [Box("input", f"z ~ N(mean, sigma): {vae.latent}"), *layers_of(vae.decoder, z)]
    return {"encoder": encoder, "decoder": [*decoder, Box("step", f"sigmoid: {shape_of(image)}")]}


def column_of_constraint(network: Conditioned, latent: int) -> list[Box]:
    """Return a column of figure 12: an actor, or a critic."""
    z = torch.zeros(1, latent)
    y = torch.zeros(1, network.labels) if network.labels else None
    boxes = layers_of(network, z) if y is None else layers_of(network, z, y)
    if y is not None:  # the first layer is that of labels
        boxes = [Box("input", f"labels: {network.labels}"), boxes[0], Box("step", f"beside z: {latent}"), *boxes[1:]]
    else:
        boxes = [Box("input", f"z: {latent}"), *boxes]
    last = "(1 - gate) z + gate dz, gate: sigmoid" if isinstance(network, Actor) else "sigmoid: D(z)"
    return [*boxes, Box("step", f"{last}")]
