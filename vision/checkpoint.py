"""What a training is continued from: the weights, optimisers and generator of a step, in one safetensors file.

A file that others made, or that was damaged, is refused before anything of it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.latent import optimisers

WHAT = "weights of an experiment"
UNNOTED = "0.1.0"  # the version of melodylc that wrote the files in which none is noted
GENERATOR = "generator"  # the name of its state in a checkpoint

Part = tuple[nn.Module, optimisers.Adam | None]  # a network and its optimiser; a moving average has none


def save(
    path: Path, parts: Mapping[str, Part], generator: torch.Generator | None, settings: Mapping[str, Any], done: int
) -> None:
    """Write the state of a training after `done` steps."""
    tensors: dict[str, Tensor] = {}
    for part, (module, optimiser) in parts.items():
        tensors |= {f"{part}.module.{name}": value for name, value in module.state_dict().items()}
        if optimiser is None:
            continue
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{part}.adam.{index}.{name}": value for name, value in state.items()}
    if generator is not None:
        tensors[GENERATOR] = generator.get_state()
    storage.write_tensors(path, tensors, {"version": __version__, "settings": settings, "done": done})


def restore(
    path: Path,
    parts: Mapping[str, Part],
    generator: torch.Generator | None,
    settings: Mapping[str, Any],
    steps: int,
) -> int:
    """Load the state of a training into networks, optimisers and generator; return the number of steps done.

    Raises:
        UserError: for a checkpoint of other settings or another version, a damaged one, and one that does not fit.
    """
    tensors, card = storage.read_tensors_and_card(path, WHAT)
    if card.get("version", UNNOTED) != __version__:
        raise UserError(f"{path} was made with another version of melodylc; name another --out, or remove it")
    if card.get("settings") != settings:
        raise UserError(f"{path} was made with other settings; name another --out, or remove it")
    done = card.get("done")
    if type(done) is not int or not 1 <= done <= steps:
        raise unfit(path, f"it is of step {done!r}, the training has {steps}")
    for part, (module, optimiser) in parts.items():
        load(module, _below(tensors, f"{part}.module."), path)
        found = _below(tensors, f"{part}.adam.")
        if optimiser is not None:
            state = _adam_state(optimiser, found, path)
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if generator is not None:
        kept, now = tensors.get(GENERATOR), generator.get_state()
        if kept is None or (kept.shape, kept.dtype) != (now.shape, now.dtype):
            raise unfit(path, "it has no state of the random numbers")
        generator.set_state(kept.cpu())
    return done


def load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load tensors from a file into a network.

    Raises:
        UserError: unless they are those of the network, of its shapes and types, and finite.
    """
    expected = module.state_dict()
    if expected.keys() != tensors.keys():
        raise unfit(path, f"{min(expected.keys() ^ tensors.keys())} is missing or too much")
    for name, value in expected.items():
        _check(path, name, tensors[name], value)
    module.load_state_dict(tensors)


def _adam_state(optimiser: optimisers.Adam, found: Mapping[str, Tensor], path: Path) -> dict[int, dict[str, Tensor]]:
    """Return the state of an optimiser by the number of its weights; those that no loss has reached have none."""
    state: dict[int, dict[str, Tensor]] = {}
    left = dict(found)
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    for index, weight in enumerate(weights):
        like = {"step": torch.zeros(()), "exp_avg": weight, "exp_avg_sq": weight}
        own = {key: left.pop(f"{index}.{key}") for key in like if f"{index}.{key}" in left}
        if own and own.keys() != like.keys():
            raise unfit(path, f"the optimiser's state of weight {index} is not whole")
        for key, value in own.items():
            _check(path, f"the optimiser's {key}", value, like[key])
        if own:
            state[index] = own
    if left or not state:
        raise unfit(path, f"the optimiser's {min(left)} is too much" if left else "the optimiser's state is missing")
    return state


def _check(path: Path, name: str, found: Tensor, expected: Tensor) -> None:
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        shapes = f"{tuple(expected.shape)}, got {found.dtype} {tuple(found.shape)}"
        raise unfit(path, f"{name}: expected {expected.dtype} {shapes}")
    if not found.isfinite().all():
        raise unfit(path, f"{name} is not finite")


def unfit(path: Path, detail: str) -> UserError:
    """Return the error of a file that does not fit the network that it was written for."""
    return UserError(f"{path}: expected {WHAT} ({detail}); remove it to have it made anew")


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
