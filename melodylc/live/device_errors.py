"""Errors of a device that stay: after one of them every call of the process fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

# as torch and the libraries below it write them; "cuda:0" in other errors is the name of a device
_NAMED = re.compile(r"\bCUDA\b|\bCU(BLAS|DNN|FFT|RAND|SOLVER|SPARSE)_|\bcu(BLAS|DNN|FFT|RAND|SOLVER|SPARSE)\b")
PASSING = "OutOfMemoryError"  # memory is given back with what had it


def sticks(error: BaseException) -> bool:
    """Return whether an error, or one that it came from, is CUDA's: its context is lost, and a new process mends it."""
    return any(
        isinstance(each, RuntimeError) and type(each).__name__ != PASSING and _NAMED.search(str(each)) is not None
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
