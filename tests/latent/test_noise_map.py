"""Affine maps of noise against Gaussians whose numbers are known."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from melodylc.latent.noise_map import NoiseMap


def gaussian(count, seed):
    """Return draws (count, 3) of a Gaussian, its mean and its covariance."""
    rng = np.random.default_rng(seed)
    mean, root = rng.normal(size=3), rng.normal(size=(3, 3))
    draws = mean + rng.normal(size=(count, 3)) @ root.T
    return torch.from_numpy(draws).float(), mean, root @ root.T


@given(st.integers(0, 100))
def test_the_map_of_many_parts_has_their_mean_and_covariance(seed):
    parts, mean, covariance = gaussian(20_000, seed)
    noise = NoiseMap.fitting(parts)
    np.testing.assert_allclose(noise.mean, mean, atol=0.1 * np.sqrt(covariance.trace()) + 0.02)
    np.testing.assert_allclose(noise.factor @ noise.factor.T, covariance, atol=0.1 * covariance.trace() + 0.02)


def test_few_parts_move_noise_a_little():
    parts, _, _ = gaussian(5, 1)
    few, one = NoiseMap.fitting(parts), NoiseMap.fitting(parts[:1])
    assert float((few.factor - torch.eye(3)).abs().max()) < 0.3
    assert float(one.mean.abs().max()) < 0.1


@given(st.integers(0, 100), st.floats(0, 1))
def test_back_is_the_inverse_and_an_amount_goes_a_share_of_the_way(seed, amount):
    whole = NoiseMap.fitting(gaussian(2000, seed)[0])
    noise = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(seed))
    part = whole.by(amount)
    torch.testing.assert_close(part(noise), torch.lerp(noise, whole(noise), amount), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(whole.back(whole(noise)), noise, atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(whole.by(0)(noise), noise)
