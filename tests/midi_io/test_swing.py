"""Swing: where the second of two notes goes, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_io.swing import EIGHTHS, SIXTEENTHS, STRAIGHT, Swing

SHARES, BEATS = st.floats(0.5, 0.75), st.floats(-100, 1000)


@given(BEATS, BEATS, SHARES, st.sampled_from([SIXTEENTHS, EIGHTHS]))
def test_it_keeps_order_and_pairs_and_can_be_undone(a, b, share, pair):
    swing = Swing(share, pair)
    low, high = sorted((a, b))
    assert swing.swung(low) <= swing.swung(high) + 1e-9
    assert swing.swung(round(a / pair) * pair) == round(a / pair) * pair
    assert swing.straightened(swing.swung(a)) == pytest.approx(a, abs=1e-9)
    assert STRAIGHT.swung(a) == pytest.approx(a)


def test_the_second_of_two_is_late():
    """Two thirds is a triplet of which the first two are one."""
    assert [Swing(2 / 3).swung(beat) for beat in (0, 0.25, 0.5, 0.75)] == pytest.approx([0, 1 / 3, 1 / 2, 5 / 6])
    eighths = [Swing(2 / 3, EIGHTHS).swung(beat) for beat in (0, 0.25, 0.5, 0.75, 1)]
    assert eighths == pytest.approx([0, 1 / 3, 2 / 3, 5 / 6, 1])
