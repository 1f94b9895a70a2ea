"""What the inference process is asked for, one job after another; nothing here waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from melodylc.live.protocol import Answer, Failure, Heard, Progress, Task

STOPPABLE = ("generate", "remake", "continue", "learn")  # tasks that end early with what they have
MOST_WAITING = 20  # jobs; whoever asks for more is told so


class TaskSource(Protocol):
    """What performs tasks: a `melodylc.live.worker.Worker`, or its twin in a test."""

    ready: bool
    fatal: str | None
    trouble: str | None

    @property
    def free(self) -> bool:
        """Return whether it can be asked."""

    def ask(self, request: Task) -> None:
        """Send a task."""

    def stop(self) -> None:
        """Have the task that is under way end early."""

    def poll(self) -> Sequence[Heard]:
        """Return what came; never waits."""

    def close(self) -> None:
        """End."""


@dataclass(eq=False)
class Job:
    """A task for the inference process, and what is done with its result."""

    name: str
    asked: dict[str, Any]
    done: Callable[[dict[str, Any]], None]  # with melodies as they come, those before them among them
    failed: Callable[[str], None]
    text: str = ""  # what is going on, in words
    about: str | None = None  # of two jobs of a name about the same thing, the later one replaces the other
    quiet: bool = False  # whether the page need not say that it is going on
    curve: list[list[float]] = field(default_factory=list)
    unwanted: bool = False  # its result is dropped
    again: bool = True  # whether it is tried once more when its process ends


class Jobs:
    """The jobs that wait, and the one that is under way."""

    def __init__(self, source: TaskSource) -> None:
        self._source = source
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._number = 0

    def add(self, job: Job) -> bool:
        """Add a job; return False, and leave it, where too many wait."""
        same = [each for each in self._waiting if (each.name, each.about) == (job.name, job.about)]
        for each in same if job.about is not None else ():
            self._waiting.remove(each)
        if len(self._waiting) >= MOST_WAITING:
            return False
        running = self._running
        if running is not None and job.about is not None and (running.name, running.about) == (job.name, job.about):
            running.unwanted = True
            self._source.stop()
        self._waiting.append(job)
        return True

    def stop(self) -> bool:
        """End what is shown as under way, with what there is; return whether it can be."""
        job = self._shown
        if job is None or job.name not in STOPPABLE:
            return False
        if job is self._running:
            job.again = False
            self._source.stop()
        else:
            self._waiting.remove(job)
        return True

    @property
    def _shown(self) -> Job | None:
        shown = (job for job in (self._running, *self._waiting) if job is not None and not job.quiet)
        return next(shown, None)

    @property
    def busy(self) -> dict[str, Any] | None:
        """Return what is under way, as the page shows it."""
        job = self._shown
        if job is None:
            return None
        return {"what": job.name, "text": job.text, "stoppable": job.name in STOPPABLE, "curve": job.curve}

    def poll(self) -> None:
        """Take what came, and ask for what is next."""
        for heard in self._source.poll():
            job = self._running
            if job is None or isinstance(heard, Answer) or heard.id not in (None, self._number):
                continue
            if isinstance(heard, Progress):
                job.curve = heard.made.get("curve", job.curve)
                if "melodies" in heard.made and not job.unwanted:
                    job.done(heard.made)
                continue
            self._running = None
            if not job.unwanted:
                job.failed(heard.error) if isinstance(heard, Failure) else job.done(heard.made)
        if self._running is not None and not self._source.ready:
            self._lost(self._running)
        if self._source.fatal:
            self._give_up(self._source.fatal)
        elif self._waiting and self._source.free and self._running is None:
            self._running = self._waiting.popleft()
            self._number += 1
            self._source.ask(Task(self._number, self._running.name, self._running.asked))

    def _give_up(self, why: str) -> None:
        """Fail all that waits for a process that will never come; what nobody asked for ends in silence."""
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            if not job.quiet:
                job.failed(why)

    def _lost(self, job: Job) -> None:
        """Try a job once more whose process has ended, since it may not have been its fault."""
        self._running = None
        if job.unwanted:
            return
        if job.again:
            job.again = False
            self._waiting.appendleft(job)
        else:
            job.failed(f"{job.name}: the inference process ended while it was at this; ask for something else")
