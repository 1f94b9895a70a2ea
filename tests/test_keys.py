"""The key that a melody is in."""

import numpy as np
import pytest

from melodylc.keys import key_of
from melodylc.melody import HOLD, REST
from melodylc.rules.key import NAMES, Key


def played(text, steps=4):
    """A melody of notes by name, in one octave, each so many steps long."""
    states = np.full(256, REST, np.uint8)
    for index, name in enumerate(text.split()):
        states[index * steps : (index + 1) * steps] = HOLD
        states[index * steps] = 60 + NAMES.index(name)
    return states


@pytest.mark.parametrize(
    ("melody", "key"),
    [
        ("C C G G A A G G F F E E D D C C", "C major"),  # Twinkle, twinkle
        ("E E F G G F E D C C D E D C C", "C major"),  # Ode to Joy, its second phrase
        ("A C E A G F E D C B A E A", "A minor"),
        ("D E F# G A B C# D Bb B A F# D", "D major"),  # what does not fit is passing
        ("D F A D A F D C# D E F E D A C# D", "D harmonic minor"),
        ("G A B C D E F E D B G F D G", "C major"),  # the notes of G mixolydian, too
        ("C", "C major"),
    ],
)
def test_melodies_whose_key_is_known(melody, key):
    assert key_of(played(melody)).name == key


def test_every_transposition_is_in_the_transposed_key():
    twinkle = played("C C G G A A G G F F E E D D C C")
    for by in range(12):
        assert key_of(np.where(twinkle < HOLD, twinkle + by, twinkle)).tonic == by


def test_a_rest_has_no_key_and_the_key_allows_the_melody_where_one_does():
    assert key_of(np.full(256, REST, np.uint8)) is None
    rng = np.random.default_rng(0)
    for _ in range(50):
        tonic = NAMES[rng.integers(12)]
        classes = sorted(Key.parse(f"{tonic} {['major', 'minor', 'dorian'][rng.integers(3)]}").classes)
        melody = played(" ".join(NAMES[classes[i]] for i in rng.integers(0, 7, 40)))
        assert {int(pitch) % 12 for pitch in melody[melody < HOLD]} <= key_of(melody).classes
