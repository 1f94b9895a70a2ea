"""The networks of a workspace on disk: each is trained once, and loaded from then on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.latent.processes import Processes
from vision import checkpoint, model_card
from vision.model_card import About, Origin
from vision.training_loop import TrainingRun

Network = TypeVar("Network", bound=nn.Module)
SEEDS = 1_000_000  # that the names of networks are spread over
SHOWN = 60  # characters of a setting in an error


class NetworkStore:
    """Networks by name, as FOLDER/NAME.safetensors with what they depend on; NAME.md is a card for people."""

    def __init__(
        self, folder: Path, *, data: str, seed: int, processes: Processes, progress: bool, origin: Origin
    ) -> None:
        """Open a store.

        Args:
            data: identifies the data set that all its networks are trained on.
            origin: what all their cards say.
            processes: those that train a network together; the first stores it.
        """
        self._origin = origin
        self._folder, self._data, self._seed = folder, data, seed
        self._processes, self._progress = processes, progress and processes.first
        self._loaded: dict[str, nn.Module] = {}
        self._cards: dict[nn.Module, Mapping[str, Any]] = {}

    def card(self, network: nn.Module) -> Mapping[str, Any]:
        """Return what a network of this store depends on."""
        return self._cards[network]

    def load_or_train(
        self,
        name: str,
        build: Callable[[], Network],
        train: Callable[[Network, TrainingRun], None],
        settings: Mapping[str, Any],
        about: About = About(),
    ) -> Network:
        """Return a network from memory or from disk; where there is none, train it and store it.

        Args:
            build: returns an untrained network.
            train: trains it in place.
            settings: what the network depends on, beside data and seed.
            about: what else its card says.

        Raises:
            UserError: if the network on disk was made with other settings or is damaged, and for a training that
                diverges: its weights are not stored.
        """
        card = {"name": name, "data": self._data, "seed": self._seed, **settings}
        card = json.loads(json.dumps(card, default=asdict))  # as it is read from disk
        path = self._folder / f"{name}.safetensors"
        if name in self._loaded:
            loaded = self._loaded[name]
            _check(path, self._cards[loaded], card)
            return loaded  # type: ignore[return-value]
        seed = self._seed + zlib.crc32(name.encode()) % SEEDS  # networks of one workspace differ in their noise
        with self._processes.forked():
            torch.manual_seed(seed)
            network = build().to(self._processes.device)
        fresh, unfinished = not path.exists(), path.with_suffix(".checkpoint")
        if not fresh:
            self._load(network, path, card)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            with torch.enable_grad():  # a caller that needs no gradients may have turned them off
                train(network, TrainingRun(unfinished, card, seed, name, self._progress, self._processes))
            if not all(value.isfinite().all() for value in network.state_dict().values()):
                raise UserError(f"{name}: its training has diverged; take another --sigma-x, --objective or --seed")
            if self._processes.first:
                storage.write_tensors(path, network.state_dict(), {"version": __version__, **card})
        network.requires_grad_(False).eval()
        if self._processes.first:
            unfinished.unlink(missing_ok=True)  # also where a kill came after the weights were written
        # also where a kill came between the two, and where another network of that name was removed
        if self._processes.first and (fresh or not path.with_suffix(".md").exists()):
            with self._processes.forked():  # what it measures leaves the numbers of the first as those of the others
                torch.manual_seed(seed)
                model_card.write(path.with_suffix(".md"), network, self._origin, about, card)
        self._loaded[name], self._cards[network] = network, card
        return network

    def _load(self, network: nn.Module, path: Path, card: Mapping[str, Any]) -> None:
        tensors, found = storage.read_tensors_and_card(path, checkpoint.WHAT)
        _check(path, {"version": checkpoint.UNNOTED, **found}, {"version": __version__, **card})
        checkpoint.load(network, tensors, path)


def _check(path: Path, found: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UserError unless a network depends on what it would depend on now."""
    for key in {**now, **found}:
        if found.get(key) != now.get(key):
            raise UserError(
                f"{path} was made with another {key} ({_shortened(found.get(key))}, now {_shortened(now.get(key))}); "
                "name another --out"
            )


def _shortened(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
