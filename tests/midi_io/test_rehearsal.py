"""The rehearsal before a session is ready."""

import time

from midi_io.rehearsal import rehearse


def test_it_plays_and_takes_no_time_of_the_real_clock(monkeypatch):
    monkeypatch.setattr(time, "monotonic", None)
    assert rehearse() == 6  # three quarter notes on each transport


def test_a_session_rehearses_before_it_is_ready(monkeypatch):
    from melodylc.live import session as sessions
    from midi_io.ports.memory import MemoryPorts

    happened = []
    monkeypatch.setattr(sessions, "rehearse", lambda: happened.append("rehearsed"))

    class Source:
        fatal = trouble = None
        free = False

        def __init__(self, setup, wake):
            pass

        @property
        def ready(self):
            happened.append("ready")
            return True

        def poll(self):
            return []

        def close(self):
            pass

    session = sessions.Session(ports=MemoryPorts(lambda: 0.0), source=Source)
    session.prepare()
    session.close()
    assert happened[0] == "rehearsed"
