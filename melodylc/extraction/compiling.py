"""The choice whether to compile the kernels: compiling takes many seconds, more than interpreting them for a few files.

Compiled code stays in a cache from run to run. A marker file beside it says that all kernels are in the cache. The name
of that file is a hash of everything compiled code depends on, so that another version of the kernels, of numba or of
Python, or another machine, does not find it. If the marker is wrong, a run is slower, but its results are the same.
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

from melodylc.extraction import batches, hashing, stretches, windows
from midi_io import compiled, smf

# Measured on two kinds of files, in processor time: interpreting takes 2.2 to 3.4 microseconds a byte, compiling 13 s,
# loading numba and its cache 0.8 s. Without a cache, the limit is less than half of where compiling pays off in this
# run alone, because later runs profit too.
COLD_BYTES = 2 << 20
WARM_BYTES = 256 << 10

_ready = False  # whether the kernels are compiled and loaded in this process


@contextmanager
def compiled_if_worthwhile(size: int, say: Callable[[str], object] = lambda text: None) -> Iterator[bool]:
    """Run kernels compiled or interpreted within the block, whichever takes less time for `size` bytes of MIDI files.

    Args:
        say: called with a few words before something takes a while.

    Yields:
        Whether the kernels are compiled.
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
    """Compile all kernels of extraction, or load them from the cache, and leave the marker file."""
    global _ready
    if _ready:
        return
    empty = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0"
    found = batches.Reader(windows.Filters()).read([empty])
    hashing.hash_windows(found.bars, found.windows[:, windows.FIRST])
    windows.extract_windows(smf.parse(empty), windows.Filters())
    with suppress(OSError):  # without a cache the next process compiles again
        _marker().touch()
    _ready = True


def _is_warm() -> bool:
    try:
        return _marker().exists()
    except OSError:  # a folder that cannot be read is no cache
        return False


def _marker() -> Path:
    """Return the file whose existence says that the kernels, as they are now, are compiled in the cache."""
    sources = [Path(str(module.__file__)) for module in (smf, stretches, windows, batches, hashing)]
    kernels = [[str(path), path.stat().st_mtime_ns, path.stat().st_size] for path in sources]  # as numba compares them
    versions = [version("numba"), np.__version__, sys.implementation.cache_tag]
    depends = [kernels, versions, platform.machine(), platform.node()]
    return compiled.cache() / f"kernels-{hashlib.blake2b(repr(depends).encode(), digest_size=8).hexdigest()}"
