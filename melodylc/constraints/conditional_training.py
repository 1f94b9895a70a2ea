"""How the conditional actor is learned: over random attributes, from decodes whose attributes are measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc import plausibility
from melodylc.attributes import LABELS
from melodylc.base import numbers
from melodylc.base.progress import bar as bar_of
from melodylc.constraints.attribute_critic import (
    OUTPUTS,
    PLAUSIBLE,
    critic_loss,
    energy,
    measure,
    predictions,
    satisfied_shares,
)
from melodylc.constraints.conditional import WORD, ConditionalActor
from melodylc.latent import losses
from melodylc.latent.critics import CriticEnsemble
from melodylc.latent.distance_weight import DistanceWeight
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.networks import Actor, PartsCritic
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.precision import half_precision
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.stopping import interruptible
from melodylc.melody import BARS
from melodylc.model import Model, fingerprint, generator
from melodylc.prior.requests import random_attributes

STARTS = 3072  # vectors that the actor is taught on; a few are replaced each round
ENCODED = 0.5  # of them are encodings of the bank, where transformations begin; the others are draws made for nothing
RETURNING = 1.0  # weight of `returning`
MARGIN = 0.2  # of the distance below which bars decode as equal: decoding is to be sure of it
LEAST_NOTES = 0.9  # of the notes of a draw, the share that an actor is to leave it where no number is requested
# In balance while every second round is above the target, and slow, as there are hundreds of rounds: the embedded actor
# had lambda at its least from round 90 to 150 of 500, when it passed the target, and at 0.4 in the end.
DISTANCE_WEIGHT = DistanceWeight(growth=1.03, shrinkage=0.97, least=0.02, most=3.0)
# Draws further off are left out of a step. Measured: 3 % in the first two rounds, with energies up to 245; from the
# fifth to the tenth none.
LARGEST_ENERGY = 60.0
# The gradient's norm is mostly 10 to 100 in the first rounds and up to 800: a step is of about one length whatever the
# energies are.
LARGEST_NORM = 5.0
DECAY, LAST_RATE = 1 / 3, 0.05  # the learning rate falls over the last third of the rounds, to a twentieth
CRITIC_UNITS = 256  # of each critic's first layer
CRITIC_BATCH = 256
NEWEST = 20  # rounds whose decodes half of the critics' steps are made on
RECENT = 5  # rounds over which the share satisfied is averaged
TRIED = 4  # one in so many decodes is of the actor as it is, the others are of its average
REPORT_EVERY = 20  # rounds
READ_AT_ONCE = 256  # vectors whose bar embeddings are computed together, which bounds the memory


@dataclass(frozen=True)
class ConditionalSettings:
    """How a conditional actor is learned."""

    rounds: int = 400
    fresh: int = 192  # melodies decoded a round
    critic_start: int = 1500  # steps of each critic before the first round
    critic_steps: int = 12  # a round, of each critic
    actor_steps: int = 24  # a round
    batch: int = 128
    learning_rate: float = 1e-3
    hidden: tuple[int, ...] = (512, 512, 512)
    label_units: int = 256
    critics: int = 2
    average: float = 0.995  # decay of the moving average of the actor, a step
    enough: float = 5.0  # logits, P = 0.993, beyond which the actor gains nothing more
    penalty: float = 0.3  # the first lambda
    target: float = 0.93  # share of draws that are kept above which lambda grows
    shell: float = 10.0  # weight of `losses.shell_penalty`


LIMITS: dict[str, numbers.Limits] = {
    "rounds": (int, 1, numbers.MOST),
    "fresh": (int, 4, numbers.MOST),
    "critic_start": (int, 0, numbers.MOST),
    "critic_steps": (int, 0, numbers.MOST),
    "actor_steps": (int, 0, numbers.MOST),
    "batch": (int, 1, numbers.MOST),
    "learning_rate": (float, 0, 1),
    "hidden": (tuple, 1, 8192),
    "label_units": (int, 1, 8192),
    "critics": (int, 1, 16),
    "average": (float, 0, 1),
    "enough": (float, 0, 100),
    "penalty": (float, 0, numbers.MOST),
    "target": (float, 0, 1),
    "shell": (float, 0, numbers.MOST),
}


class _Learning:
    """A conditional actor and its critics in the middle of learning."""

    def __init__(self, model: Model, settings: ConditionalSettings, seed: int) -> None:
        self.model, self.settings = model, settings
        self.bounds = plausibility.bounds(model)
        draws = generator(seed, 3)
        assert draws is not None
        self.generator, self.rng = draws, np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor = Actor(model.latent, settings.hidden, LABELS, settings.label_units).initialise_as_identity()
            width = model.bar_embeddings(torch.zeros(1, model.latent)).shape[-1]
            critics = [PartsCritic(BARS, width, OUTPUTS, units=CRITIC_UNITS) for _ in range(settings.critics)]
        self.average = MovingAverage(self.actor)
        self.optimiser = adam(self.actor.parameters(), settings.learning_rate, ADVERSARIAL_BETAS)
        self.critics = CriticEnsemble(
            critics, critic_loss, learning_rate=settings.learning_rate, batch=CRITIC_BATCH, newest=NEWEST
        )
        self.buffer = ReplayBuffer()
        self.penalty = settings.penalty
        self.starts = self.draw(STARTS)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Return vectors (count, Z), encodings and draws of the prior, and labels (count, 32) of random attributes."""
        y = torch.stack([random_attributes(self.rng).labels() for _ in range(count)])
        encoded = round(ENCODED * count)
        known = self.model.bank.mean
        chosen = known[torch.randint(len(known), (encoded,), generator=self.generator)].float()
        with half_precision(self.model.device):
            drawn = self.model.from_noise(self.model.noise(count - encoded, source=self.generator))
        return torch.cat([chosen, drawn])[torch.randperm(count, generator=self.generator)], y

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Return some of the starts, (count, Z) and (count, 32)."""
        chosen = torch.randint(len(self.starts[0]), (count,), generator=self.generator)
        return self.starts[0][chosen], self.starts[1][chosen]

    @torch.no_grad()
    def remember(self, z: Tensor, states: np.ndarray) -> None:
        """Let the critics learn from vectors (B, Z) and the melodies (B, 256) they stand for from now on."""
        bars = torch.cat([self.model.bar_embeddings(part) for part in z.split(READ_AT_ONCE)])
        self.buffer.add(bars.half(), measure(states, self.bounds))

    def actor_step(self) -> None:
        """Move draws, let the critics judge where they went, descend, and let the average follow."""
        z, y = self.batch(self.settings.batch)
        descend(self.optimiser, self._actor_loss(z, y), LARGEST_NORM)
        self.average.follow(self.actor, self.settings.average)

    def _actor_loss(self, z: Tensor, y: Tensor) -> Tensor:
        settings, critics = self.settings, self.critics.critics
        with torch.no_grad():
            before = self.model.bar_embeddings(z)
            count = torch.stack([predictions(critic(before))[1][:, 0] for critic in critics]).amin(dim=0)
        moved = self.actor(z, y)
        bars = self.model.bar_embeddings(moved)
        energies = torch.stack([energy(critic(bars), y, LEAST_NOTES * count, settings.enough) for critic in critics])
        # what one critic overrates by mistake does not count
        loss = energies.amax(dim=0).clamp(max=LARGEST_ENERGY).mean()
        loss = loss + self.penalty * losses.distance(moved, z, self.model.bank.sigma_bar)
        loss = loss + RETURNING * returning(before, bars, self.model.vae.equal_within)
        return loss + settings.shell * losses.shell_penalty(moved).mean()

    def fresh_round(self) -> dict[str, float]:
        """Decode outputs of the actor and of its average, for new draws; returns what the average's show."""
        z, y = self.draw(self.settings.fresh)
        self.starts = torch.cat([z, self.starts[0]])[:STARTS], torch.cat([y, self.starts[1]])[:STARTS]
        tried = self.settings.fresh // TRIED
        with torch.no_grad():
            moved = torch.cat([self.actor(z[:tried], y[:tried]), self.average.network(z[tried:], y[tried:])])
        states = self.model.decode_quickly(moved, generator=self.generator)
        self.remember(moved, states)
        measured = measure(states, self.bounds)[tried:]
        shares = satisfied_shares(measured, y[tried:])
        satisfied = torch.stack([share.nan_to_num(1.0) for share in shares.values()]).amin(dim=0)
        plausible = measured[:, PLAUSIBLE]
        row = {name: round(float(share.nanmean()), 3) for name, share in shares.items()}
        return row | {
            "kept": round(float((satisfied * plausible).mean()), 3),
            "satisfied": round(float(satisfied.mean()), 3),
            "plausible": round(float(plausible.mean()), 3),
            "shift": round(float(losses.shift(moved[tried:], z[tried:])), 3),
            "penalty": round(self.penalty, 3),
        }

    def round(self, number: int) -> dict[str, float]:
        """Teach the critics, then the actor, then look at what it does."""
        rate = final_decay(number, self.settings.rounds, DECAY, LAST_RATE)
        set_learning_rate(self.optimiser, self.settings.learning_rate * rate)
        self.critics.train_round(self.buffer, self.settings.critic_steps, self.generator)
        for _ in range(self.settings.actor_steps):
            self.actor_step()
        return self.fresh_round()


def returning(before: Tensor, after: Tensor, within: float) -> Tensor:
    """Return how far bars (B, P, E) that were equal have come apart, and others together, each averaged over its pairs.

    Args:
        before, after: embeddings of bars, before and after they were moved.
        within: the distance below which bars decode as equal. 0: none do.
    """
    if within == 0:
        return after.new_zeros(())
    pairs = torch.ones(before.shape[1], before.shape[1], dtype=torch.bool, device=before.device).tril(-1)
    equal = (torch.cdist(before, before) < within) & pairs
    distance = torch.cdist(after, after) / within
    apart, together = torch.relu(distance - (1 - MARGIN)).square(), torch.relu(1 + MARGIN - distance).square()

    def mean(cost: Tensor, chosen: Tensor) -> Tensor:
        return (cost * chosen).sum() / chosen.sum().clamp(min=1)

    return mean(apart, equal) + mean(together, pairs & ~equal)


def train_conditional_actor(
    model: Model,
    *,
    settings: ConditionalSettings = ConditionalSettings(),
    melodies: np.ndarray | None = None,
    seed: int = 0,
    progress: bool = True,
    on_round: Callable[[ConditionalActor], None] = lambda _: None,
) -> ConditionalActor:
    """Learn the conditional actor of a model; Ctrl-C keeps what there is.

    Args:
        melodies: (N, 256), examples for the critics beside the model's bank.
        on_round: called with the actor as it is, every 20 rounds.

    Raises:
        UserError: for settings or a seed out of bounds.
    """
    numbers.check(WORD, settings, LIMITS)
    numbers.seed(seed)
    began = time.monotonic()
    learning = _Learning(model, settings, seed)
    learning.remember(*model.bank.known())
    if melodies is not None:
        learning.remember(model.encode(melodies).mean, melodies)
    learning.critics.train(learning.buffer, settings.critic_start, learning.generator)

    curve: list[dict[str, float]] = []
    about = {
        "model": fingerprint(model),
        "labels": LABELS,
        "seed": seed,
        "temperature": model.temperature,
        "settings": asdict(settings),
    }

    def present() -> ConditionalActor:
        return ConditionalActor(learning.average.snapshot(), {**about, "curve": deepcopy(curve)})

    with (
        interruptible(lambda: bool(curve)),
        bar_of(settings.rounds, unit="round", desc="condition", show=progress) as bar,
    ):
        for number in range(settings.rounds):
            row = learning.round(number)
            bar.set_postfix({name: f"{value:.2f}" for name, value in row.items()}, refresh=False)
            bar.update()
            curve.append({**row, "seconds": round(time.monotonic() - began)})
            recent = float(np.mean([past["kept"] for past in curve[-RECENT:]]))
            learning.penalty = DISTANCE_WEIGHT.after(learning.penalty, recent, settings.target)
            if number % REPORT_EVERY == REPORT_EVERY - 1:
                on_round(present())
    return present()
