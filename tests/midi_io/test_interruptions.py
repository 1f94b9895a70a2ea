"""Stops, starts and jumps: whatever was handed ahead, nothing starts at or after one that has come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import Hand, pairs

from midi_io import messages
from midi_io.files import Note
from midi_io.messages import PPQN
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import MemoryPorts
from midi_io.ports.interruptions import KEPT, Interruptions

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
BARS = 4  # of the loop
TAG = 100  # the pitch of what lies behind it


def dense(bar: int) -> Bar:
    """Thirty-second notes, whose pitch tells the bar: those behind the loop are from TAG on."""
    pitch = 40 + bar if bar < BARS else TAG
    return Bar([Note(pitch, step / 8, step / 8 + 0.1) for step in range(32)])


class Host:
    """A DAW that loops, and a player that is woken late or early, as threads are, on ports that write in periods."""

    def __init__(self, tempo: float, period: float, lookahead: float = 0.02) -> None:
        self.hand, self.tick, self.period = Hand(), 60 / tempo / PPQN, period
        self.ports, self.follower = MemoryPorts(self.hand, lookahead=lookahead), MidiClockTransport()
        self.kept: list[tuple[float, int, float, bytes]] = []
        self.player = Player(self.ports, self.follower, dense, record=lambda *each: self.kept.append(each))
        self.breaks: list[float] = []

    def come(self, *all_messages: bytes) -> None:
        for message in all_messages:
            self.ports.put(message)
            if message[0] in messages.INTERRUPTING:
                self.breaks.append(self.hand.now)

    def wake(self) -> None:
        for moment, message in self.ports.receive():
            self.follower.receive(moment, message)
        self.player.step(self.hand.now)

    def clocks(self, count: int, sleeps: list[float]) -> None:
        """Send clocks, while the player sleeps through some of them."""
        for number in range(count):
            self.ports.put(CLOCK)
            began = self.hand.now
            for step in range(1, 5):
                if sleeps[number % len(sleeps)] < step / 4:
                    self.wake()
                self.ports.flush()
                self.hand.now = began + self.tick * step / 4


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_nothing_starts_at_or_after_a_stop_or_a_wrap_that_has_come(data):
    host = Host(data.draw(st.floats(60, 200)), 128 / 48000, data.draw(st.sampled_from([0.0, 0.02, 0.05])))
    sleeps = data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=7))
    host.come(START)
    starts = [host.hand.now]  # of the clocks from which on it plays again
    for _ in range(data.draw(st.integers(1, 6))):
        host.clocks(data.draw(st.integers(1, 200)), sleeps)
        gap = data.draw(st.floats(0, 0.2))
        if data.draw(st.booleans()):
            host.come(STOP)
            for part in range(4):  # the player may sleep for a while, and things leave meanwhile
                host.hand.now += gap / 4
                host.ports.flush()
                if sleeps[0] < part / 4:
                    host.wake()
            host.come(messages.song_position(data.draw(st.integers(0, 64))), CONTINUE)
        else:
            host.come(messages.song_position(0))
            host.hand.now += gap / 10
            host.ports.flush()
            host.come(CONTINUE)
        starts.append(host.hand.now)
    host.come(STOP)
    host.hand.now += 0.1
    host.ports.flush()
    host.wake()
    host.player.record_departed()
    assert host.ports.sounding_notes.sounding == []
    pairs([each for each in host.ports.left if each[1][0] & 0xE0 == 0x80])
    onsets = [moment for moment, message in host.ports.left if messages.is_note_on(message)]
    for at in host.breaks:
        again = min((start for start in starts if start >= at), default=float("inf"))
        assert not [moment for moment in onsets if at <= moment < again]
    # the recording has what left, and nothing else
    assert sum(messages.is_note_on(message) for *_, message in host.kept) == len(onsets)


def test_a_loop_sounds_and_is_recorded_without_a_blip_at_its_end():
    host = Host(120, 0.0)
    host.come(START)
    for _ in range(3):
        host.clocks(BARS * 4 * PPQN, [0.0])
        host.come(messages.song_position(0), CONTINUE)
    host.come(STOP)
    host.wake()
    played = [message[1] for _, message in host.ports.left if messages.is_note_on(message)]
    assert len(played) > 3 * 127
    assert TAG not in played
    host.player.record_departed()
    assert TAG not in [message[1] for *_, message in host.kept]
    assert {message[1] for *_, message in host.kept if messages.is_note_off(message)} == {40, 41, 42, 43}


def test_notes_of_a_musician_and_of_a_transport_of_its_own_know_no_interruption():
    """What a keyboard sends as start and stop means nothing to a session that keeps its own tempo."""
    ports = MemoryPorts(Hand(), lookahead=0.02)
    ports.put(STOP)
    ports.send(messages.note_on(0, 60, 90), ports.now())
    assert [message for _, message in ports.left] == [messages.note_on(0, 60, 90)]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 1)), max_size=2 * KEPT), st.floats(0, 1))
def test_only_what_was_not_known_takes_back(steps, before):
    interruptions = Interruptions()
    interruptions.statuses = messages.INTERRUPTING
    now, unknown = 0.0, []
    on, off = messages.note_on(0, 60, 90), messages.note_off(0, 60)
    for known, gap in steps:
        now += gap
        came = interruptions.hear(STOP, now)
        unknown.append(now)
        interruptions.hear(CLOCK, now)
        interruptions.hear(CONTINUE, now)
        if known:
            interruptions.known = came
            unknown = []
    unknown = unknown[-KEPT:]
    for moment in (now - before, now, now + 1):
        expected = bool(unknown) and moment >= unknown[0]
        assert interruptions.take_back(on, interruptions.known, moment) == expected
        assert not interruptions.take_back(off, interruptions.known, moment)


@pytest.mark.parametrize("lookahead", [0.0, 0.02])
def test_the_end_of_a_note_leaves_after_a_stop(lookahead):
    host = Host(120, 0.0, lookahead)
    host.come(START)
    host.clocks(48, [0.0])
    host.come(STOP)
    host.ports.flush()
    host.hand.now += 0.1
    host.ports.flush()
    host.wake()
    assert host.ports.sounding_notes.sounding == []
