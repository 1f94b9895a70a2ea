"""The notes that sound now: every note-on that leaves gets its note-off, whatever happens to the process that sent it.

They can be noted in a file mapped into memory. A process that is killed outright leaves the file behind; whoever opens
it next knows which notes still sound, and through which ports.
"""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path
from typing import Any

from midi_io import messages

_NOTES = 16 * 128  # one byte a channel and pitch, then one a channel, then a JSON text and its length
_USED, _PEDAL = 1, 2  # in the byte of a channel: it has had notes or a pedal, and its pedal may be down
_TEXT = _NOTES + 16 + 4
_SIZE = 1 << 14


class InUseError(Exception):
    """Another process has this file of sounding notes open."""


class SoundingNotes:
    """The notes that sound, on sixteen channels.

    Args:
        path: the file to note them in; without one they are in memory only. Notes found in it are taken over.

    Raises:
        InUseError: if another process has the file open.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._page: mmap.mmap | bytearray
        if path is None:
            self._page = bytearray(_SIZE)
            return
        from filelock import FileLock, Timeout

        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_suffix(".lock"))
        try:
            self._lock.acquire(timeout=0)  # the system lets go of it when its owner dies
        except Timeout as error:
            raise InUseError(f"{path} is in use by another session") from error
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(handle, _SIZE)
            self._page = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)

    def prepare(self, message: bytes) -> list[bytes]:
        """Return what to send for a message. Call `mark_sent` with each part when it has left.

        A note that starts while it sounds is ended first; the end of one that does not sound is dropped: so starts and
        ends come in pairs.
        """
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind in (messages.NOTE_ON, messages.NOTE_OFF):
            at = channel * 128 + message[1]
            if messages.is_note_on(message):
                before = [messages.note_off(channel, message[1])] if self._page[at] else []
                # marked before it leaves: killed in between, one end too many is sent, never one too few
                self._page[at] = 1
                self._page[_NOTES + channel] |= _USED
                return [*before, message]
            return [message] if self._page[at] else []
        if messages.is_pedal_down(message):
            self._page[_NOTES + channel] |= _USED | _PEDAL
        return [message]

    def mark_sent(self, message: bytes) -> None:
        """Note that a message of `prepare` has left."""
        if message[0] & 0xE0 == messages.NOTE_OFF:  # on or off
            self._page[(message[0] & 0x0F) * 128 + message[1]] = messages.is_note_on(message)
        elif messages.is_pedal_up(message):
            self._page[_NOTES + (message[0] & 0x0F)] &= ~_PEDAL

    def mark_unsent(self, message: bytes) -> None:
        """Note that a message of `prepare` could not leave yet; it will be prepared again."""
        if messages.is_note_on(message):
            self._page[(message[0] & 0x0F) * 128 + message[1]] = 0

    def endings(self) -> list[bytes]:
        """Return the end of every sounding note; pedal up and all notes off on each channel with notes or a pedal."""
        ends = [messages.note_off(*divmod(at, 128)) for at in range(_NOTES) if self._page[at]]
        for channel in range(16):
            if self._page[_NOTES + channel]:
                ends.append(messages.control(channel, messages.SUSTAIN, 0))
                ends.append(messages.control(channel, messages.ALL_NOTES_OFF, 0))
        return ends

    @property
    def sounding(self) -> list[tuple[int, int]]:
        """Return (channel, pitch) of every sounding note."""
        return [divmod(at, 128) for at in range(_NOTES) if self._page[at]]

    @property
    def unended(self) -> bool:
        """Return whether a note sounds or a pedal may be down."""
        return bool(self.sounding) or any(self._page[_NOTES + channel] & _PEDAL for channel in range(16))

    @property
    def destination(self) -> dict[str, Any]:
        """Return what was last noted of the ports the notes go to; {} if nothing, or nothing legible."""
        length = int.from_bytes(self._page[_TEXT - 4 : _TEXT], "little")
        try:
            noted = json.loads(bytes(self._page[_TEXT : _TEXT + min(length, _SIZE - _TEXT)]))
        except ValueError:
            return {}
        return noted if isinstance(noted, dict) else {}

    @destination.setter
    def destination(self, noted: dict[str, Any]) -> None:
        text = json.dumps(noted).encode()
        if len(text) <= _SIZE - _TEXT:
            self._page[_TEXT : _TEXT + len(text)] = text
            self._page[_TEXT - 4 : _TEXT] = len(text).to_bytes(4, "little")

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        if isinstance(self._page, mmap.mmap):
            self._page.close()
            self._lock.release()

    def clear(self) -> None:
        """Forget everything: nothing sounds, no destination is noted."""
        self._page[:] = bytes(_SIZE)
