"""Reads key, note count and range of a melody off its latent vector, without decoding, so that knobs need no training.

One critic predicts, for z: which pitch classes are absent, how many notes there are, the lowest and highest pitch. Any
key, number and range then has an energy, and energies add. It is trained like any critic: on the bank first, then on
decodes of points that were optimised towards random wishes, so that it is right where the optimiser goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.errors import UserError
from melodylc.latent import losses
from melodylc.latent.loops import optimise
from melodylc.latent.networks import Critic
from melodylc.melody import HOLD
from melodylc.model import Model, generator
from melodylc.rules import Key, Rule, notes, pitch_classes, pitch_range
from melodylc.vae import storage
from midi_io.files import whole

HIDDEN = (384, 384, 384)
NUMBERS = 3  # note count, lowest pitch, highest pitch
UNITS = (32.0, 12.0, 12.0)  # the scale at which the numbers are predicted
CENTRES = (96.0, 60.0, 76.0)
OUTPUTS = 12 + 2 * NUMBERS  # absent logits; means; log standard deviations
MARGIN = 2.0  # standard deviations kept clear of a limit, so that a decode at some temperature still keeps it
DISTANCE = 0.02  # weight of the distance penalty
SHELL = 10.0  # weight of `losses.outside`


@dataclass(frozen=True)
class Wish:
    """What `generate` can be asked for; None leaves it open."""

    key: Key | None = None
    notes: int | None = None  # at least
    low: int | None = None  # lowest MIDI pitch allowed
    high: int | None = None

    def rules(self) -> list[Rule]:
        """The rules that say the same."""
        rules = []
        if self.key is not None:
            rules.append(pitch_classes(self.key))
        if self.notes is not None:
            rules.append(notes(at_least=self.notes))
        if self.low is not None or self.high is not None:
            rules.append(pitch_range(self.low or 0, 127 if self.high is None else self.high))
        return rules

    def pitches(self) -> np.ndarray:
        """(128,) bool: the pitches it lets through."""
        allowed = np.ones(128, bool) if self.key is None else self.key.pitches()
        allowed[: self.low or 0] = False
        if self.high is not None:
            allowed[self.high + 1 :] = False
        return allowed


def measure(states: np.ndarray) -> Tensor:
    """What is predicted, read off melodies (B, 256): (B, 15): 12 absences, note count, lowest, highest."""
    onset = states < HOLD
    absent = np.stack([~((states % 12 == c) & onset).any(axis=1) for c in range(12)], axis=1)
    count = onset.sum(axis=1)
    lowest = np.where(onset, states, 127).min(axis=1)
    highest = np.where(onset, states, 0).max(axis=1)
    numbers = np.stack([count, lowest, highest], axis=1)
    return torch.from_numpy(np.concatenate([absent, numbers], axis=1).astype(np.float32))


class Gauges(nn.Module):
    """The critic and the energies it gives."""

    def __init__(self, latent: int, hidden: tuple[int, ...] = HIDDEN) -> None:
        super().__init__()
        self.critic = Critic(latent, hidden, OUTPUTS)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, Z) to absent logits (B, 12), means (B, 3) and log standard deviations (B, 3) of the numbers."""
        out = self.critic(z)
        means = out[:, 12:15] * out.new_tensor(UNITS) + out.new_tensor(CENTRES)
        return out[:, :12], means, out[:, 15:].clamp(-4, 2) + out.new_tensor(UNITS).log()

    def loss(self, z: Tensor, measured: Tensor) -> Tensor:
        """Cross-entropy of the absences, Gaussian likelihood of the numbers in their units."""
        absent, means, log_sigma = self(z)
        # a silent melody has no lowest or highest pitch worth learning
        error = ((measured[:, 12:] - means) / log_sigma.exp()).clamp(-8, 8)
        likelihood = 0.5 * error**2 + log_sigma - log_sigma.new_tensor(UNITS).log()
        return F.binary_cross_entropy_with_logits(absent, measured[:, :12]) + 0.3 * likelihood.mean()

    def energy(self, z: Tensor, wish: Wish, floor: Tensor | None = None) -> Tensor:
        """-log P(the wish is granted), (B,), each limit `MARGIN` deviations tighter than asked.

        Args:
            floor: (B,) numbers of notes not to fall below where the wish names none.
        """
        absent, means, log_sigma = self(z)
        sigma = log_sigma.exp()
        energy = z.new_zeros(len(z))
        if wish.key is not None:
            unwanted = [c for c in range(12) if c not in wish.key.classes]
            energy = energy + F.softplus(MARGIN - absent[:, unwanted]).sum(dim=1)
        limits = ((0, wish.notes, 1.0), (1, wish.low, 1.0), (2, wish.high, -1.0))
        for column, limit, sign in limits:
            if limit is not None:
                clear = sign * (means[:, column] - limit) / sigma[:, column]
                energy = energy - torch.special.log_ndtr(clear - MARGIN)
        if floor is not None and wish.notes is None:
            energy = energy - torch.special.log_ndtr((means[:, 0] - floor) / sigma[:, 0])
        return energy

    def propose(
        self,
        z: Tensor,
        wish: Wish,
        sigma_bar: Tensor,
        through: Callable[[Tensor], Tensor] = lambda z: z,
    ) -> Tensor:
        """z (B, Z) moved by gradient to where the wish is granted, not far and not off the prior's shell.

        Args:
            through: an actor that takes every proposal on to where its own rule holds.
        """
        start = z.detach()
        with torch.no_grad():  # a rule on pitches is not to be kept by falling silent
            floor = self(through(start))[1][:, 0]

        def energy(moved: Tensor) -> Tensor:
            stay = DISTANCE * losses.distances(moved, start, sigma_bar) + SHELL * losses.outside(moved)
            return self.energy(through(moved), wish, floor) + stay

        with torch.no_grad():
            return through(optimise(start, energy))

    def save(self, path: Path) -> None:
        from safetensors.torch import save_file

        with whole(path) as beside:
            save_file({k: v.half().contiguous() for k, v in self.state_dict().items()}, beside)

    @classmethod
    def load(cls, path: Path, latent: int) -> Gauges:
        """Raises UserError if the file is missing, damaged, or of another model."""
        gauges = cls(latent)
        try:
            gauges.load_state_dict(storage.read_tensors(path))
        except RuntimeError as error:
            raise UserError(f"model: {path} belongs to another model ({str(error).splitlines()[0]})") from error
        return gauges.eval().requires_grad_(False)


def random_wish(rng: np.random.Generator) -> Wish:
    """A key in four of five, a note count and a range in half each: what people ask for, and its combinations."""
    key, count, low, high = None, None, None, None
    if rng.random() < 0.8:
        scale = ("major", "major", "minor pentatonic", "harmonic minor", "dorian", "blues")[rng.integers(6)]
        key = Key.parse(f"C {scale}").transposed(int(rng.integers(12)))
    if rng.random() < 0.5:
        count = int(rng.integers(48, 200))
    if rng.random() < 0.5:
        low = int(rng.integers(45, 65))
        high = low + int(rng.integers(14, 30))
    return Wish(key, count, low, high)


def train(
    model: Model,
    *,
    melodies: np.ndarray | None = None,
    bank_steps: int = 3000,
    rounds: int = 40,
    fresh: int = 192,
    seed: int = 0,
    progress: bool = True,
) -> Gauges:
    """Learn the gauges of a model; `melodies` (N, 256) are further examples beside its bank."""
    from tqdm import tqdm

    states, mean = model.bank.states, model.bank.mean
    if melodies is not None:
        states, mean = np.concatenate([states, melodies]), torch.cat([mean, model.encode(melodies).mean])
    bank = (mean, measure(states))
    draws = generator(seed, 3)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gauges = Gauges(model.latent)
    adam = torch.optim.AdamW(gauges.parameters(), 1e-3, weight_decay=0.05)
    replay: list[tuple[Tensor, Tensor]] = []

    def teach(steps: int) -> None:
        for _ in range(steps):
            at = torch.from_numpy(rng.integers(len(bank[0]), size=256))
            # encodings blurred by the posterior's own width: its neighbourhood decodes alike
            z = bank[0][at] + model.bank.sigma_bar * torch.randn(256, model.latent, generator=draws)
            known = bank[1][at]
            if replay:
                seen = torch.cat([r[0] for r in replay]), torch.cat([r[1] for r in replay])
                again = torch.from_numpy(rng.integers(len(seen[0]), size=256))
                z, known = torch.cat([z, seen[0][again]]), torch.cat([known, seen[1][again]])
            adam.zero_grad()
            gauges.loss(z, known).backward()
            adam.step()

    with tqdm(total=rounds, unit="round", desc="gauges", disable=not progress) as bar:
        teach(bank_steps)
        for _ in range(rounds):
            granted = []
            for _ in range(6):
                wish = random_wish(rng)
                z = gauges.propose(torch.randn(fresh // 6, model.latent, generator=draws), wish, model.bank.sigma_bar)
                made = model.decode(z, seed=int(rng.integers(1 << 31)))
                replay.append((z, measure(made)))
                granted += [rule.satisfied(made).mean() for rule in wish.rules()]
            teach(100)
            bar.update()
            bar.set_postfix(granted=f"{np.mean(granted):.2f}")
    return gauges.eval().requires_grad_(False)
