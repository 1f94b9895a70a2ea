"""What a live session follows, on a real JACK server: clocks, transport, other sessions."""

import re
import sys

import numpy as np
import pytest
from jackd import PATIENCE, RATE, connect, eventually
from live_session import CONTINUE, START, STOP, Live, check_moments, frames_of

from midi_io import markers, messages
from midi_io.ports.jack import JackPorts

EARLY, EARLY_AT_FIRST = 0.03, 2 / 24  # beats; a tempo that is not known yet may carry notes two clocks too far


def test_it_follows_a_clock_through_stops_jumps_and_tempos(live, daw):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert session.is_prepared()
    zero = session.dump.zero(daw.ports, daw.source)
    parts = []  # position, tempo, the moment it began, and which notes are of it
    for first, tempo in ((0, 120.0), (12, 90.0), (5, 174.0)):
        before = len(session.dump.onsets)
        daw.moment = began = daw.ports.now() + 0.3
        if first:
            daw.now(messages.song_position(first * 4))
            daw.now(CONTINUE)
        else:
            daw.now(START)
        daw.clocks(8, tempo)
        daw.now(STOP)
        daw.wait()
        assert eventually(session.is_quiet)
        parts.append((first, tempo, began, slice(before, len(session.dump.onsets))))
    assert session.end() == 0
    all_frames, all_beats = frames_of(session)
    for first, tempo, began, part in parts:
        frames, beats = all_frames[part], all_beats[part]
        assert len(beats) > 8
        heard_at = first + ((frames + zero) / RATE - began) * tempo / 60
        beats = beats + 4 * np.round(np.median(heard_at - beats) / 4)  # a recording counts its bars from its beginning
        assert beats.min() >= first
        assert beats.max() <= first + 8 + EARLY_AT_FIRST
        behind = heard_at - beats
        assert behind[:4].min() > -EARLY_AT_FIRST
        assert behind[4:].min() > -EARLY
        assert np.percentile(behind, 10) < EARLY  # however busy the machine is, some notes are in time
        assert any(abs(known / tempo - 1) < 0.005 for known in session.tempos)


def test_each_pass_of_a_loop_and_a_rewound_daw_is_the_same(live, daw):
    session = live("--key", "C major", "--notes", "128", "--every", "2", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert session.is_prepared()
    zero = session.dump.zero(daw.ports, daw.source)
    tempo, beats, passes = 90.0, 8, []
    seconds = beats * 60 / tempo
    daw.moment = daw.ports.now() + 0.3
    for rewound in (True, False, False, True):  # a loop jumps while it plays, a rewound DAW was stopped
        if rewound:
            daw.now(STOP)
            daw.moment += 0.5
        daw.now(messages.song_position(0))
        if rewound:
            daw.now(CONTINUE)
        passes.append(daw.moment)
        daw.clocks(beats, tempo)
    daw.now(STOP)
    daw.wait()
    assert eventually(session.is_quiet)
    assert session.end() == 0
    at = np.array([each.frame for each in session.dump.onsets]) + zero
    pitches = np.array([each.message[1] for each in session.dump.onsets])
    # without the first sixteenth: what was handed ahead of the end of a loop may sound there
    played = [pitches[(at / RATE > began + 0.15) & (at / RATE < began + seconds - 0.1)].tolist() for began in passes]
    assert len(played[0]) > 8
    assert played == played[:1] * len(passes)
    marked = [(each.text, each.beat / 4) for each in markers.read(session.take)]
    assert marked[:4] == [("melody 1", bar) for bar in (0, 2, 4, 6)]


def test_it_follows_jack_transport(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "jack", "--tempo", "180")
    assert session.is_prepared()
    script = (
        "import jack, sys, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
        "client.transport_locate(48000 * 8)\nclient.transport_start()\ntime.sleep(3)\nclient.transport_stop()\n"
        "time.sleep(.5)"
    )
    server.run([sys.executable, "-c", script]).wait(PATIENCE)
    assert eventually(session.is_quiet)
    assert session.end() == 0
    assert len(session.dump.onsets) > 5
    check_moments(session, 180)


def test_jack_midi_clock_of_an_independent_program_is_followed(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    clock = server.run(["jack_midi_clock", "-b", "140"])
    try:
        connect(server, "jack_midi_clock:mclk_out", "melodylc:in")
        assert session.is_prepared()
        script = (
            "import jack, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
            "client.transport_locate(0)\ntime.sleep(.2)\nclient.transport_start()\ntime.sleep(4)\n"
            "client.transport_stop()\ntime.sleep(.7)"
        )
        server.run([sys.executable, "-c", script]).wait(PATIENCE)
        assert eventually(session.is_quiet)
    finally:
        clock.kill()
        clock.wait()
    assert session.end() == 0
    frames, beats = frames_of(session)
    assert len(frames) > 8
    behind = frames / RATE * 140 / 60 - beats
    behind -= np.percentile(behind, 10)  # the note that was in time: nobody says when the clock began
    assert behind[4:].min() > -EARLY
    assert session.tempos[-1] == pytest.approx(140, rel=0.005)


def test_a_session_that_leads_is_followed_by_another(live, server, tmp_path):
    leader = live("--key", "C major", "--lead", "--tempo", "150")
    follower = Live(server, tmp_path, "--key", "C major", "--sync", "midi-clock", "--name", "second", listen=False)
    try:
        connect(server, "melodylc:out", "second:in")
        assert leader.plays()
        assert eventually(lambda: re.search(r"(149\.[5-9]|150\.[0-5]) bpm", follower.said))
    finally:
        follower.close()


def test_a_timebase_master_tells_the_bars(daw):
    """6/8 at 90 dotted quarters: bars of three quarter notes at 135."""
    import jack

    ports = JackPorts("bars")
    client = jack.Client("master", no_start_server=True)

    @client.set_timebase_callback
    def tell(state, frames, place, is_new):
        eighths = place.frame / RATE * 270 / 60
        place.valid = 0x10
        place.beats_per_bar, place.beat_type, place.ticks_per_beat, place.beats_per_minute = 6, 8, 480, 270
        place.bar, place.beat = int(eighths // 6) + 1, int(eighths % 6) + 1
        place.tick = int(eighths % 1 * 480)

    with client:
        client.transport_locate(RATE * 4)
        client.transport_start()
        assert eventually(lambda: (state := ports.transport_state()) and state.rolling and state.beats_per_bar)
        state = ports.transport_state()
        client.transport_stop()
    ports.close()
    assert state.beats_per_bar == 3
    assert state.beat_type == 8
    assert state.tempo == 135
    assert state.beat == pytest.approx(state.seconds * 135 / 60, abs=0.01)
