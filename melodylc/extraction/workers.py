"""Processes that work for this one and end with it, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import TypeVar

T = TypeVar("T")

LOOK = 0.5  # seconds from a parent's death to its notice, at the most


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(job: Callable[[T], int], items: Iterable[T], workers: int, done: Callable[[int], object]) -> None:
    """Call `job` with each item, in `workers` processes; `done` gets the results in the order they come.

    Items should be small: what does not fit a pipe could wait for ever for a worker that was killed.

    Raises:
        BrokenProcessPool: if a worker was killed; the others have ended then.
    """
    pool = ProcessPoolExecutor(workers, initializer=_begin)
    try:
        for future in as_completed([pool.submit(job, item) for item in items]):
            done(future.result())
    finally:
        pool.shutdown(cancel_futures=True)  # what was begun is finished


def _begin() -> None:
    """What a worker does first.

    Ctrl-C and a closed terminal reach the whole group of processes: the parent decides. SIGTERM ends a worker, since
    that is how the pool ends the others when one is gone.
    """
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has, also while it sleeps in its queue, with every way of starting processes.

    The sentinel is a pipe whose other end the parent holds. A forked sibling holds that end too, and whatever else is
    forked meanwhile may keep it open, so the id of the process above is looked at as well (under forkserver that is the
    server, which ends with the parent too).
    """
    parent = parent_process()
    above = os.getppid()
    while parent is not None and not wait([parent.sentinel], timeout=LOOK) and os.getppid() == above:
        pass
    os._exit(1)
