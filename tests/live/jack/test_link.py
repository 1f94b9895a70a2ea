"""A live session in the time of Ableton Link, beside a peer of another program, on a real JACK server."""

import sys

import link_network
import numpy as np
import pytest
from jackd import RATE, eventually
from live_session import Live, frames_of

from midi_io.ports.interface import LATE

BAR = 4
TEMPO = 163
NEAR = 2e-3  # seconds, of a note that did not leave late


@pytest.fixture(scope="module")
def network():
    with link_network.needed() as network:
        yield network


class Within:
    """A JACK server, whose sessions are in a network of their own."""

    def __init__(self, server, network):
        self._server, self._network = server, network

    def __getattr__(self, name):
        return getattr(self._server, name)

    def live(self, *arguments, output):
        command = [*self._network.prefix, sys.executable, "-m", "melodylc", "live", *arguments]
        return self._server.run(command, stdout=output, stderr=output)


class Clocks:
    """The server's frames and Link's clock, which drift apart: read side by side while something is played."""

    def __init__(self, daw, peer):
        self._daw, self._peer, self._looks = daw, peer, []

    def look(self):
        looks = []
        for _ in range(10):
            before = self._daw.ports.now()
            micros = self._peer.look()["micros"]
            after = self._daw.ports.now()
            looks.append((after - before, (before + after) / 2, micros))
        self._looks.append(min(looks))

    @property
    def unsure(self):
        """Seconds that a moment may be off."""
        return max(took for took, _, _ in self._looks) / 2

    def link_moments(self, frames):
        _, seconds, micros = np.array(self._looks).T
        ahead = np.interp(frames / RATE, seconds, seconds - micros * 1e-6)
        return [round(moment * 1e6) for moment in frames / RATE - ahead]


@pytest.fixture
def peer(network):
    with network.program("peer", TEMPO) as peer:
        yield peer


def test_notes_are_on_the_beats_of_a_peer_that_starts_and_stops(network, peer, server, daw, tmp_path):
    peer.is_the_first()
    options = ("--key", "C major", "--notes", "128", "--sync", "link", "--tempo", "100")
    session = Live(Within(server, network), tmp_path, *options)
    try:
        session.connect()
        peer.meets()
        assert session.plays(beyond=3), session.said  # of itself
        peer.play(False)
        assert eventually(session.is_quiet)
        zero = session.dump.zero(daw.ports, daw.source)
        before = len(session.dump.onsets)
        clocks = Clocks(daw, peer)
        clocks.look()
        began = peer.beats(peer.play(True))[0]
        assert eventually(lambda: clocks.look() or len(session.dump.onsets) > before + 24)
        peer.play(False)
        assert eventually(session.is_quiet)
        clocks.look()
        frames = np.array([each.frame + zero for each in session.dump.onsets[before:]])
        assert session.end() == 0
        recorded = frames_of(session)[1][-len(frames) :]
        assert session.dump.hanging == set()
    finally:
        session.close()
    beats = np.array(peer.beats(*clocks.link_moments(frames)))
    assert 0 <= round(beats[0] * 4) / 4 - np.ceil(began / BAR) * BAR < BAR  # from the next bar line on
    off = ((beats - recorded + BAR / 2) % BAR - BAR / 2) * 60 / TEMPO  # a recording counts its bars from its beginning
    near = NEAR + clocks.unsure
    assert off.min() > -near
    assert np.percentile(off, 10) < near  # however busy the machine is, some notes are in time
    assert (off > near + LATE).sum() <= session.late
    assert "Ableton Link: 1 other peer" in session.said
