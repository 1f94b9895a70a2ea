"""A taste from a few dozen answers: Bayesian logistic regression that finds out which dimensions matter.

Weights have a Gaussian prior with a variance of their own each, set by expectation maximisation (automatic relevance
determination, MacKay 1994); their posterior is Laplace's. It is computed in the space of the answers, of which there
are fewer than dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SCALE = 4.0  # the prior variances' sum: how decided tastes are
ITERATIONS = 12
_FLAT = torch.pi / 8  # of the probit that a logistic function is like


@dataclass(frozen=True)
class Belief:
    """What is believed of a taste after answers for x (N, D)."""

    x: Tensor  # (N, D)
    relevance: Tensor  # (D,), prior variances of the weights
    dual: Tensor  # (N,), the mean weights are relevance * x^T dual
    certainty: Tensor  # (N,), the answers' curvatures p (1 - p)

    def mean(self, x: Tensor) -> Tensor:
        """(B,) expected logits of being liked, for x (B, D)."""
        return (x * self.relevance) @ self.x.T @ self.dual

    def variance(self, x: Tensor) -> Tensor:
        """(B,) variances of these logits."""
        across = (x * self.relevance) @ self.x.T  # (B, N)
        alone = (x**2 * self.relevance).sum(dim=1)
        root = self.certainty.sqrt()
        inner = torch.eye(len(root), dtype=x.dtype) + root[:, None] * _kernel(self.x, self.relevance) * root
        explained = torch.linalg.solve(inner, root[:, None] * across.T)  # (N, B)
        return (alone - (across * root * explained.T).sum(dim=1)).clamp_min(0)

    def probability(self, x: Tensor) -> Tensor:
        """(B,) P(liked), uncertainty of the weights included (MacKay 1992)."""
        return torch.sigmoid(self.mean(x) / (1 + _FLAT * self.variance(x)).sqrt())

    def information(self, x: Tensor) -> Tensor:
        """(B,) bits that an answer would tell of the weights, in expectation (BALD, Houlsby et al. 2011)."""
        mean, variance = self.mean(x), self.variance(x)
        width = torch.pi * torch.log(torch.tensor(2.0, dtype=x.dtype)) / 2
        expected = (width / (variance + width)).sqrt() * torch.exp(-(mean**2) / (2 * (variance + width)))
        return _entropy(self.probability(x)) - expected


def fit(x: Tensor, liked: Tensor) -> Belief:
    """Believe answers: x (N, D) in like units, liked (N,) each 0 or 1; N may be 0."""
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
        relevance = (mean**2 + variance).clamp_min(1e-9)
        relevance = SCALE * relevance / relevance.sum()
    dual, certainty = _laplace(_kernel(x, relevance), liked)
    return Belief(x, relevance, dual, certainty)


def settle(x: Tensor, relevance: Tensor, liked: Tensor) -> tuple[Tensor, Tensor]:
    """Dual weights and curvatures (N,) for answers liked (N,) in [0, 1] under given prior variances (D,)."""
    return _laplace(_kernel(x, relevance), liked)


def _kernel(x: Tensor, relevance: Tensor) -> Tensor:
    return (x * relevance) @ x.T + 1e-6 * torch.eye(len(x), dtype=x.dtype)


def _laplace(kernel: Tensor, liked: Tensor, steps: int = 25) -> tuple[Tensor, Tensor]:
    """Newton's method for the mode of the logits; returns its dual weights and curvatures (Rasmussen, Williams 3.1)."""
    logits = torch.zeros_like(liked)
    dual = torch.zeros_like(liked)
    eye = torch.eye(len(liked), dtype=kernel.dtype)
    for _ in range(steps):
        p = torch.sigmoid(logits)
        curvature = (p * (1 - p)).clamp_min(1e-6)
        root = curvature.sqrt()
        b = curvature * logits + (liked - p)
        inner = eye + root[:, None] * kernel * root
        dual = b - root * torch.linalg.solve(inner, root * (kernel @ b))
        logits = kernel @ dual
    p = torch.sigmoid(logits)
    return dual, (p * (1 - p)).clamp_min(1e-6)


def _entropy(p: Tensor) -> Tensor:
    p = p.clamp(1e-9, 1 - 1e-9)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())
