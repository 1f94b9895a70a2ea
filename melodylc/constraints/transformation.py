"""Given melodies, changed just enough to satisfy a rule (section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from melodylc.base.arrays import Vectors, on_the_way
from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.melody import BARS, HOLD, STEPS_PER_BAR, canonical, check
from melodylc.rules import Rule
from melodylc.runtime.choosing import strictly
from melodylc.runtime.interface import MelodyModel

if TYPE_CHECKING:  # which need torch
    from torch import Tensor

    from melodylc.constraints.playing_actor import AnyActor
    from melodylc.constraints.rule_actor import RuleActor

AMOUNTS = tuple(i / 10 for i in range(16))  # shares of the whole move that are tried, the smallest first
DISTANCE_WEIGHT = 0.3  # of the distance from the encoding, in descent
DESCENT_STEPS, DESCENT_RATE = 30, 0.1  # of descent
SURE_LOGIT = 2.0  # logit at which descent stops: P(the rule holds) of 0.88
HOW = ("actor", "gradient")

Move = Callable[[Any], Any]  # vectors (B, Z), arrays or tensors, to others


@dataclass(frozen=True)
class Transformed:
    """Changed melodies and how far they went."""

    melodies: np.ndarray  # (B, 256)
    rewards: np.ndarray  # (B,)
    shares: np.ndarray  # (B,) of the whole move that each took; 0 where nothing had to change
    reached: np.ndarray  # (B,) rewards of the whole change, of which an amount below 1 is a part


def transform_batch(
    model: MelodyModel,
    melodies: np.ndarray,
    rule: Rule,
    actor: RuleActor,
    *,
    how: str = "actor",
    amount: float = 1.0,
    strict: bool = False,
) -> np.ndarray:
    """Change melodies (B, 256) as little as a rule asks for; `melodylc.transform` does more, for one melody.

    Of the decodes on the way to where the actor or its critics lead, the first that satisfies the rule is taken, or the
    best if none does. Melodies that satisfy the rule come back as they were.

    Args:
        how: "actor", or "gradient": descent on the critics of the actor, with the distance penalty.
        amount: 0 is the melody as it was, 1 the whole change, and between them the melodies on the way.
        strict: mask the decoder to the pitches the rule allows.

    Raises:
        ValueError: if one is no melody.
        UserError: for another `how`, an amount outside [0, 1], or a strict mode for a rule that is not on pitches.
    """
    check_method(how)
    check_amount(amount)
    allowed_states = strictly(rule.allowed_pitches, rule.name) if strict else None
    move = actor.move if how == "actor" else descend(actor)

    def decoded(z: Vectors) -> np.ndarray:
        return model.decode(z, temperature=0.0, allowed_states=allowed_states)

    return transform_towards(model, canonical(np.atleast_2d(check(melodies))), move, decoded, rule, amount).melodies


def check_method(how: str) -> None:
    """Raise UserError unless a method is one of `HOW`."""
    if how not in HOW:
        raise UserError(f"transform: expected how as one of {', '.join(HOW)}, got {how!r}")


def check_amount(amount: float) -> None:
    """Raise UserError unless an amount lies in [0, 1]."""
    number("amount", amount, 0, 1)


def descend(*actors: AnyActor) -> Move:
    """Return a move by gradient on the critics of actors: G_opt, each vector frozen once all are sure of it."""
    import torch

    from melodylc.latent.descent import combined_energy, optimise

    learned = cast("tuple[RuleActor, ...]", actors)  # as they are loaded with torch
    for actor in learned:
        if not actor.critics:
            raise UserError(f"transform: {actor.card['rule']} was learned without critics of bars; use the actor")
    judges = [actor.judge for actor in learned]

    def move(z: Vectors) -> Tensor:
        z = torch.as_tensor(z)
        energy = combined_energy(z, learned[0].model.bank.sigma_bar, judges, penalty=DISTANCE_WEIGHT)

        def done(moved: Tensor) -> Tensor:
            return torch.cat([judge(moved) >= SURE_LOGIT for judge in judges], dim=-1).all(dim=-1)

        return optimise(z, energy, steps=DESCENT_STEPS, learning_rate=DESCENT_RATE, done=done)

    return move


def transform_towards(
    model: MelodyModel,
    states: np.ndarray,
    move: Move,
    decoded: Callable[[Any], np.ndarray],
    reward: Callable[[np.ndarray], np.ndarray],
    amount: float = 1.0,
) -> Transformed:
    """Change melodies (B, 256) on the way from their encodings to where a move takes them.

    Bars that decode as they would have anyway stay as they were played, and bars that need not have changed are put
    back.
    """
    start = model.encode(states).mean
    goal = move(start)
    plain = decoded(start)
    best, highest = states.copy(), reward(states)
    shares = np.zeros(len(states))
    for share in AMOUNTS:
        left = np.flatnonzero(highest < 1)
        if not len(left):
            break
        melodies = decoded(on_the_way(start, goal, share)[left])
        for candidate in (melodies, unchanged_bars(melodies, plain[left], states[left])):
            rewards = reward(candidate)
            better = rewards > highest[left]
            best[left[better]], highest[left[better]], shares[left[better]] = candidate[better], rewards[better], share
    whole = restore_bars(best, states, reward)
    reached = reward(whole)
    if amount == 1:
        return Transformed(whole, reached, shares, reached)
    halfway = on_the_way(start, goal, amount * shares[:, None])
    part = unchanged_bars(decoded(halfway), plain, states)
    # a bar that the whole change leaves alone is left alone on the way to it
    part = canonical(np.where(_same_bars(whole, states), states, part))
    return Transformed(part, reward(part), amount * shares, reached)


def _same_bars(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the steps of the bars in which melodies are equal, (B, 256) bool."""
    same = (a == b).reshape(-1, BARS, STEPS_PER_BAR).all(axis=2)
    return np.repeat(same, STEPS_PER_BAR, axis=1)


def unchanged_bars(melodies: np.ndarray, plain: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return melodies (B, 256) in which bars that decode as the encoding does (plain) are as they were played (states).

    What a model reconstructs wrongly is no change that the rule asked for.
    """
    return canonical(np.where(_same_bars(melodies, plain), states, melodies))


def restore_bars(changed: np.ndarray, states: np.ndarray, reward: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Put back every bar of the original melodies (B, 256) that costs the changed ones no reward, in order."""
    changed = changed.copy()
    rewards = reward(changed)
    for bar in range(BARS):
        steps = slice(bar * STEPS_PER_BAR, (bar + 1) * STEPS_PER_BAR)
        tried = changed.copy()
        tried[:, steps] = states[:, steps]
        tried = canonical(tried)
        again = reward(tried)
        kept = again >= rewards
        changed[kept], rewards[kept] = tried[kept], again[kept]
    return changed


def onsets_kept(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the share of note starts of melodies (B, 256) on whose step a note starts in others too, (B,)."""
    onsets = before < HOLD
    return (onsets & (after < HOLD)).sum(axis=-1) / np.maximum(onsets.sum(axis=-1), 1)


def pitches_kept(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the share of notes of melodies (B, 256) that others have too, same step and pitch, (B,)."""
    onsets = before < HOLD
    return (onsets & (before == after)).sum(axis=-1) / np.maximum(onsets.sum(axis=-1), 1)
