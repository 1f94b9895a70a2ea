"""Whether to compile the kernels: that takes many seconds once, which a few files read as they are do not.

Compiled code stays in a cache from run to run. Whether it is there is known by a mark that is left beside it when all
kernels were compiled; the mark's name is a hashing of what compiled code depends on, so that another version of the
kernels, of numba or of Python, or another machine, does not find it. Where it errs, a run is slower, never wrong.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from melodylc.extraction import hashing, windows
from midi_io import compiled, smf

# Measured on two kinds of files, in processor time: interpreted, 2.2 to 3.4 microseconds a byte; 13 s to compile; 0.8 s
# to load numba and what it compiled. Cold, less than half of what breaks even: the next run is served too.
COLD_BYTES = 2 << 20
WARM_BYTES = 256 << 10

_ready = False  # in this process


@contextmanager
def quickest(size: int, say: Callable[[str], object] = lambda text: None) -> Iterator[bool]:
    """Within it, kernels run the way that takes less time for `size` bytes of MIDI files; yields whether compiled.

    Args:
        say: told, in a few words, what takes a while.
    """
    if compiled.interpreting():
        yield False
    elif _ready or size > (WARM_BYTES if _is_warm() else COLD_BYTES):
        if not _ready and not _is_warm():
            say("compiling, this once")
        _compile()
        yield True
    else:
        with compiled.interpreted():
            yield False


def _compile() -> None:
    """Compile, or load from the cache, all that extraction runs; leave the mark."""
    global _ready
    if _ready:
        return
    empty = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0"
    hashing.hash_windows(windows.windows(smf.parse(empty), windows.Filters()).states)
    with suppress(OSError):  # without a cache the next process compiles again
        _mark().touch()
    _ready = True


def _is_warm() -> bool:
    try:
        return _mark().exists()
    except OSError:  # a folder that cannot be read is of no use
        return False


def _mark() -> Path:
    """The file that says that the kernels, as they are now, lie compiled in the cache."""
    sources = [Path(str(module.__file__)) for module in (smf, windows, hashing)]
    kernels = [[str(path), path.stat().st_mtime_ns, path.stat().st_size] for path in sources]  # as numba compares them
    versions = [version("numba"), np.__version__, sys.implementation.cache_tag]
    depends = [kernels, versions, platform.machine(), platform.node()]
    return compiled.cache() / f"kernels-{hashlib.blake2b(repr(depends).encode(), digest_size=8).hexdigest()}"
