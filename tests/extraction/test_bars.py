"""Windows as 16 of a row of bars, and their hashes, against each window written out on its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.extraction.bars import states_of_windows
from melodylc.extraction.hashing import hash_windows
from melodylc.melody import HOLD, REST

FEW = [60, 67, HOLD, HOLD, HOLD, REST]


@st.composite
def rows_of_bars(draw):
    """Bars, of which many are equal or all HOLD, and the first bars of windows in which a note begins."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = rng.choice(FEW, (draw(st.integers(1, 4)), 16)).astype(np.uint8)
    kinds = np.concatenate([kinds, np.full((1, 16), HOLD, np.uint8)])
    bars = kinds[rng.integers(0, len(kinds), draw(st.integers(16, 60)))]
    firsts = [first for first in range(len(bars) - 15) if (bars[first : first + 16] < HOLD).any()]
    return bars, np.array(draw(st.permutations(firsts)), int)


def written_out(bars, first):
    states = bars[first : first + 16].reshape(-1).tolist()
    for step, state in enumerate(states):
        if state != HOLD:
            break
        states[step] = REST
    return states


@given(rows_of_bars())
def test_windows_are_silent_until_their_first_note_or_rest(given_bars):
    bars, firsts = given_bars
    assert states_of_windows(bars, firsts).tolist() == [written_out(bars, first) for first in firsts]


@given(rows_of_bars())
def test_windows_have_one_hash_where_they_are_equal(given_bars):
    bars, firsts = given_bars
    windows = [tuple(written_out(bars, first)) for first in firsts]
    hashes = [row.tobytes() for row in hash_windows(bars, firsts)]
    assert len(set(hashes)) == len(set(windows)) == len(set(zip(windows, hashes)))


@given(rows_of_bars())
def test_hashes_are_those_of_the_formula(given_bars):
    bars, firsts = given_bars

    def mix(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    for first, hashed in zip(firsts, hash_windows(bars, firsts).view("<u8").tolist(), strict=True):
        states = bytes(written_out(bars, first))
        a = b = 0
        for bar in range(16):
            low, high = (int.from_bytes(states[16 * bar + at : 16 * bar + at + 8], "little") for at in (0, 8))
            inner = mix((low + 0x9E3779B97F4A7C15) % 2**64)
            outer = mix(inner ^ high)
            a += outer * 0x9FB21C651E98DF2B ** (15 - bar)
            b += mix(inner * 0xD1B54A32D192ED03 % 2**64 ^ outer) * 0xC2B2AE3D27D4EB53 ** (15 - bar)
        assert hashed == [a % 2**64, b % 2**64]


@pytest.mark.parametrize("bars", [0, 1, 15, 40])
def test_no_windows_have_no_states_and_no_hashes(bars):
    none = np.empty(0, int)
    assert states_of_windows(np.zeros((bars, 16), np.uint8), none).shape == (0, 256)
    assert hash_windows(np.zeros((bars, 16), np.uint8), none).shape == (0, 16)
