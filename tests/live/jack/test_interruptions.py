"""Stops, loop ends and jumps on a real JACK server: nothing starts at or after one, and nothing else is recorded.

Where JACK has lost a period, as it does on a busy machine, the same events may be heard twice, or at other frames. Such
a round proves nothing, and is played again. Periods are long here, so that few are lost.
"""

import itertools
import os
import time

import numpy as np
import pytest
from jackd import RATE, Server, connect, eventually
from looping import BEHIND, WRAPS, Playing, play_loop, stray

from midi_io import messages
from midi_io.jack_transport import JackTransport
from midi_io.midi_clock import MidiClockTransport
from midi_io.priority import raise_priority

PERIOD = 1024  # frames
ROUNDS, MOST = 3, 12  # without a lost period that there are to be, and of all


@pytest.fixture(autouse=True)
def priority():
    """Have this thread the priority of the player's: while it runs Python, JACK's callbacks here cannot."""
    before = os.sched_getscheduler(0)
    raise_priority()
    yield
    try:
        os.sched_setscheduler(0, before, os.sched_param(0))
    except PermissionError:  # nobody but root may take the flag away
        os.sched_setscheduler(0, before | os.SCHED_RESET_ON_FORK, os.sched_param(0))


@pytest.fixture
def playing(server):
    made = []

    def play(backend, transport):
        made.append(Playing(server, backend, transport))
        return made[-1]

    yield play
    for each in made:
        each.stop()
        each.dump.close()


@pytest.fixture
def server(installed):
    server = Server(f"melodylc-test-{os.getpid()}-long", PERIOD)
    yield server
    server.close()


@pytest.fixture
def lost(server):
    """Periods that JACK has lost, in a list that grows."""
    import jack

    client, lost = jack.Client("lost", no_start_server=True), []
    client.set_xrun_callback(lost.append)
    with client:
        yield lost


def play_rounds(play, fault_of, lost):
    """Play rounds until JACK has lost no period of some; none of these has a fault."""
    clean = 0
    for number in range(MOST):
        before = len(lost)
        fault = fault_of(play(np.random.default_rng(number)))
        time.sleep(0.1)
        if len(lost) == before:
            assert fault is None
            clean += 1
        if clean == ROUNDS:
            return
    raise AssertionError(f"JACK lost a period in all but {clean} of {MOST} rounds: the machine is too busy")


@pytest.mark.parametrize("backend", ["jack", "rtmidi-jack"])
def test_nothing_starts_at_or_after_a_stop_or_the_end_of_a_loop(server, daw, playing, lost, backend):
    player = playing(backend, lambda ports: MidiClockTransport(lookahead=ports.lookahead))
    connect(server, daw.source, "melodylc:in" if backend == "jack" else "melodylc-in:in")
    player.dump.connect(daw.source)

    def play(rng):
        begins = len(player.dump.heard)
        play_loop(daw, rng)
        assert eventually(lambda: player.dump.heard[begins:] and not player.dump.hanging)
        return player.dump.heard[begins:]

    def fault_of(heard):
        pitches = [each.message[1] for each in heard if messages.is_note_on(each.message)]
        jumps = sum(each.message[0] == messages.SONG_POSITION for each in heard)
        if len(pitches) <= WRAPS * 6 or jumps != WRAPS + 1:
            return f"{len(pitches)} notes and {jumps} jumps are heard"
        late, behind = max(stray(heard), default=-1), pitches.count(BEHIND)
        if backend == "rtmidi-jack":  # what RtMidi had before leaves with the next period
            return None if late <= PERIOD else f"{late} frames late"
        # nobody knows yet where a loop ends that is new
        return None if late < 0 and behind <= 1 else f"{late} frames late, {behind} behind the loop"

    play_rounds(play, fault_of, lost)
    _, onsets, kept = player.end()
    assert len(lost) or [each.message for each in onsets] == kept


def test_nothing_starts_after_jacks_transport_has_stopped_or_jumped(daw, playing, lost):
    import jack

    player = playing("jack", lambda ports: JackTransport(ports.transport_state, 240))
    zero = player.dump.zero(daw.ports, daw.source)
    client, seen = jack.Client("observer", no_start_server=True), []

    @client.set_process_callback
    def observe(frames):
        state, place = client.transport_query()
        seen.append((client.last_frame_time - zero, state == jack.ROLLING, place["frame"]))

    def play(rng):
        begins = len(seen), len(player.dump.onsets)
        for _ in range(WRAPS // 2):
            client.transport_start()
            time.sleep(rng.uniform(0.2, 0.5))
            client.transport_locate(int(rng.integers(0, 8 * RATE)))
            time.sleep(rng.uniform(0.1, 0.3))
            client.transport_stop()
            time.sleep(0.1)
        if set(np.diff([frame for frame, _, _ in seen[begins[0] :]])) != {PERIOD}:
            lost.append(0.0)  # one that we did not see, or JACK did not tell of
        return seen[begins[0] :], player.dump.onsets[begins[1] :]

    def fault_of(heard):
        periods, onsets = heard
        if len(onsets) <= WRAPS:
            return f"{len(onsets)} notes are heard"
        rolls = {frame // PERIOD for frame, rolling, _ in periods if rolling}
        if not {each.frame // PERIOD for each in onsets} <= rolls:
            return "notes are heard while nothing rolls"
        for (_, rolled, place), (frame, rolling, next_place) in itertools.pairwise(periods):
            jumped = rolled and not (rolling and next_place == place + PERIOD)
            # the player does not know of it yet, and has handed notes ahead
            if jumped and any(frame <= each.frame < frame + PERIOD for each in onsets):
                return "notes are heard in the period of a jump"
        return None

    with client:
        client.transport_locate(0)
        play_rounds(play, fault_of, lost)
    _, onsets, kept = player.end()
    assert len(lost) or [each.message for each in onsets] == kept
