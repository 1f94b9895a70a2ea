"""A given melody, of which a part is locked and the rest is made anew so that it belongs.

The bars that are locked as a whole are where they are on the way from noise to melodies (`latent.flow.complete`), so
that the others come to fit them. Which bars return is drawn from forms of the corpus that agree with the locked bars:
a new bar that is to return one of them is a copy. At each step the decoder is limited to what may be there, so what is
locked is the same to the last step, by construction.

Shapes: B melodies, P = 16 bars of D coordinates, V = 130 states.
"""

from __future__ import annotations

import numpy as np

from melodylc.attributes import LABELS, Attributes
from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.base.seeds import Source, state_for
from melodylc.melody import BARS, HOLD, REST, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.rules import Rule
from melodylc.runtime.flow import form_of, tied
from melodylc.runtime.interface import MelodyModel
from melodylc.runtime.model import FORM_STREAM

KEEP = ("rhythm", "pitches", "notes")
FORMS = 128  # of the corpus, those that agree best with the locked bars


class Infilling:
    """Melodies that are a given one where it is locked (`Draws`)."""

    def __init__(
        self,
        model: MelodyModel,
        melody: np.ndarray,
        locked: np.ndarray,
        *,
        keep: str | None = None,
        attributes: Attributes | None = None,
        temperature: float | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> None:
        """Fill what is not locked, (256,) bool, of a melody (256,).

        Args:
            keep: what stays of the rest: its rhythm, its pitches in their order, or its notes, between which others
                may come and whose lengths may change.
            attributes: what the prior is asked for.
            temperature: of decoding; default: the model's.
            allowed_states: (130,) bool, or (256, 130) for each step: the states that may be drawn.

        Raises:
            UserError: for a model without a realistic prior.
        """
        if model.realistic is None:
            raise UserError("infill: expected a model with a realistic prior; melodylc prior trains one")
        self.model, self.prior, self.melody, self.keep = model, model.realistic, canonical(melody), keep
        self.temperature, self.parts = temperature, BARS
        self.labels = np.zeros(LABELS, np.float32) if attributes is None else attributes.as_numbers()
        self.locked = locked = with_held_notes(self.melody, locked) if keep == "rhythm" else locked
        self.whole = np.asarray(locked.reshape(BARS, STEPS_PER_BAR).all(axis=1))  # (P,)
        self.allowed_states = allowed_at_each_step(self.melody, locked, keep, allowed_states)
        self.known = as_array(self.prior.bars(self.melody[None]))[0]  # (P, D)
        self.own_form = form_of(self.known[None])[0]
        self.forms = _agreeing(as_array(self.prior.forms).astype(np.intp), self.own_form, self.whole)

    def noise(self, count: int, seed: int | None = None, source: Source | None = None) -> np.ndarray:
        """Draw noise (count, P, D): equal in bars that are to be equal, locked ones among them."""
        width = self.known.shape[1]
        noise = (source or self.model.source(seed)).normal(count, BARS, width)
        chosen = (source or self.model.source(seed, FORM_STREAM)).integers(len(self.forms), count)
        return tied(noise, self.forms[chosen])

    def latent(self, noise: np.ndarray) -> np.ndarray:
        """Return z (B, Z) for noise (B, P, D)."""
        known, bar = self._returning(noise)
        return as_array(
            self.prior.complete(noise, self.known[bar], known, self.labels, self.model.source_at(state_for(noise)))
        )

    def decoded(self, z: np.ndarray, noise: np.ndarray, source: Source) -> np.ndarray:
        """Return the melodies (B, 256) of z (B, Z) that were made of noise (B, P, D)."""
        made = self.model.decode_quickly(
            z, temperature=self.temperature, generator=source, allowed_states=self.allowed_states
        )
        known, bar = self._returning(noise)
        copies = self.melody.reshape(BARS, STEPS_PER_BAR)[bar].reshape(-1, STEPS)
        returns = np.repeat(known, STEPS_PER_BAR, axis=1) & self._may_be(copies)
        return self.fitted(np.where(returns, copies, made), self.melody)

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        """Return variations (B, 256) of a melody (256,) with the melody's states where theirs may not be."""
        fitting = np.where(self._may_be(changed), changed, melody)
        if self.keep == "pitches":
            fitting = np.stack([in_order(each, self.melody, self.locked) for each in fitting])
        return held_on(fitting, self.melody, self.locked, longer=self.keep == "pitches")

    def _may_be(self, melodies: np.ndarray) -> np.ndarray:
        """Return (B, 256) bool: where melodies (B, 256) are allowed."""
        return np.asarray(self.allowed_states[np.arange(STEPS), melodies])

    def _returning(self, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which bars of noise (B, P, D) return a locked one, or are one, (B, P) bool, and which, (B, P)."""
        equal = (noise[:, :, None] == noise[:, None]).all(axis=-1) & self.whole  # (B, P, P)
        return equal.any(axis=-1), equal.argmax(axis=-1)


def with_held_notes(melody: np.ndarray, locked: np.ndarray) -> np.ndarray:
    """Return locked (256,) bool with the beginnings of the notes that a locked step of a melody (256,) holds."""
    onset = np.maximum.accumulate(np.where(melody == HOLD, -1, np.arange(STEPS)))
    begins = np.zeros(STEPS, bool)
    begins[onset[locked & (melody == HOLD)]] = True
    return locked | begins


def allowed_at_each_step(
    melody: np.ndarray, locked: np.ndarray, keep: str | None, allowed_states: np.ndarray | None = None
) -> np.ndarray:
    """Return which states each step may have, (256, 130) bool.

    Args:
        melody: (256,).
        locked: (256,) bool, steps that stay as they are.
        keep: what stays of the others, one of `KEEP`.
        allowed_states: (130,) or (256, 130) bool, what the others may be.
    """
    states = np.arange(STATES)
    allowed = np.ones((STEPS, STATES), bool) & (True if allowed_states is None else allowed_states)
    onset = melody < HOLD
    if keep == "rhythm":
        allowed &= np.where(onset[:, None], states < HOLD, states == melody[:, None])
    if keep == "notes":
        locked = locked | onset
    return np.where(locked[:, None], states == melody[:, None], allowed)


def _agreeing(forms: np.ndarray, own: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return forms (F, P) that agree best with a melody's own (P,) in the bars that are locked as a whole (P,).

    Locked bars have the melody's own form; a new bar is equal to one of them, or to another new one, as in the form.
    """
    same = own[:, None] == own
    pairs = whole[:, None] & whole & ~np.eye(len(own), dtype=bool)
    agree = ((forms[:, :, None] == forms[:, None]) == same)[:, pairs].sum(axis=1)
    best = forms[np.argsort(-agree, kind="stable")[:FORMS]]
    equal = best[:, :, None] == best[:, None]  # (F, P, P)
    to_locked = equal & whole
    first = equal & ~whole  # among the new ones
    of_new = np.where(to_locked.any(axis=-1), own[to_locked.argmax(axis=-1)], first.argmax(axis=-1))
    return np.where(whole, _first_locked(own, whole), of_new)


def _first_locked(own: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return (P,), for each bar the first locked one that is equal to it, or itself."""
    equal = (own[:, None] == own) & whole
    return np.where(equal.any(axis=-1), equal.argmax(axis=-1), np.arange(len(own)))


def held_on(melodies: np.ndarray, given: np.ndarray, locked: np.ndarray, longer: bool = False) -> np.ndarray:
    """Return melodies (B, 256) in which a locked hold holds what it held in the given one (256,).

    Where another note sounds before it, or none, the note that it held begins on the step before.

    Args:
        longer: the last note before it goes on to it instead, for melodies with the same notes in the same order.
    """
    made = melodies.copy()
    for step in np.flatnonzero((given == HOLD) & locked & ~np.roll(locked, 1)):
        pitch = given[:step][given[:step] < HOLD][-1]
        for melody in made:
            before = np.flatnonzero(melody[:step] < HOLD)
            begins = before[-1] if len(before) else step
            if longer and len(before):
                melody[begins + 1 : step] = HOLD
            elif begins == step or melody[begins] != pitch or (melody[begins:step] == REST).any():
                melody[step - 1] = pitch
    return canonical(made)


def in_order(melody: np.ndarray, given: np.ndarray, locked: np.ndarray) -> np.ndarray:
    """Return a melody (256,) whose notes that are not locked have the pitches of those of the given one, in order.

    Where it has more of them than these, those on the weakest steps of the bar go; where fewer, the strongest get one.
    """
    pitches = given[(given < HOLD) & ~locked]
    changed, free = melody.copy(), np.flatnonzero(~locked)
    onset = changed[free] < HOLD
    strength = np.gcd(free % STEPS_PER_BAR, STEPS_PER_BAR)  # 16 on the first beat, 1 off the eighths
    extra = int(onset.sum()) - len(pitches)
    if extra > 0:
        weakest = np.flatnonzero(onset)[np.argsort(strength[onset], kind="stable")][:extra]
        changed[free[weakest]] = HOLD
    elif extra < 0:
        strongest = np.flatnonzero(~onset)[np.argsort(-strength[~onset], kind="stable")][:-extra]
        changed[free[strongest]] = 0
    changed[free[changed[free] < HOLD]] = pitches
    return changed


def of_new_notes(rule: Rule, melody: np.ndarray, stays: np.ndarray) -> Rule:
    """Return a rule on pitches that leaves out the notes that stay and are not allowed; others as they are.

    Args:
        melody: (256,).
        stays: (256,) bool.
    """
    outside = notes_outside(rule, melody, stays)
    if (outside < 0).all():
        return rule
    return Rule(rule.name, lambda states: rule(np.where(states == outside, HOLD, states)), rule.doc)


def notes_outside(rule: Rule, melody: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """Return (256,) the pitches of notes that stay and that a rule on pitches does not allow, -1 elsewhere.

    A note that a step that stays goes on with may begin on the step before it.
    """
    if rule.allowed_pitches is None:
        return np.full(STEPS, -1)
    onset = np.maximum.accumulate(np.where(melody < HOLD, np.arange(STEPS), 0))
    sounding = np.where(melody[onset] < HOLD, melody[onset], 0).astype(int)  # at each step that is no rest
    goes_on = np.append((melody == HOLD)[1:] & stays[1:] & ~stays[:-1], False)
    pitch = np.where(goes_on, np.append(sounding[1:], 0), sounding)
    there = (stays & (melody < HOLD)) | goes_on
    return np.where(there & ~rule.allowed_pitches[pitch], pitch, -1)
