"""Beliefs about a taste: against independent formulas, and on tastes that are known."""

import pytest
import torch

from melodylc.latent.preference import SCALE, Belief, fit, settle


def test_without_answers_everything_is_even():
    belief = fit(torch.zeros(0, 5, dtype=torch.double), torch.zeros(0, dtype=torch.double))
    x = torch.randn(4, 5, dtype=torch.double)
    torch.testing.assert_close(belief.mean(x), torch.zeros(4, dtype=torch.double))
    torch.testing.assert_close(belief.probability(x), torch.full((4,), 0.5, dtype=torch.double))
    torch.testing.assert_close(belief.variance(x), (x**2).sum(dim=1) * SCALE / 5)


def test_the_mode_is_the_penalised_logistic_regression():
    """Newton in the space of answers finds the weights that descent finds in the space of dimensions."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 4, dtype=torch.double, generator=generator)
    liked = (x[:, 0] + 0.3 * x[:, 1] > 0).double()
    relevance = torch.tensor([2.0, 1.0, 0.5, 0.1], dtype=torch.double)
    dual, certainty = settle(x, relevance, liked)
    w = torch.zeros(4, dtype=torch.double, requires_grad=True)
    lbfgs = torch.optim.LBFGS([w], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-12)

    def closure():
        lbfgs.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, liked, reduction="sum")
        loss = loss + (w**2 / relevance).sum() / 2
        loss.backward()
        return loss

    lbfgs.step(closure)
    torch.testing.assert_close(relevance * (x.T @ dual), w.detach(), atol=1e-3, rtol=1e-3)
    # and the variance is that of Laplace's posterior, inverted there
    p = torch.sigmoid(x @ w.detach())
    covariance = torch.linalg.inv(x.T @ ((p * (1 - p))[:, None] * x) + torch.diag(1 / relevance))
    new = torch.randn(6, 4, dtype=torch.double, generator=generator)
    expected = ((new @ covariance) * new).sum(dim=1)
    belief = Belief(x, relevance, dual, certainty)
    torch.testing.assert_close(belief.variance(new), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_dimension_that_matters(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(40, 30, dtype=torch.double, generator=generator)
    belief = fit(x, (x[:, 7] > 0).double())
    assert int(belief.relevance.argmax()) == 7
    assert float(belief.relevance[7] / belief.relevance.sum()) > 0.5
    unseen = torch.randn(500, 30, dtype=torch.double, generator=generator)
    assert float(((belief.mean(unseen) > 0) == (unseen[:, 7] > 0)).double().mean()) > 0.9


def test_answers_make_sure_and_unsure_is_worth_asking():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 6, dtype=torch.double, generator=generator)
    few, many = fit(x[:5], (x[:5, 0] > 0).double()), fit(x, (x[:, 0] > 0).double())
    sure = torch.tensor([[2.5, 0, 0, 0, 0, 0]], dtype=torch.double)
    torn = torch.tensor([[0.0, 2.5, 0, 0, 0, 0]], dtype=torch.double)
    assert float(many.probability(sure)) > 0.9
    assert float(few.information(torn)) > float(many.information(sure))
    told = many.information(torch.randn(100, 6, dtype=torch.double, generator=generator))
    assert ((told >= -1e-6) & (told <= 1)).all()
