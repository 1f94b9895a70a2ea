"""What a thread that plays is granted, and what it starts is not."""

import os
import subprocess
import sys
import threading

import pytest

from midi_io import priority
from midi_io.priority import NICE, REALTIME, priority_granted, raise_priority

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the scheduling of Linux")


def in_thread(run):
    """What a thread returns: its priority is its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    return found[0]


def test_what_is_granted_is_said_and_not_kept():
    before = in_thread(lambda: os.nice(0)) if hasattr(os, "nice") else None
    granted = priority_granted()
    assert granted.says
    assert granted.best == (granted.mend is None)
    if before is not None:
        assert in_thread(lambda: os.nice(0)) == before


@LINUX
def test_a_thread_gets_it_and_its_children_do_not():
    def look():
        granted = raise_priority()
        child = "import os; print(os.sched_getscheduler(0), os.nice(0))"
        said = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout.split()
        grandchild = in_thread(lambda: os.sched_getscheduler(0))
        return granted, os.sched_getscheduler(0), said, grandchild

    before = os.sched_getscheduler(0)
    granted, scheduler, said, thread = in_thread(look)
    realtime = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    assert (granted.says == "real-time") == (scheduler in (os.SCHED_RR, realtime))
    assert int(said[0]) == thread == os.SCHED_OTHER
    assert int(said[1]) >= 0
    assert os.sched_getscheduler(0) == before


@LINUX
@pytest.mark.parametrize("nice", [True, False])
def test_where_there_is_no_real_time_it_says_how_to_get_it(monkeypatch, nice):
    asked = []

    def refuse(pid, policy, parameters):
        asked.append((policy, parameters.sched_priority))
        if policy & os.SCHED_RR:
            raise PermissionError

    def renice(which, who, value):
        if not nice:
            raise PermissionError
        asked.append(value)

    monkeypatch.setattr(priority.os, "sched_setscheduler", refuse)
    monkeypatch.setattr(priority.os, "setpriority", renice)
    granted = raise_priority()
    assert "limits" in granted.mend
    assert not granted.best
    assert asked[0] == (os.SCHED_RR | os.SCHED_RESET_ON_FORK, REALTIME)
    assert (NICE in asked) == nice == (str(NICE) in granted.says)
