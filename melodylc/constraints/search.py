"""Melodies that keep any rules, by search: populations of draws of the realistic prior; nothing is learned.

Each melody that is asked for has a population of its own, so that four are four. A generation changes the noise of its
best: all of it a little, some bars anew, some from another, some equal to earlier ones; what the prior makes of that is
as much like a melody as its draws are. Between generations the best melodies are varied as they stand (`variations`),
which needs no decoding. What scores highest stays, by `sampling.score`: rewards, and plausibility with them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import Attributes
from melodylc.base import numbers
from melodylc.constraints import variations
from melodylc.constraints.sampling import score
from melodylc.melody import BARS
from melodylc.model import Model, generator
from melodylc.plausibility import Bounds
from melodylc.rules import Rule

FIRST, FEWEST_FIRST = 256, 64  # draws that populations begin with: all of them together, and each at least
POPULATION, CHILDREN = 24, 16  # of each melody; children a generation
BEST_VARIED = 3  # of a population, whose melodies are varied between generations
BLOCKS = (1, 2, 4, 8)  # bars that are changed together
AMOUNTS = (0.15, 0.3, 0.6)  # of new noise in what is changed as a whole


@dataclass(frozen=True)
class SearchBudget:
    """How long a search goes on; the same seed gives the same melodies where no seconds end it."""

    decodes: int = 2000  # about ten seconds of two cores
    seconds: float | None = None

    def __post_init__(self) -> None:
        numbers.integer("search: decodes", self.decodes, 1)
        if self.seconds is not None:
            numbers.number("search: seconds", self.seconds, 0, 1e9)


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search found."""

    melodies: np.ndarray  # (count, 256), the best of each population
    scores: np.ndarray  # (count,): 1 for those that are kept
    decodes: int
    seconds: float

    def __str__(self) -> str:
        """Return what it took, in words."""
        return f"searched {self.decodes:,} decodes in {self.seconds:.1f} s"


@dataclass(frozen=True, eq=False)
class _Population:
    """Melodies (N, 256), their scores (N,), best first, and the noise (N, P, D) that they come from, of P parts."""

    noise: Tensor
    melodies: np.ndarray
    scores: np.ndarray

    def with_others(self, noise: Tensor, melodies: np.ndarray, scores: np.ndarray) -> _Population:
        """Return the best of these and others, none of them twice."""
        every = np.concatenate([self.melodies, melodies])
        value = np.concatenate([self.scores, scores])
        _, first = np.unique(every, axis=0, return_index=True)
        order = first[np.argsort(-value[first], kind="stable")][:POPULATION]
        return _Population(torch.cat([self.noise, noise])[order], every[order], value[order])


def search(
    model: Model,
    rules: Sequence[Rule],
    count: int,
    bounds: Bounds,
    *,
    attributes: Attributes | None = None,
    budget: SearchBudget = SearchBudget(),
    seed: int = 0,
    temperature: float | None = None,
    allowed_states: np.ndarray | None = None,
) -> Searched:
    """Search for `count` melodies that keep rules; each search ends when it has one, all with the budget.

    Args:
        rules: what is asked for, the rules of the attributes among it.
        attributes: what the prior is asked for.
        temperature: of decoding; default: the model's.
        allowed_states: (130,) bool, the states that may be drawn (strict).

    Raises:
        UserError: from rules that fail.
    """
    began = time.monotonic()
    run = _Search(model, rules, bounds, attributes, seed, temperature, allowed_states)
    each = max(FEWEST_FIRST, FIRST // max(count, 1))
    each = max(1, min(each, budget.decodes // max(count, 1)))
    noise = model.noise(count * each, seed).unflatten(1, (run.parts, -1))
    populations = run.populations(noise.split(each)) if count else []

    while open_ones := [index for index, found in enumerate(populations) if found.scores[0] < 1]:
        late = budget.seconds is not None and time.monotonic() - began >= budget.seconds
        if late or run.decodes + CHILDREN * len(open_ones) > budget.decodes:
            break
        for index in open_ones:
            populations[index] = run.varied(populations[index])
        open_ones = [index for index in open_ones if populations[index].scores[0] < 1]
        children = [run.children(populations[index]) for index in open_ones]
        for index, noise, (melodies, scores) in zip(open_ones, children, run.decoded(children), strict=True):
            populations[index] = populations[index].with_others(noise, melodies, scores)
    melodies = np.stack([found.melodies[0] for found in populations]) if populations else np.empty((0, 256), np.uint8)
    scores = np.array([found.scores[0] for found in populations])
    return Searched(melodies, scores, run.decodes, time.monotonic() - began)


class _Search:
    """What a search has in common for all its populations."""

    def __init__(
        self,
        model: Model,
        rules: Sequence[Rule],
        bounds: Bounds,
        attributes: Attributes | None,
        seed: int,
        temperature: float | None,
        allowed_states: np.ndarray | None,
    ) -> None:
        self.model, self.rules, self.bounds, self.attributes = model, rules, bounds, attributes
        self.temperature, self.allowed_states = temperature, allowed_states
        self.rng = np.random.default_rng([seed, 11])
        source = generator(seed, 11)
        assert source is not None
        self.source = source
        self.parts = BARS if model.realistic is not None else 1
        self.decodes = 0

    def populations(self, noises: Sequence[Tensor]) -> list[_Population]:
        """Return populations of draws, each of noise (N, P, D)."""
        empty = np.empty((0, 256), np.uint8), np.empty(0)
        none = [_Population(noise[:0], *empty) for noise in noises]
        made = zip(none, noises, self.decoded(noises), strict=True)
        return [population.with_others(noise, *found) for population, noise, found in made]

    def decoded(self, noises: Sequence[Tensor]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the melodies and scores of several noises (N, P, D), decoded together."""
        if not noises:
            return []
        together = torch.cat(list(noises)).flatten(1)
        z = self.model.from_noise(together, self.attributes)
        melodies = self.model.decode_quickly(
            z, temperature=self.temperature, generator=self.source, allowed_states=self.allowed_states
        )
        self.decodes += len(melodies)
        scores = score(melodies, self.rules, self.bounds)
        ends = np.cumsum([len(noise) for noise in noises])[:-1]
        return list(zip(np.split(melodies, ends), np.split(scores, ends), strict=True))

    def children(self, population: _Population) -> Tensor:
        """Return noise (CHILDREN, P, D) made of the noise of the best."""
        return torch.stack([self.child(population.noise) for _ in range(CHILDREN)])

    def child(self, parents: Tensor) -> Tensor:
        """Return noise (P, D) made of that of one or two of parents (N, P, D), the best first."""
        first, second = (parents[self._of_the_best(len(parents))] for _ in range(2))
        fresh = self.model.noise(1, source=self.source).unflatten(1, (self.parts, -1))[0]
        kind = self.rng.integers(4)
        if kind == 0:
            return self._moved(first, float(self.rng.choice(AMOUNTS)))
        length = min(int(self.rng.choice(BLOCKS)), self.parts)
        at, other = (int(self.rng.integers(self.parts // length)) * length for _ in range(2))
        child = first.clone()
        block = {1: fresh[at : at + length], 2: second[at : at + length], 3: first[other : other + length]}[int(kind)]
        child[at : at + length] = block
        return child

    def _moved(self, noise: Tensor, amount: float) -> Tensor:
        """Return noise (P, D) with some of it new, as likely in N(0, I) as before; equal parts stay equal."""
        new = torch.randn(noise.shape, generator=self.source)
        equal = (noise[:, None] == noise).all(dim=-1).int().argmax(dim=1)
        return (1 - amount**2) ** 0.5 * noise + amount * new[equal]

    def _of_the_best(self, count: int) -> int:
        """Return a number below `count`, low ones more often: the better of two."""
        return int(self.rng.integers(count, size=2).min())

    def varied(self, population: _Population) -> _Population:
        """Return a population with variations of its best melodies, where they are better."""
        for rank in range(min(BEST_VARIED, len(population.scores))):
            z = self.model.from_noise(population.noise[rank : rank + 1].flatten(1), self.attributes)
            melody = population.melodies[rank]
            made = variations.variations(self.model, z, melody, population.melodies, self.rng, self.allowed_states)
            scores = score(made, self.rules, self.bounds)
            better = np.flatnonzero(scores > population.scores[rank])
            if len(better):
                best = better[np.argsort(-scores[better], kind="stable")[:2]]
                noise = population.noise[rank : rank + 1].expand(len(best), -1, -1)
                population = population.with_others(noise, made[best], scores[best])
        return population
