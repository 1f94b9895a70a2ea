"""What draws cost, against the rules themselves and by hand."""

import math

import numpy as np
import pytest
import torch

from melodylc.attributes import Attributes
from melodylc.melody import HOLD, REST, STATES
from melodylc.plausibility import FEATURES, Bounds
from melodylc.prior import decoder_cost

MOST = {"notes": 200.0, "commonest pitch": 0.6, "two commonest pitches": 0.9, "steps": 0.8}
LOW = tuple(2.0 if name == "pitch classes" else 0.0 for name in FEATURES)
BOUNDS = Bounds(LOW, tuple(MOST.get(name, 1e3) for name in FEATURES), "a test")


def said(states, sure=30.0):
    """Logits of a decoder that is sure of states (B, L)."""
    return sure * torch.nn.functional.one_hot(torch.tensor(states).long(), STATES).float()


def melody(*pitches, length=256):
    """One with a note on every fourth step, of pitches in turn."""
    states = np.full((1, length), HOLD, np.uint8)
    states[0, ::4] = [pitches[i % len(pitches)] for i in range(length // 4)]
    return states


def cost(states, attributes, before=64.0, sure=30.0):
    logits, labels = said(states, sure), attributes.labels()[None]
    return float(decoder_cost.cost(logits, torch.tensor(states), labels, torch.tensor([before]), BOUNDS))


def test_what_surely_has_what_is_asked_for_costs_nothing():
    varied = melody(60, 64, 67, 72)
    for attributes in (
        Attributes(),
        Attributes("C major"),
        Attributes("C major", 40, "C3", "C6"),
        Attributes(at_most=80),
    ):
        assert cost(varied, attributes) == pytest.approx(0, abs=1e-3)


def test_one_note_outside_costs_what_the_decoder_says_of_it():
    """One of 64 notes is likely to be in the key by a half: log(1 + log 2)."""
    states = melody(60, 64, 67, 72)
    logits = said(states)
    logits[0, 8, 67] = logits[0, 8, 66] = 30.0
    labels, before = Attributes("C major").labels()[None], torch.tensor([64.0])
    found = decoder_cost.cost(logits, torch.tensor(states), labels, before, BOUNDS)
    assert float(found) == pytest.approx(math.log(1 + math.log(2)), rel=1e-3)


def test_what_is_missed_costs_more_the_further_off_it_is():
    varied = melody(60, 64, 67, 72)  # 64 notes
    assert 0 < cost(varied, Attributes(notes=80)) < cost(varied, Attributes(notes=120))
    assert 0 < cost(varied, Attributes(at_most=60)) < cost(varied, Attributes(at_most=40))
    assert 0 < cost(varied, Attributes(high=70)) < cost(varied, Attributes(high=63))
    assert (
        cost(varied, Attributes("F# major")) > cost(varied, Attributes("F major", low=55)) == pytest.approx(0, abs=1e-3)
    )


def test_neither_silence_nor_one_note_is_a_way_out():
    asked = Attributes("C major")
    silent = np.full((1, 256), REST, np.uint8)
    assert cost(silent, asked) > cost(melody(60, 64, 67, 72), asked)
    assert cost(melody(60), asked) > cost(melody(60, 62), asked) > cost(melody(60, 64, 67, 72), asked)
    assert cost(melody(60, 64, 67, 72), asked, before=30.0) > 0.5  # nor are twice as many notes asked for
    every = np.tile([60, 62, 64, 65], 64).astype(np.uint8)[None]  # 256 notes: more than is plausible
    assert cost(every, Attributes(notes=100), before=256.0) > 0.5


def test_steps_all_the_way_and_few_pitch_classes_cost_something():
    asked = Attributes("C whole tone")
    assert cost(melody(60, 62, 64, 66), asked) > 1.5 > 0.01 > cost(melody(60, 64, 62, 68), asked)
    fifths = melody(60, 67, 72, 79)  # two classes, where three are wanted
    assert cost(fifths, Attributes()) == pytest.approx(1.0, abs=0.05)


def unplayed(states, attributes):
    return float(decoder_cost.unplayed(said(states), torch.tensor(states), attributes.labels()[None]))


def test_notes_of_the_scale_that_are_not_played_cost_something():
    whole = melody(60, 62, 64, 65, 67, 69, 71, 72)
    without_two = melody(60, 62, 64, 67, 69, 72)
    assert unplayed(whole, Attributes("C major")) == pytest.approx(0, abs=1e-3)
    one, two = (
        unplayed(melody(60, 62, 64, 65, 67, 69, 72), Attributes("C major")),
        unplayed(without_two, Attributes("C major")),
    )
    assert 2 * one == pytest.approx(two)
    assert one > 5  # the decoder is sure
    assert unplayed(without_two, Attributes("C major pentatonic")) == pytest.approx(0, abs=1e-3)
    assert unplayed(without_two, Attributes()) == 0  # of all twelve
    assert unplayed(without_two, Attributes("C,C#,D,Eb,E,F,F#,G,Ab")) == 0  # nobody's scale
    assert unplayed(melody(60, 62, 64), Attributes("C major", low=60, high=64)) == pytest.approx(0, abs=1e-3)
    few = without_two.copy()
    few[0, 48:] = REST
    assert 0 < unplayed(few, Attributes("C major")) < two / 3


def test_it_shows_the_way():
    """The gradient takes probability from a note outside, and gives it to the likeliest of those inside."""
    states = melody(60, 64, 66, 72)
    logits = said(states, 3.0)
    logits[0, 8, 67] = 2.0
    logits.requires_grad_(True)
    labels, before = Attributes("C major").labels()[None], torch.tensor([64.0])
    decoder_cost.cost(logits, torch.tensor(states), labels, before, BOUNDS).backward()
    gradient = logits.grad[0, 8, :HOLD]
    assert gradient.argmax() == 66
    assert gradient.argmin() == 67
