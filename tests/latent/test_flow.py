"""Flows whose velocity is known, and a small one that is learned."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.latent.distillation import distillation_loss, trajectories
from melodylc.latent.flow import FlowSizes, VelocityField, euler, flow_loss, form_of, guided, integrate, surprise, tied
from melodylc.latent.slerp import slerp

SIZES = FlowSizes(parts=4, width=3, labels=2, units=24, layers=2, heads=2)


class Known(torch.nn.Module):
    """The velocity of a flow that moves by the sum of its labels, and grows as exp(rate t)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x, t, labels):
        return self.rate * x + labels.sum(dim=1)[:, None, None]


def test_a_network_begins_without_velocity():
    field = VelocityField(SIZES)
    assert not field(torch.randn(5, 4, 3), torch.rand(5), torch.rand(5, 2)).any()


def test_integration_is_heuns():
    x = torch.randn(3, 4, 3)
    found = integrate(Known(1.0), x, torch.zeros(3, 2), steps=1)
    torch.testing.assert_close(found, 2.5 * x)  # 1 + h + h^2 / 2 with h = 1
    torch.testing.assert_close(integrate(Known(1.0), x, torch.zeros(3, 2), steps=64), torch.e * x, rtol=1e-3, atol=1e-3)


def test_back_from_where_it_led():
    x = torch.randn(3, 4, 3)
    there = integrate(Known(0.7), x, torch.ones(3, 2), steps=32)
    torch.testing.assert_close(
        integrate(Known(0.7), there, torch.ones(3, 2), steps=32, span=(1.0, 0.0)), x, rtol=1e-3, atol=1e-3
    )


def test_guidance_weighs_labels():
    x, t, labels = torch.randn(3, 4, 3), torch.rand(3), torch.tensor([[1.0, 2.0]]).expand(3, 2)
    for guidance in (0.0, 1.0, 2.5):
        torch.testing.assert_close(guided(Known(0.0), x, t, labels, guidance), torch.full_like(x, 3 * guidance))


def test_a_flow_is_learned():
    """Examples are one of two constants in all parts, by label: draws are near the one that is asked for."""
    torch.manual_seed(0)
    field, source = VelocityField(SIZES), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(field.parameters(), 3e-3)
    for _ in range(250):
        sign = (torch.rand(64, generator=source) < 0.5).float() * 2 - 1
        labels = torch.stack([(sign > 0).float(), (sign < 0).float()], dim=1)
        labels[torch.rand(64, generator=source) < 0.2] = 0
        loss = flow_loss(field, sign[:, None, None].expand(64, 4, 3), labels, source)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    noise = torch.randn(64, 1, 3, generator=source).expand(64, 4, 3)
    asked = torch.tensor([[1.0, 0.0]]).expand(64, 2)
    with torch.no_grad():
        drawn = integrate(field, noise, asked)
        free = integrate(field, noise, torch.zeros(64, 2))
    assert (drawn - 1).abs().mean() < 0.2
    assert 0.2 < (free > 0).float().mean() < 0.8  # both, where nothing is asked for
    examples, nothing = torch.ones(8, 4, 3), torch.zeros(8, 2)
    assert (surprise(field, examples, asked[:8]) < surprise(field, -examples, asked[:8])).all()
    assert (surprise(field, examples, nothing) < surprise(field, 3 * examples, nothing)).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=5))
def test_a_form_names_the_first_of_equal_parts(rows):
    parts = torch.tensor(rows, dtype=torch.float32)[..., None] * torch.tensor([1.0, -2.0])
    assert form_of(parts).tolist() == [[row.index(value) for value in row] for row in rows]
    assert torch.equal(tied(parts, form_of(parts)), parts)


def test_parts_that_begin_equal_end_equal():
    """The places of parts differ in the network, so their velocities do."""
    torch.manual_seed(0)
    field = VelocityField(SIZES)
    for weight in field.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    form = torch.tensor([[0, 1, 0, 0], [0, 1, 2, 3], [0, 0, 2, 2]])
    noise, labels = tied(torch.randn(3, 4, 3), form), torch.rand(3, 2)
    free = field(noise, torch.rand(3), labels)
    assert not torch.equal(free, tied(free, form))
    for drawn in (
        integrate(field, noise, labels, guidance=2.0, steps=3),
        integrate(field, noise, labels, steps=3, span=(1.0, 0.0)),
        euler(field, noise, labels, steps=2),
        trajectories(field, noise, labels, guidance=1.5, steps=2, stored=2)[1],
    ):
        assert torch.equal(form_of(drawn), form)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_slerp_stays_on_the_shell(seed, share):
    a, b = torch.nn.functional.normalize(torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)
    found = slerp(a, b, share)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(3), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        (found * a).sum(-1).clamp(-1, 1).arccos(), share * (a * b).sum(-1).arccos(), rtol=1e-2, atol=2e-3
    )
    assert torch.equal(slerp(a, a, share), a)


def test_a_student_that_knows_the_mean_velocities_arrives():
    noise, labels = torch.randn(6, 4, 3), torch.rand(6, 2)
    places = trajectories(Known(0.5), noise, labels, guidance=1.0, steps=8, stored=2)
    assert places.shape == (3, 6, 4, 3)
    torch.testing.assert_close(places[-1], integrate(Known(0.5), noise, labels, steps=16))

    class Told(torch.nn.Module):
        def forward(self, x, t, y):
            step = (2 * t).round().long()
            row = torch.arange(len(x)) % 6
            return 2 * (places[step + 1, row] - places[step, row])

    assert distillation_loss(Told(), places, labels) < 1e-9
    torch.testing.assert_close(euler(Told(), noise, labels, steps=2), places[-1])
