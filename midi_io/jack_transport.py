"""JACK's own transport: rolling, stopped, relocated, with the tempo of its timebase master if there is one."""

from __future__ import annotations

from collections.abc import Callable

from midi_io.ports.jack import TransportState
from midi_io.transport import BEAT_TYPE, BEATS_PER_BAR, ConstantTempo

JUMP = 0.02  # beats between where it is and where it was to be, from which it was relocated


class JackTransport(ConstantTempo):
    """A transport that follows that of a JACK server. Bars are counted as its timebase master does.

    Args:
        server_state: where it was last, such as `ReconnectingPorts.transport_state`; None while there is no server.
        tempo: quarter notes a minute while no timebase master sets one.
    """

    loops = True

    def __init__(self, server_state: Callable[[], TransportState | None], tempo: float) -> None:
        super().__init__(tempo)
        self._server_state, self._given = server_state, tempo

    def advance(self, now: float) -> None:
        last = self._server_state()
        if last is None:
            if self._running:
                self._running = False
                self.epoch += 1
            return
        tempo = last.tempo or self._given
        beat = last.seconds * tempo / 60 if last.beat is None else last.beat
        bar = (BEATS_PER_BAR, BEAT_TYPE) if last.beats_per_bar is None else (last.beats_per_bar, last.beat_type)
        jumped = abs(beat - self.position(last.moment)) > JUMP
        if last.rolling != self._running or jumped or bar != (self.beats_per_bar, self.beat_type):
            self.beats_per_bar, self.beat_type = bar
            self._running = last.rolling
            self.origin = beat
            self.epoch += 1
            self._moment, self._beat = last.moment, beat
        elif tempo != self._tempo:
            self._moment, self._beat = last.moment, beat
        self._tempo = tempo
