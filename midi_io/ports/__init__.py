"""MIDI ports behind one small interface: JACK, RtMidi (ALSA, JACK, CoreMIDI, Windows), and a twin in memory.

`open_ports` opens an input and an output under one name; what it returns outlives the server behind it.
"""

from __future__ import annotations

from midi_io.ports.interface import (
    Link,
    MissingPackageError,
    NoPortsError,
    NoSystemError,
    NoVirtualPortsError,
    Ports,
)
from midi_io.ports.matching import PortNames
from midi_io.ports.memory import MemoryPorts
from midi_io.ports.opening import BACKENDS, listed, open_ports, problem_of, working
from midi_io.ports.reconnecting import ReconnectingPorts

__all__ = [
    "BACKENDS",
    "Link",
    "MemoryPorts",
    "MissingPackageError",
    "NoPortsError",
    "NoSystemError",
    "NoVirtualPortsError",
    "PortNames",
    "Ports",
    "ReconnectingPorts",
    "listed",
    "open_ports",
    "problem_of",
    "working",
]
