"""Distilling the flow of a prior to the two steps that drawing can afford."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc.base.progress import bar as bar_of
from melodylc.latent.distillation import distillation_loss, trajectories
from melodylc.latent.flow import VelocityField, tied
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.precision import half_precision
from melodylc.prior.examples import Examples
from melodylc.prior.requests import random_attributes

AT_ONCE = 256  # draws that the flow is followed from, which bounds the memory for activations
LARGEST_NORM = 1.0


@dataclass(frozen=True)
class DistillingSettings:
    """How a flow is distilled."""

    draws: int = 16_000  # that the flow is followed from
    steps: int = 2  # of the student
    flow_steps: int = 5  # of Heun's method for each of them
    guidance: float = 3.0
    free: float = 0.3  # share of the draws that nothing is asked of
    random: float = 0.35  # share that is asked for what `random_attributes` says; the others for what a melody has
    training: int = 2500  # steps
    batch: int = 96
    learning_rate: float = 4e-4
    decay: float = 0.5
    average: float = 0.998


def random_labels(examples: Examples, settings: DistillingSettings, count: int, rng: np.random.Generator) -> Tensor:
    """Draw labels (count, Y): none, of random requests, and of requests that melodies satisfy."""
    _, labels = examples.draw(count, rng)
    kind = rng.random(count)
    labels[torch.from_numpy(kind < settings.free)] = 0
    for row in np.flatnonzero((kind >= settings.free) & (kind < settings.free + settings.random)):
        labels[row] = random_attributes(rng).labels()
    return labels


def distil(
    field: VelocityField, examples: Examples, settings: DistillingSettings, *, seed: int = 0, progress: bool = True
) -> VelocityField:
    """Return a network that goes where a flow goes, in few steps; guidance is part of it."""
    rng = np.random.default_rng([seed, 3])
    source = torch.Generator().manual_seed(seed)
    places, labels = _followed(field, examples, settings, rng, source, progress)
    device = next(field.parameters()).device
    student = deepcopy(field).train().requires_grad_(True)
    average = MovingAverage(student)
    optimiser = torch.optim.AdamW(student.parameters(), settings.learning_rate, weight_decay=0.0, fused=True)
    with bar_of(settings.training, unit="step", desc="distil", show=progress) as bar:
        for step in range(settings.training):
            rate = final_decay(step, settings.training, settings.decay)
            set_learning_rate(optimiser, settings.learning_rate * rate)
            chosen = torch.randint(len(labels), (settings.batch,), generator=source)
            with half_precision(device):
                loss = distillation_loss(student, places[:, chosen].float().to(device), labels[chosen].to(device))
            descend(optimiser, loss, LARGEST_NORM)
            average.follow(student, min(settings.average, (step + 1) / (step + 10)))
            bar.update()
    return average.snapshot()


def _followed(
    field: VelocityField,
    examples: Examples,
    settings: DistillingSettings,
    rng: np.random.Generator,
    source: torch.Generator,
    progress: bool,
) -> tuple[Tensor, Tensor]:
    """Return places on the flow (S + 1, N, P, D), in half precision, and the labels (N, Y) they were made for."""
    sizes, device = field.sizes, next(field.parameters()).device
    labels = random_labels(examples, settings, settings.draws, rng)
    labels = labels[labels.any(dim=1).int().argsort()]  # those that nothing is asked of need no guidance: half the time
    found, forms = [], examples.forms()
    with bar_of(settings.draws, unit="draw", desc="follow the flow", show=progress) as bar, half_precision(device):
        for part in labels.split(AT_ONCE):
            noise = torch.randn(len(part), sizes.parts, sizes.width, generator=source)
            chosen = torch.randint(len(forms), (len(part),), generator=source)
            noise = tied(noise, forms[chosen])
            places = trajectories(
                field,
                noise.to(device),
                part.to(device),
                guidance=settings.guidance,
                steps=settings.flow_steps,
                stored=settings.steps,
            )
            found.append(places.half().cpu())
            bar.update(len(part))
    return torch.cat(found, dim=1), labels
