"""What labels ask for is what the attributes and their rules say."""

import numpy as np

from melodylc.melody import HOLD
from melodylc.prior.asked_for import allowed_pitches, satisfied_by
from melodylc.prior.requests import random_attributes


def test_what_is_satisfied_is_what_the_rules_say():
    rng = np.random.default_rng(0)
    for _ in range(200):
        attributes = random_attributes(rng)
        states = rng.integers(50, 60, (3, 256)).astype(np.uint8)
        states[rng.random(states.shape) < rng.uniform(0.2, 0.9)] = HOLD
        states[:, 0] = 55
        wanted = np.all([rule.satisfied(states) for rule in attributes.rules()] or [np.ones(3, bool)], axis=0)
        labels = attributes.labels().expand(3, -1)
        np.testing.assert_array_equal(satisfied_by(states, labels), wanted)


def test_the_pitches_allowed_are_those_of_the_attributes():
    rng = np.random.default_rng(1)
    for _ in range(100):
        attributes = random_attributes(rng)
        np.testing.assert_array_equal(allowed_pitches(attributes.labels()[None])[0].numpy(), attributes.pitches())
