"""Waiting for an event of asyncio."""

from __future__ import annotations

import asyncio


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, or for some seconds; return whether it has happened.

    Before Python 3.12 `asyncio.wait_for` may swallow a cancellation that comes with the event, and its task goes on for
    ever.
    """
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
        return event.is_set()
    finally:
        waiting.cancel()
