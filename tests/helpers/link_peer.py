"""A program that speaks Ableton Link, in a process of its own: it takes a line on its input, and answers with one.

    python link_peer.py peer TEMPO        a peer that knows nothing of melodylc
    python link_peer.py follower TEMPO    a player led by `LinkTransport`, on ports in memory

Moments are Link's, in microseconds: on one machine all processes have the same.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

BAR = 4


class Peer:
    """A peer, as the package has it."""

    def __init__(self, tempo: float) -> None:
        from link import Link

        self.link = Link(tempo)
        self.link.startStopSyncEnabled = True
        self.link.enabled = True

    def look(self) -> dict[str, Any]:
        state, micros = self.link.captureAppSessionState(), self.link.clock().micros()
        return {
            "peers": self.link.numPeers(),
            "tempo": state.tempo(),
            "playing": state.isPlaying(),
            "micros": micros,
            "beat": state.beatAtTime(micros, BAR),
        }

    def beats(self, *moments: int) -> list[float]:
        """The beats of moments."""
        state = self.link.captureAppSessionState()
        return [state.beatAtTime(moment, BAR) for moment in moments]

    def tempo(self, tempo: float) -> None:
        state = self.link.captureAppSessionState()
        state.setTempo(tempo, self.link.clock().micros())
        self.link.commitAppSessionState(state)

    def play(self, playing: bool) -> int:
        """Start or stop everybody; the moment."""
        state, micros = self.link.captureAppSessionState(), self.link.clock().micros()
        state.setIsPlaying(playing, micros)
        self.link.commitAppSessionState(state)
        return micros

    def force(self, beat: float) -> None:
        """Have everybody jump."""
        state = self.link.captureAppSessionState()
        state.forceBeatAtTime(beat, self.link.clock().micros(), BAR)
        self.link.commitAppSessionState(state)


class Follower:
    """A player of quarter notes in the time of `LinkTransport`."""

    def __init__(self, tempo: float) -> None:
        from midi_io import link_transport, messages
        from midi_io.files import Note
        from midi_io.player import Bar, Player
        from midi_io.ports import MemoryPorts

        self.onsets: list[float] = []  # moments of the ports' clock that were asked for

        class Ports(MemoryPorts):
            def send(ports, message: bytes, moment: float, entry: Any = None) -> None:  # noqa: N805
                if messages.is_note_on(message):
                    self.onsets.append(moment)
                super(Ports, ports).send(message, moment, entry)

        self.said: list[str] = []
        self.ports = Ports(lookahead=0.02)
        self.peer = link_transport.join(tempo)
        self.transport = link_transport.LinkTransport(self.peer, self.ports.now, self.said.append)
        bar = Bar([Note(60, beat, beat + 0.5) for beat in range(BAR)])
        self.player = Player(self.ports, self.transport, lambda number: bar)
        self._lock = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                due = self.player.step(self.ports.now())
                self.ports.flush()
            time.sleep(min(max(due - self.ports.now(), 0.001), 0.02))

    def look(self) -> dict[str, Any]:
        with self._lock:
            transport, now = self.transport, self.ports.now()
            micros = self.peer.clock().micros()
            return {
                "said": self.said,
                "tempo": transport.tempo,
                "running": transport.running,
                "epoch": transport.epoch,
                "micros": micros,
                "position": transport.position(now),
            }

    def heard(self) -> list[int]:
        """Link's moments of the notes since the last call."""
        with self._lock:
            onsets, self.onsets = self.onsets, []
            ahead = min(self._ahead() for _ in range(20))[1]
            return [round((moment - ahead) * 1e6) for moment in onsets]

    def _ahead(self) -> tuple[float, float]:
        before = time.monotonic()
        micros = self.peer.clock().micros()
        after = time.monotonic()
        return after - before, (before + after) / 2 - micros * 1e-6

    def start(self) -> None:
        with self._lock:
            self.transport.start(self.ports.now())

    def tempo(self, tempo: float) -> None:
        with self._lock:
            self.transport.set_tempo(tempo, self.ports.now())

    def close(self) -> None:
        self.transport.close()


if __name__ == "__main__":
    program: Any = {"peer": Peer, "follower": Follower}[sys.argv[1]](float(sys.argv[2]))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(program, name)(*arguments)), flush=True)
