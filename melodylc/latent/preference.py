"""Learning preferences from a few dozen answers: Bayesian logistic regression that finds which dimensions matter.

Each weight has a Gaussian prior with a variance of its own, set by expectation maximisation (automatic relevance
determination, MacKay 1994); the posterior is Laplace's approximation. It is computed in the space of the answers, of
which there are fewer than dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SCALE = 4.0  # the sum of the prior variances: logits of liking vary by 2 from melody to melody, which is decided
ITERATIONS = 12  # of expectation maximisation, and
NEWTON_STEPS = 25  # of Newton's method: both have converged long before on a few dozen answers
LEAST_VARIANCE = 1e-9  # of a weight: one at 0 could never become relevant again
LEAST_CURVATURE = 1e-6  # of an answer, which certain ones come close to: its inverse must stay finite
JITTER = 1e-6  # on the diagonal of the kernel, so that equal melodies leave it invertible
_FLAT = np.pi / 8  # of the probit function that approximates the logistic one


@dataclass(frozen=True)
class Belief:
    """The posterior of the weights after answers for x (N, D)."""

    x: np.ndarray  # (N, D)
    relevance: np.ndarray  # (D,), prior variances of the weights
    dual: np.ndarray  # (N,), the mean weights are relevance * x^T dual
    certainty: np.ndarray  # (N,), the answers' curvatures p (1 - p)

    def mean(self, x: np.ndarray) -> np.ndarray:
        """Return expected logits of being liked, (B,), for x (B, D)."""
        return (x * self.relevance) @ self.x.T @ self.dual

    def variance(self, x: np.ndarray) -> np.ndarray:
        """Return the variances of these logits, (B,)."""
        across = (x * self.relevance) @ self.x.T  # (B, N)
        alone = (x**2 * self.relevance).sum(axis=1)
        root = np.sqrt(self.certainty)
        inner = np.eye(len(root)) + root[:, None] * _kernel(self.x, self.relevance) * root
        explained = np.linalg.solve(inner, root[:, None] * across.T)  # (N, B)
        return np.maximum(alone - (across * root * explained.T).sum(axis=1), 0)

    def probability(self, x: np.ndarray) -> np.ndarray:
        """Return P(liked), (B,), with the uncertainty of the weights (MacKay 1992)."""
        return _sigmoid(self.mean(x) / np.sqrt(1 + _FLAT * self.variance(x)))

    def information(self, x: np.ndarray) -> np.ndarray:
        """Return the bits that an answer is expected to give about the weights, (B,) (BALD, Houlsby et al. 2011)."""
        mean, variance = self.mean(x), self.variance(x)
        width = np.pi * np.log(2) / 2
        expected = np.sqrt(width / (variance + width)) * np.exp(-(mean**2) / (2 * (variance + width)))
        return _entropy(self.probability(x)) - expected


def fit(x: np.ndarray, liked: np.ndarray) -> Belief:
    """Fit the weights to answers: x (N, D) in units of one size, liked (N,) each 0 or 1; N may be 0."""
    count, dimensions = x.shape
    relevance = np.full(dimensions, SCALE / dimensions)
    dual, certainty = np.zeros((2, count))
    if not count:
        return Belief(x, relevance, dual, certainty)
    for _ in range(ITERATIONS):
        dual, certainty = _laplace(_kernel(x, relevance), liked)
        root = np.sqrt(certainty)
        inner = np.eye(count) + root[:, None] * _kernel(x, relevance) * root
        precision = root[:, None] * np.linalg.solve(inner, np.diag(root))  # (N, N)
        mean = relevance * (x.T @ dual)
        variance = relevance - relevance**2 * ((x.T @ precision) * x.T).sum(axis=1)
        # the expected square of each weight becomes its prior variance
        relevance = np.maximum(mean**2 + variance, LEAST_VARIANCE)
        relevance = SCALE * relevance / relevance.sum()
    dual, certainty = _laplace(_kernel(x, relevance), liked)
    return Belief(x, relevance, dual, certainty)


def settle(x: np.ndarray, relevance: np.ndarray, liked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dual weights and curvatures, (N,) each, of answers liked (N,) in [0, 1] under prior variances (D,)."""
    return _laplace(_kernel(x, relevance), liked)


def _kernel(x: np.ndarray, relevance: np.ndarray) -> np.ndarray:
    return (x * relevance) @ x.T + JITTER * np.eye(len(x))


def _laplace(kernel: np.ndarray, liked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the mode of the logits by Newton's method; returns dual weights and curvatures (Rasmussen, Williams 3.1)."""
    logits, dual = np.zeros((2, len(liked)))
    eye = np.eye(len(liked))
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(logits)
        curvature = np.maximum(p * (1 - p), LEAST_CURVATURE)
        root = np.sqrt(curvature)
        b = curvature * logits + (liked - p)
        inner = eye + root[:, None] * kernel * root
        dual = b - root * np.linalg.solve(inner, root * (kernel @ b))
        logits = kernel @ dual
    p = _sigmoid(logits)
    return dual, np.maximum(p * (1 - p), LEAST_CURVATURE)


def _entropy(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(x / 2)) / 2  # which does not overflow
