"""Count what the paper presets cost: python benchmarks/costs.py [--utilisation SHARE]

Floating-point operations are counted by torch's counter in the steps that the trainings make, on two examples; LSTMs
are taken apart for it into their products. Hours are those of one H100, whose peak in bf16 is 989 TFLOP/s, at stated
shares of the peak: nothing here was run on one.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from melodylc.latent.adversarial import (
    AdversarialSettings,
    AttributeLearning,
    LabelledEncodings,
    train_adversaries,
)
from melodylc.latent.processes import Processes
from melodylc.vae.losses import Losses
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import PRESETS, Stage
from vision import presets
from vision.classifier_training import train_classifier
from vision.data.images import Images
from vision.inference import Encodings
from vision.models import VAE, Encoder
from vision.objectives import ELBO
from vision.training_loop import TrainingRun
from vision.vae_training import train_vae

H100 = 989e12  # FLOP a second, dense, bf16
EXAMPLES = 2
CPU = torch.device("cpu")


Trainings = Iterator[tuple[str, int, float]]  # name, steps, operations of a step


class _OneModule:
    """A tracker of modules that knows one: torch's own stumbles over gradients within a step, as of a penalty."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def counted(run: Callable[[], object]) -> float:
    """Return the floating-point operations of a call."""
    counter = FlopCounterMode(display=False)
    vars(counter)["mod_tracker"] = _OneModule()
    with warnings.catch_warnings():  # of other settings of oneDNN, which are not touched
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False), counter:
            run()
    return counter.get_total_flops()


def melodies(name: str) -> Trainings:
    """Yield the stages of a preset of melodies."""
    preset = PRESETS[name]
    losses = Losses(MelodyVAE(preset.sizes), Processes(CPU))
    for stage in preset.stages:
        states = torch.randint(0, 129, (EXAMPLES, 16 if stage.kind == "bars" else 256)).to(torch.uint8)
        each = counted(partial(_backward, losses, states, stage)) / EXAMPLES
        yield stage.name, stage.steps, each * stage.batch


def _backward(losses: Losses, states: torch.Tensor, stage: Stage) -> None:
    losses(states, stage, kl_weight=0.3)[0].backward()


def images(preset: presets.ExperimentPreset, shape: tuple[int, int, int], labels: int) -> Trainings:
    """Yield the main trainings of a preset of images."""
    run = TrainingRun(Path("nowhere"), {}, 0, "", progress=False)
    few = Images(torch.randint(0, 256, (8, *shape)).to(torch.uint8), torch.eye(labels)[torch.arange(8) % labels])
    two = replace(preset.vae, steps=1, batch=EXAMPLES)
    vae = VAE(shape, preset.architecture, preset.sigma_x)
    of_vae = counted(lambda: train_vae(vae, few, ELBO, two, preset.critic_hidden, run, CPU)) / EXAMPLES
    for name, training in (("vae", preset.vae), ("vae of the sweep, each", preset.sweep)):
        yield name, training.steps, of_vae * training.batch
    judge = Encoder(shape, preset.judge, labels)
    briefly = replace(preset, classifier=two)
    each = counted(lambda: train_classifier(judge, few, briefly, run, CPU)) / EXAMPLES
    yield "classifier", preset.classifier.steps, each * preset.classifier.batch
    latent = preset.architecture.latent
    encodings = Encodings(torch.randn(8, latent), torch.rand(8, latent), torch.rand(latent))
    for kind in ("distance", "small", "inner"):
        settings = preset.constraint(kind)
        yield f"actor and critic, {kind}", settings.steps, adversarial(settings, encodings, few)
    learning = AttributeLearning(
        LabelledEncodings(encodings.mean, None, few.labels), preset.critic_hidden, EXAMPLES, 1, 0
    )
    each = counted(learning.step) / EXAMPLES
    yield "attribute critic", preset.attributes.steps, each * preset.attributes.batch


def adversarial(settings: AdversarialSettings, encodings: Encodings, few: Images) -> float:
    """Return the operations of a step of an actor and its critic."""

    def learn() -> None:
        brief = replace(settings, steps=1, batch=EXAMPLES)
        train_adversaries(encodings.mean, encodings.sigma_bar, brief, sigma=encodings.sigma, labels=few.labels)

    return counted(learn) / EXAMPLES * settings.batch


def main() -> None:
    """Print a row for each training."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utilisation", type=float, nargs="+", default=[0.1, 0.3], help="shares of the peak")
    shares = parser.parse_args().utilisation
    hours = " | ".join(f"hours at {share:.0%}" for share in shares)
    print(f"| preset | training | steps | GFLOP a step | EFLOP | {hours} |")
    print("|---|---|---|---|---|" + "---|" * len(shares))
    trainings = {
        "melodies, small": melodies("small"),
        "melodies, paper": melodies("paper"),
        "MNIST, paper": images(presets.MNIST["paper"], (1, 28, 28), 10),
        "CelebA, paper": images(presets.CELEBA["paper"], (3, 64, 64), 10),
    }
    for preset, rows in trainings.items():
        for name, steps, each in rows:
            total = steps * each
            spent = " | ".join(f"{total / H100 / share / 3600:.2g}" for share in shares)
            print(f"| {preset} | {name} | {steps:,} | {each / 1e9:,.1f} | {total / 1e18:.2g} | {spent} |", flush=True)


if __name__ == "__main__":
    main()
