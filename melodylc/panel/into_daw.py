"""The melody in the roll, played into a DAW while it is worked on: a live session that plays what is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.live.session import Session
from melodylc.live.settings import SYNCS, SessionSettings
from melodylc.live.shown_melody import ShownMelody
from midi_io.ports import Ports

OFF, STARTING, ON = "off", "starting", "on"
TRACK = "live %Y-%m-%d %H.%M.%S"  # the name of a recording, in the folder


class IntoDaw:
    """A live session that is started and stopped from the page; nothing here waits for it.

    Args:
        states: returns the melody (S,) that is shown, from any thread.
        say: called with "said" or "error", and a line, from any thread.
        wake: called from any thread when something has changed.
        ports: other ports than the settings name, such as the twin in memory.
    """

    def __init__(
        self,
        states: Callable[[], np.ndarray | None],
        say: Callable[[str, str], None],
        wake: Callable[[], None] = lambda: None,
        ports: Callable[[], Ports | None] = lambda: None,
    ) -> None:
        self._states, self._say, self._wake, self._ports = states, say, wake, ports
        self._session: Session | None = None
        self._opening: Session | None = None
        self._sync = SYNCS[0]

    def start(self, folder: Path, tempo: float, sync: Any, port: Any, record: Any) -> None:
        """Start a session; what is wrong is said when it is known.

        Raises:
            UserError: while one runs; for settings that are none.
        """
        if self._opening is not None or self._session is not None:
            raise UserError("live: it is on already; turn it off first")
        if not isinstance(record, bool) or not (port is None or (isinstance(port, str) and port.isprintable())):
            raise UserError(f"live: expected a port's name and whether to record, got {port!r:.40}, {record!r:.40}")
        file = folder / f"{time.strftime(TRACK)}.mid" if record else None
        settings = SessionSettings(sync=sync, tempo=min(max(tempo, 20), 400), port=port or None, record=file)
        self._sync = sync
        session = Session(
            settings, say=lambda text: self._say("said", text), ports=self._ports(), shown=ShownMelody(self._states)
        )
        self._opening = session
        threading.Thread(target=self._open, args=(session,), name="live opening", daemon=True).start()

    def _open(self, session: Session) -> None:
        try:
            session.open()
            if session.wait(0):  # stopped since, or by a fault of its own, which this raises
                session.close()
            else:
                self._session = session
        except (UserError, OSError) as error:
            self._say("error", str(error))
        except ImportError as error:
            self._say("error", f"live: needs {error.name}; install it with: pip install 'melodylc[live]'")
        self._opening = None
        self._wake()

    def stop(self) -> None:
        """End the session; what sounds ends with it."""
        sessions, self._session = (self._opening, self._session), None
        for session in sessions:
            if session is not None:
                session.close()

    def set_tempo(self, tempo: float) -> None:
        """Take another tempo, where the session keeps its own."""
        if self._session is not None:
            self._session.set_tempo(tempo)

    @property
    def status(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        session = self._session
        if session is None:
            return {"state": OFF if self._opening is None else STARTING, "sync": self._sync, "text": ""}
        status = session.status
        where = (
            f"bar {int(status.beat // status.beats_per_bar) + 1}" if status.running else "waiting for the DAW to play"
        )
        links = "" if status.links else "; connect the port melodylc in your DAW"
        text = f"{where}, {status.tempo:.0f} bpm{f' ({status.trouble})' if status.trouble else links}"
        return {"state": ON, "sync": self._sync, "text": text}
