"""Questions to AbletonOSC, which answers over UDP: what is lost is asked again, what comes twice is dropped."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

from melodylc.base.errors import UserError
from melodylc.live.hints import INSTALL

HOST = "127.0.0.1"
PORT, ANSWER_PORT = 11000, 11001  # fixed in AbletonOSC
TRY = 0.25  # seconds that an answer is waited for; Live looks for questions ten times a second
FIRST_TRIES, TRIES = 10, 24  # before anything was heard, and after: Live may be busy
LATE = 4  # such times after which an answer that was asked for again is not expected any more
ERROR = "/live/error"
ECHOED = {"track": 1, "clip": 2, "clip_slot": 2}  # how many arguments come back before the values
NOBODY = (
    "start Live 11 or 12 and choose AbletonOSC in Settings > Link, Tempo & MIDI > Control Surface "
    "(melodylc plugin install ableton says how it gets there)"
)

Value = int | float | str | bool


class RefusedError(UserError):
    """AbletonOSC could not do what was asked."""


class SilentError(UserError):
    """Nothing answers."""


class Connection:
    """A connection to AbletonOSC.

    Args:
        port: where it listens.
        answer_port: where it answers to; one program at a time has it.

    Attributes:
        complaint: the last error that AbletonOSC spoke of since `tell`, or "".

    Raises:
        UserError: if another program has the port, or python-osc is missing.
    """

    def __init__(self, port: int = PORT, answer_port: int = ANSWER_PORT) -> None:
        try:
            import pythonosc  # noqa: F401
        except ImportError as error:
            raise UserError(f"ableton: needs the package python-osc; get it with: {INSTALL}") from error
        self._to = (HOST, port)
        self._heard = False
        self._owed: tuple[str, int] = ("", 0)  # answers to the last question that may still come
        self.complaint = ""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((HOST, answer_port))
        except OSError as error:
            self._socket.close()
            raise UserError(
                f"ableton: port {answer_port}, where AbletonOSC answers, is taken ({error.strerror}); "
                "end the other program that talks to AbletonOSC"
            ) from error

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask_if_known(self, address: str) -> tuple[Any, ...] | None:
        """Return the values that an address answers with, or None where this Live or AbletonOSC has none."""
        try:
            return self.ask(address)
        except (RefusedError, SilentError):
            return None

    def ask(self, address: str, *arguments: Value) -> tuple[Any, ...]:
        """Return the values that an address answers with, without the numbers of track and clip before them.

        Raises:
            RefusedError: if AbletonOSC does not know the address, or could not do it.
            SilentError: if no answer comes.
        """
        self._settle()
        echoed = arguments[: ECHOED.get(address.split("/")[2], 0)]
        refusals, another_form = 0, False
        for sent in range(1, 1 + (TRIES if self._heard else FIRST_TRIES)):
            self._owed = (address, sent)
            self._send(address, arguments)
            refused = False
            for said, values in self._received(TRY):
                if self._note(said, values):
                    if self.complaint.endswith(f": {address}"):  # Unknown OSC address: /live/...
                        self._heard, self._owed = True, (ERROR, sent - 1)
                        raise RefusedError(f"ableton: AbletonOSC does not know {address}; install its current version")
                    refused = True
                elif said == address and values[: len(echoed)] == echoed:
                    self._heard, self._owed = True, (address, sent - 1)
                    return values[len(echoed) :]
                another_form |= said == address
            refusals += refused  # which may have been one of what was told before, so it is asked again
            if refusals == 2:
                raise RefusedError(f"ableton: Live refuses {address}: {self.complaint}")
        if another_form:
            raise RefusedError(f"ableton: AbletonOSC answers {address} as old versions do; install its current version")
        if self._heard:
            raise SilentError(f"ableton: Live does not answer {address} any more; is it busy, or closed?")
        raise SilentError(f"ableton: nothing answers at {HOST}:{self._to[1]}; {NOBODY}")

    def tell(self, address: str, *arguments: Value) -> None:
        """Send something that is not answered; whether it came about is asked afterwards."""
        self._settle()
        self.complaint = ""
        self._send(address, arguments)

    def _send(self, address: str, arguments: tuple[Value, ...]) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder

        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        self._socket.sendto(builder.build().dgram, self._to)

    def _settle(self) -> None:
        """Drop what is left of the question before, which could be taken for an answer to the next."""
        address, owed = self._owed
        self._owed = ("", 0)
        if owed:
            for said, values in self._received(LATE * TRY):
                self._note(said, values)
                owed -= said == address
                if not owed:
                    break
        for said, values in self._received(0.0):
            self._note(said, values)

    def _note(self, said: str, values: tuple[Any, ...]) -> bool:
        """Keep an error that AbletonOSC speaks of; return whether it was one."""
        if said == ERROR:
            self.complaint = " ".join(str(value) for value in values).removeprefix("Error handling OSC message: ")
        return said == ERROR

    def _received(self, seconds: float) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield the messages that come within so many seconds, those that wait already first."""
        from pythonosc.osc_message import OscMessage, ParseError

        deadline = time.monotonic() + seconds
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.0))
            try:
                message = OscMessage(self._socket.recv(65536))
            except (TimeoutError, BlockingIOError):
                return
            except (ConnectionError, ParseError):  # Windows says so on a socket whose last packet found nobody
                continue
            yield message.address, tuple(message.params)
