"""The type of rules, the checks of their results, and their combinations."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.melody import Melody, canonical, check

Function = Callable[[np.ndarray], np.ndarray]
BELOW_ONE = 1 - 1e-12  # the highest mean of rewards that are not all 1, so that rounding satisfies no rule
HINT = "; put @rules.rule above a function of melodies (B, 256), or @rules.per_melody above a function of one Melody"


@dataclass(frozen=True)
class Rule:
    """A named function (B, 256) uint8 -> (B,) in [0, 1]; a melody satisfies the rule when its reward is exactly 1.

    `&` is the minimum, `|` the maximum, `~` one minus the reward. `parts` are the rules that a conjunction consists of
    (any other rule is its own only part); learning rewards each part apart. The function gets a copy of the melodies
    and may not write to it, so that combined rules cannot disturb each other.
    """

    name: str
    function: Function
    doc: str = ""
    conjuncts: tuple[Rule, ...] = ()
    # (128,) bool: the pitches that melodies which satisfy the rule may have, for strict decoding; None: all
    allowed_pitches: np.ndarray | None = field(default=None, compare=False)
    # for rules that say what is to be in which bar: the rule for 16 bars that begin so many later; None: the same
    later: Callable[[int], Rule] | None = field(default=None, compare=False)
    # for rules on single notes other than those of `allowed_pitches`: which steps of a melody (S,), of any number of
    # bars, have a note that is against the rule, (S,) bool
    outside: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False)

    def beginning(self, bar: int) -> Rule:
        """Return the rule for the 16 bars that begin with a bar (from 0) of a longer melody."""
        return self if self.later is None or bar == 0 else self.later(bar)

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules of a conjunction, or the rule alone."""
        return self.conjuncts or (self,)

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """Return the rewards (B,) float64 of melodies (B, 256), or the single reward of one melody (256,).

        Raises:
            UserError: with the name of the rule, if its function fails or returns anything but (B,) numbers in [0, 1].
        """
        states = canonical(check(states))
        if states.ndim == 1:
            return self(states[None])[0]
        return self._rewards(states)

    def _rewards(self, states: np.ndarray) -> np.ndarray:
        """Return the rewards of canonical melodies, checked."""
        given = states.copy()  # less than 1 % of the cost of `canonical`; protects from writes that ignore the flag
        given.flags.writeable = False
        try:
            rewards = np.asarray(self.function(given))
        except UserError:
            raise
        except Exception as error:
            if isinstance(error, ValueError) and "read-only" in str(error):
                raise UserError(
                    f"rule {self.name!r}: expected to read melodies, it writes into them; copy them first: "
                    "states = states.copy()"
                ) from error
            raise UserError(f"rule {self.name!r}: failed with {type(error).__name__}: {error}") from error
        if rewards.shape != (len(states),):
            raise UserError(
                f"rule {self.name!r}: expected rewards of shape ({len(states)},), one a melody, got {rewards.shape}"
            )
        try:
            rewards = rewards.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"rule {self.name!r}: expected numbers, got {rewards.dtype}") from error
        wrong = ~((rewards >= 0) & (rewards <= 1))  # NaN is neither
        if wrong.any():
            raise UserError(f"rule {self.name!r}: expected rewards in [0, 1], got {rewards[wrong][0]}")
        return rewards

    def satisfied(self, states: np.ndarray) -> np.ndarray:
        """Return (B,) bool: which melodies (B, 256) have a reward of exactly 1."""
        return self(states) == 1

    def __and__(self, other: Rule) -> Rule:
        other = as_rule(other)
        masks = [rule.allowed_pitches for rule in (self, other) if rule.allowed_pitches is not None]
        return Rule(
            f"({self.name} and {other.name})",
            lambda states: np.minimum(self._rewards(states), other._rewards(states)),
            conjuncts=(*self.parts, *other.parts),
            allowed_pitches=np.logical_and.reduce(masks) if masks else None,
        )

    def __or__(self, other: Rule) -> Rule:
        other = as_rule(other)
        return Rule(
            f"({self.name} or {other.name})",
            lambda states: np.maximum(self._rewards(states), other._rewards(states)),
        )

    def __invert__(self) -> Rule:
        return Rule(f"not {self.name}", lambda states: 1 - self._rewards(states))


def as_rule(given: Any) -> Rule:
    """Return the argument if it is a rule.

    Raises:
        UserError: with the decorators that make a rule, if it is none.
    """
    if isinstance(given, Rule):
        return given
    raise UserError(f"rule: expected a rule, got {described(given)}{HINT}")


def described(value: Any) -> str:
    """Return a few words on what a value is, such as "the plain function 'high'"."""
    if isinstance(value, Rule):
        return f"the rule {value.name!r}"
    if isinstance(value, type):
        return f"the class {value.__name__!r}"
    return f"the plain function {_name(value)!r}" if callable(value) else f"a value of type {type(value).__name__}"


def weighted(*rules: tuple[Rule, float]) -> Rule:
    """Return the weighted mean of rules, as in `weighted((in_key, 3), (busy, 1))`; satisfied when all of them are.

    Raises:
        UserError: without rules, or for a weight that is not above 0.
    """
    pairs = [pair for pair in rules if isinstance(pair, tuple | list) and len(pair) == 2]
    weights = [weight for _, weight in pairs if isinstance(weight, Real) and not isinstance(weight, bool)]
    if not rules or len(weights) < len(rules) or not all(0 < weight < float("inf") for weight in weights):
        raise UserError(
            f"weighted: expected pairs of a rule and a weight above 0, got {[w for _, w in pairs] or rules}"
        )
    known = [(as_rule(each), float(weight)) for each, weight in pairs]
    total = sum(weight for _, weight in known)

    def reward(states: np.ndarray) -> np.ndarray:
        rewards = np.stack([rule._rewards(states) for rule, _ in known])
        mean = np.tensordot([weight / total for _, weight in known], rewards, axes=1)
        return np.where((rewards == 1).all(axis=0), 1.0, np.clip(mean, 0, BELOW_ONE))

    return Rule(" + ".join(f"{weight:g} x {rule.name}" for rule, weight in known), reward, weighted.__doc__ or "")


def rule(function: Function) -> Rule:
    """Make a function of a batch of melodies (B, 256) a rule of the same name (a decorator).

    Raises:
        UserError: if it is no plain function.
    """
    return Rule(_name(_check_function(function, "rule")), function, function.__doc__ or "")


def per_melody(function: Callable[[Melody], float]) -> Rule:
    """Make a function of one `Melody`, with `.notes` in beats, a rule (a decorator); slower than `rule`.

    Raises:
        UserError: if it is no plain function.
    """
    _check_function(function, "per_melody")

    def reward(states: np.ndarray) -> float:
        melody = Melody.of(states)
        melody.states.flags.writeable = False
        return function(melody)

    def rewards(states: np.ndarray) -> np.ndarray:
        return np.array([reward(melody) for melody in states], dtype=float)

    return Rule(_name(function), rewards, function.__doc__ or "")


def _check_function(given: Any, decorator: str) -> Any:
    if isinstance(given, Rule) or not callable(given):
        got = described(given)
        raise UserError(f"@rules.{decorator}: expected a function, got {got}; leave the decorator out")
    return given


def _name(function: Any) -> str:
    """Return the name of a function, or the name of its type for a partial or another callable object."""
    return str(getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True, eq=False)
class OneOf:
    """The values of an argument that may have only these: `shape: Annotated[str, OneOf(SHAPES)]`.

    Who lists the rules for a user reads them from the signature, and the function checks its argument by the same.
    """

    values: Collection[str] | Collection[int]

    def __contains__(self, value: object) -> bool:
        return not isinstance(value, bool) and value in self.values

    def __str__(self) -> str:
        """Return them in words, such as "1, 2, 4 or 8"."""
        *first, last = map(str, self.values)
        return f"{', '.join(first)} or {last}" if first else last


def check_share(name: str, value: float) -> None:
    """Check the `at_least` of a rule.

    Raises:
        UserError: unless it lies in (0, 1].
    """
    if number(f"{name}: at_least", value, 0, 1) == 0:
        raise UserError(f"{name}: expected at_least above 0 and up to 1, got {value}")
