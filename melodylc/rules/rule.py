"""What a rule is, how its results are checked, and how rules combine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    # (128,) bool: the pitches of the melodies that satisfy it, for the strict mode; None: it is no rule on pitches
    allowed: np.ndarray | None = field(default=None, compare=False)

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
        try:
            rewards = np.asarray(self.function(states))
        except UserError:
            raise
        except Exception as error:
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
        masks = [rule.allowed for rule in (self, other) if rule.allowed is not None]
        return Rule(
            f"({self.name} and {other.name})",
            lambda states: np.minimum(self._rewards(states), other._rewards(states)),
            conjuncts=(*self.parts, *other.parts),
            allowed=np.logical_and.reduce(masks) if masks else None,
        )

    def __or__(self, other: Rule) -> Rule:
        return Rule(
            f"({self.name} or {other.name})",
            lambda states: np.maximum(self._rewards(states), other._rewards(states)),
        )

    def __invert__(self) -> Rule:
        return Rule(f"not {self.name}", lambda states: 1 - self._rewards(states))


def weighted(*rules: tuple[Rule, float]) -> Rule:
    """The weighted mean of rewards: `weighted((in_key, 3), (busy, 1))`. Satisfied when each of its rules is.

    Raises:
        UserError: without rules, or for a weight that is not above 0.
    """
    if not rules or not all(np.isfinite(weight) and weight > 0 for _, weight in rules):
        raise UserError(f"weighted: expected pairs of a rule and a weight above 0, got {[w for _, w in rules]}")
    total = sum(weight for _, weight in rules)

    def reward(states: np.ndarray) -> np.ndarray:
        rewards = np.stack([rule._rewards(states) for rule, _ in rules])
        mean = np.tensordot([weight / total for _, weight in rules], rewards, axes=1)
        return np.where((rewards == 1).all(axis=0), 1.0, np.clip(mean, 0, 1 - 1e-12))  # exact, whatever the rounding

    return Rule(" + ".join(f"{weight:g} x {rule.name}" for rule, weight in rules), reward, weighted.__doc__ or "")


def rule(function: Function) -> Rule:
    """Decorator: a function of a batch of melodies (B, 256) becomes a rule of its name."""
    return Rule(function.__name__, function, function.__doc__ or "")


def per_melody(function: Callable[[Melody], float]) -> Rule:
    """Decorator: a function of one `Melody`, with `.notes` in beats, becomes a rule. Slower than a vectorised one."""

    def rewards(states: np.ndarray) -> np.ndarray:
        return np.array([function(Melody.of(melody)) for melody in states], dtype=float)

    return Rule(function.__name__, rewards, function.__doc__ or "")


def share(name: str, value: float) -> None:
    """Raises UserError unless a rule's `at_least` lies in (0, 1]."""
    if not 0 < value <= 1:
        raise UserError(f"{name}: expected at_least above 0 and up to 1, got {value}")
