"""What chooses states in place is what computes them with gradients, in double precision, where no sum is in doubt."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.melody import BARS, STATES, STEPS_PER_BAR
from melodylc.vae import decoding
from melodylc.vae.choosing import choose
from melodylc.vae.decoding import decode, decode_bars, gumbel_noise
from melodylc.vae.model import BarDecoder, MelodyVAE
from melodylc.vae.presets import Sizes

SIZES = Sizes(latent=6, encoder=11, conductor=10, embedding=7, decoder=9)  # flat: it computes in the precision given


def sharp(network):
    """The network with larger weights than at the start, so that what it chooses varies."""
    for parameter in network.parameters():
        parameter.requires_grad_(False).mul_(3)
    return network.eval()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), rows=st.integers(1, 9), noisy=st.booleans())
def test_the_states_are_those_of_the_differentiable_decoder(seed, rows, noisy):
    torch.manual_seed(seed)
    decoder = sharp(BarDecoder(SIZES)).double()
    embeddings = torch.randn(rows, SIZES.embedding).double()
    bias = torch.randn(rows, STEPS_PER_BAR, STATES).double() if noisy else None
    expected, _ = decode_bars(decoder, embeddings, bias)
    chosen = choose(decoder, embeddings, bias)
    assert torch.equal(chosen, expected)
    assert not noisy or len(chosen.unique()) > 1


def test_nothing_that_was_given_is_changed():
    torch.manual_seed(0)
    decoder, embeddings = sharp(BarDecoder(SIZES)), torch.randn(5, SIZES.embedding)
    before = [value.clone() for value in (*decoder.parameters(), embeddings)]
    assert torch.equal(choose(decoder, embeddings, None), choose(decoder, embeddings, None))
    assert all(torch.equal(a, b) for a, b in zip((*decoder.parameters(), embeddings), before, strict=True))


@pytest.fixture
def vae():
    torch.manual_seed(2)
    model = sharp(MelodyVAE(SIZES)).double()
    model.equal_within = 1.0  # so that some bars of a melody are equal, and some are not
    return model


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("shape", [None, (STATES,), (BARS * STEPS_PER_BAR, STATES)])
@pytest.mark.parametrize("at_once", [1, 4, 64])
def test_equal_bars_are_decoded_once_and_come_out_as_if_each_were(vae, temperature, shape, at_once, monkeypatch):
    """Whatever is forbidden, for all steps or each, and however many melodies are decoded at once."""
    z = torch.randn(9, SIZES.latent, generator=torch.Generator().manual_seed(3)).double()
    allowed = None if shape is None else np.random.default_rng(0).random(shape) < 0.5
    source = torch.Generator().manual_seed(4)
    monkeypatch.setattr(decoding, "AT_ONCE", at_once)
    monkeypatch.setattr(decoding, "canonical", lambda states: states)
    found = decode(vae, z, temperature=temperature, generator=source, allowed_states=allowed)

    bars = decoding.merged(vae.conductor(z).double(), vae.equal_within)
    assert 0 < (decoding.form_of(bars) != torch.arange(BARS)).float().mean() < 0.9
    bias = torch.zeros(9, BARS, STEPS_PER_BAR, STATES).double()
    if temperature:
        bias += gumbel_noise(9, temperature, torch.Generator().manual_seed(4))[:, None]
    if allowed is not None:
        each = np.broadcast_to(allowed, (BARS * STEPS_PER_BAR, STATES)).reshape(BARS, STEPS_PER_BAR, STATES)
        bias.masked_fill_(~torch.from_numpy(each.copy()), -torch.inf)
    expected, _ = decode_bars(vae.decoder, bars.flatten(0, 1), bias.flatten(0, 1))
    np.testing.assert_array_equal(found, expected.reshape(9, -1).numpy())
