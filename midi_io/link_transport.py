"""Ableton Link: one tempo, and one place in the bar, for all programs of a network that speak it.

Link shares no position in a song. Position 0 is where playing began: at a bar line, which peers and we take alike. It
began when a peer with start/stop sync said so, or else when our owner did. Nothing here starts or stops others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from midi_io.ports.interface import MissingPackageError
from midi_io.transport import BEATS_PER_BAR, ConstantTempo

PACKAGE = "LinkPython-extern"  # its wheels contain Link itself, which is under the GPL, version 2 or later
LOOK = 0.01  # seconds between two looks at a session, whose stops come unannounced
JUMP = 0.25  # beats between where it is and where it was to be, from which it jumped
DELAY = 0.2  # seconds that another tempo may be on its way: what it makes of the position meanwhile is no jump
ROUNDING = 1e-3  # beats past a bar line that count as on it
PROMPT = 100e-6  # seconds between two looks at a clock that nothing came between
SETTLING = 0.2  # seconds over which readings of the clocks are averaged
LEAP = 2e-3  # seconds between two readings, from which one of the clocks was set


def join(tempo: float) -> Any:
    """Return a peer that is ready to be enabled; it brings its tempo only where it is the first.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    try:
        from link import Link
    except ModuleNotFoundError as error:
        raise MissingPackageError("Ableton Link needs", PACKAGE) from error
    return Link(tempo)


class LinkTransport(ConstantTempo):
    """A transport in the time of a Link session, which it joins; `close` leaves it.

    Args:
        peer: what `join` returns.
        now: the ports' clock.
        say: called with a line when peers come and go.
    """

    def __init__(self, peer: Any, now: Callable[[], float], say: Callable[[str], None] = lambda text: None) -> None:
        state = peer.captureAppSessionState()
        super().__init__(state.tempo())
        self._peer, self._say = peer, say
        self._clock = _LinkClock(peer.clock(), now)
        self._peers = 0
        self._start = 0.0  # the beat of Link that is position 0
        self._said = False  # whether a peer has started or stopped us
        self._untold = (state.isPlaying(), state.timeForIsPlaying())  # what Link says until then
        self._playing = False  # what it said last
        peer.startStopSyncEnabled = True
        peer.enabled = True

    def close(self) -> None:
        """Leave the session."""
        self._peer.enabled = False

    def start(self, now: float) -> None:
        """Run from the next bar line on, unless a peer has started or stopped us."""
        if not self._said:
            state = self._peer.captureAppSessionState()
            self._begin(self._beat_at(state, now), state, now)

    def set_tempo(self, tempo: float, now: float) -> None:
        """Give the whole session another tempo from now on."""
        state = self._peer.captureAppSessionState()
        state.setTempo(tempo, self._clock.micros(now))
        self._peer.commitAppSessionState(state)

    def advance(self, now: float) -> None:
        self._clock.read()
        self._count_peers()
        state = self._peer.captureAppSessionState()
        off = self._beat_at(state, now) - self._start - self.position(now) if self._running else 0.0
        jumped = abs(off) > JUMP + DELAY * abs(state.tempo() - self._tempo) / 60
        if self._is_told(state):
            if self._playing:
                self._begin(state.beatAtTime(state.timeForIsPlaying(), BEATS_PER_BAR), state, now)
            else:
                self._halt(now)
        elif jumped:
            self._jump(off, state, now)
        elif self._running:
            self._keep(state, now)
            self.origin = min(self.origin, max(self._beat, 0.0))  # it may be moved back by less than a jump
        self._tempo = state.tempo()

    def _is_told(self, state: Any) -> bool:
        """Return whether a peer has started or stopped us since the last look, and note what it said.

        Until the first word Link gives the moment at which we were made; later ones move with the tempo.
        """
        was, self._playing = self._playing, state.isPlaying()
        if self._said:
            return self._playing != was
        self._said = (self._playing, state.timeForIsPlaying()) != self._untold
        return self._said

    def _begin(self, beat: float, state: Any, now: float) -> None:
        """Have position 0 at the first bar line from a beat of Link on."""
        self._start, self._running = _line(beat), True
        self._set_out(state, now)
        if self._beat < JUMP:
            self.origin = 0.0  # what was to sound since then is made up for

    def _jump(self, off: float, state: Any, now: float) -> None:
        """Take up Link's place in the bar, in the bar that is nearest to where we were."""
        waiting = self.position(now) < 0
        self._start += round(off / BEATS_PER_BAR) * BEATS_PER_BAR
        if waiting and self._beat_at(state, now) > self._start:
            self._start += BEATS_PER_BAR  # what has not begun begins at a bar line
        self._set_out(state, now)

    def _halt(self, now: float) -> None:
        self._beat, self._running = max(self.position(now), 0.0), False
        self.epoch += 1

    def _set_out(self, state: Any, now: float) -> None:
        self._keep(state, now)
        self.origin = max(self._beat, 0.0)
        self.epoch += 1

    def _keep(self, state: Any, now: float) -> None:
        """Be where Link says, and go on at its tempo."""
        self._moment, self._beat, self._tempo = now, self._beat_at(state, now) - self._start, state.tempo()

    def _beat_at(self, state: Any, now: float) -> float:
        return float(state.beatAtTime(self._clock.micros(now), BEATS_PER_BAR))

    def _count_peers(self) -> None:
        peers = self._peer.numPeers()
        if peers != self._peers:
            self._peers = peers
            self._say(f"Ableton Link: {peers} other {'peer' if peers == 1 else 'peers'}")


def _line(beat: float) -> float:
    """Return the first bar line from a beat on."""
    return math.ceil((beat - ROUNDING) / BEATS_PER_BAR) * float(BEATS_PER_BAR)


class _LinkClock:
    """Link's clock, in microseconds, as read off the ports' clock: the two drift apart, and either may be set."""

    def __init__(self, link_clock: Any, now: Callable[[], float]) -> None:
        self._link_clock, self._now = link_clock, now
        self._read_at, self._ahead = now(), 0.0  # seconds that the ports' clock is ahead of Link's
        self.read()

    def read(self) -> None:
        """Read both clocks, for what they drift."""
        waited, ahead = min(self._look() for _ in range(3))
        now, off = self._now(), ahead - self._ahead
        if abs(off) > max(LEAP, waited):
            self._ahead = ahead
        elif waited < PROMPT:
            self._ahead += off * min((now - self._read_at) / SETTLING, 1.0)
        self._read_at = now

    def _look(self) -> tuple[float, float]:
        """Return how long a look at Link's clock took, and how far the ports' clock was ahead in its middle."""
        before = self._now()
        micros = self._link_clock.micros()
        after = self._now()
        return after - before, (before + after) / 2 - micros * 1e-6

    def micros(self, now: float) -> int:
        """Return Link's moment of a moment of the ports' clock."""
        return round((now - self._ahead) * 1e6)
