"""The priority of threads that play: what the system grants, without starving what else runs.

On Linux that is real-time scheduling, behind JACK and whatever else plays sound, else niceness. What such a thread
starts does not inherit it: an inference process is a program like any other. Each thread of the player asks for itself,
as whichever runs keeps the others from running Python. They sleep almost always, and Linux keeps 5 % of the time for
programs that are not real-time, whatever these do.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

REALTIME = 1  # priority among real-time threads, 1 to 99: the lowest
NICE = -10  # niceness, -20 to 19
TIME_CRITICAL = 15  # of a thread on Windows
MEND = "add '@audio - rtprio 95' to /etc/security/limits.d/audio.conf, join the group audio, and log in again"


@dataclass(frozen=True)
class Priority:
    """What was granted."""

    says: str
    best: bool  # whether there is nothing better to be asked for
    mend: str | None = None  # how to get it


def raise_priority() -> Priority:
    """Give the calling thread the highest priority that the system grants it, if it is to play: not what it starts."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(REALTIME))
            return Priority("real-time", True)
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        if kernel.SetThreadPriority(kernel.GetCurrentThread(), TIME_CRITICAL):
            return Priority("time-critical", True)
    else:
        mend = MEND if sys.platform == "linux" else None
        with suppress(OSError):
            if sys.platform == "linux":
                os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
            return Priority(f"nice {NICE}, not real-time", mend is None, mend)
        return Priority("as any program's", mend is None, mend)
    return Priority("as any program's", True)


def priority_granted() -> Priority:
    """Return what would be granted, without keeping it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:  # whose priority ends with it
        return thread.submit(raise_priority).result()
