"""A bridge in a thread, with the panel's twin of the inference process: answers come at once, and can be foreseen."""

import asyncio
import contextlib
import threading

from panel_twin import TwinSource, made

from melodylc.bridge import server
from melodylc.melody import REST


class BridgeTwinSource(TwinSource):
    """Also remakes what is not locked, each step a rest; `polls` counts how often it was looked at."""

    polls = 0

    def poll(self):
        self.polls += 1
        return super().poll()

    def _made(self, task):
        if task.name == "remake":
            asked = task.asked
            states = [s if lock == 1 else REST for s, lock in zip(asked["melody"], asked["locks"], strict=True)]
            return {"melodies": [made(states)] * asked["count"]}
        return super()._made(task)


@contextlib.contextmanager
def running_bridge(source, rule_files=()):
    """Serve at a free port, which is what it yields, in a thread of its own; nothing may go wrong there."""
    listening = server.listen(0)
    began, faults, found = threading.Event(), [], {}

    def make_source(wake):
        source.wake = wake
        return source

    async def serve():
        found["loop"] = loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: faults.append(context))
        found["ended"] = ended = loop.create_future()
        began.set()
        return await server.answering(make_source, listening, rule_files, ended)

    thread = threading.Thread(target=lambda: found.update(code=asyncio.run(serve())), daemon=True)
    thread.start()
    assert began.wait(60)
    try:
        yield listening.getsockname()[1]
    finally:
        found["loop"].call_soon_threadsafe(found["ended"].set_result, 2)
        thread.join(60)
        assert found["code"] == 2
        assert not faults
        assert source.closed
