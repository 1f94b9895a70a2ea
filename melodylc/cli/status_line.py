"""The status line of a live session."""

from __future__ import annotations

import shutil
import sys
import threading


class StatusLine:
    """One line that is written over and over on a terminal; elsewhere, a line whenever the melody changes."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._shown = ""
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """Show how the session stands."""
        with self._lock:
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                sys.stdout.write("\r\x1b[K" + text[:width])
                self._shown = text
            else:
                settled = " ".join(part for part in text.split("  ")[2:4])
                if settled == self._shown:
                    return
                self._shown = settled
                sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Say something that happened, on a line of its own."""
        with self._lock:
            sys.stdout.write(("\r\x1b[K" if self._live else "") + text + "\n")
            if self._live:
                sys.stdout.write(self._shown[: shutil.get_terminal_size().columns - 1])
            sys.stdout.flush()
