"""What a rule is, how its results are checked, and how rules combine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.melody import Melody, canonical

Function = Callable[[np.ndarray], np.ndarray]
HINT = "; put @rules.rule above a function of melodies (B, 256), or @rules.per_melody above a function of one Melody"


@dataclass(frozen=True)
class Rule:
    """A named function (B, 256) uint8 -> (B,) in [0, 1]; a melody satisfies the rule when its reward is exactly 1.

    `&` is the minimum, `|` the maximum, `~` one minus the reward. `parts` are the rules that a conjunction is made of
    (a rule that is none is its own only part); learning rewards each part apart. A function is given melodies of its
    own, which it may not write to: rules that are combined cannot disturb each other.
    """

    name: str
    function: Function
    doc: str = ""
    conjuncts: tuple[Rule, ...] = ()
    # (128,) bool: the pitches of the melodies that satisfy it, for the strict mode; None: it is no rule on pitches
    allowed_pitches: np.ndarray | None = field(default=None, compare=False)

    @property
    def parts(self) -> tuple[Rule, ...]:
        return self.conjuncts or (self,)

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """Rewards (B,) float64 of melodies (B, 256); of one melody (256,), a single reward.

        Raises:
            UserError: naming the rule, if its function fails or returns anything but (B,) numbers in [0, 1].
        """
        states = canonical(states)
        if states.ndim == 1:
            return self(states[None])[0]
        return self._rewards(states)

    def _rewards(self, states: np.ndarray) -> np.ndarray:
        """Rewards of canonical melodies, checked."""
        given = states.copy()  # costs less than a hundredth of `canonical`; what is written past the flag stays here
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
        """(B,) bool: whose reward is exactly 1."""
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
    """Return what is given, if it is a rule.

    Raises:
        UserError: with the decorators that make one, if it is not.
    """
    if isinstance(given, Rule):
        return given
    raise UserError(f"rule: expected a rule, got {described(given)}{HINT}")


def described(value: Any) -> str:
    """What a value is, in a few words: "the plain function 'high'", "a str"."""
    if isinstance(value, type):
        return f"the class {value.__name__!r}"
    return f"the plain function {_name(value)!r}" if callable(value) else f"a value of type {type(value).__name__}"


def weighted(*rules: tuple[Rule, float]) -> Rule:
    """The weighted mean of rewards: `weighted((in_key, 3), (busy, 1))`. Satisfied when each of its rules is.

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
        return np.where((rewards == 1).all(axis=0), 1.0, np.clip(mean, 0, 1 - 1e-12))  # exact, whatever the rounding

    return Rule(" + ".join(f"{weight:g} x {rule.name}" for rule, weight in known), reward, weighted.__doc__ or "")


def rule(function: Function) -> Rule:
    """Decorator: a function of a batch of melodies (B, 256) becomes a rule of its name."""
    return Rule(_name(_function(function, "rule")), function, function.__doc__ or "")


def per_melody(function: Callable[[Melody], float]) -> Rule:
    """Decorator: a function of one `Melody`, with `.notes` in beats, becomes a rule. Slower than a vectorised one."""
    _function(function, "per_melody")

    def reward(states: np.ndarray) -> float:
        melody = Melody.of(states)
        melody.states.flags.writeable = False
        return function(melody)

    def rewards(states: np.ndarray) -> np.ndarray:
        return np.array([reward(melody) for melody in states], dtype=float)

    return Rule(_name(function), rewards, function.__doc__ or "")


def _function(given: Any, decorator: str) -> Any:
    if isinstance(given, Rule) or not callable(given):
        got = f"the rule {given.name!r}" if isinstance(given, Rule) else described(given)
        raise UserError(f"@rules.{decorator}: expected a function, got {got}; leave the decorator out")
    return given


def _name(function: Any) -> str:
    """Its name; a partial, or an object that can be called, has none but its type's."""
    return str(getattr(function, "__name__", type(function).__name__))


def share(name: str, value: float) -> None:
    """Raises UserError unless a rule's `at_least` lies in (0, 1]."""
    if number(f"{name}: at_least", value, 0, 1) == 0:
        raise UserError(f"{name}: expected at_least above 0 and up to 1, got {value}")
