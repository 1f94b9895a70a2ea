"""Every polite way of stopping a command ends like Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

POLITE = ("SIGTERM", "SIGHUP")  # beside Ctrl-C; Windows has no SIGHUP

BROKEN_PIPE = 128 + 13  # the exit code of a process whose reader went away: SIGPIPE is 13 wherever there is one


class Stopped(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return what a shell expects of a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (stop.number if isinstance(stop, Stopped) else int(signal.SIGINT))


def until_closed(main: Callable[[], int]) -> int:
    """Run a command and return its exit code; it ends in silence where its reader has seen enough (`... | head -1`)."""
    try:
        try:
            return main()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # the help, too, which argparse prints and exits
    except BrokenPipeError:
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        return BROKEN_PIPE


@contextmanager
def handling(handle: Callable[[int], object], *names: str) -> Iterator[dict[int, Any]]:
    """Within it, signals call a function with their numbers; those that are ignored (nohup) stay so.

    Elsewhere than in the main thread it does nothing.

    Args:
        names: of the signals, such as SIGTERM; those that this system does not have are left out.

    Yields:
        the numbers of the signals that are handled, with the handlers they had.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, lambda heard, _: handle(heard))
        yield before
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def on_signals() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise Stopped, once; where they are ignored (nohup) they stay so."""

    handled: dict[int, Any] = {}  # filled once all are set: a signal may come before

    def stop(number: int) -> None:
        for other in handled:  # a second must not disturb the end
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    with handling(stop, *POLITE) as before:
        handled.update(before)
        yield


class StopRequest:
    """The wish to stop, which waits until a step is done."""

    def __init__(self) -> None:
        self.number: int | None = None  # of the signal that asked for it

    @property
    def asked(self) -> bool:
        """Return whether somebody asked to stop."""
        return self.number is not None

    def raise_stopped(self) -> None:
        """Raise what the signal would have raised."""
        raise Stopped(self.number or int(signal.SIGINT))


@contextmanager
def between_steps() -> Iterator[StopRequest]:
    """Within it, the first Ctrl-C, SIGTERM or SIGHUP is only noted; the second one ends whatever goes on."""
    request = StopRequest()
    handled: dict[int, Any] = {}  # likewise

    def note(number: int) -> None:
        request.number = number
        for other, handler in handled.items():
            signal.signal(other, handler)

    with handling(note, "SIGINT", *POLITE) as before:
        handled.update(before)
        yield request
