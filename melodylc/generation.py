"""The jobs of the command line in Python: melodies for a wish, from nothing or from one's own, without training."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from melodylc.control import load_control, on_the_way
from melodylc.errors import UserError
from melodylc.gauges import Gauges, Wish
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.rules import Key
from melodylc.vae.data import transposed
from melodylc.vae.decoding import allowed_states

ACTOR_KEY = Key.parse("C major")
ACTORS = {None: "c-major", 192: "c-major-192-notes"}  # by the number of notes they were taught


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
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    tries: int = 1,
) -> Generated:
    """`count` melodies for a wish.

    A key comes from a learned actor (taught C major; other keys of its shape by transposition). Scales of another
    shape, numbers of notes other than 192, and ranges come from the gauges, by gradient. Each melody that breaks the
    wish is drawn again, `tries` times in all; the best draw is kept, and `draws` says which it was.
    """
    if seed is None:
        seed = secrets.randbits(31)
    propose, semitones, how = _proposer(model, wish)
    allowed = None
    if strict:
        allowed = allowed_states(np.roll(wish.pitches(), -semitones))
    rules = wish.rules()
    melodies = np.empty((count, 256), np.uint8)
    rewards = np.full(count, -1.0)
    draws = [0] * count
    left = np.arange(count)
    for tried in range(1, tries + 1):
        draw = int(np.random.SeedSequence([seed, tried]).generate_state(1)[0])
        z = propose(model.prior(count, draw)[left])
        made = model.decode(z, temperature=temperature, seed=draw, allowed=allowed)
        made = transposed(made, np.full(len(made), semitones))
        reward = np.mean([rule(made) for rule in rules], axis=0) if rules else np.ones(len(made))
        better = reward > rewards[left]
        for at, index in enumerate(left):
            if better[at]:
                melodies[index], rewards[index], draws[index] = made[at], reward[at], tried
        left = np.flatnonzero(rewards < 1)
        if not len(left):
            break
    if rules:
        how += f"; best of up to {tries} draws each" if tries > 1 else "; one draw each"
    if strict:
        how += "; strict: the decoder was masked to the key and range"
    return Generated(melodies, draws, f"{how}; seed {seed}")


def _proposer(model: Model, wish: Wish) -> tuple[Callable[[Tensor], Tensor], int, str]:
    """What moves draws of the prior for this wish, how far its melodies are transposed after, and its name."""
    if not wish.rules():
        return (lambda z: z), 0, "the prior, no constraints"
    semitones = None if wish.key is None else _interval(ACTOR_KEY, wish.key)
    if semitones is None:
        gauges = gauges_of(model)
        return (lambda z: gauges.propose(z, wish, model.bank.sigma_bar)), 0, "gauges, by gradient"

    taught = wish.notes if wish.notes in ACTORS else None
    path = model.path.parent / "actors" / f"{ACTORS[taught]}.safetensors"
    actor = load_control(path, model)
    how = f"actor {path.stem}" + (f", transposed by {semitones:+d}" if semitones else "")
    rest = replace(
        wish,
        key=None,
        notes=None if wish.notes == taught else wish.notes,
        low=None if wish.low is None else wish.low - semitones,
        high=None if wish.high is None else wish.high - semitones,
    )
    if rest == Wish():
        return actor.move, semitones, how
    gauges = gauges_of(model)

    def propose(z: Tensor) -> Tensor:
        return gauges.propose(z, rest, model.bank.sigma_bar, through=actor.actor)

    return propose, semitones, f"{how}, and gauges for the rest"


def _interval(taught: Key, wanted: Key) -> int | None:
    """Semitones, -5 to 6, from one key to another of the same shape; None if their shapes differ."""
    for semitones in (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6):
        if taught.transposed(semitones).classes == wanted.classes:
            return semitones
    return None


def gauges_of(model: Model) -> Gauges:
    """The gauges beside a model's weights.

    Raises:
        UserError: if there are none, with the command that makes them.
    """
    path = model.path.with_name("gauges.safetensors")
    if not path.exists():
        raise UserError(f"model: no gauges at {path}; make them with: melodylc gauges --model {model.path}")
    return Gauges.load(path, model.latent)


def transform(
    model: Model,
    melody: np.ndarray,
    wish: Wish,
    *,
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
) -> np.ndarray:
    """One's own melody (256,) changed as little as the wish asks for; one that grants it comes back as it was."""
    rules = wish.rules()
    if all(rule.satisfied(melody) for rule in rules):
        return melody
    propose, semitones, _ = _proposer(model, wish)
    allowed = allowed_states(np.roll(wish.pitches(), -semitones)) if strict else None
    start = model.encode(transposed(melody[None], np.array([-semitones]))).mean

    def decoded(z: Tensor) -> np.ndarray:
        made = model.decode(z, temperature=temperature, seed=seed, allowed=allowed)
        return transposed(made, np.full(len(made), semitones))

    def reward(melodies: np.ndarray) -> np.ndarray:
        return np.mean([rule(melodies) for rule in rules], axis=0)

    return on_the_way(start, propose(start), decoded, reward)[0]


def interpolate(
    model: Model,
    first: np.ndarray,
    last: np.ndarray,
    count: int,
    wish: Wish = Wish(),
    *,
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
) -> np.ndarray:
    """`count` melodies (count, 256) from one melody to another, each moved to grant the wish."""
    z = model.between(first, last, count)
    if wish.rules():
        z = gauges_of(model).propose(z, wish, model.bank.sigma_bar)
    allowed = allowed_states(wish.pitches()) if strict else None
    return model.decode(z, temperature=temperature, seed=seed, allowed=allowed)


def kept(before: np.ndarray, after: np.ndarray) -> float:
    """The share of the onsets of one melody (256,) that another has too, same pitch and step."""
    onsets = before < HOLD
    return float((before == after)[onsets].sum() / max(onsets.sum(), 1))
