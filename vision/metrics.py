"""Measures of generated images: a classifier's opinion of their labels, distance from data, and diversity."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MS_SSIM_BETAS = (0.0448, 0.2856, 0.3001)  # Wang et al. 2003, the scales that fit into these images
WIDE_WINDOW, NARROW_WINDOW = (1.5, 11), (0.5, 5)  # sigma and size in pixels: the usual ones, and what fits into MNIST's
WIDE_FROM = 41  # pixels of the shorter side that three scales of a window of 11 need, in torchmetrics


def label_scores(logits: Tensor, labels: Tensor, exclusive: bool) -> dict[str, float]:
    """Return table 1's columns for logits and labels, both (N, Y).

    For classes (exclusive labels), accuracy is the share of images whose highest logit is their class. For attributes
    it is the share of all decisions that are right. Their precision, recall and f1 are each attribute's own, averaged
    by support, the number of images that have it, as the authors' notebook does: so f1 is not the harmonic mean of the
    two. `pooled` are of the decisions on all attributes together; recall is the same either way. f1_mean is the plain
    mean of each label's own f1, left out where no image has any.
    """
    predicted = F.one_hot(logits.argmax(dim=1), logits.shape[1]).bool() if exclusive else logits > 0
    true = labels.bool()
    right, found, support = ((predicted & true).sum(dim=0).double(), predicted.sum(dim=0), true.sum(dim=0))  # (Y,) each
    f1 = _share(2 * right, found + support)
    f1_mean = {"f1_mean": float(f1[support > 0].mean())} if support.any() else {}
    if exclusive:
        return {"accuracy": float(right.sum() / len(labels))} | f1_mean
    weights = _share(support.double(), support.sum())
    return {
        "accuracy": float((predicted == true).double().mean()),
        "precision": float((weights * _share(right, found)).sum()),
        "recall": float((weights * _share(right, support)).sum()),
        "f1": float((weights * f1).sum()),
        **f1_mean,
        "pooled_precision": float(_share(right.sum(), found.sum())),
        "pooled_f1": float(_share(2 * right.sum(), found.sum() + support.sum())),
    }


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp_min(1)


def auc(positive: Tensor, negative: Tensor) -> float:
    """Return the area under the ROC curve: the chance that a positive scores above a negative, ties as half."""
    scores = torch.cat([positive, negative]).double()
    _, position, counts = scores.unique(return_inverse=True, return_counts=True)
    middle = counts.cumsum(0) - (counts - 1) / 2  # the mean rank, from 1, of equal scores
    ranks = middle[position][: len(positive)]
    return float((ranks.sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative)))


def frechet(features: Tensor, others: Tensor) -> float:
    """Return the Frechet distance of Gaussians fitted to features (N, F) and (M, F) (Heusel et al. 2017)."""
    a, b = features.double(), others.double()
    mean = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    cov_a, cov_b = torch.atleast_2d(torch.cov(a.T)), torch.atleast_2d(torch.cov(b.T))
    values, vectors = torch.linalg.eigh(cov_a)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    # tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), and the latter is symmetric
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp_min(0).sqrt().sum()
    return float((mean + cov_a.trace() + cov_b.trace() - 2 * cross).clamp_min(0))


def classifier_score(logits: Tensor) -> float:
    """Return exp E KL(p(y|x) || p(y)) of class logits (N, Y), from 1 to Y (Salimans et al. 2016).

    The formula is that of the Inception score, the classifier is not: numbers compare within a data set only.
    """
    said = F.log_softmax(logits.double(), dim=1)
    overall = torch.logsumexp(said, dim=0) - math.log(len(said))
    return float((said.exp() * (said - overall)).sum(dim=1).mean().exp())


def likeness(images: Tensor) -> float:
    """Return the mean MS-SSIM of neighbouring images of (N, C, H, W), higher for like ones (Odena et al. 2017)."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    first, second = _pairs(images)
    sigma, window = WIDE_WINDOW if min(images.shape[-2:]) >= WIDE_FROM else NARROW_WINDOW
    total = sum(MS_SSIM_BETAS)
    betas = tuple(b / total for b in MS_SSIM_BETAS)
    return float(ms_ssim(first, second, data_range=1.0, sigma=sigma, kernel_size=window, betas=betas, normalize="relu"))


def spread(images: Tensor) -> float:
    """Return the root mean squared difference of neighbouring images of (N, C, H, W), the mean over pairs."""
    first, second = _pairs(images)
    return float((first - second).square().flatten(1).mean(dim=1).sqrt().mean())


def _pairs(images: Tensor) -> tuple[Tensor, Tensor]:
    count = len(images) // 2 * 2
    return images[0:count:2], images[1:count:2]
