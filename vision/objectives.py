"""The objectives that a VAE can be trained for: the ELBO, and the survey's variations of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from melodylc.base.errors import UserError
from melodylc.latent import losses
from melodylc.latent.processes import ALONE, Processes

CriticFunction = Callable[[Tensor], Tensor]  # (B, Z) to logits


@dataclass(frozen=True)
class Objective:
    """The weights of what is minimised beside -log p(x|z); the ELBO's are 1, 0, 0."""

    kl: float = 1.0  # of KL(q(z|x) || p(z)), in nats
    mmd: float = 0.0  # of MMD^2(q(z), p(z))
    adversarial: float = 0.0  # of -log D(z), where D separates draws of p(z) from encodings


ELBO = Objective()


def beta(weight: float) -> Objective:
    """Return the objective of a beta-VAE (Higgins et al. 2017): the KL term weighs beta."""
    return Objective(kl=weight)


def info(alpha: float, scale: float) -> Objective:
    """Return the objective of an InfoVAE (Zhao et al. 2017, equation 6), with MMD as the divergence of the marginals.

    It minimises -log p(x|z) + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + lambda - 1) D(q(z) || p(z)); scale is lambda.
    """
    return Objective(kl=1 - alpha, mmd=alpha + scale - 1)


def adversarial(weight: float) -> Objective:
    """Return the objective of an adversarial autoencoder (Makhzani et al. 2016): a critic of z holds q(z) to p(z)."""
    return Objective(kl=0.0, adversarial=weight)


def parse(text: str) -> Objective:
    """Return the objective of a text: `elbo`, `beta:4`, `info:1:1000` (alpha, lambda) or `adversarial:100`.

    Raises:
        UserError: for anything else.
    """
    name, *numbers = text.split(":")
    makers = {"elbo": (lambda: ELBO, 0), "beta": (beta, 1), "info": (info, 2), "adversarial": (adversarial, 1)}
    try:
        make, count = makers[name]
        values = [float(number) for number in numbers]
        if len(values) != count:
            raise ValueError
        objective = make(*values)  # type: ignore[operator]
        if not all(0 <= weight < float("inf") for weight in (objective.kl, objective.mmd, objective.adversarial)):
            raise ValueError
    except (KeyError, ValueError):
        raise UserError(
            "objective: expected elbo, beta:B, info:ALPHA:LAMBDA or adversarial:W, with weights that come to 0 or "
            f"more, got {text!r}"
        ) from None
    return objective


def loss(
    objective: Objective,
    likelihood: Tensor,
    kl: Tensor,
    z: Tensor,
    prior: Tensor,
    critic: CriticFunction | None = None,
    processes: Processes = ALONE,
) -> Tensor:
    """Return the loss of an encoder and a decoder: -log p(x|z) and the objective's divergences, the mean over images.

    Args:
        likelihood: (B,), log p(x|z) in nats.
        kl: (B,), KL(q(z|x) || p(z)) in nats.
        z, prior: (B, Z), a sample of each posterior, and as many draws of p(z).
        critic: of an adversarial objective.
        processes: those that have the other images of the batch: the MMD is of all.
    """
    total = -likelihood.mean()
    if objective.kl:
        total = total + objective.kl * kl.mean()
    if objective.mmd:
        total = total + objective.mmd * mmd(processes.gathered(z), processes.gathered(prior))
    if objective.adversarial:
        assert critic is not None
        total = total + objective.adversarial * losses.actor_loss(critic(z))
    return total


def mmd(x: Tensor, y: Tensor) -> Tensor:
    """Return the unbiased estimate of MMD^2 between (N, Z) and (M, Z), N and M from 2 up (Gretton et al. 2012, eq. 3).

    The kernel is exp(-|a - b|^2 / (2 Z)): of two draws of N(0, I) the exponent is -1 on average.
    """

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-torch.cdist(a, b).square() / (2 * a.shape[1]))

    def within(a: Tensor) -> Tensor:
        count = len(a)
        return (kernel(a, a).sum() - count) / (count * (count - 1))  # without the diagonal, which is all 1

    return within(x) + within(y) - 2 * kernel(x, y).mean()
