"""The jobs of the command line in Python: melodies for a wish or a rule, from nothing or from one's own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_

import numpy as np
from torch import Tensor

from melodylc import knobs
from melodylc.composition import Composed, compose
from melodylc.control import Control, learn
from melodylc.errors import UserError
from melodylc.model import Model
from melodylc.rules import Rule
from melodylc.transformation import check_amount, descend, towards
from melodylc.vae.decoding import strictly
from melodylc.wish import Wish

MORE = 1.07  # a knob hits a number of notes on average; asked for so much more, "at least" holds


@dataclass(frozen=True)
class Generated:
    """Melodies, and how they came about."""

    melodies: np.ndarray  # (count, 256)
    draws: list[int]  # which draw of its start each melody is, from 1
    how: str


def generate(
    model: Model,
    wish: Wish,
    count: int,
    *,
    rules: Sequence[Rule] = (),
    controls: Sequence[Control] = (),
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    tries: int = 1,
) -> Generated:
    """`count` melodies for a wish and rules.

    A wish alone is a turn of the knobs, without learning. Rules need controls that were learned for them; without, all
    that is asked for is learned together first. Each melody that breaks a rule is drawn again, `tries` times in all;
    the best draw is kept, and `draws` says which it was.
    """
    if seed is None:
        seed = secrets.randbits(31)
    asked = [*wish.rules(), *rules]
    move, how = mover(model, wish, rules, controls)
    allowed = mask(asked) if strict else None
    melodies = np.empty((count, 256), np.uint8)
    rewards = np.full(count, -1.0)
    draws = [0] * count
    left = np.arange(count)
    for tried in range(1, tries + 1):
        draw = int(np.random.SeedSequence([seed, tried]).generate_state(1)[0])
        z = move(model.prior(count, draw)[left])
        made = model.decode(z, temperature=temperature, seed=draw, allowed=allowed)
        reward = np.mean([rule(made) for rule in asked], axis=0) if asked else np.ones(len(made))
        better = reward > rewards[left]
        for at, index in enumerate(left):
            if better[at]:
                melodies[index], rewards[index], draws[index] = made[at], reward[at], tried
        left = np.flatnonzero(rewards < 1)
        if not len(left):
            break
    if asked:
        how += f"; best of up to {tries} draws each" if tries > 1 else "; one draw each"
    if strict:
        how += "; strict: the decoder was masked to the pitches allowed"
    return Generated(melodies, draws, f"{how}; seed {seed}")


def mover(
    model: Model, wish: Wish, rules: Sequence[Rule], controls: Sequence[Control]
) -> tuple[Callable[[Tensor], Tensor], str]:
    """What moves vectors for a wish, rules and controls, and how it is called."""
    if rules and not controls:
        together = reduce(and_, [*wish.rules(), *rules])
        learned = learn(model, together)
        return learned.move, f"an actor learned for {together.name} ({learned.outcome})"
    moves: list[Callable[[Tensor], Tensor]] = []
    names = []
    if wish.rules():
        turned, at = knobs.load(model.path.with_name("knobs.safetensors"), model), aimed(wish)
        moves.append(lambda z: turned.move(z, at))
        names.append("knobs")
    if controls:
        acting: Control | Composed = controls[0] if len(controls) == 1 else compose(*controls)
        moves.append(acting.move)
        names.append(" composed with ".join(f"actor of {control.card['rule']}" for control in controls))
    if not moves:
        return (lambda z: z), "the prior, no constraints"
    return lambda z: reduce(lambda moved, move: move(moved), moves, z), ", then ".join(names)


def aimed(wish: Wish) -> Wish:
    """What the knobs are turned to, so that at least the number of notes asked for comes out."""
    return wish if wish.notes is None else replace(wish, notes=min(round(MORE * wish.notes), 256))


def mask(asked: Sequence[Rule]) -> np.ndarray:
    """(130,) bool: the states the strict mode lets through."""
    if not asked:
        return strictly(None, "no rule")
    whole = reduce(and_, asked)
    return strictly(whole.allowed, whole.name)


def transform(
    model: Model,
    melody: np.ndarray,
    wish: Wish,
    *,
    rules: Sequence[Rule] = (),
    controls: Sequence[Control] = (),
    how: str = "actor",
    amount: float = 1.0,
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
) -> np.ndarray:
    """One's own melody (256,) changed as little as wish and rules ask for; `melodylc.transform` says how.

    Raises:
        UserError: for nothing to change, an amount outside [0, 1], or descent without the critics of a control.
    """
    asked = [*wish.rules(), *rules]
    if not asked:
        raise UserError("transform: expected what to change; give --key, --notes, --range or --rule")
    check_amount(amount)
    whole = reduce(and_, asked)
    allowed = mask(asked) if strict else None
    if whole.satisfied(melody[None])[0]:
        return melody
    if how == "gradient":
        move = descend(*(controls or [learn(model, whole)]))
    else:
        move, _ = mover(model, wish, rules, controls)

    def decoded(z: Tensor) -> np.ndarray:
        return model.decode(z, temperature=temperature, seed=seed, allowed=allowed)

    def reward(melodies: np.ndarray) -> np.ndarray:
        return np.mean([rule(melodies) for rule in asked], axis=0)

    return towards(model, melody[None], move, decoded, reward, amount).melodies[0]


def interpolate(
    model: Model,
    first: np.ndarray,
    last: np.ndarray,
    count: int,
    wish: Wish = Wish(),
    *,
    rules: Sequence[Rule] = (),
    controls: Sequence[Control] = (),
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
) -> np.ndarray:
    """`count` melodies (count, 256) from one melody to another, each moved to grant wish and rules."""
    asked = [*wish.rules(), *rules]
    move, _ = mover(model, wish, rules, controls)
    allowed = mask(asked) if strict else None
    return model.decode(move(model.between(first, last, count)), temperature=temperature, seed=seed, allowed=allowed)
