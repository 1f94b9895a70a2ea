"""What a process knows of those that torchrun started beside it, also before they are joined and after they part."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from melodylc.base.extras import installed

PATIENCE = timedelta(seconds=10)  # for the first to fail as well


def count() -> int:
    """Return how many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Return whether this is the process that writes files and tells how it goes."""
    return count() == 1 or os.environ.get("RANK", "0") == "0"


def tells_error() -> bool:
    """Return whether this process prints the error that it ends with; ask once, with an error at hand.

    The first does. The others do where the first has not failed within `PATIENCE`, or where that cannot be found out.
    """
    if count() == 1 or not installed("torch"):
        return True
    from torch.distributed import TCPStore

    failed = f"melodylc/failed/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    try:
        store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), timeout=PATIENCE)
        if is_first():
            store.set(failed, "")
            return True
        end = time.monotonic() + PATIENCE.total_seconds()
        while time.monotonic() < end:  # the store's own waiting prints warnings
            if store.check([failed]):
                return False
            time.sleep(0.1)
    except (KeyError, ValueError, RuntimeError):  # torch's errors of stores are RuntimeErrors
        pass
    return True
