"""Song positions of hosts that keep to the standard, at any gap, and of the one that counts them in clocks."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_io.messages import PPQN
from midi_io.midi_clock import MidiClockTransport
from midi_io.song_position import CLOCKS_SAID, SIXTEENTHS_SAID

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
INTERVAL = 60 / 120 / PPQN
GAPS = st.sampled_from([0.0, 0.0005, 0.002, 0.004, 0.1, 5.0])
PLAYED = st.integers(1, 60)  # clocks: beyond the second quarter line


def spp(value: int) -> bytes:
    return bytes((0xF2, value & 127, value >> 7))


class Host:
    """A DAW: it counts in clocks, and sends its positions in a unit of so many clocks."""

    def __init__(self, unit: int = 6, gap: float = 0.0, clocks: bool | None = None) -> None:
        self.said: list[str] = []
        self.follower = MidiClockTransport(clocks, self.said.append)
        self.unit, self.gap, self.moment, self.clock = unit, gap, 1.0, 0

    def send(self, message: bytes) -> None:
        self.follower.receive(self.moment, message)
        self.moment += self.gap

    def start(self) -> None:
        self.send(START)
        self.clock = 0

    def locate(self, clock: int) -> None:
        self.send(spp(clock // self.unit))
        self.clock = clock

    def go(self, clock: int) -> float:
        """Locate, continue and send the first clock; return the beat at which the follower begins."""
        self.locate(clock)
        self.send(CONTINUE)
        self.play(1)
        return self.follower.origin

    def play(self, count: int) -> None:
        for _ in range(count):
            self.follower.receive(self.moment, CLOCK)
            self.moment += INTERVAL
            self.clock += 1

    def stop(self) -> None:
        self.send(STOP)
        self.moment += 1.0

    def quarter(self) -> int:
        """Return the quarter line at or after where it stands, in clocks."""
        return -(-self.clock // PPQN) * PPQN


@pytest.mark.parametrize("bar", range(1, 33))
@pytest.mark.parametrize("gap", [0.0, 0.001, 0.004, 0.5])
def test_the_first_jump_of_a_session_is_heard_at_any_bar(bar, gap):
    assert Host(gap=gap).go(96 * (bar - 1)) == 4 * (bar - 1)


@pytest.mark.parametrize("played", [1, 24, 48, 96, 192, 384])
@pytest.mark.parametrize("gap", [0.0, 0.001, 0.004, 0.5])
def test_a_jump_to_any_bar_is_heard_there(played, gap):
    """After playing from the top: no gap and no bar makes it another."""
    host = Host(gap=gap)
    host.start()
    host.play(played)
    host.stop()
    for bar in range(1, 33):  # each time from there
        assert copy.deepcopy(host).go(96 * (bar - 1)) == 4 * (bar - 1)
    assert host.said == []  # by none: the copies say it here


@given(st.lists(st.tuples(st.integers(0, 16383), GAPS, PLAYED), min_size=1, max_size=8), st.booleans())
def test_a_host_that_keeps_to_the_standard_is_understood(jumps, started):
    host = Host()
    if started:
        host.start()
        host.play(100)
        host.stop()
    for sixteenth, gap, played in jumps:
        host.gap = gap
        assert host.go(6 * sixteenth) * 4 == sixteenth
        host.play(played)
        host.stop()
    assert host.said == []


def test_one_jump_that_goes_on_in_clocks_by_chance_proves_nothing():
    """From the end of bar 1 to bar 7, which is beat 4 in clocks: the position is the same either way."""
    host = Host()
    host.start()
    host.play(96)
    host.stop()
    assert host.go(6 * 96) == 24
    host.stop()
    assert host.go(6 * 100) == 25  # the next one is no whole quarter in clocks: never in clocks again
    for _ in range(4):
        host.stop()
        at = 6 * 24 * (1 + (host.clock // 144))
        assert host.go(at) * PPQN == at
    assert host.said == []


@given(PLAYED, st.lists(PLAYED, min_size=3, max_size=8), GAPS)
def test_a_host_that_counts_clocks_is_understood_from_its_second_position_that_goes_on(first, played, gap):
    """As Ardour 7.3: 24 a quarter, at the next quarter line, in the same instant as continue and clock."""
    host = Host(unit=1, gap=gap)
    host.start()
    host.play(24 + first)
    heard = []
    for count in played:
        host.stop()
        heard.append(host.go(host.quarter()) * PPQN == host.clock - 1)
        host.play(count)
    assert not heard[0]
    assert all(heard[1:])
    assert host.said == [CLOCKS_SAID]


def test_the_trace_of_ardour_by_hand():
    """Start, stop in bar 2, go on at beat 5, stop, go on at beat 7, jump to bar 9, loop back to bar 5."""
    host = Host(unit=1)
    host.start()
    host.play(4 * PPQN + 10)
    host.stop()
    assert host.go(5 * PPQN) == 30  # as the standard says
    host.play(PPQN + 5)
    host.stop()
    assert host.go(7 * PPQN) == 7
    host.play(30)
    host.stop()
    assert host.go(32 * PPQN) == 32
    host.play(95)
    host.locate(16 * PPQN)
    host.play(1)
    assert host.follower.origin == 16
    assert host.said == [CLOCKS_SAID]


def test_a_conclusion_is_taken_back_when_a_position_shows_that_it_was_wrong():
    host = Host(unit=1)
    host.start()
    host.play(30)
    for _ in range(2):
        host.stop()
        host.go(host.quarter())
        host.play(40)
    host.stop()
    host.unit = 6
    assert host.go(7 * 6) * 4 == 7
    assert host.said == [CLOCKS_SAID, SIXTEENTHS_SAID]


def test_continues_without_a_position_count_for_where_it_stopped():
    host = Host(unit=1)
    host.start()
    for _ in range(3):
        host.play(30)
        host.stop()
        host.send(CONTINUE)
    host.play(1)
    for expected in (24, 5):
        host.stop()
        assert host.go(host.quarter()) == expected
        host.play(20)


def test_positions_in_sixteenths():
    follower = MidiClockTransport()
    for beat in (7, 9, 33):
        follower.receive(0.0, spp(beat * 4))
        follower.receive(0.1, CONTINUE)
        follower.receive(0.2, CLOCK)
        assert follower.origin == beat
        follower.receive(0.3, STOP)


@given(st.lists(st.integers(1, 16383), min_size=1, max_size=12), st.booleans())
def test_a_position_that_is_no_whole_quarter_in_clocks_settles_it(sent, at_once):
    follower = MidiClockTransport()
    proven = False
    for index, value in enumerate(sent):
        moment = float(index)
        follower.receive(moment, spp(value))
        wait = 0.0 if at_once else 0.1
        follower.receive(moment + wait, CONTINUE)
        follower.receive(moment + wait, CLOCK)
        proven = proven or value % 24 != 0
        if proven:
            assert follower.origin * 4 == value
        follower.receive(moment + 0.2, STOP)


def test_the_unit_can_be_given():
    for clocks_, factor in ((True, 1), (False, 6)):
        follower = MidiClockTransport(clocks_)
        follower.receive(0.0, spp(96))
        follower.receive(0.0, CONTINUE)
        follower.receive(0.0, CLOCK)
        assert follower.origin == 96 * factor / 24
