"""Musical time: the tempo of clocks that jitter, every transition of the follower."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_io.jack_transport import JackTransport
from midi_io.messages import PPQN
from midi_io.midi_clock import TRANSITIONS, Event, MidiClockTransport, State
from midi_io.ports.jack import TransportState
from midi_io.tempo import TempoEstimator
from midi_io.transport import InternalTransport

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"


def spp(value: int) -> bytes:
    return bytes((0xF2, value & 127, value >> 7))


def clocks(
    follower: MidiClockTransport, start: float, count: int, tempo: float = 120.0, jitter: float = 0.0, seed: int = 0
) -> float:
    """Sends them; the moment the next one would come."""
    rng = np.random.default_rng(seed)
    for tick in range(count):
        follower.receive(start + tick * 60 / tempo / PPQN + rng.uniform(-jitter, jitter), CLOCK)
    return start + count * 60 / tempo / PPQN


def playing(tempo: float = 120.0, beats: int = 8) -> tuple[MidiClockTransport, float]:
    follower = MidiClockTransport()
    follower.receive(0.0, START)
    return follower, clocks(follower, 0.0, beats * PPQN, tempo)


# what the standard asks of each state, written down independently of the table: (state, event) -> state after
ASKED = {
    ("STOPPED", "START"): "ARMED",
    ("STOPPED", "CONTINUE"): "ARMED",
    ("STOPPED", "STOP"): "STOPPED",
    ("STOPPED", "SONG_POSITION"): "STOPPED",
    ("STOPPED", "CLOCK"): "STOPPED",
    ("STOPPED", "SILENCE"): "STOPPED",
    ("ARMED", "START"): "ARMED",
    ("ARMED", "CONTINUE"): "ARMED",
    ("ARMED", "STOP"): "STOPPED",
    ("ARMED", "SONG_POSITION"): "ARMED",
    ("ARMED", "CLOCK"): "PLAYING",
    ("ARMED", "SILENCE"): "ARMED",
    ("PLAYING", "START"): "ARMED",
    ("PLAYING", "CONTINUE"): "PLAYING",
    ("PLAYING", "STOP"): "STOPPED",
    ("PLAYING", "SONG_POSITION"): "ARMED",
    ("PLAYING", "CLOCK"): "PLAYING",
    ("PLAYING", "SILENCE"): "LOST",
    ("LOST", "START"): "ARMED",
    ("LOST", "CONTINUE"): "ARMED",
    ("LOST", "STOP"): "STOPPED",
    ("LOST", "SONG_POSITION"): "ARMED",
    ("LOST", "CLOCK"): "PLAYING",
    ("LOST", "SILENCE"): "LOST",
}
MESSAGES = {"START": START, "CONTINUE": CONTINUE, "STOP": STOP, "SONG_POSITION": spp(16), "CLOCK": CLOCK}
WAYS = {"STOPPED": [], "ARMED": ["START"], "PLAYING": ["START", "CLOCK"], "LOST": ["START", "CLOCK", "SILENCE"]}


def happen(follower: MidiClockTransport, event: str, moment: float) -> float:
    if event == "SILENCE":
        follower.advance(moment + 10)
        return moment + 10
    follower.receive(moment, MESSAGES[event])
    return moment + 0.02


def test_the_table_is_complete():
    assert set(TRANSITIONS) == {(state, event) for state in State for event in Event}
    assert {(s.name, e.name) for s, e in TRANSITIONS} == set(ASKED)


@pytest.mark.parametrize(("state", "event"), sorted(ASKED))
def test_transition(state, event):
    follower, moment = MidiClockTransport(), 1.0
    for before in WAYS[state]:
        moment = happen(follower, before, moment)
    assert follower.state.name == state
    happen(follower, event, moment)
    assert follower.state.name == ASKED[state, event]
    assert follower.running == (follower.state is State.PLAYING)


def test_the_first_clock_after_start_is_beat_nought():
    follower = MidiClockTransport()
    follower.receive(5.0, START)
    assert not follower.running
    follower.receive(5.25, CLOCK)
    assert follower.running
    assert follower.origin == 0
    assert follower.position(5.25) == pytest.approx(0)
    clocks(follower, 5.25 + 1 / 48, 47)
    assert follower.position(5.25 + 1.0) == pytest.approx(2.0, abs=1e-6)
    assert follower.moment_of(2.0) == pytest.approx(6.25, abs=1e-6)


@given(st.floats(30, 300), st.floats(30, 300), st.integers(0, 100))
def test_tempo_is_followed_and_changes_are_caught_up_with(tempo, other, seed):
    follower = MidiClockTransport()
    follower.receive(0.0, START)
    moment = clocks(follower, 0.0, 8 * PPQN, tempo, 0.001, seed)
    assert follower.tempo == pytest.approx(tempo, rel=0.002)
    moment = clocks(follower, moment, 16 * PPQN, other, 0.001, seed + 1)
    assert follower.tempo == pytest.approx(other, rel=0.002)
    assert follower.position(moment) == pytest.approx(24.0, abs=0.05)


@pytest.mark.parametrize("tempo", [60.0, 120.0, 180.0])
def test_five_milliseconds_of_jitter_leave_the_tempo_within_a_tenth_of_a_per_cent(tempo):
    for seed in range(20):
        follower = MidiClockTransport()
        follower.receive(0.0, START)
        clocks(follower, 0.0, 12 * PPQN, tempo, 0.005, seed)
        assert follower.tempo == pytest.approx(tempo, rel=0.001)


def test_a_stray_clock_does_not_move_the_tempo():
    estimator = TempoEstimator()
    for tick in range(200):
        estimator.tick(tick / 48 + (0.015 if tick == 190 else 0.0))
    assert estimator.interval == pytest.approx(1 / 48, rel=0.002)


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=60), st.integers(0, 2**31))
def test_the_position_never_leaves_the_clocks_behind(gaps, seed):
    """Whatever the clocks do, the position is within two clocks of the count, and goes forward only."""
    follower = MidiClockTransport()
    follower.receive(0.0, START)
    moment, last = 0.0, 0.0
    rng = np.random.default_rng(seed)
    for count, gap in enumerate(gaps):
        moment += gap
        follower.receive(moment, CLOCK)
        now = moment + rng.uniform(0, 0.3)
        position = follower.position(now) * PPQN
        assert count - 1.001 <= position <= count + MidiClockTransport.AHEAD + 0.001
        assert position >= 0
        last = max(last, position)


def test_a_clock_that_stops_is_noticed_and_one_that_comes_back_is_where_its_tempo_has_taken_it():
    follower, moment = playing()
    epoch = follower.epoch
    follower.advance(moment + 0.3)
    assert follower.running
    follower.advance(moment + 0.7)
    assert follower.state is State.LOST
    assert follower.epoch != epoch
    clocks(follower, moment + 5.0, 24)
    assert follower.running
    # ten quarter notes were not heard: a cable lost them, the DAW played them
    assert follower.position(moment + 5.0 + 23 / 48) == pytest.approx(19.0 - 1 / 24, abs=0.02)


@pytest.mark.parametrize("seconds", [0.3, 0.45, 3.0, 20.0])
@pytest.mark.parametrize("noticed", [False, True])
def test_after_a_silence_the_position_is_the_daws_and_what_was_missed_is_left_out(seconds, noticed):
    follower, moment = playing()
    epoch, missed = follower.epoch, round(seconds * 48)
    if noticed:
        follower.advance(moment + seconds - 0.05)
    back = moment + missed / 48
    clocks(follower, back, 4)
    assert follower.position(back + 3 / 48) == pytest.approx(8 + (missed + 3) / PPQN, abs=0.01)
    assert follower.epoch != epoch  # the player begins anew there
    assert follower.origin == pytest.approx(8 + missed / PPQN)


def test_a_daw_that_stood_still_in_a_silence_is_found_again_at_the_next_position():
    follower, moment = playing()
    follower.advance(moment + 2)
    moment = clocks(follower, moment + 3.0, 24)
    assert follower.position(moment) == pytest.approx(8 + 6 + 1, abs=0.02)  # it is at 9
    follower.receive(moment, spp(9 * 4))
    clocks(follower, moment, 12)
    assert follower.origin == 9
    assert follower.position(moment + 11 / 48) == pytest.approx(9 + 11 / PPQN, abs=0.01)


def test_a_continue_after_a_silence_goes_on_where_it_began():
    follower, moment = playing()
    follower.advance(moment + 2)
    follower.receive(moment + 3, CONTINUE)
    clocks(follower, moment + 3, 1)
    assert follower.origin == 8


def test_a_clock_that_is_hardly_known_goes_on_where_it_was_after_a_silence():
    follower = MidiClockTransport()
    follower.receive(0.0, START)
    moment = clocks(follower, 0.0, 12)  # half a quarter note: no tempo to go by
    follower.advance(moment + 2)
    clocks(follower, moment + 3, 1)
    assert follower.origin == 0.5


def test_a_doubled_tempo_is_followed_within_a_quarter():
    follower, moment = playing(120.0)
    end = clocks(follower, moment, 24, 240.0)
    assert follower.tempo == pytest.approx(240, rel=0.02)
    assert follower.position(end) == pytest.approx(9.0, abs=0.03)


@pytest.mark.parametrize(("before", "after"), [(120, 140), (90, 180), (174, 60), (100, 99)])
def test_a_steady_clock_that_changes_its_tempo_is_caught_up_with_in_two_clocks(before, after):
    follower, moment = playing(before)
    off = []
    for tick in range(48):
        now = moment + tick * 60 / after / PPQN
        follower.receive(now, CLOCK)
        off.append(abs(follower.position(now) - (8 + tick / PPQN)) * 60 / after)
    assert max(off) < MidiClockTransport.AHEAD * 60 / after / PPQN + 0.003  # seconds
    assert max(off[4:]) < 0.003
    assert follower.tempo == pytest.approx(after, rel=0.01)


def test_a_stop_and_continue_goes_on_with_the_next_clock():
    follower, moment = playing(beats=4)
    follower.receive(moment, STOP)
    assert follower.position(moment + 9) == pytest.approx(4.0)
    follower.receive(moment + 10, CONTINUE)
    follower.receive(moment + 10.1, CLOCK)
    assert follower.origin == pytest.approx(4.0)


@settings(max_examples=30)
@given(st.floats(60, 240), st.floats(0, 0.24), st.sampled_from([STOP, spp(16)]), st.integers(0, 50))
def test_after_a_pause_the_time_is_that_of_the_first_clock(tempo, pause, interruption, waits):
    """Wherever it lies between the clocks there would have been: nothing is due before it, and nothing is late."""
    follower, moment = playing(tempo, 4)
    follower.receive(moment, interruption)
    follower.receive(moment + pause, CONTINUE)
    begins = moment + pause + waits / 1000
    for tick in range(24):
        now = begins + tick * 60 / tempo / PPQN
        follower.receive(now, CLOCK)
        assert follower.moment_of(4 + tick / PPQN) == pytest.approx(now, abs=0.0005)
        assert follower.moment_of(4.0) >= begins - 1e-9


@settings(max_examples=30)
@given(st.floats(60, 240), st.floats(0, 0.06), st.floats(0, 0.999))
def test_what_is_handed_over_ahead_of_a_steady_clock_is_handed_over_in_time(tempo, lookahead, between):
    follower = MidiClockTransport(lookahead=lookahead)
    follower.receive(0.0, START)
    last = clocks(follower, 0.0, 8 * PPQN, tempo) - 60 / tempo / PPQN
    ahead = last + between * 60 / tempo / PPQN + lookahead
    assert follower.position(ahead) == pytest.approx(ahead * tempo / 60, abs=1e-6)


@given(st.floats(20, 999), st.floats(20, 999), st.floats(0, 100), st.floats(0.01, 100))
def test_internal_time(tempo, other, start, later):
    clock = InternalTransport(tempo)
    clock.start(start, 2.0)
    assert clock.position(start) == 2.0
    assert clock.moment_of(clock.position(start + later)) == pytest.approx(start + later)
    before = clock.position(start + later)
    clock.set_tempo(other, start + later)
    assert clock.position(start + later) == pytest.approx(before)
    clock.stop(start + 2 * later)
    assert clock.position(1e9) == clock.position(start + 2 * later)


def test_bars_are_counted_as_jacks_timebase_master_counts_them():
    state = TransportState(1.0, True, 0.0, 120.0, 0.0, 4.0)
    clock = JackTransport(lambda: state, 120)
    clock.advance(1.0)
    epoch = clock.epoch
    state = state._replace(moment=2.0, beat=2.0)
    clock.advance(2.0)
    assert (clock.epoch, clock.beats_per_bar) == (epoch, 4)
    state = state._replace(moment=3.0, beat=4.0, beats_per_bar=3.0)  # 3/4 from here on, or 6/8
    clock.advance(3.0)
    assert clock.epoch != epoch
    assert (clock.origin, clock.beats_per_bar) == (4.0, 3)
    state = state._replace(moment=4.0, beat=6.0, beats_per_bar=None)  # its master has gone
    clock.advance(4.0)
    assert clock.beats_per_bar == 4
