"""A transport in the time of Ableton Link, whose session and clock the test holds. Real peers: test_link_peers.py."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from link_twin import LinkTwin
from playing import Hand

from midi_io import messages
from midi_io.files import Note
from midi_io.link_transport import LinkTransport
from midi_io.player import Bar, Player
from midi_io.ports import MemoryPorts
from midi_io.transport import InternalTransport

BAR = 4


def off_the_bar(position, beat):
    """How far a position lies from Link's place in the bar."""
    return (position - beat + BAR / 2) % BAR - BAR / 2


@pytest.fixture
def hand():
    return Hand()


def test_it_joins_and_leaves_with_start_and_stop_in_common(hand):
    session = LinkTwin(hand)
    transport = LinkTransport(session, hand)
    assert session.enabled
    assert session.startStopSyncEnabled
    transport.close()
    assert not session.enabled


def test_alone_it_runs_from_the_next_bar_line_on(hand):
    session = LinkTwin(hand, tempo=120, beat=1.0)  # half a second a beat
    transport = LinkTransport(session, hand)
    transport.advance(hand.now)
    assert not transport.running
    transport.start(hand.now)
    assert transport.running
    assert transport.position(hand.now) == pytest.approx(-3)
    assert transport.moment_of(0) == pytest.approx(hand.now + 1.5)
    assert (transport.epoch, transport.origin) == (1, 0)


def test_peers_start_it_at_their_bar_line_and_stop_it(hand):
    session = LinkTwin(hand, tempo=60, beat=10.5)
    transport = LinkTransport(session, hand)
    session.play(True)  # at 10.5: peers begin at beat 12
    hand.now += 0.04
    transport.advance(hand.now)
    assert transport.running
    assert transport.moment_of(0) == pytest.approx(hand.now - 0.04 + 1.5)
    hand.now += 5.5
    session.play(False)
    epoch = transport.epoch
    transport.advance(hand.now)
    assert not transport.running
    assert transport.epoch == epoch + 1
    assert transport.position(hand.now) == pytest.approx(4.04, abs=1e-3)
    transport.start(hand.now)
    assert not transport.running  # what peers say goes before what its owner says
    session.play(True)
    transport.advance(hand.now)
    assert transport.running
    assert transport.origin == 0


def test_a_beginning_that_is_heard_late_loses_no_note(hand):
    session = LinkTwin(hand, tempo=120, beat=8.0)
    transport = LinkTransport(session, hand)
    session.play(True)  # on the bar line itself
    hand.now += 0.05
    transport.advance(hand.now)
    assert transport.position(hand.now) == pytest.approx(0.1)
    assert transport.origin == 0


def test_a_stop_of_peers_that_began_before_we_came_is_heard(hand):
    session = LinkTwin(hand)
    transport = LinkTransport(session, hand)
    transport.start(hand.now)
    hand.now += 3
    session.play(False)  # as it was, but at another time
    transport.advance(hand.now)
    assert not transport.running


def test_neither_a_tempo_nor_another_player_begins_it_anew(hand):
    session = LinkTwin(hand, tempo=120)
    transport = LinkTransport(session, hand)
    session.play(True)
    transport.advance(hand.now)
    for tempo in (60, 300, 40, 999):
        hand.now += 10.2
        transport.advance(hand.now)
        session.setTempo(tempo, session.micros())
        hand.now += 0.1  # which the news of it took
        transport.advance(hand.now)
    session.play(True)  # another program, which joins in
    transport.advance(hand.now)
    assert transport.epoch == 1
    assert transport.position(hand.now) == pytest.approx(session.beat_now, abs=1e-3)


def test_its_tempo_is_given_to_all(hand):
    session = LinkTwin(hand, tempo=100)
    transport = LinkTransport(session, hand)
    assert transport.tempo == 100
    transport.start(hand.now)
    hand.now += 5
    before = session.beat_now
    transport.set_tempo(150, hand.now)
    assert session.tempo() == 150
    assert session.beat_now == pytest.approx(before)
    transport.advance(hand.now)
    assert transport.tempo == 150


def test_peers_that_come_and_go_are_said_once(hand):
    said = []
    session = LinkTwin(hand)
    transport = LinkTransport(session, hand, said.append)
    for session.peers in (0, 1, 1, 2, 0, 0):
        transport.advance(hand.now)
    assert said == [f"Ableton Link: {text}" for text in ("1 other peer", "2 other peers", "0 other peers")]


@pytest.mark.parametrize("ahead", [0.0, 0.3, 3.0])
def test_what_has_not_begun_begins_at_a_bar_line_wherever_link_jumps(hand, ahead):
    """As when it finds a session with another place in the bar, a moment after it was started alone."""
    for beats in np.arange(-6, 6, 0.5):
        session = LinkTwin(hand, beat=BAR - ahead)
        transport = LinkTransport(session, hand)
        transport.start(hand.now)
        session.jump(beats)
        transport.advance(hand.now)
        position = transport.position(hand.now)
        assert off_the_bar(position, session.beat_now) == pytest.approx(0, abs=1e-6)
        assert transport.origin == 0 or (ahead == 0 and 0 < transport.origin <= 2)


ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0.01, 20)),
    st.tuples(st.just("tempo"), st.floats(20, 999)),
    st.tuples(st.just("jump"), st.floats(-50, 50)),
    st.tuples(st.just("play"), st.booleans()),
    st.tuples(st.just("ours"), st.floats(20, 999)),
)


@settings(max_examples=200, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=12), drift=st.floats(-3e-4, 3e-4), tempo=st.floats(20, 999))
@example(actions=[("jump", 1.0), ("jump", -0.25)], drift=0.0, tempo=20.0)  # back by no more than counts as a jump
def test_whatever_peers_do_it_is_where_link_is_in_the_bar(actions, drift, tempo):
    hand = Hand()
    session = LinkTwin(hand, tempo, drift)
    transport = LinkTransport(session, hand)
    transport.start(hand.now)
    for action, value in actions:
        if action == "wait":
            end = hand.now + value
            while hand.now < end:
                hand.now = min(hand.now + 0.05, end)
                transport.advance(hand.now)
        elif action == "tempo":
            session.setTempo(value, session.micros())
        elif action == "ours":
            transport.set_tempo(value, hand.now)
        elif action == "jump":
            session.jump(value)
        else:
            session.play(value)
        transport.advance(hand.now)
        position = transport.position(hand.now)
        if not transport.running:
            continue
        # a drift of 3e-4 over the time that readings are averaged
        assert abs(off_the_bar(position, session.beat_now)) < 1e-4 * session.tempo() / 60 + 1e-4
        assert transport.tempo == session.tempo()
        assert transport.origin >= 0
        assert transport.origin < max(position, 0) + 0.02  # drift, as above
        assert transport.position(transport.moment_of(position + 1)) == pytest.approx(position + 1)


def test_a_clock_that_is_set_is_followed_at_once(hand):
    session = LinkTwin(hand)
    ports_ahead = 0.0
    transport = LinkTransport(session, lambda: hand.now + ports_ahead)
    transport.start(hand.now)
    hand.now += 2.5
    ports_ahead = 0.1  # as where a server has lost periods
    epoch = transport.epoch
    transport.advance(hand.now + ports_ahead)
    assert transport.position(hand.now + ports_ahead) == pytest.approx(session.beat_now, abs=1e-5)
    assert transport.epoch == epoch


def test_a_reading_that_was_held_up_is_not_believed(hand):
    """A thread may be stopped between two looks at the clocks; how long that took is known."""
    session = LinkTwin(hand)
    held_up = [0.0]

    def now():
        hand.now += held_up[0]
        return hand.now

    transport = LinkTransport(session, now)
    transport.start(hand.now)
    held_up[0] = 0.011
    transport.advance(hand.now)
    held_up[0] = 0.0
    assert transport.position(hand.now) == pytest.approx(session.beat_now, abs=1e-4)


def test_a_player_plays_each_note_once_over_tempos_and_a_jump(hand):
    session = LinkTwin(hand, tempo=120)
    transport = LinkTransport(session, hand)
    ports = MemoryPorts(hand, lookahead=0.02)
    bar = Bar([Note(60 + beat, beat, beat + 0.5) for beat in range(BAR)])
    player = Player(ports, transport, lambda number: bar)
    transport.start(hand.now)
    played = []  # Link's beats at the onsets
    for index in range(4000):
        if index == 1500:
            session.setTempo(171, session.micros())
        if index == 3000:
            session.setTempo(90, session.micros())
        hand.now += 0.005
        before = len(ports.left)
        player.step(hand.now)
        ports.flush()
        for moment, message in ports.left[before:]:
            if messages.is_note_on(message):
                micros = session.micros() + (moment - hand.now) * 1e6
                played.append((message[1] - 60, session.beatAtTime(micros, BAR)))
    pitches, beats = zip(*played)
    assert list(pitches) == [index % 4 for index in range(len(pitches))]
    assert np.diff(beats).min() > 0.9
    assert (
        np.abs(np.array(beats) - np.round(beats)).max() < 0.06
    )  # what is handed ahead keeps the tempo it was handed at
    assert len(beats) == round(session.beat_now) + 1 or len(beats) == int(session.beat_now) + 1


def test_it_agrees_with_a_transport_of_its_own_in_a_steady_tempo(hand):
    session = LinkTwin(hand, tempo=97)
    transport, own = LinkTransport(session, hand), InternalTransport(97)
    transport.start(hand.now)
    own.start(hand.now)
    for _ in range(1000):
        hand.now += 0.03
        transport.advance(hand.now)
        assert transport.position(hand.now) == pytest.approx(own.position(hand.now), abs=1e-5)
    assert transport.moment_of(60) == pytest.approx(own.moment_of(60), abs=1e-5)
