"""Actors and critics against each other, where encodings are known."""

from dataclasses import replace

import pytest
import torch

from melodylc.latent import adversarial
from melodylc.latent.adversarial import AdversarialSettings, train_attribute_critic
from melodylc.latent.descent import transform_latents

QUICK = AdversarialSettings(
    steps=150,
    critic_steps=5,
    batch=64,
    learning_rate=2e-3,
    actor_hidden=(64, 64),
    critic_hidden=(64, 64),
    label_units=16,
)


def gaussian(middle, count=2000, deviation=0.3, seed=0):
    return torch.tensor(middle) + deviation * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("middle", [[2.5, 0.0], [-1.5, 2.0]])
def test_the_realism_actor_moves_to_where_encodings_are(middle):
    learned = adversarial.train_adversaries(gaussian(middle), torch.ones(2), QUICK, seed=0)
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(9))
    moved = learned.actor(z).detach()
    assert float((moved - torch.tensor(middle)).norm(dim=1).median()) < 0.8
    unseen = gaussian(middle, 500, seed=3)
    assert float((learned.critic(unseen) > learned.critic(z)).float().mean()) > 0.9
    assert len(learned.curve) == QUICK.steps


def test_with_a_distance_penalty_the_realism_actor_goes_no_further_than_needed():
    """Encodings fill a wide strip to the right: any height is real, so heights should stay."""
    strip = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.3, 1.0])
    strip = strip + torch.tensor([2.5, 0.0])
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(9))
    shifts = []
    for penalty in (0.0, 0.3):
        settings = replace(QUICK, penalty=penalty, from_encodings=False)
        moved = adversarial.train_adversaries(strip, torch.ones(2), settings, seed=1).actor(z).detach()
        assert float(moved[:, 0].median()) > 1.2
        shifts.append(float((moved - z)[:, 1].pow(2).mean()))
    assert shifts[1] < 0.25
    assert shifts[1] < shifts[0]


def test_a_conditional_actor_goes_where_its_label_says():
    z = torch.cat([gaussian([2.0, 0.0]), gaussian([-2.0, 0.0], seed=1)])
    labels = torch.cat([torch.ones(2000, 1), torch.zeros(2000, 1)])
    learned = adversarial.train_adversaries(
        z, torch.ones(2), QUICK, sigma=torch.full_like(z, 0.1), labels=labels, seed=0
    )
    draws = torch.randn(300, 2, generator=torch.Generator().manual_seed(9))
    right, left = (learned.actor(draws, torch.tensor([label])).detach() for label in (1.0, 0.0))
    assert float((right[:, 0] > 0.8).float().mean()) > 0.9
    assert float((left[:, 0] < -0.8).float().mean()) > 0.9
    # real z with another's label is no real pair (the authors' third negative)
    there = gaussian([2.0, 0.0], 300, seed=5)
    assert float((learned.critic(there, torch.ones(1)) > learned.critic(there, torch.zeros(1))).float().mean()) > 0.9


def test_with_an_auxiliary_classifier_the_actor_goes_where_its_label_says():
    z = torch.cat([gaussian([2.0, 0.0]), gaussian([-2.0, 0.0], seed=1)])
    labels = torch.cat([torch.ones(2000, 1), torch.zeros(2000, 1)])
    settings = replace(QUICK, auxiliary=True, steps=300)
    learned = adversarial.train_adversaries(z, torch.ones(2), settings, labels=labels, seed=0)
    draws = torch.randn(300, 2, generator=torch.Generator().manual_seed(9))
    for label, side in ((1.0, 1), (0.0, -1)):
        moved = learned.actor(draws, torch.tensor([label])).detach()
        assert float((side * moved[:, 0] > 0.8).float().mean()) > 0.9
    # the critic takes no label: one output is realism, the other predicts the label
    realism, label = learned.critic(gaussian([2.0, 0.0], 300, seed=5)).unbind(dim=1)
    assert float((label > 0).float().mean()) > 0.95
    assert float((realism > learned.critic(gaussian([2.0, 3.0], 300, seed=5))[:, 0]).float().mean()) > 0.9


def test_without_an_actor_the_inner_loop_sharpens_the_critic():
    settings = replace(QUICK, steps=40, actor_hidden=None, inner_steps=5)
    learned = adversarial.train_adversaries(gaussian([2.0, 0.0]), torch.ones(2), settings, seed=0)
    assert learned.actor is None
    near, far = gaussian([2.0, 0.0], 300, seed=4), gaussian([2.0, 2.5], 300, seed=4)
    assert float((learned.critic(near) > learned.critic(far)).float().mean()) > 0.9


def test_stopping_keeps_the_adversaries():
    def stop(row):
        if row.step == 3:
            raise KeyboardInterrupt

    assert len(adversarial.train_adversaries(gaussian([1.0, 0.0]), torch.ones(2), QUICK, on_step=stop).curve) == 4


def test_attribute_critics_and_transformation_by_both_critics():
    """Attributes are the sides of two axes; each vector moves until both hold, and those that are right stay."""
    z = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0))
    critic = train_attribute_critic(z, (z > 0).float(), hidden=(64, 64), steps=400, learning_rate=2e-3)
    unseen = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    assert float(((critic(unseen) > 0) == (unseen > 0)).float().mean()) > 0.95

    def real(moved):  # real is what lies within 2 of the origin
        return 4 * (2 - moved.norm(dim=1, keepdim=True))

    start = torch.tensor([[-0.8, -0.5], [0.9, 0.7], [-0.6, 0.9]])
    wanted = torch.tensor([[1.0, 1.0]]).expand(3, 2)
    moved = transform_latents(start, real, critic, wanted, thresholds=(0.5, 0.7))
    assert (moved > 0).all()
    assert (real(moved) > 0).all()
    torch.testing.assert_close(moved[1], start[1])  # it had both: frozen before the first step
    assert abs(float(moved[2, 1] - start[2, 1])) < 0.6  # what was right hardly moves


def test_a_transformation_leaves_attributes_without_weight_to_follow():
    """Two sides are asked for and one counts: along the other nothing moves, and its boundary is not waited for."""

    def real(moved):
        return 10 - moved.norm(dim=1, keepdim=True)

    def attributes(moved):  # the sides of two axes
        return 5 * moved

    start = torch.tensor([[-0.8, -0.5], [-0.3, -2.0], [0.9, -0.7]])
    wanted = torch.ones(3, 2)
    first, both = torch.tensor([1.0, 0.0]), torch.tensor([[1.0, 1.0]])
    moved = transform_latents(start, real, attributes, wanted, attribute_weights=first, weights=(0.0, 1.0))
    assert (moved[:, 0] > 0).all()
    assert (moved[:, 0] < 0.2)[:2].all()  # frozen at the boundary, though the other is not as wanted
    torch.testing.assert_close(moved[:, 1], start[:, 1])
    torch.testing.assert_close(moved[2], start[2])
    counted = transform_latents(start, real, attributes, wanted, attribute_weights=both, weights=(0.0, 1.0))
    torch.testing.assert_close(counted, transform_latents(start, real, attributes, wanted, weights=(0.0, 1.0)))
    assert (counted > 0).all()


def test_with_a_gradient_penalty_an_attribute_critic_is_not_sure_where_there_are_no_encodings():
    """Two heaps of encodings far from the prior: their border is found either way, and the slope of logits is 1."""
    z = torch.cat([gaussian([4.0, 1.0]), gaussian([4.0, -1.0], seed=1)])
    labels = torch.cat([torch.ones(2000, 1), torch.zeros(2000, 1)])
    slopes = []
    for penalty in (0.0, 10.0):
        critic = train_attribute_critic(
            z, labels, hidden=(64, 64), steps=400, learning_rate=2e-3, gradient_penalty=penalty, seed=0
        )
        assert float(((critic(z) > 0) == labels.bool()).float().mean()) > 0.98
        share = torch.rand(500, 1, generator=torch.Generator().manual_seed(2))
        prior = torch.randn(500, 2, generator=torch.Generator().manual_seed(3))
        between = torch.lerp(z[::8], prior, share).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between)
        slopes.append(float(slope.norm(dim=1).mean()))
    assert slopes[0] > 2
    assert slopes[1] == pytest.approx(1, abs=0.2)
