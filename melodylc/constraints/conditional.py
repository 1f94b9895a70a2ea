"""Knobs without training: one actor conditioned on what a `Wish` says, so that turning a knob is one forward pass.

It is learned zero-shot, over random wishes. What a wish asks can be read off any melody, so the critics (readers) need
not know the wish: from the bar embeddings they predict which pitch classes are absent, the number of notes, the lowest
and the highest pitch. Every decode teaches them, whatever was asked for, and every wish has an energy from the same
predictions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import CENTRES, COUNT, HIGH, LABELS, LOW, MEASURED, UNITS, Attributes
from melodylc.base import numbers, storage
from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.latent import losses
from melodylc.latent.networks import Actor, PartsCritic
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.melody import BARS, HOLD
from melodylc.model import Model, fingerprint, generator
from melodylc.rules import Key
from melodylc.rules.key import COMMON_SCALES
from midi_io.atomic import atomic_write

KIND = storage.FileKind("melodylc.knobs", "knobs", "the knobs of a model; melodylc knobs --model FILE makes them")
OUTPUTS = MEASURED + 3  # absent logits; means; log standard deviations
TOLERANCE = 0.1  # a count is granted within this share of what was asked
FALL = 0.9  # share of the notes it began with that an actor is to keep where no count is asked
NUMBERS = (("count", COUNT), ("low", LOW), ("high", HIGH))


@dataclass(frozen=True)
class ConditionalActor:
    """The conditioned actor of a model."""

    actor: Actor
    card: dict[str, Any]

    @torch.no_grad()
    def move(self, z: Tensor, attributes: Attributes) -> Tensor:
        """z (B, Z) to where the wish is granted."""
        return self.actor(z, attributes.labels())

    def save(self, path: Path) -> None:
        """Write the actor (half precision) and its card.

        Raises:
            UserError: unless the path ends in .safetensors.
        """
        from safetensors.torch import save_file

        path = storage.weights_path(path)
        with atomic_write(path) as beside:
            save_file({k: v.half().contiguous() for k, v in self.actor.state_dict().items()}, beside)
        storage.write_card(path, KIND, {**self.card, "curve": self.card["curve"][9::10]})


def load_conditional_actor(path: Path, model: Model) -> ConditionalActor:
    """The knobs saved beside a model.

    Raises:
        UserError: if they are missing (with the command that makes them), damaged, or of another model.
    """
    if not path.exists():
        raise UserError(f"knobs: there are none at {path}; make them with: melodylc knobs --model {model.path}")
    card = storage.read_card(path, KIND)
    if card.get("model") != fingerprint(model):
        raise UserError(f"knobs: {path} was learned on another model; learn it again: melodylc knobs --model ...")
    try:
        hidden, units = tuple(card["settings"]["hidden"]), card["settings"]["label_units"]
        if not 1 <= len(hidden) <= 16 or not all(isinstance(w, int) and 1 <= w <= 8192 for w in (*hidden, units)):
            raise ValueError(f"widths {hidden}, {units}")
        actor = Actor(model.latent, hidden, LABELS, units)
        actor.load_state_dict(storage.read_tensors(path, "knobs"))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"knobs: the card and the weights at {path} do not fit each other ({detail})") from error
    return ConditionalActor(actor.eval().requires_grad_(False), card)


def measure(states: np.ndarray) -> Tensor:
    """What is read off melodies (B, 256): (B, 15): 12 absences of pitch classes, note count, lowest, highest pitch."""
    onset = states < HOLD
    absent = np.stack([~((states % 12 == c) & onset).any(axis=1) for c in range(12)], axis=1)
    count = onset.sum(axis=1)
    lowest = np.where(onset, states, 127).min(axis=1)
    highest = np.where(onset, states, 0).max(axis=1)
    numbers = np.stack([count, lowest, highest], axis=1)
    return torch.from_numpy(np.concatenate([absent, numbers], axis=1).astype(np.float32))


def satisfied_shares(measured: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Of measures (B, 15), labels (B, 18): for key, count, low, high, (B,) 1 or 0; nan where nothing is asked."""
    asked = y[:, :12].min(dim=1).values < 1
    nan = torch.full((len(y),), float("nan"))
    key = ((measured[:, :12] == 1) | (y[:, :12] == 1)).all(dim=1) & (measured[:, COUNT] > 0)
    wanted = y[:, COUNT:MEASURED] * y.new_tensor(UNITS) + y.new_tensor(CENTRES)
    kept = (
        (measured[:, COUNT] - wanted[:, 0]).abs() <= TOLERANCE * wanted[:, 0],
        measured[:, LOW] >= wanted[:, 1],
        measured[:, HIGH] <= wanted[:, 2],
    )
    shares = {"key": torch.where(asked, key.float(), nan)}
    for index, (name, _) in enumerate(NUMBERS):
        shares[name] = torch.where(y[:, MEASURED + index] == 1, kept[index].float(), nan)
    return shares


def predictions(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A reader's output (B, 18): absent logits (B, 12), means (B, 3) and standard deviations (B, 3) of numbers."""
    means = out[:, 12:15] * out.new_tensor(UNITS) + out.new_tensor(CENTRES)
    return out[:, :12], means, out[:, 15:].clamp(-4, 2).exp() * out.new_tensor(UNITS)


def critic_loss(out: Tensor, measured: Tensor) -> Tensor:
    """A reader's loss: cross-entropy of the absences, Gaussian likelihood of the numbers in their units."""
    absent, means, sigma = predictions(out)
    # a silent melody has no lowest or highest pitch worth learning
    error = ((measured[:, 12:] - means) / sigma).clamp(-8, 8)
    likelihood = 0.5 * error**2 + (sigma / sigma.new_tensor(UNITS)).log()
    return losses.regression(absent, measured[:, :12]) + 0.3 * likelihood.mean()


def energy(out: Tensor, y: Tensor, floor: Tensor, enough: float) -> Tensor:
    """-log P(the wish is granted), (B,), from a reader's output (B, 18) and labels (B, 18).

    Args:
        floor: (B,) numbers of notes not to fall below where no count is asked: a rule on pitches is not to be kept by
            falling silent.
        enough: logits, and standard deviations times two, beyond which nothing more is won.
    """
    absent, means, sigma = predictions(out)
    cost = (losses.constraint_loss(absent.clamp(max=enough)) * (1 - y[:, :12])).sum(dim=1)
    wanted = y[:, COUNT:MEASURED] * y.new_tensor(UNITS) + y.new_tensor(CENTRES)
    asked = y[:, MEASURED:]

    def clear(distance: Tensor, deviation: Tensor) -> Tensor:
        return -torch.special.log_ndtr((distance / deviation).clamp(max=enough / 2))

    count, spread = means[:, 0], sigma[:, 0]
    near = TOLERANCE * wanted[:, 0]
    cost = cost + asked[:, 0] * (
        clear(count - wanted[:, 0] + near, spread) + clear(wanted[:, 0] + near - count, spread)
    )
    cost = cost + (1 - asked[:, 0]) * clear(count - floor, spread)
    cost = cost + asked[:, 1] * clear(means[:, 1] - wanted[:, 1] + 0.5, sigma[:, 1])
    return cost + asked[:, 2] * clear(wanted[:, 2] - means[:, 2] + 0.5, sigma[:, 2])


def random_attributes(rng: np.random.Generator) -> Attributes:
    """What people ask for and its combinations: scales in every key, some odd sets of classes, counts, ranges."""
    key, count, low, high = None, None, None, None
    kind = rng.random()
    if kind < 0.65:
        scale = list(COMMON_SCALES)[rng.integers(len(COMMON_SCALES) - 1)]  # chromatic, the last, is no wish
        key = Key.parse(f"C {scale}").transposed(int(rng.integers(12)))
    elif kind < 0.8:
        classes = rng.permutation(12)[: rng.integers(4, 12)]
        key = Key("set", frozenset(int(c) for c in classes))
    if rng.random() < 0.6:
        count = int(rng.integers(36, 216))
    if rng.random() < 0.4:
        middle, width = rng.uniform(56, 80), rng.uniform(12, 36)
        low, high = int(middle - width / 2), int(middle + width / 2)
        if rng.random() < 0.3:
            low, high = (low, None) if rng.random() < 0.5 else (None, high)
    return Attributes(key, count, low, high)


@dataclass(frozen=True)
class ConditionalSettings:
    """How the knobs are learned."""

    rounds: int = 400
    fresh: int = 192  # melodies decoded a round
    critic_start: int = 1500  # reader steps before the first round
    critic_steps: int = 12  # a round, each reader
    actor_steps: int = 24
    batch: int = 128
    learning_rate: float = 1e-3
    hidden: tuple[int, ...] = (512, 512, 512)
    label_units: int = 256
    critics: int = 2
    average: float = 0.995
    enough: float = 5.0
    penalty: float = 0.3  # the first lambda
    target: float = 0.93  # share of wishes granted in full above which lambda grows
    shell: float = 10.0


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


def train_conditional_actor(
    model: Model,
    *,
    settings: ConditionalSettings = ConditionalSettings(),
    melodies: np.ndarray | None = None,
    seed: int = 0,
    progress: bool = True,
    on_round: Callable[[ConditionalActor], None] = lambda _: None,
) -> ConditionalActor:
    """Learn the knobs of a model; Ctrl-C keeps what there is.

    Args:
        melodies: (N, 256), examples for the readers beside the model's bank.
        on_round: given the knobs as they are, every 20 rounds.

    Raises:
        UserError: for settings or a seed out of bounds.
    """
    numbers.check("knobs", settings, LIMITS)
    numbers.seed(seed)
    began = time.monotonic()
    draws, rng = generator(seed, 3), np.random.default_rng(seed)
    assert draws is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(model.latent, settings.hidden, LABELS, settings.label_units).initialise_as_identity()
        width = model.bar_embeddings(torch.zeros(1, model.latent)).shape[-1]
        critics = [PartsCritic(BARS, width, OUTPUTS, units=256) for _ in range(settings.critics)]
    average = deepcopy(actor)
    actor_adam = torch.optim.Adam(actor.parameters(), settings.learning_rate, betas=(0.0, 0.9))
    adams = [torch.optim.Adam(critic.parameters(), settings.learning_rate, betas=(0.0, 0.9)) for critic in critics]

    known = ReplayBuffer()

    def remember(z: Tensor, states: np.ndarray) -> None:
        with torch.no_grad():
            known.add(torch.cat([model.bar_embeddings(part) for part in z.split(256)]).half(), measure(states))

    z, states = model.bank.known()
    remember(z, states)
    if melodies is not None:
        remember(model.encode(melodies).mean, melodies)

    def teach(steps: int, newest: int = 0) -> None:
        for _ in range(steps):
            for critic, adam in zip(critics, adams, strict=True):
                bars, measured = known.draw(256, draws, newest=newest)
                adam.zero_grad()
                critic_loss(critic(bars.float()), measured).backward()
                adam.step()

    def actor_step(penalty: float) -> None:
        z = torch.randn(settings.batch, model.latent, generator=draws)
        y = torch.stack([random_attributes(rng).labels() for _ in range(settings.batch)])
        with torch.no_grad():
            bars = model.bar_embeddings(z)
            floor = FALL * torch.stack([predictions(critic(bars))[1][:, 0] for critic in critics]).amin(dim=0)
        moved = actor(z, y)
        bars = model.bar_embeddings(moved)
        # of two readers the worse news counts
        costs = torch.stack([energy(critic(bars), y, floor, settings.enough) for critic in critics])
        loss = costs.amax(dim=0).clamp(max=60.0).mean() + penalty * losses.distance(moved, z, model.bank.sigma_bar)
        loss = loss + settings.shell * losses.shell_penalty(moved).mean()
        actor_adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(actor.parameters(), 5.0)
        actor_adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(actor.parameters()), 1 - settings.average)

    card: dict[str, Any] = {
        "model": fingerprint(model),
        "seed": seed,
        "temperature": model.temperature,
        "settings": asdict(settings),
        "curve": [],
    }

    def present() -> ConditionalActor:
        return ConditionalActor(deepcopy(average).eval().requires_grad_(False), deepcopy(card))

    penalty = settings.penalty
    teach(settings.critic_start)
    try:
        with bar_of(settings.rounds, unit="round", desc="knobs", show=progress) as bar:
            for number in range(settings.rounds):
                # the learning rate falls over the last third
                rate = settings.learning_rate * min(1.0, 3 * (1 - number / settings.rounds) + 0.05)
                actor_adam.param_groups[0]["lr"] = rate
                teach(settings.critic_steps // 2)
                teach(settings.critic_steps - settings.critic_steps // 2, newest=20)
                for _ in range(settings.actor_steps):
                    actor_step(penalty)
                z = torch.randn(settings.fresh, model.latent, generator=draws)
                y = torch.stack([random_attributes(rng).labels() for _ in range(settings.fresh)])
                with torch.no_grad():
                    tried = settings.fresh // 4
                    moved = torch.cat([actor(z[:tried], y[:tried]), average(z[tried:], y[tried:])])
                made = model.decode_quickly(moved, generator=draws)
                remember(moved, made)
                shares = satisfied_shares(measure(made)[tried:], y[tried:])
                every = torch.stack([share.nan_to_num(1.0) for share in shares.values()]).amin(dim=0)
                row = {name: round(float(share.nanmean()), 3) for name, share in shares.items()}
                row |= {
                    "all": round(float(every.mean()), 3),
                    "shift": round(float(losses.shift(moved[tried:], z[tried:])), 3),
                    "penalty": round(penalty, 3),
                    "seconds": round(time.monotonic() - began),
                }
                card["curve"].append(row)
                recent = np.mean([r["all"] for r in card["curve"][-5:]])
                penalty = float(np.clip(penalty * (1.03 if recent > settings.target else 0.97), 0.02, 3.0))
                bar.set_postfix({n: f"{x:.2f}" for n, x in row.items() if n != "seconds"}, refresh=False)
                bar.update()
                if number % 20 == 19:
                    on_round(present())
    except KeyboardInterrupt:
        if not card["curve"]:
            raise
    return present()
