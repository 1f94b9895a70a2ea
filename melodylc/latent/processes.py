"""The processes that train one network together, as torchrun starts them: one for each GPU.

Every process draws the same examples and the same noise for the whole batch, from the seed of the step, and takes its
share of both. So no example is repeated, a training in several processes follows the curve of one, and can be resumed
in another number of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from melodylc.base.errors import UserError


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

    def random(self, shape: tuple[int, ...]) -> Tensor:
        """Return this process's share (B, ...) of uniform numbers drawn for all processes."""
        return self.share(torch.rand(shape[0] * self.count, *shape[1:], device=self.device))

    def noise(self, shape: tuple[int, ...]) -> Tensor:
        """Return this process's share (B, ...) of normal numbers drawn for all processes."""
        return self.share(torch.randn(shape[0] * self.count, *shape[1:], device=self.device))

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

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set in one of the processes."""
        return bool(self.mean(torch.tensor(float(flag), device=self.device)).item() > 0)

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def joined(device: str | None = None) -> Iterator[Processes]:
    """Join the processes that torchrun started; without it there is one.

    Args:
        device: "cpu" or "cuda"; None takes a GPU for each process where there is one.

    Raises:
        UserError: if this machine has fewer GPUs than processes.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True  # what is left in float32 is faster so, on cards that have it
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(torch.device(device))
        return
    own = torch.device(device)
    if own.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise UserError(
                f"train: expected a GPU for each process, this machine has {torch.cuda.device_count()}; "
                "start as many with --nproc-per-node"
            )
        own = torch.device("cuda", local)
        torch.cuda.set_device(own)
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Processes(own, distributed.get_rank(), count)
        distributed.barrier()  # torchrun ends all when one has ended badly: the first may have to write still
    finally:
        distributed.destroy_process_group()
