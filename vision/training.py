"""The loop that all image networks are trained by: seeded by step, with checkpoints that it goes on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from vision import storage

CHECKPOINT_EVERY = 60.0  # seconds
BETAS = (0.9, 0.999)  # of encoders, decoders and classifiers (section 9.2)
ADVERSARIAL_BETAS = (0.0, 0.9)  # of whoever plays against a critic


@dataclass(frozen=True)
class Run:
    """A training that may be interrupted."""

    checkpoint: Path  # where it goes on from, and where it is left when it is interrupted
    settings: Mapping[str, Any]  # what it depends on; a checkpoint of others is refused
    seed: int
    title: str  # of the progress bar
    progress: bool = True


def adam(module: nn.Module, learning_rate: float, betas: tuple[float, float] = BETAS) -> torch.optim.Adam:
    """The paper's optimiser."""
    return torch.optim.Adam(module.parameters(), learning_rate, betas=betas, fused=True)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def train(
    step: Callable[[int], Mapping[str, float]],
    parts: Mapping[str, tuple[nn.Module, torch.optim.Optimizer]],
    steps: int,
    run: Run,
) -> None:
    """Call `step` for 0 to steps - 1, all randomness of each from (seed, number): an interrupted run ends the same.

    Args:
        step: computes and descends; returns what the progress bar shows.
        parts: networks and their optimisers, which the checkpoint holds.

    Raises:
        UserError: for a checkpoint of other settings, or a damaged one.
    """
    first = _restore(parts, run) if run.checkpoint.exists() else 0
    last = time.monotonic()
    done = first
    with (
        torch.random.fork_rng(),
        bar_of(steps, unit="step", desc=run.title, done=first, leave=False, show=run.progress) as bar,
    ):
        try:
            for number in range(first, steps):
                torch.manual_seed(run.seed * 1_000_003 + number)
                shown = step(number)
                done = number + 1
                if done % 50 == 0:
                    bar.set_postfix({name: f"{value:.4g}" for name, value in shown.items()}, refresh=False)
                bar.update()
                if time.monotonic() - last > CHECKPOINT_EVERY:
                    _save(parts, run, done)
                    last = time.monotonic()
        except KeyboardInterrupt:
            _save(parts, run, done)
            raise


def set_rate(optimiser: torch.optim.Optimizer, rate: float, number: int, steps: int, share: float = 0.3) -> None:
    """The learning rate of a step: constant, then linearly down to a twentieth over the last `share` of the steps."""
    for group in optimiser.param_groups:
        group["lr"] = rate * max(0.05, min(1.0, (steps - number) / (share * steps)))


def _save(parts: Mapping[str, tuple[nn.Module, torch.optim.Optimizer]], run: Run, done: int) -> None:
    tensors: dict[str, Tensor] = {}
    for part, (module, optimiser) in parts.items():
        tensors |= {f"{part}.module.{name}": value for name, value in module.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{part}.adam.{index}.{name}": value for name, value in state.items()}
    storage.write_tensors(run.checkpoint, tensors, {"settings": run.settings, "done": done})


def _restore(parts: Mapping[str, tuple[nn.Module, torch.optim.Optimizer]], run: Run) -> int:
    tensors, card = storage.read_tensors(run.checkpoint)
    if card.get("settings") != run.settings:
        raise UserError(f"{run.checkpoint} was made with other settings; name another --out, or remove it")
    for part, (module, optimiser) in parts.items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith(f"{part}.adam."):
                index, key = name.removeprefix(f"{part}.adam.").split(".")
                state.setdefault(int(index), {})[key] = value
        prefix = f"{part}.module."
        module.load_state_dict({n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)})
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(card["done"])
