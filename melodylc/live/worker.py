"""The player's end of the inference process: it is started, asked, and replaced when it dies or stalls."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from melodylc.live.protocol import (
    Answer,
    Failure,
    Fatal,
    Goodbye,
    Heard,
    Message,
    Progress,
    ProtocolError,
    Ready,
    Request,
    Result,
    Setup,
    Stop,
    Task,
    from_json,
)
from midi_io.priority import raise_priority

INFERENCE = "melodylc.live.inference"  # the module that the process runs
STALLED = 10.0  # seconds after which an answer is no longer waited for
TASK_STALLED = 90.0  # and the result of a task that says nothing of its progress
STARTING = 60.0  # seconds a process may take to be ready, and much more if it has to learn first
LEARNING = 900.0
HOPELESS = 3  # processes in a row that ended before one was ever ready
PAUSES = (0.0, 1.0, 2.0, 5.0, 15.0)  # seconds before a process is started again, by how many failed in a row


class Worker:
    """The inference process, which is asked one thing at a time.

    Nothing here waits: `poll` looks at what has come, and at the time.

    Args:
        setup: what the process works with.
        wake: called from a thread when something has come.
        now: the clock, in seconds.
        module: what the process runs.
    """

    def __init__(
        self,
        setup: Setup,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
        module: str = INFERENCE,
    ) -> None:
        self._setup, self._wake, self._now, self._module = setup, wake, now, module
        self._process: subprocess.Popen[str] | None = None
        self._given_up: list[subprocess.Popen[str]] = []  # and not yet reaped
        self._came: deque[tuple[subprocess.Popen[str], Message | None]] = deque()
        self._asked: Request | Task | None = None
        self._deadline = 0.0
        self._failed = 0  # processes in a row that ended without an answer
        self._again = 0.0  # when to start the next one
        self.ready = False
        self._ever_ready = False
        self.fatal: str | None = None  # why it can never work, said before it was ever ready
        self.trouble: str | None = None  # what went wrong last, until an answer comes
        self._start(now())

    def _start(self, now: float) -> None:
        self.ready = False
        self._deadline = now + (LEARNING if self._setup.learns else STARTING)
        process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # a terminal's Ctrl-C or hang-up is not for it
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},  # of numpy: the player has more use for another core
        )
        self._process = process
        threading.Thread(target=self._read, args=(process,), name="answers", daemon=True).start()
        self._write(self._setup)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        raise_priority()
        try:
            for line in process.stdout:
                self._came.append((process, from_json(line)))
                self._wake()
        except (ProtocolError, ValueError) as error:
            self._came.append((process, Failure(None, f"the inference process answered nonsense ({error})")))
        process.stdout.close()
        self._came.append((process, None))
        self._wake()

    def _write(self, message: Message) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            # one request at a time, and the process always reads: this does not block
            self._process.stdin.write(message.to_json() + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            pass  # its end is noticed by the reader

    @property
    def free(self) -> bool:
        """Return whether it can be asked."""
        return self.ready and self._asked is None

    @property
    def pid(self) -> int | None:
        """Return the number of the process; None between two."""
        return None if self._process is None else self._process.pid

    def ask(self, request: Request | Task) -> None:
        """Send a request or a task; its answer comes from `poll`."""
        self._asked = request
        self._deadline = self._now() + (STALLED if isinstance(request, Request) else TASK_STALLED)
        self._write(request)

    def stop(self) -> None:
        """Have the task that is under way end early; its result comes from `poll`."""
        if isinstance(self._asked, Task):
            self._write(Stop(self._asked.id))

    def poll(self) -> list[Heard]:
        """Return the answers that came; a process that died or stalled is replaced, and its request is lost."""
        now = self._now()
        self._given_up = [process for process in self._given_up if process.poll() is None]
        answers: list[Heard] = []
        while self._came:
            process, said = self._came.popleft()
            if process is not self._process:
                continue  # of one that was given up
            if said is None:
                self._lose("the inference process ended", now)
            elif isinstance(said, Fatal):
                self.trouble = said.error
                if not self._ever_ready:
                    self.fatal = said.error
            elif isinstance(said, Ready):
                self.ready = self._ever_ready = True
                self._deadline = float("inf")
            elif isinstance(said, Progress):
                self._deadline = now + TASK_STALLED
                answers.append(said)
            elif isinstance(said, Answer | Failure | Result):
                self._asked, self._deadline = None, float("inf")
                self.trouble = said.error if isinstance(said, Failure) else None
                if not isinstance(said, Failure):  # after which it may have ended, each time again
                    self._failed = 0
                answers.append(said)
        if self._process is not None and now > self._deadline:
            self._lose("the inference process stalled", now)
        if self._process is None and self.fatal is None and now >= self._again:
            self._start(now)
        return answers

    def _lose(self, why: str, now: float) -> None:
        assert self._process is not None
        self._process.kill()  # left alive, it would take the end of its requests for the player's death
        _hang_up(self._process)
        self._given_up.append(self._process)
        self.trouble = self.trouble if self.fatal else f"{why}; starting another"
        self._again = now + PAUSES[min(self._failed, len(PAUSES) - 1)]
        self._failed += 1
        if not self._ever_ready and self._failed >= HOPELESS and self.fatal is None:
            self.fatal = f"{why} {HOPELESS} times before it could make a melody; melodylc doctor may know why"
        self._process, self._asked, self.ready = None, None, False
        self._deadline = float("inf")

    def close(self) -> None:
        """Say good-bye, and leave no process behind."""
        if self._process is not None:
            self._write(Goodbye())
            _hang_up(self._process)
            self._given_up.append(self._process)
            self._process = None
        for process in self._given_up:
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5.0)


def _hang_up(process: subprocess.Popen[str]) -> None:
    """Close our end of its requests; its reader closes the other one."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # what was still to be written has nobody to read it
        process.stdin.close()
