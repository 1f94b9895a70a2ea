"""The server of the bridge: questions of this machine's plug-ins, answered in their order on each connection.

It never imports torch. The inference process makes what takes a while, one thing after the other, and is replaced when
it dies (`melodylc.live.worker`); answers that need none come at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.base.signals import POLITE, Stopped, handling
from melodylc.base.waiting import happens_within
from melodylc.bridge import answers, client
from melodylc.bridge.framing import FramingError, Reader, framed
from melodylc.bridge.questions import AttributesOf, Hello, Wishes, parsed, question
from melodylc.rules.find import file_of
from melodylc.tasks.jobs import MOST_WAITING, Job, Jobs, TaskSource

LOOK_AGAIN = 0.25  # seconds after which the inference process is looked at, though it said nothing
MOST_CONNECTIONS = 64
PIECE = 1 << 16  # bytes that are read at once


class Bridge:
    """Answers questions by way of an inference process.

    Args:
        source: the process.
        rule_files: the user's own, of which rules may be asked for. Others are refused: they would be run, and whoever
            has an account on this machine can ask.
    """

    def __init__(self, source: TaskSource, rule_files: Sequence[Path] = ()) -> None:
        self.source, self._jobs = source, Jobs(source)
        self._rule_files = {path.resolve() for path in rule_files}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Have the inference process looked at; from its loop's thread."""
        self._woken.set()

    async def work(self) -> None:
        """Pass questions on to the inference process, and its results back, without end."""
        while True:
            self._woken.clear()
            self._jobs.poll()
            await happens_within(self._woken, LOOK_AGAIN)

    async def answer(self, message: bytes) -> dict[str, Any]:
        """Return the answer to a message, whatever it is."""
        said: dict[str, Any] = {}
        try:
            said = parsed(message)
            return answers.echoed(said, await self._answer(said))
        except UserError as error:
            return answers.failed(said, error)
        except RecursionError:
            return answers.failed({}, "question: expected plain values, got lists in lists without end")
        except Exception as error:  # a mistake of ours, which is no reason to go away
            traceback.print_exception(error)
            return answers.failed(said, f"the bridge made a mistake, {type(error).__name__}; its terminal says more")

    async def _answer(self, said: dict[str, Any]) -> dict[str, Any]:
        asked = answers.seeded(question(said))
        if isinstance(asked, Hello):
            return answers.hello()
        if isinstance(asked, AttributesOf):
            return answers.attributes(asked)
        assert isinstance(asked, Wishes)
        for text in asked.rules:
            file = file_of(text)
            if file is not None and file.resolve() not in self._rule_files:
                raise UserError(f"rules: expected a file that the bridge was started with, --rules {file}")
        return answers.answer(asked, await self._made(*answers.task(asked)))

    async def _made(self, name: str, wishes: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a task.

        Raises:
            UserError: where it fails, or too many wait.
        """
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def done(made: dict[str, Any]) -> None:
            whole = len(made["melodies"]) >= wishes["count"] or name == "like"  # the first may come before the others
            if whole and not result.done():
                result.set_result(made)

        def failed(why: str) -> None:
            if not result.done():
                result.set_exception(UserError(why))

        if not self._jobs.add(Job(name, wishes, done, failed)):
            raise UserError(f"the bridge has {MOST_WAITING} questions to answer already; ask again later")
        self.wake()
        return await result

    async def converse(self, reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        """Answer the questions of a connection, until it ends."""
        reader = Reader()

        async def reply(message: bytes) -> None:
            writing.write(_framed(await self.answer(message), reader.lengths))
            await writing.drain()

        try:
            while data := await reading.read(PIECE):
                for message in reader.feed(data):
                    await reply(message)
            for message in reader.rest():
                await reply(message)
        except FramingError as error:
            if str(error):
                writing.write(framed(answers.failed({}, error), reader.lengths))
        except OSError:
            pass  # it went away
        finally:
            writing.close()


def _framed(answer: dict[str, Any], lengths: bool) -> bytes:
    try:
        return framed(answer, lengths)
    except (ValueError, RecursionError):  # of an id
        return framed(answers.failed({}, "id: expected a plain value"), lengths)


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine alone.

    Raises:
        UserError: where the port is taken, by another bridge or anything else.
    """
    try:
        return socket.create_server((client.HOST, port))
    except OSError as error:
        reason = error.strerror or str(error)
    try:
        client.ask({"do": "hello"}, port)
    except UserError:
        raise UserError(f"bridge: cannot listen at port {port}: {reason}; give another --port") from None
    raise UserError(f"bridge: one runs already at port {port}; end it, or give another --port")


Ended = asyncio.Future[int]  # the number of the signal that asked for the end


def serve(
    make_source: Callable[[Callable[[], None]], TaskSource], listening: socket.socket, rule_files: Sequence[Path] = ()
) -> None:
    """Answer until Ctrl-C, or a signal that asks for the end; arguments are those of `answering`."""

    async def until_a_signal() -> int:
        loop = asyncio.get_running_loop()
        ended: Ended = loop.create_future()
        with handling(lambda number: loop.call_soon_threadsafe(_end, ended, number), "SIGINT", *POLITE):
            return await answering(make_source, listening, rule_files, ended)

    number = asyncio.run(until_a_signal())
    raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)


async def answering(
    make_source: Callable[[Callable[[], None]], TaskSource],
    listening: socket.socket,
    rule_files: Sequence[Path],
    ended: Ended,
) -> int:
    """Answer until somebody says that it is the end, and return what they say.

    Args:
        make_source: starts the inference process; it is given what wakes the bridge from another thread.
        listening: where questions come from.
        rule_files: see `Bridge`.
    """
    loop = asyncio.get_running_loop()
    conversations: set[asyncio.Task[None]] = set()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(bridge.wake)

    async def converse(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        if len(conversations) >= MOST_CONNECTIONS:
            writing.close()
            return
        conversation = asyncio.current_task()
        assert conversation is not None
        conversations.add(conversation)
        try:
            await bridge.converse(reading, writing)
        except asyncio.CancelledError:
            pass  # of ours, when it is the end
        finally:
            conversations.discard(conversation)

    source = make_source(wake)
    try:
        bridge = Bridge(source, rule_files)
        working = asyncio.create_task(bridge.work())
        working.add_done_callback(lambda task: None if task.cancelled() else _end(ended, task.exception()))
        server = await asyncio.start_server(converse, sock=listening)
        try:
            return await ended
        finally:
            server.close()
            for task in (working, *conversations):
                task.cancel()
            await asyncio.wait({working, *conversations})
    finally:
        source.close()


def _end(ended: Ended, why: int | BaseException | None) -> None:
    """Have it end for a signal, or for a mistake of ours."""
    if ended.done():
        return
    if isinstance(why, int):
        ended.set_result(why)
    else:
        ended.set_exception(why or RuntimeError("the bridge has nothing to do"))
