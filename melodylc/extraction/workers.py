"""Worker processes, which end with their parent however it ends."""

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
R = TypeVar("R")

PARENT_CHECK = 0.5  # seconds: how long a worker may outlive its parent


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_processes(job: Callable[[T], R], items: Iterable[T], workers: int, done: Callable[[R], object]) -> None:
    """Call `job` with each item in `workers` processes, and `done` with each result, in the order they come.

    Items should be small: one that does not fit into a pipe could wait for ever for a worker that was killed.

    Raises:
        BrokenProcessPool: if a worker was killed; the others have ended by then.
    """
    pool = ProcessPoolExecutor(workers, initializer=_initialise)
    try:
        for future in as_completed([pool.submit(job, item) for item in items]):
            done(future.result())
    finally:
        pool.shutdown(cancel_futures=True)  # jobs that have begun are finished


def _initialise() -> None:
    """Set up the signals of a worker, and the thread that ends it with its parent.

    Ctrl-C and a closed terminal reach the whole group of processes, and the parent decides what follows. SIGTERM ends a
    worker: that is how the pool ends the others when one has died.
    """
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has ended, even while it waits in its queue, under every start method.

    The sentinel is a pipe whose other end the parent holds. A forked sibling holds that end too, and any other fork may
    keep it open, so the id of the parent process is checked as well (under forkserver that is the server, which ends
    with the parent).
    """
    parent = parent_process()
    above = os.getppid()
    while parent is not None and not wait([parent.sentinel], timeout=PARENT_CHECK) and os.getppid() == above:
        pass
    os._exit(1)
