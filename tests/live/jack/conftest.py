"""What the tests of live sessions on a real JACK server share.

A busy machine may delay a Python thread beyond what the ports look ahead: then notes leave late, and the session counts
them. So moments are judged in the server's frames, by what no load can cause: a note that is early, that leaves late
without being counted, that is missing or another one. How late is late in fact is measured by benchmarks/live.py.

What a server loses with a period on a busy machine nobody can play: a test that fails while one is lost is run again.

Where the server's programs are missing these tests are skipped, and say what to install; with MELODYLC_NEEDS_JACK set,
as in CI, they fail instead.
"""

import contextlib
import os
import signal

import jackd
import pytest
from _pytest.runner import runtestprotocol
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


RUNS = 4  # of a test, at most
LOST = []  # periods that JACK has lost


def pytest_runtest_protocol(item, nextitem):
    """Run a test, again where it failed while JACK lost a period: one of its runs is to be without fault."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for run in range(RUNS):
        if run:
            item._initrequest()
        lost = len(LOST)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if len(LOST) == lost or not any(report.failed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="module")
def server(installed):
    server = Server(f"melodylc-test-{os.getpid()}")
    with counted(server):
        yield server
    server.close()


@contextlib.contextmanager
def counted(server):
    """Count the periods that a server loses."""
    import jack

    with pytest.MonkeyPatch.context() as here:
        here.setenv("JACK_DEFAULT_SERVER", server.name)
        client = jack.Client("lost periods", no_start_server=True)
    client.set_xrun_callback(LOST.append)
    client.activate()
    try:
        yield
    finally:
        client.close(ignore_errors=True)


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
