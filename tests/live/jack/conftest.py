"""What the tests of live sessions on a real JACK server share.

A busy machine may delay a Python thread beyond what the ports look ahead: then notes leave late, and the session counts
them. So moments are judged in the server's frames, by what no load can cause: a note that is early, that leaves late
without being counted, that is missing or another one. How late is late in fact is measured by benchmarks/live.py.

Where the server's programs are missing these tests are skipped, and say what to install; with MELODYLC_NEEDS_JACK set,
as in CI, they fail instead.
"""

import os
import signal

import jackd
import pytest
from jackd import Server
from live_session import (
    Daw,
    Live,
)


@pytest.fixture(scope="module", autouse=True)
def installed():
    missing = jackd.missing()
    if missing and os.environ.get("MELODYLC_NEEDS_JACK"):
        pytest.fail(f"needs a JACK server, missing {missing}")
    if missing:
        pytest.skip(f"needs a JACK server, missing {missing}")


@pytest.fixture(scope="module")
def server(installed):
    server = Server(f"melodylc-test-{os.getpid()}")
    yield server
    server.close()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, server):
    """Give each test its own files of notes and controls; JACK clients of this process find the server."""
    if server.process.poll() is not None:  # it died with the test before, which has failed: the others go on
        server.start()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        server.environment[name] = os.environ[name]


@pytest.fixture(autouse=True)
def hang_ups():
    """Let what is started hear of a hang-up, also where pytest itself does not (nohup)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def live(server, tmp_path):
    made = []

    def start(*arguments, **options):
        made.append(Live(server, tmp_path, *arguments, **options))
        made[-1].connect()
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def daw(server):
    daw = Daw()
    yield daw
    daw.close()
