"""The processes that train one network together, as torchrun starts them: one for each GPU.

Every process draws the same examples and the same noise for the whole batch, from the seed of the step, and takes its
share of both. So no example is repeated, a training in several processes follows the curve of one, and can be resumed
in another number of them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

from melodylc.base import torchrun
from melodylc.base.errors import UserError
from melodylc.latent import devices
from melodylc.latent.optimisers import Adam

Noise = Callable[[tuple[int, ...]], Tensor]  # a shape to random numbers of that shape: `Processes.noise`, torch.randn


@dataclass(frozen=True)
class Processes:
    """The processes of a training, and which of them this one is."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Return whether this is the process that writes files and tells how it goes."""
        return self.rank == 0

    def check(self, batch: int) -> None:
        """Raise UserError unless every process has an equal share of a batch."""
        if batch % self.count:
            raise UserError(f"train: expected processes that share batches of {batch} equally, got {self.count}")

    def share(self, rows: Tensor) -> Tensor:
        """Return the rows (B / N, ...) of a batch (B, ...) that belong to this process."""
        return rows[self.rank :: self.count]

    @contextmanager
    def forked(self) -> Iterator[None]:
        """Leave torch's random numbers outside the block as they are; only this process's own GPU is touched."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            yield

    def random(self, shape: tuple[int, ...]) -> Tensor:
        """Return this process's share (B, ...) of uniform numbers drawn for all processes."""
        return self.share(torch.rand(shape[0] * self.count, *shape[1:], device=self.device))

    def noise(self, shape: tuple[int, ...]) -> Tensor:
        """Return this process's share (B, ...) of normal numbers drawn for all processes."""
        return self.share(torch.randn(shape[0] * self.count, *shape[1:], device=self.device))

    @contextmanager
    def averaging(self, optimisers: Iterable[Adam]) -> Iterator[None]:
        """Within it, optimisers descend gradients that are averaged over the processes; weights begin with the first's.

        Other than with `together`, a loss may be made of any number of networks and of passes of each. Weights that it
        does not reach stay as they are; where the first loss reaches all, the others have to.
        """
        if self.count == 1:
            yield
            return
        prepared = list(optimisers)
        for optimiser in prepared:
            optimiser.prepare = _Averaging([weight for group in optimiser.param_groups for weight in group["params"]])
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Grad strides do not match")  # of filters of one channel
                yield
        finally:
            for optimiser in prepared:  # what averages holds as much memory as the weights
                optimiser.prepare = None

    def together(self, module: nn.Module, *, partly: bool = False) -> nn.Module:
        """Return a module whose gradients are averaged over the processes; they begin with the weights of the first.

        Args:
            partly: whether a step leaves some of the weights out, which takes a look at the graph of each.
        """
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=partly)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of values over the processes."""
        if self.count == 1:
            return values
        distributed.all_reduce(values)
        return values / self.count

    def gathered(self, rows: Tensor) -> Tensor:
        """Return a batch (B, ...) of which each process has its share (B / N, ...), for what compares its rows.

        Gradients flow back to the process that a row came from, out of the losses of all.
        """
        if self.count == 1:
            return rows
        gathered: Tensor = _Gathered.apply(rows, self)
        return gathered

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set in one of the processes; on the CPU, so that no GPU is waited for."""
        return flag if self.count == 1 else bool(self.mean(torch.tensor(float(flag))).item() > 0)

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Let the first go through the block before the others, which find there what it has left on disk."""
        if not self.first:
            self.wait()
        try:
            yield
        finally:
            if self.first:  # also where it failed: the others then say so too, instead of waiting
                self.wait()


ALONE = Processes(torch.device("cpu"))  # one process; where its device is asked for, it is the CPU


class _Gathered(torch.autograd.Function):
    """The shares of all processes as one batch; its gradient is the sum of those of all, each its share."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, processes: Processes) -> Tensor:
        ctx.processes = processes
        shares = [torch.empty_like(rows) for _ in range(processes.count)]
        distributed.all_gather(shares, rows.contiguous())
        return torch.stack(shares, dim=1).flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(gradient)
        return ctx.processes.share(gradient), None


class _Averaging:
    """What averages the gradients of an optimiser's weights: it is called with each loss before those are made."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        for weight in weights:
            distributed.broadcast(weight.data, 0)
        self._weights = weights
        self._together: nn.Module | None = None

    def __call__(self, loss: Tensor) -> Tensor:
        if self._together is None:
            partly = not {id(weight) for weight in self._weights} <= _reached(loss)
            self._together = nn.parallel.DistributedDataParallel(
                _Passing(self._weights), find_unused_parameters=partly, init_sync=False
            )
        return self._together(loss)


class _Passing(nn.Module):
    """Weights, as a module that returns the loss it is called with: it is made of them already."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(weights)

    def forward(self, loss: Tensor) -> Tensor:
        return loss


def _reached(loss: Tensor) -> set[int]:
    """Return the ids of the weights that a loss depends on."""
    found: set[int] = set()
    seen, left = set(), [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (weight := getattr(node, "variable", None)) is not None:
            found.add(id(weight))
        left += [following for following, _ in node.next_functions]
    return found


@contextmanager
def joined(device: str | None = None) -> Iterator[Processes]:
    """Join the processes that torchrun started; without it there is one. Within another such block it is that one's.

    Args:
        device: "cpu" or "cuda"; None takes a GPU for each process where there is one.

    Raises:
        UserError: for a device that cannot be used here, and if this machine has fewer GPUs than processes.
    """
    own = _own_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.backends.cuda.matmul.allow_tf32 = True  # what is left in float32 is faster so, on cards that have it
    count = torchrun.count()
    if count == 1:
        yield Processes(own)
        return
    if distributed.is_initialized():
        yield Processes(own, distributed.get_rank(), count)
        return
    distributed.init_process_group("cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo")
    try:
        yield Processes(own, distributed.get_rank(), count)
        distributed.barrier()  # torchrun ends all when one has ended badly: the first may have to write still
    finally:
        distributed.destroy_process_group()


def _own_device(asked: str) -> torch.device:
    """Return the device that this process computes on: of several with GPUs, the GPU of its place on this machine."""
    if asked.partition(":")[0] != "cuda" or torchrun.count() == 1:
        return devices.usable(asked)
    local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local >= there:
        raise UserError(
            f"train: expected a GPU for each process, this machine has {there}; start as many with --nproc-per-node"
        )
    return devices.usable(torch.device("cuda", local))
