"""When a loop of learning ends, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Generic, TypeVar

from torch import nn

Figures = TypeVar("Figures")
Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def interruptible(has_result: Callable[[], bool]) -> Iterator[None]:
    """End the block on Ctrl-C as if it were done; before there is a result, KeyboardInterrupt goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if not has_result():
            raise


class BestSoFar(Generic[Figures, Network]):
    """The network with the highest score of all rounds, and the figures of its round."""

    def __init__(self) -> None:
        self._score = float("-inf")
        self._best: tuple[Figures, Network] | None = None
        self.rounds_since = 0  # how many rounds ago it was the newest

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return self._best is not None

    def consider(self, score: float, figures: Figures, network: Network) -> None:
        """Take a copy of the network if its score is higher than all before; of two alike the first stays."""
        self.rounds_since += 1
        if self._best is None or score > self._score:  # NaN is higher than nothing
            self._score, self._best, self.rounds_since = score, (figures, deepcopy(network)), 0

    def result(self) -> tuple[Figures, Network]:
        """Return the figures and the network.

        Raises:
            ValueError: before the first round.
        """
        if self._best is None:
            raise ValueError("best so far: expected a round or more, got none")
        return self._best
