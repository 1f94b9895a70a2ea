"""Descent on energies: G_opt, which moves vectors by gradient instead of by an actor (sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from melodylc.latent import losses
from melodylc.latent.optimisers import adam

Energy = Callable[[Tensor], Tensor]  # (B, Z) -> (B,), lower is better
Logits = Callable[[Tensor], Tensor]  # (B, Z) -> (B, O)


def optimise(
    z: Tensor,
    energy: Energy,
    *,
    steps: int = 100,
    learning_rate: float = 0.1,
    done: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Descend an energy from z by Adam, as G_opt does (section 9.2: 100 steps at a learning rate of 0.1).

    Args:
        z: (B, Z), the vectors to start from.
        done: (B, Z) -> (B,) bool; a vector is frozen once it is done (section 5).
    """
    moved = z.clone().requires_grad_(True)
    optimiser = adam([moved], learning_rate)
    frozen = torch.zeros(len(z), dtype=torch.bool, device=z.device)
    for _ in range(steps):
        if done is not None:
            with torch.no_grad():
                frozen |= done(moved)
            if frozen.all():
                break
        before = moved.detach().clone()
        with torch.enable_grad():
            (moved.grad,) = torch.autograd.grad(energy(moved).sum(), moved)
        optimiser.step()
        if frozen.any():
            with torch.no_grad():
                moved[frozen] = before[frozen]
    return moved.detach()


def transform_latents(
    z: Tensor,
    real: Logits,
    attributes: Logits,
    wanted: Tensor,
    *,
    attribute_weights: Tensor | None = None,
    weights: tuple[float, float] = (0.1, 1.0),
    thresholds: tuple[float, float] = (0.5, 0.5),
    steps: int = 100,
    learning_rate: float = 0.1,
) -> Tensor:
    """Transform and preserve identity (section 5): descend L_real + lambda L_attr, each vector until it satisfies both.

    Args:
        z: (B, Z), encodings of what is transformed (or draws of the prior, figure 9).
        real: the realism critic, (B, Z) to (B, 1).
        attributes: the attribute critic, (B, Z) to (B, Y) logits.
        wanted: (B, Y), the attributes to reach, each 0 or 1.
        attribute_weights: (B, Y) or (Y,), of each attribute; those of weight 0 are left to follow. 1 of all without it.
        weights: of realism and of attributes (figure 5).
        thresholds: probabilities of realism, and of every attribute that counts being as wanted, at which a vector is
            frozen.
    """
    signs = 2 * wanted - 1
    counts = torch.ones_like(wanted) if attribute_weights is None else attribute_weights.expand_as(wanted)

    def energy(moved: Tensor) -> Tensor:
        cost = weights[0] * losses.constraint_loss(real(moved)).sum(dim=-1)
        return cost + weights[1] * (counts * losses.constraint_loss(signs * attributes(moved))).sum(dim=-1)

    def done(moved: Tensor) -> Tensor:
        right = ((torch.sigmoid(signs * attributes(moved)) >= thresholds[1]) | (counts == 0)).all(dim=-1)
        return right & (torch.sigmoid(real(moved)) >= thresholds[0]).all(dim=-1)

    return optimise(z, energy, steps=steps, learning_rate=learning_rate, done=done)


def combined_energy(
    start: Tensor, sigma_bar: Tensor, critics: Sequence[Logits], *, penalty: float, shell: float = 10.0
) -> Energy:
    """Return the energy of satisfying several critics at once that were learned apart: their -log D and the penalties.

    Args:
        start: (B, Z), the vectors before they are moved, in the same order.
        sigma_bar: (Z,), weights the distance penalty.
        penalty, shell: weights of `losses.distances` from start and of `losses.shell_penalty`.
    """

    def energy(moved: Tensor) -> Tensor:
        cost = penalty * losses.distances(moved, start, sigma_bar) + shell * losses.shell_penalty(moved)
        for critic in critics:
            cost = cost + losses.constraint_loss(critic(moved)).sum(dim=-1)
        return cost

    return energy
