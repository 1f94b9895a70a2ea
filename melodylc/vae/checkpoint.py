"""The checkpoint of a training: weights, average and optimiser in a safetensors file, the position as JSON in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from melodylc.base.errors import UserError
from melodylc.vae.presets import ModelPreset
from melodylc.vae.trainer import Trainer
from midi_io.atomic import atomic_write

NAME = "checkpoint.safetensors"


def save(trainer: Trainer, folder: Path) -> None:
    """Write the checkpoint of a training into its folder."""
    from safetensors.torch import save_file

    tensors = {f"model.{name}": value for name, value in trainer.model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in trainer.average.network.state_dict().items()}
    for index, state in trainer.optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
    position = {
        "preset": trainer.preset.name,
        "sizes": asdict(trainer.preset.sizes),
        "stages": [stage.name for stage in trainer.preset.stages],
        "kl_target": trainer.preset.stages[-1].kl_target,
        "stage": trainer.stage.name,
        "step": trainer.step,
        "seconds": trainer.seconds,
        "kl_weight": trainer.kl_weight,
        "seed": trainer.seed,
    }
    with atomic_write(folder / NAME) as beside:
        save_file(
            {name: value.contiguous() for name, value in tensors.items()}, beside, {"position": json.dumps(position)}
        )


def restore(trainer: Trainer, folder: Path) -> None:
    """Bring a training to where the checkpoint in a folder was made.

    Raises:
        UserError: if there is none, or it is of another preset.
    """
    position, tensors = _read(folder / NAME)
    _check(position, trainer.preset, folder / NAME)
    trainer.model.load_state_dict(_under("model.", tensors))
    trainer.average.network.load_state_dict(_under("average.", tensors))
    adam: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("adam.", tensors).items():
        index, key = name.split(".")
        adam.setdefault(int(index), {})[key] = value
    groups = trainer.optimiser.state_dict()["param_groups"]
    trainer.optimiser.load_state_dict({"state": adam, "param_groups": groups})
    trainer.stage_index = [stage.name for stage in trainer.preset.stages].index(position["stage"])
    trainer.step, trainer.seconds = position["step"], position["seconds"]
    trainer.kl_weight, trainer.seed = position["kl_weight"], position["seed"]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            position = json.loads((file.metadata() or {})["position"])
            return position, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"train: --resume expected a checkpoint at {path} ({error})") from error


def _check(position: dict[str, Any], preset: ModelPreset, path: Path) -> None:
    """Raise UserError unless a position is one of a training by a preset."""
    if position["preset"] != preset.name or position["sizes"] != asdict(preset.sizes):
        raise UserError(f"train: {path} was made with preset {position['preset']!r} or other sizes; use another --out")
    names = [stage.name for stage in preset.stages]
    if position.get("stages", names) != names:  # the first checkpoints did not say
        raise UserError(
            f"train: {path} is of the stages {', '.join(position['stages'])}, this is a run of {', '.join(names)}; "
            "resume with --start as it was begun, or without"
        )
    target = preset.stages[-1].kl_target
    if position.get("kl_target", target) != target:
        raise UserError(f"train: {path} was trained with --kl {position['kl_target']:g}, not {target:g}; say it again")


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
