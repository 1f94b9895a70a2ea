"""Random numbers without torch are those of torch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melodylc import UserError
from melodylc.base.seeds import NumpySource, state_for, state_of
from melodylc.latent.sources import TorchSource
from melodylc.model import generator

DRAWS = st.one_of(
    st.tuples(st.just("uniform"), st.integers(0, 40), st.integers(1, 5)),
    st.tuples(st.just("normal"), st.integers(16, 60), st.integers(1, 5)),
    st.tuples(st.just("integers"), st.integers(1, 10_000), st.integers(0, 40)),
)


@given(st.integers(0, 2**63 - 1), st.lists(DRAWS, max_size=6))
def test_what_is_drawn_is_what_torch_draws(state, draws):
    """Whatever was drawn before."""
    own, other = NumpySource(state), TorchSource(torch.Generator().manual_seed(state))
    for name, *given_numbers in draws:
        found, expected = (getattr(source, name)(*given_numbers) for source in (own, other))
        if name == "normal":
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)
        else:
            np.testing.assert_array_equal(found, expected)
        assert found.shape == expected.shape


def test_numbers_are_of_their_distribution():
    drawn = NumpySource(1).normal(100, 1000)
    np.testing.assert_allclose([drawn.mean(), drawn.std()], [0, 1], atol=0.01)  # three standard errors
    assert drawn.dtype == np.float32


def test_streams_of_a_seed_are_others():
    assert state_of(3, 0) != state_of(3, 1)
    assert state_of(3, 1) == state_of(3, 1)
    assert state_of(None) != state_of(None)
    source = generator(3, 1)
    assert source is not None
    assert source.initial_seed() == state_of(3, 1)
    with pytest.raises(UserError, match="seed: expected a whole number"):
        state_of(-1)


def test_noise_of_other_last_bits_determines_the_same():
    noise = NumpySource(0).normal(4, 16)
    assert state_for(noise) == state_for(noise * np.float32(1 + 1e-6))
    assert state_for(noise) != state_for(-noise)
