"""Hints that melodylc adds where there are no MIDI ports: midi_io knows neither its extra nor its commands."""

from __future__ import annotations

from midi_io.link_transport import PACKAGE as LINK
from midi_io.ports import MissingPackageError, NoPortsError, NoSystemError, NoVirtualPortsError

INSTALL = "pip install 'melodylc[live]'"
INSTALL_LINK = "pip install 'melodylc[link]'"
LINK_LICENCE = "its wheel holds Ableton's code, under the GPL"


def with_hint(error: NoPortsError) -> str:
    """Return the reason, and what to do about it with melodylc."""
    if isinstance(error, MissingPackageError):
        if error.package == LINK:
            return f"{error.text(INSTALL_LINK)} ({LINK_LICENCE})"
        return error.text(INSTALL)
    if isinstance(error, NoVirtualPortsError):
        return f"{error}: --port NAME"
    if isinstance(error, NoSystemError):
        return f"no MIDI system answers ({with_hint(error.reason)}); melodylc doctor says what mends it"
    return str(error)
