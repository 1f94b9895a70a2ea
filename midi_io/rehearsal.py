"""A rehearsal of the player: what it needs is used once before it matters.

The first use of numpy's linear algebra takes 5 to 50 ms, and would take them in the first clock after a start.
"""

from __future__ import annotations

from midi_io import messages
from midi_io.files import Note
from midi_io.messages import PPQN
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports.memory import MemoryPorts
from midi_io.transport import InternalTransport, Transport

TEMPO = 120.0


def rehearse() -> int:
    """Play a bar to ports in memory, led by a clock and in a tempo of its own; return how many notes were started."""
    return _played(MidiClockTransport()) + _played(InternalTransport(TEMPO))


def _played(transport: Transport) -> int:
    now = 0.0
    ports = MemoryPorts(lambda: now)
    player = Player(
        ports, transport, lambda bar: Bar([Note(60 + beat, beat, beat + 0.5) for beat in range(4)], cut=True)
    )
    if isinstance(transport, MidiClockTransport):
        transport.receive(now, messages.song_position(0))
        transport.receive(now, bytes((messages.START,)))
    elif isinstance(transport, InternalTransport):
        transport.start(now)
    for tick in range(3 * PPQN):
        now = tick * 60 / TEMPO / PPQN
        if isinstance(transport, MidiClockTransport):
            transport.receive(now, bytes((messages.CLOCK,)))
        player.step(now)
    player.halt()
    return sum(messages.is_note_on(message) for _, message in ports.left)
