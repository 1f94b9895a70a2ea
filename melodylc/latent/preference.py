"""Learning preferences from a few dozen answers: Bayesian logistic regression that finds which dimensions matter.

Each weight has a Gaussian prior with a variance of its own, set by expectation maximisation (automatic relevance
determination, MacKay 1994); the posterior is Laplace's approximation. It is computed in the space of the answers, of
which there are fewer than dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SCALE = 4.0  # the sum of the prior variances: logits of liking vary by 2 from melody to melody, which is decided
ITERATIONS = 12  # of expectation maximisation, and
NEWTON_STEPS = 25  # of Newton's method: both have converged long before on a few dozen answers
LEAST_VARIANCE = 1e-9  # of a weight: one at 0 could never become relevant again
LEAST_CURVATURE = 1e-6  # of an answer, which certain ones come close to: its inverse must stay finite
JITTER = 1e-6  # on the diagonal of the kernel, so that equal melodies leave it invertible
_FLAT = torch.pi / 8  # of the probit function that approximates the logistic one


@dataclass(frozen=True)
class Belief:
    """The posterior of the weights after answers for x (N, D)."""

    x: Tensor  # (N, D)
    relevance: Tensor  # (D,), prior variances of the weights
    dual: Tensor  # (N,), the mean weights are relevance * x^T dual
    certainty: Tensor  # (N,), the answers' curvatures p (1 - p)

    def mean(self, x: Tensor) -> Tensor:
        """Return expected logits of being liked, (B,), for x (B, D)."""
        return (x * self.relevance) @ self.x.T @ self.dual

    def variance(self, x: Tensor) -> Tensor:
        """Return the variances of these logits, (B,)."""
        across = (x * self.relevance) @ self.x.T  # (B, N)
        alone = (x**2 * self.relevance).sum(dim=1)
        root = self.certainty.sqrt()
        inner = torch.eye(len(root), dtype=x.dtype) + root[:, None] * _kernel(self.x, self.relevance) * root
        explained = torch.linalg.solve(inner, root[:, None] * across.T)  # (N, B)
        return (alone - (across * root * explained.T).sum(dim=1)).clamp_min(0)

    def probability(self, x: Tensor) -> Tensor:
        """Return P(liked), (B,), with the uncertainty of the weights (MacKay 1992)."""
        return torch.sigmoid(self.mean(x) / (1 + _FLAT * self.variance(x)).sqrt())

    def information(self, x: Tensor) -> Tensor:
        """Return the bits that an answer is expected to give about the weights, (B,) (BALD, Houlsby et al. 2011)."""
        mean, variance = self.mean(x), self.variance(x)
        width = torch.pi * torch.log(torch.tensor(2.0, dtype=x.dtype)) / 2
        expected = (width / (variance + width)).sqrt() * torch.exp(-(mean**2) / (2 * (variance + width)))
        return _entropy(self.probability(x)) - expected


def fit(x: Tensor, liked: Tensor) -> Belief:
    """Fit the weights to answers: x (N, D) in units of one size, liked (N,) each 0 or 1; N may be 0."""
    count, dimensions = x.shape
    relevance = torch.full((dimensions,), SCALE / dimensions, dtype=x.dtype)
    dual, certainty = torch.zeros(count, dtype=x.dtype), torch.zeros(count, dtype=x.dtype)
    if not count:
        return Belief(x, relevance, dual, certainty)
    for _ in range(ITERATIONS):
        dual, certainty = _laplace(_kernel(x, relevance), liked)
        root = certainty.sqrt()
        inner = torch.eye(count, dtype=x.dtype) + root[:, None] * _kernel(x, relevance) * root
        precision = root[:, None] * torch.linalg.solve(inner, torch.diag(root))  # (N, N)
        mean = relevance * (x.T @ dual)
        variance = relevance - relevance**2 * ((x.T @ precision) * x.T).sum(dim=1)
        # the expected square of each weight becomes its prior variance
        relevance = (mean**2 + variance).clamp_min(LEAST_VARIANCE)
        relevance = SCALE * relevance / relevance.sum()
    dual, certainty = _laplace(_kernel(x, relevance), liked)
    return Belief(x, relevance, dual, certainty)


def settle(x: Tensor, relevance: Tensor, liked: Tensor) -> tuple[Tensor, Tensor]:
    """Return dual weights and curvatures, (N,) each, of answers liked (N,) in [0, 1] under prior variances (D,)."""
    return _laplace(_kernel(x, relevance), liked)


def _kernel(x: Tensor, relevance: Tensor) -> Tensor:
    return (x * relevance) @ x.T + JITTER * torch.eye(len(x), dtype=x.dtype)


def _laplace(kernel: Tensor, liked: Tensor) -> tuple[Tensor, Tensor]:
    """Find the mode of the logits by Newton's method; returns dual weights and curvatures (Rasmussen, Williams 3.1)."""
    logits = torch.zeros_like(liked)
    dual = torch.zeros_like(liked)
    eye = torch.eye(len(liked), dtype=kernel.dtype)
    for _ in range(NEWTON_STEPS):
        p = torch.sigmoid(logits)
        curvature = (p * (1 - p)).clamp_min(LEAST_CURVATURE)
        root = curvature.sqrt()
        b = curvature * logits + (liked - p)
        inner = eye + root[:, None] * kernel * root
        dual = b - root * torch.linalg.solve(inner, root * (kernel @ b))
        logits = kernel @ dual
    p = torch.sigmoid(logits)
    return dual, (p * (1 - p)).clamp_min(LEAST_CURVATURE)


def _entropy(p: Tensor) -> Tensor:
    p = p.clamp(1e-9, 1 - 1e-9)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())
