"""What a rule is, how its results are checked, and how rules combine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from melodylc.errors import UserError
from melodylc.melody import Melody, canonical

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Rule:
    """A named function (B, 256) uint8 -> (B,) in [0, 1]; a melody satisfies the rule when its reward is exactly 1.

    `&` is the minimum, `|` the maximum, `~` one minus the reward. `parts` are the rules that a conjunction is made of
    (a rule that is none is its own only part); learning rewards each part apart.
    """

    name: str
    function: Function
    doc: str = ""
    conjuncts: tuple[Rule, ...] = ()

    @property
    def parts(self) -> tuple[Rule, ...]:
        return self.conjuncts or (self,)

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """Rewards (B,) float64 of melodies (B, 256); of one melody (256,), a single reward.

        Raises:
            UserError: naming the rule, if its function returns anything but (B,) numbers in [0, 1].
        """
        states = canonical(states)
        if states.ndim == 1:
            return self(states[None])[0]
        rewards = np.asarray(self.function(states))
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
        return Rule(
            f"({self.name} and {other.name})",
            lambda states: np.minimum(self(states), other(states)),
            conjuncts=(*self.parts, *other.parts),
        )

    def __or__(self, other: Rule) -> Rule:
        return Rule(f"({self.name} or {other.name})", lambda states: np.maximum(self(states), other(states)))

    def __invert__(self) -> Rule:
        return Rule(f"not {self.name}", lambda states: 1 - self(states))


def rule(function: Function) -> Rule:
    """Decorator: a function of a batch of melodies (B, 256) becomes a rule of its name."""
    return Rule(function.__name__, function, function.__doc__ or "")


def per_melody(function: Callable[[Melody], float]) -> Rule:
    """Decorator: a function of one `Melody`, with `.notes` in beats, becomes a rule. Slower than a vectorised one."""

    def rewards(states: np.ndarray) -> np.ndarray:
        return np.array([function(Melody.of(melody)) for melody in states], dtype=float)

    return Rule(function.__name__, rewards, function.__doc__ or "")
