"""Progress bars, in one place: tqdm's on a terminal, and a plain line now and then where it is a file or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

EVERY = 60.0  # seconds from one plain line to the next
PLAIN = "{desc}: {n_fmt}/{total_fmt} {unit}s [{elapsed}<{remaining}{postfix}]"


class Lines:
    """A file that a bar writes to: of what it draws over and over, a line a minute and the last one are kept."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last, self._held = stream, time.monotonic(), ""

    def write(self, text: str) -> None:
        """Take what a bar draws; the line end that it writes when it is done lets the last line out."""
        drawn = text.strip()
        self._held = drawn or self._held
        if self._held and (text == "\n" or (drawn and time.monotonic() - self._last >= EVERY)):
            self._stream.write(self._held + "\n")
            self._stream.flush()
            self._last, self._held = time.monotonic(), ""

    def flush(self) -> None:
        """Do nothing: each line is flushed as it is written."""


def bar(
    total: int,
    of: Iterable[Any] | None = None,
    *,
    unit: str,
    desc: str,
    done: int = 0,
    leave: bool = True,
    show: bool = True,
) -> Any:
    """Return a tqdm bar, which is also a context.

    Args:
        of: what to iterate over, if the bar is to wrap it.
        done: of the total, before it begins.
        leave: whether its last state stays.
        show: False for none at all.
    """
    from tqdm import tqdm

    options: dict[str, Any] = {"total": total, "initial": done, "unit": unit, "desc": desc, "leave": leave}
    if not show or sys.stderr is None:
        return tqdm(of, disable=True, **options)
    if sys.stderr.isatty():
        return tqdm(of, **options)
    return tqdm(of, file=Lines(sys.stderr), bar_format=PLAIN, mininterval=1.0, **options)
