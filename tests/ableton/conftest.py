"""A Live that stands in, and connections to it that wait less long than for the real one."""

import pytest
from ableton_stand_in import StandIn, free_port

from melodylc.ableton import connection
from melodylc.ableton.connection import Connection


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(connection, "TRY", 0.1)
    for tries in ("FIRST_TRIES", "TRIES"):
        monkeypatch.setattr(connection, tries, 30)  # the machine may be busy


@pytest.fixture
def start_live():
    """Start a Live that stands in; returns it and a connection to it."""
    opened = []

    def start(*arguments, **options):
        answers = free_port()
        opened.append(StandIn(answers, *arguments, **options))
        opened.append(Connection(opened[-1].port, answers))
        return opened[-2:]

    yield start
    for each in reversed(opened):
        each.__exit__(None, None, None)
