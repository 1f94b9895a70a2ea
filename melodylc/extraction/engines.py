"""Who does the jobs of a run: this process, several on this machine, or a Ray cluster. What a job does is not theirs.

An engine calls a job, a function of a module, with each of some items, and `done` with each result in this process, in
the order they come. Jobs tell each other everything through files, and write what they write whole, so that it does not
matter where they run, in which order, or how often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

from melodylc.base.errors import UserError
from melodylc.extraction.workers import available_cores, run_in_processes

T = TypeVar("T")
R = TypeVar("R")

PROCESSES_PER_CORE = 2  # at most: more gain nothing, and a thousand take all memory


class Engine(Protocol):
    """A way to have jobs done."""

    def __call__(self, job: Callable[[T], R], items: Sequence[T], done: Callable[[R], object], /) -> None:
        """Do a job with each item.

        Raises:
            UserError: if workers were lost for good; what is done is done, and the same run goes on from there.
        """


def in_this_process(job: Callable[[T], R], items: Sequence[T], done: Callable[[R], object]) -> None:
    """Do a job with each item, here."""
    for item in items:
        done(job(item))


def in_processes(workers: int | None) -> Engine:
    """Return an engine of processes on this machine: so many at most, one a core where none are named."""

    def run(job: Callable[[T], R], items: Sequence[T], done: Callable[[R], object]) -> None:
        processes = min(workers or available_cores(), len(items), PROCESSES_PER_CORE * available_cores())
        if processes <= 1:
            return in_this_process(job, items, done)
        try:
            run_in_processes(job, items, processes, done)
        except BrokenProcessPool as error:
            raise UserError(
                "extract: a worker process was killed (out of memory?); run the same command again to go on, "
                "with fewer --workers if it happens again"
            ) from error

    return run
