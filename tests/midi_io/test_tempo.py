"""Followers of clocks whose tempo ramps, steps, jitters, loses ticks and doubles them, against the DAW's own time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_io.messages import PPQN
from midi_io.midi_clock import MidiClockTransport
from midi_io.tempo import TempoEstimator
from midi_io.tempo_filter import TempoFilter

CLOCK, START = b"\xf8", b"\xfa"
BEATS = 8  # before anything happens


def moments(tempos) -> np.ndarray:
    """Return when each clock is due, each lasting as its tempo says."""
    return 1.0 + np.concatenate([[0.0], np.cumsum(60 / np.asarray(tempos) / PPQN)])


def ramped(start: float, end: float, bars: float) -> np.ndarray:
    way = np.linspace(start, end, round(bars * 4 * PPQN))
    return moments(np.concatenate([np.full(BEATS * PPQN, start), way, np.full(BEATS * PPQN, end)]))


def late(due: np.ndarray, came: list[float] | None = None, lookahead: float = 0.02) -> np.ndarray:
    """Return by how many seconds sixteenths would be late, as known so long before they are due."""
    follower, index, off = MidiClockTransport(), 0, []
    came = due.tolist() if came is None else came
    follower.receive(0.0, START)
    for number in range(4 * PPQN, len(due) - PPQN, 6):
        while index < len(came) and came[index] <= due[number] - lookahead:
            follower.receive(came[index], CLOCK)
            index += 1
        off.append(follower.moment_of(number / PPQN) - due[number])
    return np.array(off)


@pytest.mark.parametrize("ramp", [(120, 90, 4), (90, 180, 4), (180, 90, 4), (60, 200, 8), (120, 126, 16)])
def test_ramps_are_followed_within_three_milliseconds(ramp):
    assert np.abs(late(ramped(*ramp))).max() < 0.003


@settings(max_examples=15, deadline=None)
@given(st.floats(60, 200), st.floats(60, 200), st.integers(4, 16))
def test_any_ramp_is_followed(start, end, bars):
    assert np.abs(late(ramped(start, end, bars))).max() < 0.005


@pytest.mark.parametrize("ramp", [(120, 90, 4), (90, 180, 4)])
def test_ramps_of_a_clock_that_jitters_are_followed_as_well_as_it_comes(ramp):
    due = ramped(*ramp)
    came = np.sort(due + np.random.default_rng(0).uniform(-0.001, 0.001, len(due)))
    assert np.abs(late(due, came.tolist())).max() < 0.004


@pytest.mark.parametrize("ramp", [(120, 90, 4), (90, 180, 4)])
def test_ramps_of_a_clock_that_jitters_much_are_off_by_hardly_more_than_its_clocks(ramp):
    """By up to 11 ms where a ramp has to stand out from the jitter of a window before it is followed."""
    due = ramped(*ramp)
    for seed in range(2):
        came = np.sort(due + np.random.default_rng(seed).uniform(-0.005, 0.005, len(due)))
        assert np.abs(late(due, came.tolist())).max() < 0.006


@pytest.mark.parametrize("after", [100, 140])
def test_a_step_of_a_clock_that_jitters_is_no_ramp(after):
    """From the third sixteenth on notes are off by less than the clocks are; by 11 ms if it is taken for a ramp."""
    due = moments(np.concatenate([np.full(8 * PPQN, 120.0), np.full(8 * PPQN, float(after))]))
    for seed in range(3):
        came = np.sort(due + np.random.default_rng(seed).uniform(-0.005, 0.005, len(due)))
        off = np.abs(late(due, came.tolist()))[4 * 4 :]
        assert off[3:].max() < 0.005
        assert off[8:].max() < 0.0025


@pytest.mark.parametrize("wave", [3, 6, 12])
def test_a_swing_of_the_clock_is_jitter(wave):
    due = moments(np.full(40 * PPQN, 120.0))
    came = due + 0.003 * np.cos(np.arange(len(due)) * 2 * np.pi / wave)
    assert np.abs(late(due, came.tolist())).max() < 0.001


@settings(max_examples=20, deadline=None)
@given(st.floats(60, 180), st.integers(6 * PPQN, 12 * PPQN), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_clocks_that_are_lost_or_doubled_are_made_up_for(tempo, at, count, doubled, seed):
    """Two clocks later the position is the DAW's again, at up to half a millisecond of jitter."""
    due = moments(np.full(20 * PPQN, tempo))
    came = due + np.random.default_rng(seed).uniform(-0.0005, 0.0005, len(due))
    came = [*came[: at + 1], *came[at : at + 1], *came[at + 1 :]] if doubled else [*came[:at], *came[at + count :]]
    off = np.abs(late(due, list(came)))
    beyond = (at + (0 if doubled else count) + 3 - 4 * PPQN) // 6 + 1
    assert off[beyond + 1 :].max() < 0.003


def test_a_stray_clock_is_not_a_lost_one_and_half_the_tempo_neither():
    follower = MidiClockTransport()
    follower.receive(0.0, START)
    for tick in range(200):
        follower.receive(1 + tick / 48 + (0.0208 if tick == 150 else 0.0), CLOCK)
    assert follower.position(1 + 199 / 48) * PPQN == pytest.approx(199, abs=0.1)
    for tick in range(1, 49):
        follower.receive(1 + 199 / 48 + tick / 24, CLOCK)
    assert follower.position(1 + 199 / 48 + 2) * PPQN == pytest.approx(199 + 48, abs=0.1)
    assert follower.tempo == pytest.approx(60, rel=0.001)


@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=60), st.floats(-8, 40))
def test_the_deadline_is_clamped_to_the_clocks_as_the_position_is(gaps, ahead):
    """Whatever the clocks do, a beat is due within two clocks before and one after its own, from the last that came."""
    follower, moment = MidiClockTransport(), 1.0
    follower.receive(0.0, START)
    for gap in gaps:
        moment += gap
        follower.receive(moment, CLOCK)
    interval = follower.tempo_estimator.interval
    number = len(gaps) - 1 + ahead
    due = (follower.moment_of(number / PPQN) - moment) / interval
    assert ahead - MidiClockTransport.AHEAD - 1e-6 <= due <= ahead + MidiClockTransport.BEHIND + 1e-6


def test_a_pause_is_no_jitter_that_hides_a_step():
    follower, moment, off = TempoEstimator(), 10.0, []
    for interval, ticks in ((60 / 120 / PPQN, 200), (2.0, 1), (60 / 120 / PPQN, PPQN), (60 / 140 / PPQN, 4 * PPQN)):
        for _ in range(ticks):
            moment += interval
            if interval == 2.0:
                follower.begin(moment)
            off.append(follower.moment_of(follower.count) - moment)
            follower.tick(moment, goes_on=interval < 2.0)
    assert np.abs(off[-3 * PPQN :]).max() < 0.001


@pytest.mark.parametrize("seconds", [0.5, 5, 3600])
def test_a_silence_is_not_gone_over_clock_by_clock(seconds, monkeypatch):
    """However long it was: the player would wait meanwhile. The clocks are counted all the same."""
    steps = []
    go_on = TempoFilter._go_on
    monkeypatch.setattr(TempoFilter, "_go_on", lambda self, jitter: steps.append(jitter) or go_on(self, jitter))
    follower = TempoEstimator()
    for number in range(200):
        follower.tick(number / 48)
    for later in range(40):
        steps.clear()
        follower.tick((199 + 48 * seconds + later) / 48)
        assert len(steps) <= 2 * PPQN
        assert follower.count == 200 + 48 * seconds + later
    assert follower.interval * 48 == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("apart", [0.0, 0.0004, 0.0009])
@pytest.mark.parametrize("held", [5, 15, 40])
def test_clocks_that_were_held_up_and_come_together_are_counted_once(held, apart):
    """A host that stands still for a moment sends them all when it goes on, as fast as a cable carries them."""
    due = 1.0 + np.arange(400) / 48
    came = due.copy()
    came[100 : 100 + held] = due[100 + held]
    came[100 : 101 + held] += apart * np.arange(held + 1)
    came = np.maximum.accumulate(came)
    follower = TempoEstimator()
    for moment in came:
        follower.tick(moment)
    assert follower.count == 400
    assert follower.tempo == pytest.approx(120, rel=0.001)
    assert follower.moment_of(399) == pytest.approx(due[-1], abs=0.001)


@pytest.mark.parametrize("held", [5, 15, 30])
def test_a_host_that_stands_still_now_and_then_is_where_it_was(held):
    """The session notices the silence meanwhile, and takes the first clock after it for where the host is by then."""
    due = 1.0 + np.arange(600) / 48
    came = due.copy()
    for at in (100, 250, 400):
        came[at : at + held] = due[at + held]
    follower, now = MidiClockTransport(), 0.9
    follower.receive(now, START)
    for moment in came:
        while now + 0.05 < moment:
            now += 0.05
            follower.advance(now)
        follower.receive(moment, CLOCK)
        now = moment
    assert follower.running
    assert follower.position(due[-1]) * PPQN == pytest.approx(599, abs=0.1)


@pytest.mark.parametrize("good", [0, 96])
@pytest.mark.parametrize("together", [2, 5, 8, 10, 12])
def test_clocks_that_come_in_bursts_have_the_tempo_of_the_bursts(good, together):
    came = 1.0 + np.arange(480) / 48
    came[good:] = came[good:][np.arange(480 - good) // together * together] + (together - 1) / 48
    follower, tempos = TempoEstimator(), []
    for moment in came:
        follower.tick(moment)
        tempos.append(follower.tempo)
    assert follower.count == 480
    assert tempos[-100:] == pytest.approx([120] * 100, rel=0.05)


def test_without_changes_the_filter_is_a_line_through_the_ticks(monkeypatch):
    """Least squares of all ticks alike: the last point of the line, and its slope."""
    monkeypatch.setattr(TempoFilter, "RAMPS", 0.0)
    monkeypatch.setattr(TempoFilter, "JUMPS", 0.0)
    monkeypatch.setattr(TempoFilter, "MEMORY", np.inf)
    ticks = np.arange(60)
    moments = 3.0 + ticks / 48 + np.random.default_rng(0).normal(0, 0.001, 60)
    follower = TempoFilter(moments[0], 1 / 40, uncertain=100.0, jitter=0.001)
    for moment in moments[1:]:
        follower.tick(1, moment, 0.001)
    slope, last = np.polyfit(ticks - 59, moments, 1)
    assert follower.moment == pytest.approx(last, abs=1e-6)
    assert follower.interval == pytest.approx(slope, abs=1e-7)


def test_a_ramp_is_believed_by_and_by_and_a_stray_tick_never():
    """It is off by twice the jitter at most until it is known; a tick astray by ten times moves nothing so far."""
    intervals = np.full(200, 0.02) * (1 + 0.002 * np.maximum(np.arange(200) - 100, 0))
    due = np.cumsum(intervals)
    follower = TempoFilter(0.0, 0.02, uncertain=0.05, jitter=0.001)
    off = []
    for number, moment in enumerate(due):
        follower.tick(1, moment + (0.010 if number == 50 else 0.0), 0.001)
        off.append(follower.moment - moment)
    off = np.abs(off)
    assert off[:100].max() < 0.001
    assert off[100:].max() < 0.002
    assert off[-20:].max() < 0.0001
