"""The loop that trains every image network: seeded by step, and resumed from checkpoints.

Where torchrun started several processes, each computes its share of every batch, and gradients are averaged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from melodylc.base.progress import bar as progress_bar
from melodylc.base.signals import between_steps
from melodylc.latent import optimisers
from melodylc.latent.gradient_steps import descend as descend
from melodylc.latent.processes import ALONE, Processes
from vision import checkpoint
from vision.checkpoint import Part as Part
from vision.data.images import Images

CHECKPOINT_EVERY = 60.0  # seconds
SHOW_EVERY = 50  # steps from one change of the numbers beside the progress bar to the next
SEED_STRIDE = 1_000_003  # between the step seeds of two runs: more than any training has steps
FALL = 0.3  # share of the steps, the last, over which a learning rate falls
LEAST_RATE = 0.05  # share of the learning rate that the last step still has


@dataclass(frozen=True)
class TrainingRun:
    """A training that can be interrupted and resumed."""

    checkpoint: Path  # written when the training is stopped, and every minute
    settings: Mapping[str, Any]  # what the training depends on; a checkpoint of other settings is refused
    seed: int
    title: str  # of the progress bar
    progress: bool = True
    processes: Processes = ALONE

    def draw(self, images: Images, batch: int) -> tuple[Tensor, Tensor]:
        """Return this process's share of a batch, drawn with replacement: pixels in [0, 1] and labels."""
        return images.on(self.processes.share(images.drawn(batch)), self.processes.device)


def adam(module: nn.Module, learning_rate: float, betas: tuple[float, float] = optimisers.BETAS) -> optimisers.Adam:
    """Return Adam over the parameters of a network, in one kernel."""
    return optimisers.adam(module.parameters(), learning_rate, betas, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float, number: int, steps: int) -> None:
    """Set the learning rate of a step: `rate`, then a linear fall over the last `FALL` of the steps."""
    for group in optimiser.param_groups:
        group["lr"] = rate * max(LEAST_RATE, min(1.0, (steps - number) / (FALL * steps)))


def train(
    step: Callable[[int], Mapping[str, Tensor | float]],
    parts: Mapping[str, Part],
    steps: int,
    run: TrainingRun,
    generator: torch.Generator | None = None,
) -> None:
    """Call `step` with 0 to steps - 1.

    Each step draws its random numbers from a seed of its own, or from a generator whose state is kept, so a training
    that was stopped ends with the same weights. A request to stop waits until the step is done. All processes draw the
    same numbers: `processes.share` divides them.

    Args:
        step: computes the loss of a process's share and descends it; returns what the progress bar shows, which is read
            only when it is shown, so that a GPU is not waited for at each step.
        parts: what the checkpoint holds.

    Raises:
        UserError: for a checkpoint of other settings, or a damaged one.
        KeyboardInterrupt: when it was asked to stop, with everything saved.
    """
    processes = run.processes
    done = 0
    if run.checkpoint.exists():
        done = checkpoint.restore(run.checkpoint, parts, generator, run.settings, steps)
    processes.wait()  # for those that have not read it yet: the first may finish, and remove it
    last = time.monotonic()
    with (
        processes.averaging(optimiser for _, optimiser in parts.values() if optimiser is not None),
        between_steps() as stop,
        processes.forked(),
        progress_bar(steps, unit="step", desc=run.title, done=done, leave=False, show=run.progress) as bar,
    ):
        for number in range(done, steps):
            torch.manual_seed(run.seed * SEED_STRIDE + number)
            shown = step(number)
            done = number + 1
            if done % SHOW_EVERY == 0:
                values = processes.mean(torch.stack([torch.as_tensor(value) for value in shown.values()])).tolist()
                figures = dict(zip(shown, values, strict=True))
                bar.set_postfix({name: f"{value:.4g}" for name, value in figures.items()}, refresh=False)
            bar.update()
            stopped = processes.any(stop.asked)  # all stop after the same step
            if processes.first and (stopped or time.monotonic() - last > CHECKPOINT_EVERY):
                checkpoint.save(run.checkpoint, parts, generator, run.settings, done)
                last = time.monotonic()
            if stopped:
                processes.wait()  # torchrun ends all when one has ended badly: the first has to write still
                stop.raise_stopped()
