"""The player on an injected clock: exact moments, pairs of starts and ends, whatever the transport does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import Hand, pairs

from midi_io import messages
from midi_io.files import Note
from midi_io.messages import PPQN
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import STALE, Bar, PlaybackSettings, Player, fitted
from midi_io.ports import MemoryPorts
from midi_io.swing import EIGHTHS, Swing
from midi_io.swing import SIXTEENTHS as OF_SIXTEENTHS
from midi_io.transport import InternalTransport

SWINGS = st.builds(Swing, st.floats(0.5, 0.75), st.sampled_from([OF_SIXTEENTHS, EIGHTHS]))
SIXTEENTHS = [Note(60 + i, i / 4, i / 4 + 0.25, 80) for i in range(16)]


def run(player: Player, ports: MemoryPorts, hand: Hand, seconds: float, most: float = 1e9) -> None:
    """As a loop would: to each moment the player asks for."""
    end = hand.now + seconds
    while hand.now < end:
        deadline = player.step(hand.now)
        hand.now = min(max(deadline, hand.now + 1e-6), hand.now + most, end)
        ports.flush()


@pytest.mark.parametrize("lookahead", [0.0, 0.02])
def test_every_note_leaves_at_its_moment(lookahead):
    hand = Hand()
    ports, clock = MemoryPorts(hand, lookahead=lookahead), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar(SIXTEENTHS))
    clock.start(101.0)
    run(player, ports, hand, 1.0 + 8.0)
    player.halt()
    notes = pairs(ports.left)
    assert len(notes) in (64, 65)
    for index, (pitch, on, off) in enumerate(notes[:64]):
        assert pitch == 60 + index % 16
        assert on == pytest.approx(101 + index / 8, abs=1e-5)
        assert off == pytest.approx(101 + (index + 1) / 8, abs=1e-5)
    assert ports.late == 0


@pytest.mark.parametrize("up", [messages.control(2, messages.SUSTAIN, 0), messages.control(2, 121, 0)])
@pytest.mark.parametrize("lookahead", [0.0, 0.02])
def test_a_pedal_that_is_down_stays_down_over_starts_and_stops_until_it_is_up(lookahead, up):
    hand = Hand()
    ports, clock = MemoryPorts(hand, lookahead=lookahead), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar())

    def said():
        """The pedal, as a synthesizer has it at last, and how often it was told."""
        told = [each for _, each in ports.left if each[:2] in (bytes((0xB2, messages.SUSTAIN)), up[:2])]
        return bool(told) and messages.is_pedal_down(told[-1]), len(told)

    run(player, ports, hand, 0.1)
    player.pass_on(messages.control(2, messages.SUSTAIN, 100), hand.now, None)
    run(player, ports, hand, 0.1)
    assert said() == (True, 1)
    clock.start(hand.now)
    run(player, ports, hand, 1.0)
    assert said() == (True, 3)  # lifted, and pressed again
    clock.stop(hand.now)
    run(player, ports, hand, 1.0)
    assert said() == (True, 5)
    player.pass_on(up, hand.now, 1.0)
    clock.start(hand.now)
    run(player, ports, hand, 1.0)
    assert not said()[0]
    player.pass_on(messages.control(2, messages.SUSTAIN, 100), hand.now, 1.0)
    run(player, ports, hand, 0.1)
    player.halt()
    ports.flush()
    assert not said()[0]  # the synthesizer outlives the session


@pytest.mark.parametrize("lookahead", [0.0, 0.02])
def test_a_pedal_whose_input_is_gone_is_not_pressed_again(lookahead):
    hand = Hand()
    ports, clock = MemoryPorts(hand, lookahead=lookahead), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar())

    def pressed_after(change):
        """The channels of the pedals that are pressed after a start or a stop."""
        before = len(ports.left)
        change(hand.now)
        run(player, ports, hand, 0.5)
        return [message[0] & 0x0F for _, message in ports.left[before:] if messages.is_pedal_down(message)]

    run(player, ports, hand, 0.1)
    player.pass_on(messages.control(2, messages.SUSTAIN, 100), hand.now, None)
    run(player, ports, hand, 0.1)
    assert pressed_after(clock.start) == [2]
    ports.inputs_lost += 1
    assert pressed_after(clock.stop) == []
    assert pressed_after(clock.start) == []
    player.pass_on(messages.control(2, messages.SUSTAIN, 100), hand.now, None)
    ports.inputs_lost += 1
    player.pass_on(messages.control(3, messages.SUSTAIN, 100), hand.now, None)  # of an input that has come
    run(player, ports, hand, 0.1)
    assert pressed_after(clock.stop) == [3]


@given(st.data())
def test_starts_and_ends_pair_whatever_happens(data):
    """Starts, stops, jumps, tempos, late wake-ups, bars that overlap: no note hangs, none ends that did not start."""
    hand = Hand()
    ports, clock = MemoryPorts(hand, lookahead=data.draw(st.sampled_from([0.0, 0.02]))), InternalTransport(120)
    notes = st.builds(
        lambda pitch, start, length: Note(pitch, start, start + length, 90),
        st.integers(60, 64),
        st.floats(0, 3.99),
        st.floats(0.01, 9.0),
    )
    bars = data.draw(st.lists(st.builds(Bar, st.lists(notes, max_size=8), st.booleans()), min_size=1, max_size=4))
    playback = PlaybackSettings(swing=data.draw(SWINGS), transpose=data.draw(st.integers(-100, 100)))
    player = Player(ports, clock, lambda bar: bars[bar % len(bars)], playback)
    for _ in range(data.draw(st.integers(1, 6))):
        what = data.draw(st.sampled_from(["start", "stop", "tempo", "run"]))
        if what == "start":
            clock.start(hand.now + 0.01, data.draw(st.floats(0, 40)))
        elif what == "stop":
            clock.stop(hand.now)
        elif what == "tempo":
            clock.set_tempo(data.draw(st.floats(20, 999)), hand.now)
        run(player, ports, hand, data.draw(st.floats(0.01, 3.0)), most=data.draw(st.sampled_from([1e9, 0.7])))
    player.halt()
    pairs([each for each in ports.left if each[1][0] & 0xE0 == 0x80])
    assert ports.sounding_notes.sounding == []


@settings(max_examples=30)
@given(st.floats(60, 300), st.sampled_from([0.0, 0.02, 0.058]), st.floats(0, 0.5), st.integers(0, 24))
def test_a_player_that_waits_for_a_clock_leaves_the_machine_alone(tempo, lookahead, silence, clocks):
    hand = Hand()
    ports, follower = MemoryPorts(hand, lookahead=lookahead), MidiClockTransport()
    player = Player(ports, follower, lambda bar: Bar(SIXTEENTHS))
    follower.receive(hand.now, bytes((messages.START,)))
    steps, began = 0, hand.now
    for gap in [60 / tempo / PPQN] * (48 + clocks) + [silence]:
        follower.receive(hand.now, bytes((messages.CLOCK,)))
        until = hand.now + gap
        while hand.now < until:
            hand.now = max(player.step(hand.now), hand.now + 1e-6)
            steps += 1
            assert steps < 500 + 1500 * (hand.now - began)  # a second has at most 720 clocks, and 80 notes
        hand.now = until


def test_a_bar_that_cuts_ends_what_sounds_at_its_line():
    hand = Hand()
    ports, clock = MemoryPorts(hand), InternalTransport(60)
    bars = [Bar([Note(60, 3.0, 7.0)]), Bar([Note(62, 1.0, 2.0)], cut=True)]
    player = Player(ports, clock, lambda bar: bars[min(bar, 1)])
    clock.start(hand.now)
    run(player, ports, hand, 7.5)
    assert pairs(ports.left) == [
        (60, pytest.approx(103, abs=1e-4), pytest.approx(104, abs=1e-4)),
        (62, pytest.approx(105, abs=1e-4), pytest.approx(106, abs=1e-4)),
    ]


def test_late_events_are_sent_at_once_and_counted_and_notes_long_over_are_not():
    hand = Hand()
    ports, clock = MemoryPorts(hand), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar(SIXTEENTHS))
    clock.start(hand.now)
    player.step(hand.now)
    hand.now += 0.2  # asleep for a sixteenth and a half
    player.step(hand.now)
    assert ports.late > 0
    assert [moment for moment, _ in ports.left[1:]] == [hand.now] * (len(ports.left) - 1)
    hand.now += 4.0
    player.step(hand.now)
    assert player.skipped == pytest.approx((4.0 - STALE) * 8, abs=2)
    player.halt()
    pairs(ports.left)


def test_a_session_that_leads_sends_clocks_start_and_stop():
    hand = Hand()
    ports, clock = MemoryPorts(hand), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar(), PlaybackSettings(lead=True))
    clock.start(hand.now)
    run(player, ports, hand, 2.0 - 0.001)
    clock.stop(hand.now)
    player.step(hand.now)
    kinds = [message[0] for _, message in ports.left]
    assert kinds == [messages.START, *[messages.CLOCK] * 96, messages.STOP]
    for index, (moment, _) in enumerate(ports.left[1:-1]):
        assert moment == pytest.approx(100 + index / 48, abs=1e-5)
    clock.start(hand.now, 8.0)
    player.step(hand.now)
    assert [m for _, m in ports.left[-3:]] == [messages.song_position(32), b"\xfb", b"\xf8"]


def test_one_session_follows_another():
    """What `lead` sends is what a follower takes: both are at the same beat."""
    hand = Hand()
    ports, clock, follower = MemoryPorts(hand), InternalTransport(97), MidiClockTransport()
    player = Player(ports, clock, lambda bar: Bar(), PlaybackSettings(lead=True))
    clock.start(hand.now, 16.0)
    run(player, ports, hand, 5.0)
    for moment, message in ports.left:
        follower.receive(moment, message)
    assert follower.tempo == pytest.approx(97, rel=1e-3)
    assert follower.position(hand.now) == pytest.approx(clock.position(hand.now), abs=0.05)


def test_a_follower_that_stops_mid_note_ends_it():
    hand = Hand()
    ports, follower = MemoryPorts(hand), MidiClockTransport()
    player = Player(ports, follower, lambda bar: Bar([Note(60, 0.0, 3.9)]))
    follower.receive(hand.now, b"\xfa")
    for _ in range(24):
        follower.receive(hand.now, b"\xf8")
        player.step(hand.now)
        hand.now += 1 / 48
    assert ports.sounding_notes.sounding == [(0, 60)]
    hand.now += 2.0  # the clock has fallen silent
    player.step(hand.now)
    assert ports.sounding_notes.sounding == []
    pairs([each for each in ports.left if each[1][0] & 0xE0 == 0x80])


def test_playback_settings():
    hand = Hand()
    ports, clock = MemoryPorts(hand), InternalTransport(120)
    playback = PlaybackSettings(channel=4, velocity=33, transpose=-70, ahead=0.01)
    player = Player(ports, clock, lambda bar: Bar([Note(60, 0.5, 1.0), Note(80, 1.0, 2.0)]), playback)
    clock.start(101.0)
    run(player, ports, hand, 3.0)
    ons = [(moment, message) for moment, message in ports.left if messages.is_note_on(message)]
    assert [message for _, message in ons[:2]] == [bytes((0x94, 2, 33)), bytes((0x94, 10, 33))]
    assert ons[0][0] == pytest.approx(101.25 - 0.01, abs=1e-5)


def test_what_was_handed_over_is_recorded_with_its_position():
    hand, kept = Hand(), []
    ports, clock = MemoryPorts(hand), InternalTransport(120)
    player = Player(ports, clock, lambda bar: Bar([Note(60, 1.5, 9.0)]), record=lambda *each: kept.append(each))
    clock.start(hand.now)
    run(player, ports, hand, 1.0)
    player.halt()
    player.record_departed()
    assert [message for *_, message in kept] == [bytes((0x90, 60, 90)), bytes((0x80, 60, 0))]
    assert kept[0][0] == 1.5


@pytest.mark.parametrize("length", [3.0, 3.5, 5.0])
def test_a_bar_of_another_length_has_what_starts_in_it(length):
    """In 3/4 the fourth quarter is left out, in 5/4 the fifth is a rest; what is held across the line is in both."""
    hand = Hand()
    ports, clock = MemoryPorts(hand), InternalTransport(60)
    clock.beats_per_bar = length
    bar = Bar([Note(60, 0.0, 1.0), Note(62, 2.0, 4.0), Note(64, 3.25, 4.5)])
    player = Player(ports, clock, lambda number: bar)
    clock.start(hand.now)
    run(player, ports, hand, 2 * length)
    player.halt()
    at = {
        3.0: [(60, 0, 1), (62, 2, 3)],
        3.5: [(60, 0, 1), (62, 2, 3.5), (64, 3.25, 4.0)],
        5.0: [(60, 0, 1), (62, 2, 4), (64, 3.25, 5.5)],
    }[length]
    played = [(pitch, on - 100, off - 100) for pitch, on, off in sorted(pairs(ports.left), key=lambda note: note[1])]
    expected = [(pitch, line + on, line + off) for line in (0, length) for pitch, on, off in at]
    assert [pitch for pitch, _, _ in played[: len(expected)]] == [pitch for pitch, _, _ in expected]
    for (_, on, off), (_, due, end) in zip(played[: len(at)], expected[: len(at)], strict=True):
        assert on == pytest.approx(due, abs=1e-4)
        assert off == pytest.approx(end, abs=1e-4)


@given(
    st.lists(st.builds(lambda start, length: Note(60, start, start + length), st.floats(0, 3.99), st.floats(0.1, 9)))
)
def test_bars_of_four_quarters_are_left_as_they_are(notes):
    assert fitted(notes, 4) == notes
