"""The networks of actors and critics, and posteriors."""

import pytest
import torch

from melodylc.latent import losses, optimisers
from melodylc.latent.networks import LARGE, SMALL, Actor, Critic, PartsCritic
from melodylc.latent.posterior import Posterior


def test_networks_have_the_papers_layers():
    actor = Actor(512, LARGE)
    widths = [tuple(layer.weight.shape) for layer in actor.layers if hasattr(layer, "weight")]
    assert widths == [(2048, 512), (2048, 2048), (2048, 2048), (2048, 2048), (1024, 2048)]
    small = Critic(100, SMALL)
    widths = [tuple(layer.weight.shape) for layer in small.layers if hasattr(layer, "weight")]
    assert widths == [(256, 100), (256, 256), (256, 256), (1, 256)]


def test_labels_pass_a_linear_layer_of_2048_and_join_z():
    actor = Actor(100, LARGE, labels=10)
    assert tuple(actor.label.weight.shape) == (2048, 10)
    assert tuple(actor.layers[0].weight.shape) == (2048, 2148)
    critic = Critic(4, (8,), 1, labels=3, label_units=6)
    z, y = torch.randn(5, 4), torch.randn(5, 3)
    joined = torch.cat([z, y @ critic.label.weight.T + critic.label.bias], dim=1)
    torch.testing.assert_close(critic(z, y), critic.layers(joined))
    torch.testing.assert_close(critic(z, y[0]), critic(z, y[:1].expand(5, 3)))  # one set of labels for all
    for wrong in (None, y[:, :2]):
        with pytest.raises(ValueError, match="labels: expected 3"):
            critic(z, wrong)
    with pytest.raises(ValueError, match="labels: expected none"):
        Critic(4, (8,))(z, y)


def test_an_actor_initialised_as_identity_hardly_moves():
    torch.manual_seed(0)
    z = torch.randn(64, 16)
    with torch.no_grad():
        assert float(losses.shift(Actor(16, SMALL).initialise_as_identity()(z), z)) < 0.03
        assert float(losses.shift(Actor(16, SMALL)(z), z)) > 0.1


def test_a_critic_of_parts_learns_what_every_part_must_have():
    """The whole is right if each of four parts is positive: 200 examples teach it, 1,000 others agree."""
    torch.manual_seed(0)
    parts = torch.randn(1200, 4, 3) + torch.tensor([0.9, 0, 0])
    right = (parts[:, :, 0] > 0).all(dim=1, keepdim=True).float()
    critic = PartsCritic(4, 3)
    adam = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(150):
        adam.zero_grad()
        losses.regression(critic(parts[:200]), right[:200]).backward()
        adam.step()
    assert float(((critic(parts[200:]) > 0) == (right[200:] == 1)).float().mean()) > 0.9


def test_the_actor_is_gated():
    actor = Actor(3, SMALL)
    z = torch.randn(5, 3)
    with torch.no_grad():
        actor.layers[-1].weight.zero_()
        actor.layers[-1].bias.copy_(torch.tensor([7.0, 8.0, 9.0, -50.0, 50.0, 0.0]))
        moved = actor(z)
    torch.testing.assert_close(moved[:, 0], z[:, 0])  # shut
    torch.testing.assert_close(moved[:, 1], torch.full((5,), 8.0))  # open
    torch.testing.assert_close(moved[:, 2], (z[:, 2] + 9) / 2)  # half


def test_the_optimisers_are_those_of_section_9_2():
    parameters = [torch.nn.Parameter(torch.ones(2))]
    (group,) = optimisers.adam(parameters).param_groups
    assert (group["lr"], group["betas"]) == (3e-4, (0.9, 0.999))
    (group,) = optimisers.adam(parameters, 1e-3, optimisers.ADVERSARIAL_BETAS, fused=True).param_groups
    assert (group["lr"], group["betas"], group["fused"]) == (1e-3, (0.0, 0.9), True)


def test_the_kl_of_a_posterior_is_torchs_by_dimension():
    torch.manual_seed(0)
    posterior = Posterior.from_outputs(torch.randn(5, 14).half(), 1e-4)
    assert posterior.mean.dtype == posterior.sigma.dtype == torch.float32
    normal = torch.distributions.Normal(posterior.mean, posterior.sigma)
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(posterior.kl(), expected)


def test_samples_of_a_posterior_have_its_mean_and_sigma():
    posterior = Posterior(torch.tensor([[1.0, -2.0]]).expand(20_000, 2), torch.tensor([[0.5, 0.1]]).expand(20_000, 2))
    z = posterior.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(dim=0), posterior.mean[0], rtol=0, atol=0.02)
    torch.testing.assert_close(z.std(dim=0), posterior.sigma[0], rtol=0.02, atol=0)
    assert torch.equal(z, posterior.sample(torch.Generator().manual_seed(0)))
