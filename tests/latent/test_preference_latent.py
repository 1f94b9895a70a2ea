"""Beliefs about a taste: against independent formulas, and on tastes that are known."""

import numpy as np
import pytest
import torch

from melodylc.latent.preference import SCALE, Belief, fit, settle


def test_without_answers_everything_is_even():
    belief = fit(np.zeros((0, 5)), np.zeros(0))
    x = np.random.default_rng(0).standard_normal((4, 5))
    np.testing.assert_allclose(belief.mean(x), np.zeros(4))
    np.testing.assert_allclose(belief.probability(x), np.full(4, 0.5))
    np.testing.assert_allclose(belief.variance(x), (x**2).sum(axis=1) * SCALE / 5)


def test_the_mode_is_the_penalised_logistic_regression():
    """Newton in the space of answers finds the weights that descent by torch finds in the space of dimensions."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4))
    liked = (x[:, 0] + 0.3 * x[:, 1] > 0).astype(float)
    relevance = np.array([2.0, 1.0, 0.5, 0.1])
    dual, certainty = settle(x, relevance, liked)
    w = torch.zeros(4, dtype=torch.double, requires_grad=True)
    lbfgs = torch.optim.LBFGS([w], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-12)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(liked)

    def closure():
        lbfgs.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ w, targets, reduction="sum")
        loss = loss + (w**2 / torch.from_numpy(relevance)).sum() / 2
        loss.backward()
        return loss

    lbfgs.step(closure)
    found = w.detach().numpy()
    np.testing.assert_allclose(relevance * (x.T @ dual), found, atol=1e-3, rtol=1e-3)
    # and the variance is that of Laplace's posterior, inverted there
    p = 1 / (1 + np.exp(-x @ found))
    covariance = np.linalg.inv(x.T @ ((p * (1 - p))[:, None] * x) + np.diag(1 / relevance))
    new = rng.standard_normal((6, 4))
    expected = ((new @ covariance) * new).sum(axis=1)
    belief = Belief(x, relevance, dual, certainty)
    np.testing.assert_allclose(belief.variance(new), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_dimension_that_matters(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((40, 30))
    belief = fit(x, (x[:, 7] > 0).astype(float))
    assert belief.relevance.argmax() == 7
    assert belief.relevance[7] / belief.relevance.sum() > 0.5
    unseen = rng.standard_normal((500, 30))
    assert ((belief.mean(unseen) > 0) == (unseen[:, 7] > 0)).mean() > 0.9


def test_answers_make_sure_and_unsure_is_worth_asking():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 6))
    few, many = fit(x[:5], (x[:5, 0] > 0).astype(float)), fit(x, (x[:, 0] > 0).astype(float))
    sure = np.array([[2.5, 0, 0, 0, 0, 0]])
    torn = np.array([[0.0, 2.5, 0, 0, 0, 0]])
    assert many.probability(sure) > 0.9
    assert few.information(torn) > many.information(sure)
    told = many.information(rng.standard_normal((100, 6)))
    assert ((told >= -1e-6) & (told <= 1)).all()
