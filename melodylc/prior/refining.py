"""Refining a distilled prior: its draws come to decode to what they are drawn for, and stay what they were otherwise.

A flow knows the bars of melodies with an attribute, but z holds bars within a few steps only, and one wrong note breaks
a key. So the network that draws is taught further by what the decoder makes of its draws: the paper's conditional actor
(section 4), with equation 3's distance from the draws as they were. Draws that nothing is asked of come nearer to real
melodies, as a whole: the paper's realism constraint (section 3). Equal bars stay equal, as they come from equal noise.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc import plausibility
from melodylc.base import numbers
from melodylc.base.progress import bar as bar_of
from melodylc.latent.flow import VelocityField, euler
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.precision import half_precision
from melodylc.latent.stopping import interruptible
from melodylc.melody import BARS, HOLD
from melodylc.model import Model, generator
from melodylc.prior import decoder_cost
from melodylc.prior.asked_for import satisfied_by
from melodylc.prior.likeness import Likeness
from melodylc.prior.realistic import RealisticPrior
from melodylc.prior.requests import random_attributes
from melodylc.vae.decoding import free_run, gumbel_noise

AT_ONCE = 256  # draws made together, which bounds the memory
RENEWED_EVERY, STORED_EVERY = 20, 100  # steps
LARGEST_NORM = 1.0
BETAS = (0.9, 0.99)
DECAY, LAST_RATE = 1 / 3, 0.05  # the learning rate falls over the last third of the steps, to a twentieth


@dataclass(frozen=True)
class RefiningSettings:
    """How a distilled prior is refined."""

    steps: int = 1500
    batch: int = 96
    learning_rate: float = 3e-4
    average: float = 0.99  # decay of the moving average, a step
    pool: int = 2048  # draws as they were, that batches are taken from
    fresh: int = 128  # of them replaced every 20 steps
    free: float = 0.5  # share of them that nothing is asked of
    distance: float = 0.25  # weight of the squared distance from the draws as they were, in units of their bars
    distance_free: float = 0.2  # the same where nothing is asked for
    likeness: float = 10.0  # weight of the distance of these from real melodies, as a whole
    unplayed: float = 0.5  # weight of notes of the scale that are not played


@dataclass(frozen=True, eq=False)
class _Draws:
    """Draws of a prior as it was: noise (B, P, D), labels (B, Y), bars (B, P, D) and numbers of notes (B,)."""

    noise: Tensor
    labels: Tensor
    bars: Tensor
    notes: Tensor

    def take(self, rows: Tensor) -> _Draws:
        return _Draws(self.noise[rows], self.labels[rows], self.bars[rows], self.notes[rows])

    def before(self, others: _Draws) -> _Draws:
        """Return these draws and others behind them, as many in all as the others are."""
        pairs = ((getattr(self, name), getattr(others, name)) for name in ("noise", "labels", "bars", "notes"))
        return _Draws(*(torch.cat(pair)[: len(others.notes)] for pair in pairs))


class _Refining:
    """A student in the middle of being refined."""

    def __init__(self, model: Model, settings: RefiningSettings, seed: int) -> None:
        prior = model.realistic
        assert prior is not None, "expected a model with a realistic prior"
        assert prior.student is not None, "expected a distilled prior"
        self.model, self.prior, self.before, self.settings = model, prior, prior.student, settings
        self.bounds = plausibility.bounds(model)
        self.student = deepcopy(self.before).train().requires_grad_(True)
        self.average = MovingAverage(self.student)
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(), settings.learning_rate, betas=BETAS, weight_decay=0.0, fused=True
        )
        source = generator(seed, 7)
        assert source is not None
        self.source, self.rng = source, np.random.default_rng([seed, 7])
        self.likeness = Likeness(model.bank.states, model.device)
        self.pool = self.draw(settings.pool)

    def bars(self, student: VelocityField, noise: Tensor, labels: Tensor) -> Tensor:
        """Return the bars (B, P, D) that a student makes of noise (B, P, D)."""
        with half_precision(self.model.device):
            return euler(student, noise, labels, steps=self.prior.card["student_steps"])

    @torch.no_grad()
    def draw(self, count: int) -> _Draws:
        """Make draws of the prior as it was, for requests at random."""
        device = self.model.device
        noise = self.prior.noise(count, self.source, self.source).reshape(count, BARS, -1)
        labels = torch.stack([random_attributes(self.rng).labels() for _ in range(count)])
        labels[torch.rand(count, generator=self.source) < self.settings.free] = 0
        bars, notes = [], []
        for part, wanted in zip(noise.split(AT_ONCE), labels.split(AT_ONCE), strict=True):
            bars.append(self.bars(self.before, part.to(device), wanted.to(device)).cpu())
            melodies = self.model.decode_quickly(self.prior.latent(bars[-1].to(device)).cpu(), generator=self.source)
            notes.append(torch.from_numpy((melodies < HOLD).sum(axis=1)).float())
        return _Draws(noise, labels, torch.cat(bars), torch.cat(notes))

    @torch.no_grad()
    def renew(self) -> dict[str, float]:
        """Replace some of the draws of the pool; returns how many of the new ones are kept as they are made now."""
        fresh, device = self.draw(self.settings.fresh), self.model.device
        self.pool = fresh.before(self.pool)
        asked = fresh.labels.any(dim=1)
        bars = self.bars(self.average.network, fresh.noise[asked].to(device), fresh.labels[asked].to(device))
        melodies = self.model.decode_quickly(self.prior.latent(bars).cpu(), generator=self.source)
        satisfied, plausible = satisfied_by(melodies, fresh.labels[asked]), self.bounds.plausible(melodies)
        return {"kept": float((satisfied & plausible).mean()), "plausible": float(plausible.mean())}

    def step(self, number: int) -> dict[str, float]:
        """Make one step; returns what the draws cost, and how far they went."""
        settings, device = self.settings, self.model.device
        rate = final_decay(number, settings.steps, DECAY, LAST_RATE)
        set_learning_rate(self.optimiser, settings.learning_rate * rate)
        chosen = self.pool.take(torch.randint(len(self.pool.notes), (settings.batch,), generator=self.source))
        labels = chosen.labels.to(device)
        bars = self.bars(self.student, chosen.noise.to(device), labels)
        states, logits = self.decoded(bars)
        cost = decoder_cost.cost(logits, states, labels, chosen.notes.to(device), self.bounds)
        unplayed = torch.log1p(decoder_cost.unplayed(logits, states, labels))
        distance = F.mse_loss(bars, chosen.bars.to(device), reduction="none").mean(dim=(1, 2))
        asked = labels.any(dim=1)
        weight = torch.where(asked, settings.distance, settings.distance_free)
        each = cost + settings.unplayed * unplayed + weight * distance
        unlike = self.unlike(states[~asked], logits[~asked])
        descend(self.optimiser, each.mean() + settings.likeness * unlike, LARGEST_NORM)
        self.average.follow(self.student, min(settings.average, (number + 1) / (number + 10)))
        found = {"cost": cost[asked], "unplayed": unplayed[asked], "unlike": unlike}
        found |= {"distance": distance[asked], "distance free": distance[~asked]}
        return {name: float(values.detach().mean()) for name, values in found.items()}

    def unlike(self, states: Tensor, logits: Tensor) -> Tensor:
        """Return how far draws that nothing was asked of, (B, L) and (B, L, V), are from real melodies."""
        return self.likeness.distance(states, logits) if len(states) > 1 else logits.new_zeros(())

    def decoded(self, bars: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states (B, L) of bars (B, P, D), and their logits (B, L, V), divided by the temperature."""
        temperature = self.model.temperature
        noise = gumbel_noise(len(bars), temperature, self.source).to(bars.device)
        with half_precision(self.model.device):
            states, logits = free_run(self.model.vae, self.prior.latent(bars), noise)
        return states, logits / temperature


def refine(
    model: Model, settings: RefiningSettings = RefiningSettings(), *, seed: int = 0, progress: bool = True
) -> RealisticPrior:
    """Return the prior of a model, its draws refined; Ctrl-C keeps what there is."""
    numbers.seed(seed)
    refining = _Refining(model, settings, seed)
    curve: list[dict[str, float]] = []
    done = 0
    with (
        interruptible(lambda: done > 0),
        bar_of(settings.steps, unit="step", desc="refine", show=progress) as bar,
    ):
        for number in range(settings.steps):
            figures = refining.step(number)
            done += 1
            if done % RENEWED_EVERY == 0:
                figures |= refining.renew()
                bar.set_postfix({name: f"{value:.2f}" for name, value in figures.items()}, refresh=False)
            if done % STORED_EVERY == 0:
                curve.append({"step": done, **{name: round(value, 3) for name, value in figures.items()}})
            bar.update()
    prior = refining.prior
    made = {**asdict(settings), "steps": done, "seed": seed, "curve": curve}
    if "refining" in prior.card:  # a prior may be refined further
        made["before"] = prior.card["refining"]
    card = {**prior.card, "refining": made}
    return RealisticPrior(prior.encoder, prior.basis, prior.field, refining.average.snapshot(), prior.forms, card)
