"""An engine on a Ray cluster: Ray places the jobs, and does those of a node that was lost again on another one."""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.extraction.engines import Engine
from melodylc.extraction.storage import INSTALL

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 10  # of a job whose worker or node was lost
PATIENCE = 10.0  # seconds until a cluster must have answered
AHEAD = 4  # jobs handed to Ray for each core of the cluster, so that no core waits and no queue grows


@contextmanager
def on_ray(address: str | None, paths: Sequence[str]) -> Iterator[Engine]:
    """Yield an engine on the Ray cluster at `address`; None is that of RAY_ADDRESS, or a new one on this machine.

    Args:
        paths: of this machine, which each node must have too.

    Raises:
        ImportError: without the extra.
        UserError: if no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read where Ray is imported
    try:
        import ray
    except ImportError as error:
        raise ImportError(f"extract: --engine ray needs {error.name}; install it with: {INSTALL}") from error
    joined = ray.is_initialized()  # by a program that calls `extract`, which goes on using it
    if not joined:
        _connect(address)
    try:
        yield partial(_run, tuple(paths))
    finally:
        if not joined:
            ray.shutdown()


def _connect(address: str | None) -> None:
    import ray

    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        _check_answering(address)
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ray.exceptions.RayError, ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(
            f"extract: no Ray cluster answers at {address or 'RAY_ADDRESS'} ({_first_line(error)}); "
            "`ray status` says whether one runs"
        ) from error
    finally:
        if here:
            signal.signal(signal.SIGTERM, before)  # Ray takes it for itself


def _check_answering(address: str | None) -> None:
    """Check that something listens at HOST:PORT or ray://HOST:PORT; Ray itself would try for minutes.

    Raises:
        OSError: if nothing does.
    """
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _run(paths: tuple[str, ...], job: Callable[[T], R], items: Sequence[T], done: Callable[[R], object]) -> None:
    """Do a job with each item, some for each core at a time."""
    import ray

    call: Any = ray.remote(max_retries=RETRIES)(_call)
    waiting: list[Any] = []

    def collect(most: int) -> None:
        nonlocal waiting
        while len(waiting) > most:
            ready, waiting = ray.wait(waiting, num_returns=1)
            done(ray.get(ready[0]))

    try:
        for item in items:
            waiting.append(call.remote(__version__, paths, job, item))
            collect(AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1))  # nodes come and go
        collect(0)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise UserError(
            f"extract: the cluster lost a job {RETRIES + 1} times, or itself ({_first_line(error)}); "
            "run the same command again to go on"
        ) from error
    finally:
        with suppress(ray.exceptions.RayError, ConnectionError):
            for reference in waiting:
                ray.cancel(reference)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _call(version: str, paths: tuple[str, ...], job: Callable[[T], R], item: T) -> R:
    """Do a job on a node, unless the node would do it differently."""
    if version != __version__:
        raise UserError(
            f"extract: expected melodylc {version} on every node, {platform.node()} has {__version__}; "
            "install the same version everywhere"
        )
    for path in paths:
        if not os.path.exists(path):
            raise UserError(
                f"extract: expected {path} on every node, {platform.node()} has nothing there; name a folder that "
                "all nodes share, or a URL"
            )
    return job(item)
