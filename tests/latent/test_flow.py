"""Flows whose velocity is known, and a small one that is learned."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.latent.distillation import distillation_loss, trajectories
from melodylc.latent.flow import FlowSizes, VelocityField, euler, flow_loss, guided, integrate, merge_near_parts

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
        integrate(Known(0.7), there, torch.ones(3, 2), steps=32, backwards=True), x, rtol=1e-3, atol=1e-3
    )


def test_guidance_weighs_labels():
    x, t, labels = torch.randn(3, 4, 3), torch.rand(3), torch.tensor([[1.0, 2.0]]).expand(3, 2)
    for guidance in (0.0, 1.0, 2.5):
        torch.testing.assert_close(guided(Known(0.0), x, t, labels, guidance), torch.full_like(x, 3 * guidance))


def test_a_flow_is_learned_and_its_equal_parts_are_equal():
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
    noise = torch.randn(64, 4, 3, generator=source)
    asked = torch.tensor([[1.0, 0.0]]).expand(64, 2)
    with torch.no_grad():
        drawn = integrate(field, noise, asked)
        free = integrate(field, noise, torch.zeros(64, 2))
    assert (drawn - 1).abs().mean() < 0.2
    assert 0.2 < (free > 0).float().mean() < 0.8  # both, where nothing is asked for
    merged = merge_near_parts(drawn, 1.0)
    assert (merged == merged[:, :1]).all(dim=(1, 2)).float().mean() > 0.9


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(0.0, 3.0))
def test_merged_parts_are_parts_that_were_there(seed, nearest):
    parts = torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(seed))
    merged = merge_near_parts(parts, nearest)
    for row, before in zip(merged, parts, strict=True):
        distances = torch.cdist(row, before)
        assert (distances.min(dim=1).values == 0).all()
        assert ((row - before).norm(dim=-1) < max(nearest, 1e-9)).all() or nearest == 0
    assert torch.equal(merge_near_parts(parts, 0.0), parts)


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
