"""The systems in pixels by name, each trained on first use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from vision.baselines.encoding_gans import InferenceGan, VaeGan
from vision.baselines.gan import Gan, GanSettings
from vision.baselines.gan_training import train_gan
from vision.baselines.labelled_gans import AuxiliaryGan, ConditionalGan, InfoGan
from vision.model_card import About
from vision.models import Architecture
from vision.training_loop import TrainingRun
from vision.workspace import Workspace


@dataclass(frozen=True)
class Kind:
    """A kind of images: what a network for them is built by."""

    shape: tuple[int, int, int]
    labels: int
    exclusive: bool  # whether an image has one of them


Builder = Callable[[Kind, Architecture, GanSettings], Gan]


def _plain(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return Gan(kind.shape, architecture, settings)


def _conditional(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return ConditionalGan(kind.shape, architecture, settings, kind.labels)


def _auxiliary(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return AuxiliaryGan(kind.shape, architecture, settings, kind.labels, kind.exclusive)


def _info(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return InfoGan(kind.shape, architecture, settings)


def _vae_gan(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return VaeGan(kind.shape, architecture, settings)


def _inference(kind: Kind, architecture: Architecture, settings: GanSettings) -> Gan:
    return InferenceGan(kind.shape, architecture, settings)


@dataclass(frozen=True)
class System:
    """A system: what builds it, how it learns, and whether it can be asked for labels."""

    build: Builder
    settings: GanSettings
    asked: bool = False


_WGAN = GanSettings(loss="wasserstein", critic_steps=5, betas=(0.0, 0.9))
SYSTEMS = {
    "GAN": System(_plain, GanSettings()),
    "GAN, one-sided label smoothing": System(_plain, GanSettings(real_target=0.9)),
    "GAN, noise on images": System(_plain, GanSettings(noise=0.1)),
    "GAN, feature matching": System(_plain, GanSettings(matched=True)),
    "GAN, minibatch discrimination": System(_plain, GanSettings(kernels=16)),
    "GAN, two learning rates": System(_plain, GanSettings(critic_rate=4.0)),
    "WGAN": System(_plain, replace(_WGAN, clip=0.03)),
    "WGAN-GP": System(_plain, replace(_WGAN, gradient_penalty=10.0)),
    "InfoGAN": System(_info, GanSettings()),
    "conditional GAN": System(_conditional, GanSettings(), asked=True),
    "AC-GAN": System(_auxiliary, GanSettings(), asked=True),
    "VAE-GAN": System(_vae_gan, GanSettings()),
    "ALI": System(_inference, GanSettings()),
}


def trained(workspace: Workspace, name: str) -> Gan:
    """Return one of `SYSTEMS`, trained."""
    system, preset, data = SYSTEMS[name], workspace.preset, workspace.data

    kind = Kind(data.shape, len(data.attributes), data.exclusive)

    def build() -> Gan:
        return system.build(kind, preset.pixel_layers, system.settings)

    def train(gan: Gan, run: TrainingRun) -> None:
        train_gan(gan, data.train, preset.pixels, run)

    settings = {"architecture": preset.pixel_layers, "training": preset.pixels, "system": system.settings}
    code = (
        "from vision.baselines.systems import SYSTEMS, Kind",
        "from vision.models import Architecture",
        "",
        f'system = SYSTEMS["{name}"]',
        f"network = system.build({kind}, {preset.pixel_layers}, system.settings)",
    )
    about = About(f"{name}: a generator of images and its critic.", code=code)
    return workspace.networks.load_or_train(_file_name(name), build, train, settings, about)


def _file_name(name: str) -> str:
    """Return the name of a system as files have it: gan-two-learning-rates."""
    return "pixels-" + re.sub("[^a-z0-9]+", "-", name.lower())
