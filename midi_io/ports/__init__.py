"""MIDI ports behind one small interface: JACK, RtMidi (ALSA, JACK, CoreMIDI, Windows), and a twin in memory.

`open_ports` opens an input and an output under one name; what it returns outlives the server behind it.
"""

from __future__ import annotations

from midi_io.ports.interface import Link, NoPortsError, Ports
from midi_io.ports.memory import MemoryPorts
from midi_io.ports.opening import BACKENDS, Listed, ask, listed, open_ports, working
from midi_io.ports.reconnecting import ReconnectingPorts

__all__ = [
    "BACKENDS",
    "Link",
    "Listed",
    "MemoryPorts",
    "NoPortsError",
    "Ports",
    "ReconnectingPorts",
    "ask",
    "listed",
    "open_ports",
    "working",
]
