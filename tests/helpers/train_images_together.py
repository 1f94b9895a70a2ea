"""A command of the image experiments, as one of the processes that torchrun starts: [--stop STEPS] NETWORKS ARGUMENTS.

NETWORKS are names between commas, of `train`; they are trained on drawn digits. The first process writes the curve of
each, a value of all processes a line, as NAME.curve beside it.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from unittest import mock

from torch import Tensor, nn

from melodylc.latent.processes import Processes, joined
from vision import training_loop
from vision.baselines import gan_training, icgan, systems
from vision.data import mnist
from vision.experiments import coverage
from vision.objectives import info
from vision.presets import MNIST
from vision.priors import known
from vision.training_loop import TrainingRun
from vision.workspace import Workspace


def partly(workspace: Workspace) -> None:
    """A network of which a loss leaves some weights out."""

    def train(network: nn.ModuleList, run: TrainingRun) -> None:
        optimiser = training_loop.adam(network, 1e-2)

        def step(number: int) -> dict[str, Tensor]:
            x, y = run.draw(workspace.data.train, 8)
            loss = (network[0](x.flatten(1)) - y).square().mean()
            training_loop.descend(optimiser, loss)
            return {"loss": loss.detach()}

        training_loop.train(step, {"network": (network, optimiser)}, 3, run)

    workspace.networks.load_or_train(
        "partly", lambda: nn.ModuleList([nn.Linear(28 * 28, 10), nn.Linear(3, 3)]), train, {}
    )


KINDS = {
    "partly": partly,
    "classifier": lambda workspace: workspace.classifier(),
    "vae": lambda workspace: workspace.vae(),
    "info": lambda workspace: workspace.vae(objective=info(1.0, 1000.0)),
    "actor": lambda workspace: workspace.actor("distance"),
    "auxiliary": lambda workspace: workspace.actor("auxiliary"),
    "inner": lambda workspace: workspace.critic("inner"),
    "attributes": lambda workspace: workspace.attribute_critic(),
    **{f"pixels{at}": partial(systems.trained, name=name) for at, name in enumerate(systems.SYSTEMS)},
    "icgan": icgan.trained,
    **{f"prior{at}": partial(known.trained, name=name) for at, name in enumerate(known.PRIORS)},
    **{f"coverage{at}": partial(coverage.model_of, name=name) for at, name in enumerate(coverage.VARIANTS)},
}


IN_PIXELS = [kind for kind in KINDS if kind.startswith("pixels")] + ["icgan"]


@contextmanager
def in_full_precision() -> Iterator[None]:
    """In bf16 the same sum in another order is another number, which adversaries soon drive apart."""
    in_full = partial(mock.patch.object, attribute="half_precision", return_value=nullcontext())
    with in_full(gan_training), in_full(icgan):
        yield


class Curve:
    """In the place of a progress bar: notes what it is told."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __enter__(self) -> "Curve":
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self) -> None: ...

    def set_postfix(self, figures: dict[str, str], **_: object) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({name: float(value) for name, value in figures.items()}) + "\n")


def main() -> None:
    """Train; with --stop, the second process is asked to stop in the middle of that step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--stop", type=int)
    given = parser.parse_args()
    any_of, made = Processes.any, 0

    def asked(self: Processes, flag: bool) -> bool:
        nonlocal made
        made += 1
        return any_of(self, flag or (made == given.stop and self.rank == 1))

    with joined("cpu") as processes:

        def curve(*_: object, desc: str, **__: object) -> Curve:
            return Curve(given.out / f"{desc}.curve" if processes.first else None)

        training_loop.progress_bar, training_loop.SHOW_EVERY = curve, 1
        Processes.any = asked
        given.out.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(mnist.load(given.data), MNIST["smoke"], given.out, processes=processes)
        for kind in given.kinds.split(","):
            with in_full_precision() if kind in IN_PIXELS else nullcontext():
                KINDS[kind](workspace)


if __name__ == "__main__":
    main()
