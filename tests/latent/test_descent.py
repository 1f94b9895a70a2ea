"""Descent on critics, and what the package knows."""

import torch
from imports import imports_beyond

import melodylc.latent
from melodylc.latent import losses
from melodylc.latent.adversarial import train_attribute_critic
from melodylc.latent.descent import combined_energy, optimise


def test_optimise_finds_the_minimum_and_freezes_what_is_done():
    z = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    goal = torch.tensor([2.0, 1.0])
    moved = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), steps=300)
    torch.testing.assert_close(moved, goal.expand(2, 2), atol=0.02, rtol=0)
    frozen = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), done=lambda x: x[:, 0] > 1.0)
    torch.testing.assert_close(frozen[1], z[1])  # was done before the first step
    assert 1.0 < float(frozen[0, 0]) < 1.3  # stopped as soon as it was


def test_energies_add_up():
    start = torch.zeros(2, 3)
    a, b = (lambda z: z[:, :1]), (lambda z: -z[:, 1:2])
    moved = torch.tensor([[1.0, -1.0, 0.0], [0.5, 2.0, 0.0]])
    one = [combined_energy(start, torch.ones(3), [critic], penalty=0.0, shell=0.0)(moved) for critic in (a, b)]
    both_critics = combined_energy(start, torch.ones(3), [a, b], penalty=0.0, shell=0.0)(moved)
    torch.testing.assert_close(both_critics, one[0] + one[1])
    torch.testing.assert_close(one[0], torch.log1p(torch.exp(-moved[:, 0])))
    held = combined_energy(start, torch.ones(3), [], penalty=0.5, shell=2.0)(moved)
    torch.testing.assert_close(
        held, 0.5 * losses.distances(moved, start, torch.ones(3)) + 2 * losses.shell_penalty(moved)
    )


def test_composed_energies_meet_both_critics():
    """Two critics learned apart, one for each axis: descent on their sum ends where both hold."""
    z = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) * 1.5
    right, up = (
        train_attribute_critic(z, (z[:, axis : axis + 1] > 1).float(), hidden=(64,), steps=300, learning_rate=3e-3)
        for axis in (0, 1)
    )
    start = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    moved = optimise(start, combined_energy(start, torch.ones(2), [right, up], penalty=0.05, shell=0.0))
    assert float((moved > 1).all(dim=1).float().mean()) > 0.9


def test_nothing_in_latent_knows_melodies_or_images():
    assert imports_beyond(melodylc.latent, "melodylc.latent", "melodylc.base") == []
