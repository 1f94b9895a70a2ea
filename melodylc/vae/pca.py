"""The initialisation of the upper levels by probabilistic principal components of the bar embeddings.

Once bars have embeddings, the best linear Gaussian VAE over sixteen of them is known in closed form, for any KL
(Tipping and Bishop, "Probabilistic Principal Component Analysis", 1999). The encoder and the conductor have linear
paths past their LSTMs. Set to that solution, they reconstruct better than after a quarter of an hour of training from
random weights. The outputs of the LSTMs begin with weight zero, and learn what a linear map cannot represent.
"""

from __future__ import annotations

import torch
from torch import Tensor

from melodylc.melody import BARS
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE

LEAST_VARIANCE = 1e-6  # of a component: embeddings that vary in fewer dimensions have none in the others
LEAST_NOISE = 1e-9  # where the search for the noise variance begins
HALVINGS = 100  # of the interval that holds it, more than floats can resolve


def components(covariance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues (count,) of a covariance (D, D) and their eigenvectors (D, count)."""
    values, vectors = torch.linalg.eigh(covariance.double())
    return values.flip(0)[:count].float(), vectors.flip(1)[:, :count].float()


def noise_for(variances: Tensor, nats: float) -> float:
    """Return the noise variance s with sum max(0, log(v / s) / 2) = nats over variances v (reverse water-filling)."""
    low, high = LEAST_NOISE, float(variances.max())
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        if float((0.5 * torch.log(variances / middle)).clamp(min=0).sum()) > nats:
            low = middle
        else:
            high = middle
    return (low * high) ** 0.5


@torch.no_grad()
def initialise(model: MelodyVAE, embeddings: Tensor, nats: float) -> None:
    """Set the upper levels of a hierarchical model to the principal components of embeddings (N, T, E).

    Args:
        nats: the KL for which the linear VAE is optimal.
    """
    encoder, conductor = model.encoder, model.conductor
    assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars"
    assert conductor.slices is not None
    size, width = conductor.sizes.slice, embeddings.shape[-1]

    # within a bar: E values to `size` coordinates and back
    flat = embeddings.reshape(-1, width)
    mean = flat.mean(dim=0)
    _, inner = components((flat - mean).T @ (flat - mean) / len(flat), size)  # (E, size)
    for linear in (encoder.slices, conductor.out):
        linear.weight.zero_()
        linear.bias.zero_()
    encoder.slices.weight[:, -width:] = inner.T
    encoder.slices.bias.copy_(-inner.T @ mean)
    conductor.out.weight[:, -size:] = inner
    conductor.out.bias.copy_(mean)

    # over the bars: T size coordinates to Z and back, as x = W z + centre + noise of variance s
    slices = ((embeddings - mean) @ inner).reshape(len(embeddings), BARS * size)
    centre = slices.mean(dim=0)
    variances, outer = components((slices - centre).T @ (slices - centre) / len(slices), model.sizes.latent)
    variances = variances.clamp(min=LEAST_VARIANCE)
    noise = noise_for(variances, nats)
    gain = (variances - noise).clamp(min=0).sqrt()  # columns of W are gain times outer
    to_mean = (outer * (gain / variances.clamp(min=noise))).T  # W' / (W'W + s)
    sigma = (noise / variances).clamp(max=1).sqrt()
    latent = model.sizes.latent
    encoder.posterior.weight.zero_()
    encoder.posterior.weight[:latent] = to_mean
    encoder.posterior.bias[:latent] = -to_mean @ centre
    encoder.posterior.bias[latent:] = torch.log(torch.expm1(sigma))  # softplus, inverted
    conductor.slices.weight.copy_(outer * gain)
    conductor.slices.bias.copy_(centre)
