"""The names that our ports can have: some a MIDI system cannot take, and some break it."""

from __future__ import annotations

import os
from pathlib import Path

from midi_io.ports.interface import NoPortsError

# bytes: JACK and ALSA take 63 of a client's name, and there are clients of ours that add as many as "-watch"
MOST_BYTES = 57
APART = ":/\\"  # what JACK separates names with, and what it puts into the names of files
SHARED = (Path("/dev/shm"), Path("/tmp"))  # where JACK has its sockets and semaphores
SERVERS_OWN = ("system", "freewheel")  # clients that every JACK server has: ours would be called system-01


def takes(name: str) -> bool:
    """Return whether every MIDI system takes a name as it is."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:  # bytes of the command line that are no text
        return False
    fits = 1 <= size <= MOST_BYTES and name.isprintable() and name == name.strip()
    return fits and not any(each in name for each in APART)


def check_name(name: str) -> None:
    """Refuse a name that a MIDI system cannot take.

    Raises:
        NoPortsError: with what is expected.
    """
    if not takes(name):
        raise NoPortsError(
            f"expected a name of 1 to {MOST_BYTES} bytes of printable text, without {' '.join(APART)} and without "
            f"blanks at its ends, got {name!r}"
        )


def check_jack_name(name: str) -> None:
    """Refuse the name of a JACK server for a client: both would have one socket, and the server would lose its own.

    Raises:
        NoPortsError: with what to do.
    """
    if name in SERVERS_OWN:
        raise NoPortsError(f"every JACK server has a client {name!r} of its own; choose another name")
    if name in ("default", os.environ.get("JACK_DEFAULT_SERVER")) or name in _running():
        raise NoPortsError(f"{name!r} is the name of a JACK server, which would lose its socket; choose another name")


def _running() -> set[str]:
    """Return the names of the JACK servers that run: each has a semaphore of its client `system`, and a socket."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    before, after = f"jack_sem.{user}_", f"_{SERVERS_OWN[0]}"
    return {
        name
        for folder in SHARED
        for file in folder.glob(f"{before}*{after}")
        if (folder / f"jack_{(name := file.name[len(before) : -len(after)])}_{user}_0").exists()
    }
