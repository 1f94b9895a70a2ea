"""How many melodies are known, against the rules themselves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import melodylc
from melodylc.attributes import Attributes
from melodylc.melody import HOLD
from melodylc.prior.known import SEMITONES, share_known
from melodylc.prior.requests import random_attributes


def some_melodies(rng, count=12):
    states = np.full((count, 256), HOLD, np.uint8)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    for row in states:
        at = np.flatnonzero(rng.random(256) < rng.uniform(0.1, 0.6))
        row[at] = 40 + rng.integers(30) + scale[rng.integers(rng.integers(3, 8), size=len(at))]
        row[0] = row[at[0]] if len(at) else 60
    return states


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_known_are_those_that_satisfy_the_rules_somewhere(seed):
    rng = np.random.default_rng(seed)
    states, attributes = some_melodies(rng), random_attributes(rng)
    found = np.zeros(len(states), bool)
    for semitones in SEMITONES:
        moved = np.where(states < HOLD, states.astype(int) + semitones, states).astype(np.uint8)
        found |= np.all([rule.satisfied(moved) for rule in attributes.rules()] or [np.ones(len(states), bool)], axis=0)
    assert share_known(states, attributes) == found.mean()


def test_common_requests_are_known_and_odd_ones_are_not():
    states = melodylc.load().bank.states
    assert share_known(states, Attributes("C major")) > 0.3
    assert share_known(states, Attributes("C whole tone", notes=200)) < 0.005
