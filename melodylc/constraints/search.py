"""Melodies that keep any rules, by search: populations of draws of the realistic prior; nothing is learned.

Each melody that is asked for has a population of its own, so that four are four. A generation changes the noise of its
best: all of it a little, some bars anew, some from another, some equal to earlier ones; what the prior makes of that is
as much like a melody as its draws are. Between generations the best melodies are varied as they stand (`variations`),
which needs no decoding. What scores highest stays, by `sampling.score`: rewards, and plausibility with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from melodylc.base import numbers
from melodylc.constraints.draws import Draws
from melodylc.constraints.sampling import Drawn, score
from melodylc.constraints.variations import variations
from melodylc.melody import STEPS
from melodylc.plausibility import Bounds
from melodylc.rules import Rule
from melodylc.runtime.flow import form_of

MANY = 4  # populations; where there are more, each begins with a fourth of the first draws
POPULATION, CHILDREN = 24, 16  # of each melody; children a generation
BEST_VARIED = 3  # of a population, whose melodies are varied between generations
TAKEN = 2  # variations of each, the best
BLOCKS = (1, 2, 4, 8)  # bars that are changed together
AMOUNTS = (0.15, 0.3, 0.6)  # of new noise in what is changed as a whole


@dataclass(frozen=True)
class SearchBudget:
    """How long a search goes on; the same seed gives the same melodies where no seconds end it."""

    decodes: int = 2000  # about ten seconds of two cores
    seconds: float | None = None  # after which no further generation begins
    first: int = 256  # draws that populations begin with, all of them together; with more than four, a fourth each
    stopped: Callable[[], bool] | None = None  # asked before each generation whether it is wanted any more

    def __post_init__(self) -> None:
        numbers.integer("search: decodes", self.decodes, 1)
        numbers.integer("search: first", self.first, 1)
        if self.seconds is not None:
            numbers.number("search: seconds", self.seconds, 0, 1e9)

    def share(self, part: float) -> SearchBudget:
        """Return a budget of a part of the decodes and the seconds."""
        seconds = None if self.seconds is None else part * self.seconds
        return replace(self, decodes=max(1, round(part * self.decodes)), seconds=seconds)


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search found."""

    melodies: np.ndarray  # (count, 256), the best of each population
    scores: np.ndarray  # (count,): 1 for those that are kept
    decodes: int
    seconds: float

    def or_better(self, others: Searched) -> Searched:
        """Return of each melody the other where that scores higher, and what both searches took."""
        better = others.scores > self.scores
        return Searched(
            np.where(better[:, None], others.melodies, self.melodies),
            np.maximum(others.scores, self.scores),
            self.decodes + others.decodes,
            self.seconds + others.seconds,
        )

    def as_drawn(self) -> Drawn:
        """Return the melodies as those of other ways are."""
        count = len(self.scores)
        return Drawn(self.melodies, self.scores, [1] * count, ["search"] * count)

    def __str__(self) -> str:
        """Return what it took, in words."""
        return f"searched {self.decodes:,} decodes in {self.seconds:.1f} s"


@dataclass(frozen=True, eq=False)
class _Population:
    """Melodies (N, 256), their scores (N,), best first, and the noise (N, P, D) and z (N, Z) that they come from."""

    noise: np.ndarray
    z: np.ndarray
    melodies: np.ndarray
    scores: np.ndarray

    @property
    def found(self) -> bool:
        """Return whether there is a melody that is kept."""
        return bool(self.scores[0] == 1)

    def with_others(self, others: _Population) -> _Population:
        """Return the best of these and others, no melody twice."""
        melodies, scores = np.concatenate([self.melodies, others.melodies]), np.append(self.scores, others.scores)
        first = np.sort(np.unique(melodies, axis=0, return_index=True)[1])
        best = first[np.argsort(-scores[first], kind="stable")][:POPULATION]
        noise, z = (np.concatenate(both)[best] for both in ((self.noise, others.noise), (self.z, others.z)))
        return _Population(noise, z, melodies[best], scores[best])

    def at(self, rank: int, melodies: np.ndarray, scores: np.ndarray) -> _Population:
        """Return melodies (M, 256) and their scores that come from the noise of one of these."""
        noise, z = (np.repeat(each[rank : rank + 1], len(melodies), axis=0) for each in (self.noise, self.z))
        return _Population(noise, z, melodies, scores)


def search(
    draws: Draws,
    rules: Sequence[Rule],
    count: int,
    bounds: Bounds,
    *,
    budget: SearchBudget = SearchBudget(),
    seed: int = 0,
) -> Searched:
    """Search for `count` melodies that keep rules; each search ends when it has one, all of them with the budget.

    Args:
        draws: where the melodies come from, such as `PriorDraws(model, attributes)`.
        rules: what is asked for, the rules of the attributes among it.

    Raises:
        UserError: from rules that fail.
    """
    began = time.monotonic()
    if not count:
        return Searched(np.empty((0, STEPS), np.uint8), np.empty(0), 0, 0.0)
    run = _Search(draws, rules, bounds, seed)
    each = max(1, min(budget.first // min(count, MANY), budget.decodes // count))
    populations = run.scored(np.split(draws.noise(count * each, seed), count))
    populations = [population.with_others(population) for population in populations]  # the best first
    while left := [index for index, population in enumerate(populations) if not population.found]:
        late = budget.seconds is not None and time.monotonic() - began >= budget.seconds
        late |= budget.stopped is not None and budget.stopped()
        if late or run.decodes + CHILDREN * len(left) > budget.decodes:
            break
        for index in left:
            populations[index] = run.varied(populations[index])
        left = [index for index in left if not populations[index].found]
        children = run.scored([run.children(populations[index].noise) for index in left])
        for index, more in zip(left, children, strict=True):
            populations[index] = populations[index].with_others(more)
    melodies = np.stack([population.melodies[0] for population in populations])
    scores = np.array([population.scores[0] for population in populations])
    return Searched(melodies, scores, run.decodes, time.monotonic() - began)


class _Search:
    """What a search has in common for all its populations."""

    def __init__(self, draws: Draws, rules: Sequence[Rule], bounds: Bounds, seed: int) -> None:
        self.draws, self.rules, self.bounds = draws, rules, bounds
        self.rng = np.random.default_rng([seed, 11])
        self.source = draws.model.source(seed, 11)
        self.decodes = 0

    def scored(self, noises: Sequence[np.ndarray]) -> list[_Population]:
        """Return the melodies of several noises (N, P, D), decoded together, and their scores."""
        if not noises:
            return []
        noise = np.concatenate(noises)
        z = self.draws.latent(noise)
        melodies = self.draws.decoded(z, noise, self.source)
        scores = score(melodies, self.rules, self.bounds)
        self.decodes += len(melodies)
        ends = np.cumsum([len(each) for each in noises])[:-1]
        parts = (np.split(each, ends) for each in (noise, z, melodies, scores))
        return [_Population(*part) for part in zip(*parts, strict=True)]

    def children(self, parents: np.ndarray) -> np.ndarray:
        """Return noise (CHILDREN, P, D) made of that of parents (N, P, D), the best first."""
        return np.stack([self.child(parents) for _ in range(CHILDREN)])

    def child(self, parents: np.ndarray) -> np.ndarray:
        """Return noise (P, D) made of that of one or two of parents (N, P, D), the best first."""
        first, second = (parents[self._of_the_best(len(parents))] for _ in range(2))
        parts = len(first)
        fresh = self.draws.noise(1, source=self.source)[0]
        kind = int(self.rng.integers(4))
        if kind == 0:
            return self._moved(first, float(self.rng.choice(AMOUNTS)))
        length = min(int(self.rng.choice(BLOCKS)), parts)
        at, other = (int(self.rng.integers(parts // length)) * length for _ in range(2))
        child = first.copy()
        block = {1: fresh[at : at + length], 2: second[at : at + length], 3: first[other : other + length]}[kind]
        child[at : at + length] = block
        return child

    def _moved(self, noise: np.ndarray, amount: float) -> np.ndarray:
        """Return noise (P, D) with some of it new, as likely in N(0, I) as before; equal parts stay equal."""
        new = self.source.normal(*noise.shape)
        return np.asarray((1 - amount**2) ** 0.5 * noise + amount * new[form_of(noise[None])[0]])

    def _of_the_best(self, count: int) -> int:
        """Return a number below `count`, low ones more often: the better of two."""
        return int(self.rng.integers(count, size=2).min())

    def varied(self, population: _Population) -> _Population:
        """Return a population with variations of its best melodies, where they are better."""
        for rank in range(min(BEST_VARIED, len(population.scores))):
            melody, z = population.melodies[rank], population.z[rank : rank + 1]
            made = variations(self.draws.model, z, melody, population.melodies, self.rng, self.draws.allowed_states)
            made = self.draws.fitted(made, melody)
            scores = score(made, self.rules, self.bounds)
            better = np.flatnonzero(scores > population.scores[rank])
            best = better[np.argsort(-scores[better], kind="stable")][:TAKEN]
            population = population.with_others(population.at(rank, made[best], scores[best]))
        return population
