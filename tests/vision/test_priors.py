"""Densities of encodings, against torch.distributions and autograd, and what they learn of drawn encodings."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melodylc.latent.posterior import Posterior
from vision.autoregressive import Made
from vision.inference import Encodings
from vision.presets import TrainingSettings
from vision.priors.autoregressive_prior import AutoregressivePrior
from vision.priors.flow_prior import FlowPrior
from vision.priors.latent_prior import train_prior
from vision.priors.vae_prior import VaePrior
from vision.priors.vamp_prior import VampPrior
from vision.training_loop import TrainingRun


@given(st.integers(1, 6), st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(0, 3), st.integers(0, 99))
def test_outputs_of_a_dimension_depend_on_those_before_it_only(dimensions, hidden, context, seed):
    torch.manual_seed(seed)
    made = Made(dimensions, tuple(hidden), 2, context)
    x, c = torch.randn(1, dimensions), torch.randn(1, context) if context else None
    jacobian = torch.autograd.functional.jacobian(lambda v: made(v, c), x)[0, :, :, 0]  # (D, O, D)
    for at in range(dimensions):
        assert not jacobian[at, :, at:].any()
    assert made(x, c).shape == (1, dimensions, 2)


def test_with_enough_units_every_dimension_depends_on_all_before_it_and_on_the_context():
    torch.manual_seed(0)
    made = Made(5, (64, 64), 1, 2)
    x, c = torch.randn(1, 5), torch.randn(1, 2)
    of_x = torch.autograd.functional.jacobian(lambda v: made(v, c), x)[0, :, 0, 0]
    assert torch.equal(of_x != 0, torch.ones(5, 5).tril(-1).bool())
    of_c = torch.autograd.functional.jacobian(lambda v: made(x, v), c)[0, :, 0, 0]
    assert (of_c != 0).all()


def test_the_autoregressive_density_is_the_product_of_its_mixtures():
    torch.manual_seed(0)
    prior = AutoregressivePrior(3, (16,), 2)
    z, y = torch.randn(4, 3), torch.rand(4, 2)
    log_weights, means, scales = prior._mixture(z, y)
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=log_weights), torch.distributions.Normal(means, scales)
    )
    torch.testing.assert_close(prior.log_density(z, y), mixture.log_prob(z).sum(dim=1))


def test_the_autoregressive_density_is_one_in_all():
    torch.manual_seed(0)
    prior = AutoregressivePrior(2, (16,), 1)
    grid = torch.linspace(-8, 8, 401)
    points = torch.cartesian_prod(grid, grid)
    with torch.no_grad():
        total = prior.log_density(points, torch.ones(len(points), 1)).exp().sum() * (16 / 400) ** 2
    assert float(total) == pytest.approx(1, abs=1e-2)


def test_vamp_prior_is_the_mixture_of_its_posteriors():
    torch.manual_seed(0)

    def encode(x):
        return Posterior(x.flatten(1)[:, :3] * 4 - 2, x.flatten(1)[:, 3:] + 0.1)

    prior = VampPrior(encode, torch.rand(5, 1, 2, 3))
    mean, sigma = encode(prior.pseudo_inputs)
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(5)),
        torch.distributions.Independent(torch.distributions.Normal(mean, sigma), 1),
    )
    z = torch.randn(7, 3)
    torch.testing.assert_close(prior.log_density(z, torch.empty(7, 0)), mixture.log_prob(z))
    drawn = prior.sample(torch.empty(20_000, 0))
    torch.testing.assert_close(drawn.mean(dim=0), mean.mean(dim=0), atol=0.05, rtol=0)
    assert [name for name, _ in prior.named_parameters()] == ["pseudo_inputs"]


def test_the_bound_of_a_second_vae_is_below_the_density_of_a_linear_one():
    """With a posterior that is exact, the ELBO is log p(z): z = W u + noise is a Gaussian."""
    torch.manual_seed(0)
    prior = VaePrior(1, (), 0)
    w, s = 0.8, math.log1p(math.exp(0.0)) + 1e-3  # softplus(0), the scale it begins with
    variance = w * w + s * s
    with torch.no_grad():
        prior.decoder.layers[0].weight.fill_(w)
        prior.decoder.layers[0].bias.zero_()
        prior.encoder.layers[0].weight.copy_(torch.tensor([[w / variance], [0.0]]))
        sigma = s / math.sqrt(variance)
        prior.encoder.layers[0].bias.copy_(torch.tensor([0.0, math.log(math.expm1(sigma))]))
        z = torch.randn(6, 1)
        exact = torch.distributions.Normal(0.0, math.sqrt(variance)).log_prob(z)[:, 0]
        found = torch.stack([prior.log_density(z, None) for _ in range(1000)]).mean(dim=0)
    torch.testing.assert_close(found, exact, atol=0.1, rtol=0)


@pytest.mark.parametrize("kind", ["autoregressive", "vae", "flow"])
def test_a_prior_learns_where_encodings_of_a_label_are(kind, tmp_path):
    torch.manual_seed(0)
    labels = torch.nn.functional.one_hot(torch.arange(400) % 2, 2).float()
    mean = torch.where(labels[:, :1] == 1, 1.5, -1.5) * torch.tensor([1.0, -1.0])  # two places, by label
    encodings = Encodings(mean, torch.full_like(mean, 0.2), torch.full((2,), 0.2))
    prior = {
        "autoregressive": lambda: AutoregressivePrior(2, (32,), 2),
        "vae": lambda: VaePrior(2, (32,), 2),
        "flow": lambda: FlowPrior(2, 2, units=32, layers=2),
    }[kind]()
    steps = TrainingSettings(200, batch=64, learning_rate=1e-2)
    run = TrainingRun(tmp_path / "p.checkpoint", {}, 1, "prior", progress=False)
    train_prior(prior, encodings, labels, steps, run)
    drawn = prior.sample(labels)
    assert float((drawn - mean).norm(dim=1).median()) < 0.6  # the places are 4.2 apart
    with torch.no_grad():
        density = prior.log_density(mean, labels)
        if density is not None:
            assert float(density.mean()) > float(prior.log_density(-mean, labels).mean()) + 3
