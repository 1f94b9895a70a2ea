"""A flow from noise to the parts of real examples: rectified flow matching with classifier-free guidance.

An example is P parts of D numbers each. Which of them are equal, its form, is left to others: equal parts come from
equal noise and stay equal on the way, since from different noise they would end a residue apart. Straight lines lead
from noise to examples; a network learns the velocity along them (Liu et al., "Flow Straight and Fast", 2022;
Lipman et al., "Flow Matching for Generative Modeling", 2022), and what it learned is integrated from noise (t = 0) to
an example (t = 1), or back. Nothing here knows what the parts are of.

Shapes: B examples, P parts, D numbers a part, Y labels, U units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FREQUENCIES = 64  # of the embedding of t
FASTEST = 500.0  # radians over t from 0 to 1: of the highest of them
RENEWED = 0.5  # share of the steps of `complete` that begin with new noise
STEPS = 16  # of the integration: two evaluations each, but the last


@dataclass(frozen=True)
class FlowSizes:
    """The widths of a velocity network."""

    parts: int
    width: int  # D
    labels: int  # Y
    units: int = 192  # U
    layers: int = 6
    heads: int = 6


class Layer(nn.Module):
    """Attention between the parts, then a network of each part, both modulated by time and labels (adaLN)."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(units, 3 * units)
        self.gather = nn.Linear(units, units)
        self.expand = nn.Linear(units, 4 * units)
        self.contract = nn.Linear(4 * units, units)
        self.modulation = nn.Linear(units, 6 * units)
        nn.init.zeros_(self.modulation.weight)  # every layer begins as the identity
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Return parts (B, P, U) given parts (B, P, U) and their context (B, U)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(context)[:, None].chunk(6, dim=-1)
        batch, parts, units = x.shape
        normal = F.layer_norm(x, (units,)) * (1 + scale1) + shift1
        heads = self.project(normal).reshape(batch, parts, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])  # (B, heads, P, U / heads)
        x = x + gate1 * self.gather(attended.transpose(1, 2).reshape(batch, parts, units))
        normal = F.layer_norm(x, (units,)) * (1 + scale2) + shift2
        return x + gate2 * self.contract(F.gelu(self.expand(normal), approximate="tanh"))


class VelocityField(nn.Module):
    """A transformer from parts on the way, the time and labels to the velocity."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.sizes = sizes
        units = sizes.units
        self.enter = nn.Linear(sizes.width, units)
        place = torch.empty(sizes.parts, units)
        if not place.is_meta:  # drawing there imports torch's compiler, which takes a second
            nn.init.normal_(place, std=0.02)
        self.place = nn.Parameter(place)
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, units), nn.SiLU(), nn.Linear(units, units))
        self.label = nn.Sequential(nn.Linear(sizes.labels, units), nn.SiLU(), nn.Linear(units, units))
        self.layers = nn.ModuleList(Layer(units, sizes.heads) for _ in range(sizes.layers))
        self.last = nn.Linear(units, 2 * units)
        self.leave = nn.Linear(units, sizes.width)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Return the velocity (B, P, D).

        Args:
            x: (B, P, D), between noise and an example.
            t: (B,), 0 for noise, 1 for an example.
            labels: (B, Y), all 0 where nothing is asked for.
        """
        frequencies = torch.exp(torch.linspace(0, math.log(FASTEST), FREQUENCIES, device=x.device))
        angles = t[:, None] * frequencies
        context = self.time(torch.cat([angles.sin(), angles.cos()], dim=-1)) + self.label(labels)
        context = F.silu(context)
        hidden = self.enter(x) + self.place
        for layer in self.layers:
            hidden = layer(hidden, context)
        shift, scale = self.last(context)[:, None].chunk(2, dim=-1)
        hidden = F.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
        return self.leave(hidden)


def flow_loss(field: VelocityField, examples: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the flow matching loss of examples (B, P, D) with labels (B, Y).

    Times are logit-normal: the middle of the way, where the velocity is hardest to know, comes most often.
    """
    noise = torch.randn(examples.shape, generator=generator)
    return velocity_loss(field, examples, labels, noise, torch.randn(len(examples), generator=generator))


def velocity_loss(field: VelocityField, examples: Tensor, labels: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """Return the flow matching loss for normal numbers that were drawn already.

    Args:
        noise: (B, P, D), where the ways to the examples begin.
        times: (B,), how far along: their sigmoid, from 0 to 1.
    """
    noise = tied(noise.to(examples), form_of(examples))
    t = torch.sigmoid(times).to(examples)
    x = torch.lerp(noise, examples, t[:, None, None])
    return F.mse_loss(field(x, t, labels).float(), examples - noise)


@torch.no_grad()
def surprise(field: VelocityField, parts: Tensor, labels: Tensor, *, times: int = 8, seed: int = 0) -> Tensor:
    """Return how unlike examples parts (B, P, D) are, (B,): the squared error of the velocity, on the way to them.

    The flow matching loss bounds their likelihood from above (Song et al., 2021, for diffusion). The same noise serves
    all, so that what is less surprising is more like an example.
    """
    source = torch.Generator().manual_seed(seed)
    noise = torch.randn(times, *parts.shape[1:], generator=source).to(parts)
    form, found = form_of(parts), []
    for number in range(times):
        t = parts.new_full((len(parts),), (number + 0.5) / times)
        tied_noise = tied(noise[number].expand_as(parts), form)
        velocity = field(torch.lerp(tied_noise, parts, t[0]), t, labels).float()
        found.append((velocity - (parts - tied_noise)).square().mean(dim=(1, 2)))
    return torch.stack(found).mean(dim=0)


def form_of(parts: Tensor) -> Tensor:
    """Return (B, P), for each of parts (B, P, D) the number of the first that is equal to it."""
    equal = (parts[:, :, None] == parts[:, None]).all(dim=-1)  # (B, P, P)
    return equal.to(torch.uint8).argmax(dim=-1)


def tied(values: Tensor, form: Tensor) -> Tensor:
    """Return values (B, P, D) of the first of equal parts for each of them, given a form (B, P)."""
    return values.gather(1, form[..., None].expand_as(values))


def guided(field: VelocityField, x: Tensor, t: Tensor, labels: Tensor, guidance: float) -> Tensor:
    """Return the velocity (B, P, D), with labels (B, Y) weighed by `guidance` (Ho and Salimans, 2022).

    1 takes the labels as they are, more makes them count for more, 0 ignores them.
    """
    if guidance == 1 or not labels.any():
        return field(x, t, labels).float()
    both = field(torch.cat([x, x]), torch.cat([t, t]), torch.cat([labels, torch.zeros_like(labels)])).float()
    asked, free = both.chunk(2)
    return torch.lerp(free, asked, guidance)


def integrate(
    field: VelocityField,
    x: Tensor,
    labels: Tensor,
    *,
    guidance: float = 1.0,
    steps: int = STEPS,
    span: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """Follow the velocity by Heun's method from noise (B, P, D) to examples; along the span (1, 0) back to noise."""
    times, form = torch.linspace(*span, steps + 1), form_of(x)
    for now, then in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        first = guided(field, x, x.new_full((len(x),), now), labels, guidance)
        ahead = x + (then - now) * tied(first, form)
        second = guided(field, ahead, x.new_full((len(x),), then), labels, guidance)
        x = x + (then - now) * tied(first + second, form) / 2
    return x


def complete(
    field: VelocityField,
    x: Tensor,
    labels: Tensor,
    known: Tensor,
    where: Tensor,
    generator: torch.Generator,
    *,
    guidance: float = 1.0,
    steps: int = STEPS,
    again: int = 2,
    renewed: Callable[[Tensor], Tensor] = lambda noise: noise,
) -> Tensor:
    """Follow the velocity from noise (B, P, D) to examples of which some parts are known.

    At each time the known parts are put where their straight lines lead, and the velocity of the others sees them
    there. To come to fit them, the others are guessed, made as noisy as they were and guessed again (Lugmayr et al.,
    "RePaint", 2022), but for the last times.

    Args:
        known: (B, P, D), examples; read where known.
        where: (B, P) bool, which parts are known.
        generator: source of the further noise.
        again: guesses at each time.
        renewed: through which new noise (B, P, D) goes.
    """
    form, noise = form_of(x), x
    for number in range(steps):
        now, then = number / steps, (number + 1) / steps
        for guess in range(again):
            velocity = tied(guided(field, x, x.new_full((len(x),), now), labels, guidance), form)
            example = torch.where(where[..., None], known, x + (1 - now) * velocity)
            last = guess == again - 1
            if not last or number < steps * RENEWED:
                noise = tied(renewed(torch.randn(x.shape, generator=generator).to(x)), form)
            else:
                noise = torch.where(where[..., None], noise, x - now * velocity)
            x = torch.lerp(noise, example, then if last else now)
    return torch.where(where[..., None], known, x)


def euler(field: VelocityField, x: Tensor, labels: Tensor, *, steps: int) -> Tensor:
    """Follow the mean velocities of a distilled network from noise (B, P, D) to examples, in so many equal steps."""
    form = form_of(x)
    for number in range(steps):
        velocity = field(x, x.new_full((len(x),), number / steps), labels).float()
        x = x + tied(velocity, form) / steps
    return x
