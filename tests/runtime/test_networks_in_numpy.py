"""The networks in numpy against those in torch, which are what is trained: any sizes, any weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.base.seeds import NumpySource
from melodylc.latent import flow as torch_flow
from melodylc.latent.flow import FlowSizes
from melodylc.latent.slerp import slerp as torch_slerp
from melodylc.melody import STATES
from melodylc.runtime import flow, shapes
from melodylc.runtime.choosing import gumbel_noise
from melodylc.runtime.networks import MelodyVAE
from melodylc.runtime.prior import slerp
from melodylc.runtime.sizes import Sizes
from melodylc.vae import decoding
from melodylc.vae import model as torch_vae

WIDTHS = st.integers(1, 7)
SIZES = st.builds(Sizes, WIDTHS, WIDTHS, WIDTHS, WIDTHS, WIDTHS, WIDTHS, WIDTHS)
FLOWS = st.builds(
    lambda parts, width, labels, heads, each, layers: FlowSizes(parts, width, labels, heads * each, layers, heads),
    WIDTHS,
    WIDTHS,
    WIDTHS,
    st.integers(1, 3),
    st.integers(4, 6),  # two units that are nearly equal are normalised to anything
    st.integers(1, 3),
)


def arrays(network):
    return {name: value.detach().numpy() for name, value in network.state_dict().items()}


def large(network, seed):
    """The network with weights so large that nonlinearities leave their linear part, and numbers keep their size."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=source) / parameter.shape[-1] ** 0.5)
    return network.eval().requires_grad_(False)


def close(found, expected):
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)


@settings(max_examples=25)
@given(SIZES, st.integers(0, 1 << 30))
def test_a_vae_in_numpy_computes_what_it_does_in_torch(sizes, seed):
    vae, rng = large(torch_vae.MelodyVAE(sizes), seed), np.random.default_rng(seed)
    weights = arrays(vae)
    shapes.check({name: value.shape for name, value in weights.items()}, shapes.of_vae(sizes))
    own = MelodyVAE(weights, 0.0)
    states = rng.integers(0, STATES, (3, 256)).astype(np.uint8)
    mean, sigma = own.encoder.encode(states)
    close(mean, vae.encode(torch.from_numpy(states)).mean)
    close(sigma, vae.encode(torch.from_numpy(states)).sigma)
    z = rng.standard_normal((3, sizes.latent), np.float32)
    close(own.conductor(z), vae.conductor(torch.from_numpy(z)))
    close(own.logits(z, states), vae.logits(torch.from_numpy(z), torch.from_numpy(states)))


@pytest.mark.parametrize("count", [1, 3, 6])  # 1, 3 and 6 rows in conductors; 16, 48 and 96 in bar decoders
def test_wide_networks_compute_what_they_do_in_torch(count):
    """Whose products are made in parts, other parts for few rows than for many."""
    sizes = Sizes(6, 128, 192, 20, 1024, 64, 80)
    vae, rng = large(torch_vae.MelodyVAE(sizes), 0), np.random.default_rng(count)
    own = MelodyVAE(arrays(vae), 0.0)
    z = rng.standard_normal((count, sizes.latent), np.float32)
    close(own.conductor(z), vae.conductor(torch.from_numpy(z)))
    states = own.decode(z, 0.0, NumpySource(0), None)
    close(own.encoder.encode(states)[0], vae.encode(torch.from_numpy(states)).mean)
    np.testing.assert_array_equal(states, decoding.decode(vae, torch.from_numpy(z), temperature=0.0))
    assert len(np.unique(states)) > 3


@pytest.mark.parametrize("distance", [0.0, 2.0])
@pytest.mark.parametrize("temperature", [0.0, 0.5])
@pytest.mark.parametrize("masked", ["nothing", "states", "steps"])
def test_melodies_of_both_are_the_same(distance, temperature, masked):
    sizes = Sizes(8, 6, 10, 12, 9, 5, 4)
    vae, rng = large(torch_vae.MelodyVAE(sizes), 1), np.random.default_rng(2)
    vae.equal_within = distance
    shape = {"nothing": (), "states": (STATES,), "steps": (256, STATES)}[masked]
    allowed = None if masked == "nothing" else rng.random(shape) < 0.5
    z = rng.standard_normal((70, sizes.latent), np.float32)  # more than are decoded at once
    found = MelodyVAE(arrays(vae), distance).decode(z, temperature, NumpySource(3), allowed)
    expected = decoding.decode(
        vae,
        torch.from_numpy(z),
        temperature=temperature,
        generator=torch.Generator().manual_seed(3),
        allowed_states=allowed,
    )
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found, axis=0)) > 30


@settings(max_examples=25)
@given(FLOWS, st.integers(0, 1 << 30))
def test_a_flow_in_numpy_goes_where_it_does_in_torch(sizes, seed):
    field, rng = large(torch_flow.VelocityField(sizes), seed), np.random.default_rng(seed)
    weights = arrays(field)
    expected = shapes.of_field(**vars(sizes))
    shapes.check({name: value.shape for name, value in weights.items()}, expected)
    own = flow.VelocityField(weights, sizes.heads)
    form = np.minimum(rng.integers(0, sizes.parts, (3, sizes.parts)), np.arange(sizes.parts))
    form = np.take_along_axis(form, form, axis=1) if sizes.parts < 3 else np.zeros_like(form)
    noise = flow.tied(rng.standard_normal((3, sizes.parts, sizes.width), np.float32), form)
    labels = rng.standard_normal((3, sizes.labels), np.float32)
    x, y = torch.from_numpy(noise), torch.from_numpy(labels)
    close(own(noise, 0.3, labels), field(x, torch.full((3,), 0.3), y))
    close(flow.euler(own, noise, labels, steps=2), torch_flow.euler(field, x, y, steps=2))
    found = flow.integrate(own, noise, labels, guidance=1.5, steps=2)
    np.testing.assert_allclose(found, torch_flow.integrate(field, x, y, guidance=1.5, steps=2), rtol=1e-3, atol=1e-3)


def test_parts_that_are_known_stay_in_both():
    sizes = FlowSizes(4, 3, 2, 6, 2, 2)
    field, rng = large(torch_flow.VelocityField(sizes), 0), np.random.default_rng(0)
    noise, known = rng.standard_normal((2, 5, 4, 3), np.float32)
    where, labels = rng.random((5, 4)) < 0.5, rng.standard_normal((5, 2), np.float32)
    found = flow.complete(
        flow.VelocityField(arrays(field), 2), noise, labels, known, where, NumpySource(1), guidance=2.0, steps=4
    )
    expected = torch_flow.complete(
        field,
        *(torch.from_numpy(each) for each in (noise, labels, known, where)),
        torch.Generator().manual_seed(1),
        guidance=2.0,
        steps=4,
    )
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-2)  # guided, last bits grow at each step
    np.testing.assert_array_equal(found[where], known[where])


@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=5))
def test_forms_of_both_are_the_same(rows):
    parts = np.array(rows, np.float32)[..., None] * np.array([1.0, -2.0], np.float32)
    form = flow.form_of(parts)
    np.testing.assert_array_equal(form, torch_flow.form_of(torch.from_numpy(parts)))
    np.testing.assert_array_equal(flow.tied(parts, form), parts)


@given(st.integers(0, 1000), st.floats(0, 1))
def test_arcs_of_both_are_the_same(seed, share):
    a, b = np.random.default_rng(seed).standard_normal((2, 3, 8), np.float32)
    close(slerp(a, b, share), torch_slerp(torch.from_numpy(a), torch.from_numpy(b), share))
    np.testing.assert_allclose(slerp(a, a, share), a, rtol=1e-5, atol=1e-6)


def test_noise_draws_states_as_they_are_likely():
    logits = np.full(STATES, -np.inf)
    logits[[3, 60, 129]] = np.log([0.2, 0.3, 0.5])
    noise = gumbel_noise(3000, 2.0, NumpySource(0))  # (3000, 16, 130)
    assert np.isfinite(noise).all()
    drawn = (2 * logits + noise).argmax(axis=-1)  # softmax(2 logits / 2)
    shares = [(drawn == state).mean() for state in (3, 60, 129)]
    np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.01)  # five standard errors of 48,000


def test_weights_of_other_shapes_are_named():
    expected = shapes.of_field(2, 3, 4, 6, 1, 2)
    with pytest.raises(ValueError, match=r"place of shape \(9, 6\), expected \(2, 6\)"):
        shapes.check({**expected, "place": (9, 6)}, expected)
    with pytest.raises(ValueError, match="more of shape"):
        shapes.check({**expected, "more": (1,)}, expected)
    with pytest.raises(ValueError, match="6 units for 4 heads"):
        shapes.of_field(2, 3, 4, 6, 1, 4)
