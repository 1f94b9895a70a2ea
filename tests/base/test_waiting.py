"""Waiting for an event of asyncio."""

import asyncio

import pytest

from melodylc.base.waiting import happens_within


async def forever(event, turns):
    while True:
        turns.append(await happens_within(event, 60))
        event.clear()


@pytest.mark.parametrize("steps", range(6))
def test_a_cancellation_that_comes_with_the_event_is_heard(steps):
    async def main():
        event = asyncio.Event()
        task = asyncio.create_task(forever(event, []))
        for _ in range(3):
            await asyncio.sleep(0)
        event.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=30)  # seconds: at once, where nothing else runs
        ended = task.done()
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        return ended

    assert asyncio.run(main())


def test_it_says_whether_the_event_has_happened():
    async def main():
        event, turns = asyncio.Event(), []
        task = asyncio.create_task(forever(event, turns))
        await asyncio.sleep(0)
        event.set()
        while not turns:
            await asyncio.sleep(0)
        task.cancel()
        return turns, await happens_within(asyncio.Event(), 0.01)

    assert asyncio.run(main()) == ([True], False)
