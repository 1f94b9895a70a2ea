"""How messages follow each other on a connection: a line each, or each after its length in four bytes.

Which of the two it is shows in the first byte: JSON objects begin with `{`, and no length is so large that its first
byte is not 0. A browser that is led to the port begins otherwise.
"""

from __future__ import annotations

import json
from typing import Any

MOST_BYTES = 1 << 20  # of a message
LENGTH = 4  # bytes, of which the highest comes first


class FramingError(Exception):
    """What comes is no message, and nothing that follows can be read.

    The text says why; it is empty for somebody who speaks another protocol, who is told nothing.
    """


class Reader:
    """The messages of a connection, in whatever pieces its bytes come."""

    def __init__(self) -> None:
        self.lengths = False  # whether lengths come before messages
        self._begun = False
        self._bytes = bytearray()
        self._searched = 0  # bytes of a line without its end

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole with these bytes.

        Raises:
            FramingError: for another protocol, or a message that is too long.
        """
        self._bytes += data
        if not self._begun and self._bytes:
            self._begun = True
            if self._bytes[0] not in b"{\0":
                raise FramingError
            self.lengths = self._bytes[0] == 0
        whole = []
        while (message := self._next()) is not None:
            whole.append(message)
        return whole

    def rest(self) -> list[bytes]:
        """Return the last line, where it has no end: nothing follows."""
        line = b"" if self.lengths else bytes(self._bytes).strip()
        self._bytes.clear()
        return [line] if line else []

    def _next(self) -> bytes | None:
        return self._after_length() if self.lengths else self._line()

    def _after_length(self) -> bytes | None:
        if len(self._bytes) < LENGTH:
            return None
        length = int.from_bytes(self._bytes[:LENGTH], "big")
        _check_length(length)
        if len(self._bytes) < LENGTH + length:
            return None
        message = bytes(self._bytes[LENGTH : LENGTH + length])
        del self._bytes[: LENGTH + length]
        return message

    def _line(self) -> bytes | None:
        while True:
            end = self._bytes.find(b"\n", self._searched)
            if end < 0:
                self._searched = len(self._bytes)
                _check_length(self._searched)
                return None
            line = bytes(self._bytes[:end]).strip()
            del self._bytes[: end + 1]
            self._searched = 0
            if line:
                _check_length(len(line))
                return line


def _check_length(length: int) -> None:
    if length > MOST_BYTES:
        raise FramingError(f"expected a message of at most {MOST_BYTES} bytes, got more")


def framed(message: dict[str, Any], lengths: bool = False) -> bytes:
    """Return a message as it is sent."""
    data = json.dumps(message, allow_nan=False).encode()
    return len(data).to_bytes(LENGTH, "big") + data if lengths else data + b"\n"
