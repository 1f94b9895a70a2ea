"""The systems in pixels by name, each trained on first use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from vision.baselines.encoding_gans import InferenceGan, VaeGan
from vision.baselines.gan import Gan, GanSettings
from vision.baselines.gan_training import train_gan
from vision.baselines.labelled_gans import AuxiliaryGan, ConditionalGan, InfoGan
from vision.data.images import Dataset
from vision.model_card import About
from vision.models import Architecture
from vision.training_loop import TrainingRun
from vision.workspace import Workspace

Builder = Callable[[Dataset, Architecture, GanSettings], Gan]


def _plain(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return Gan(data.shape, architecture, settings)


def _conditional(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return ConditionalGan(data.shape, architecture, settings, len(data.attributes))


def _auxiliary(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return AuxiliaryGan(data.shape, architecture, settings, len(data.attributes), data.exclusive)


def _info(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return InfoGan(data.shape, architecture, settings)


def _vae_gan(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return VaeGan(data.shape, architecture, settings)


def _inference(data: Dataset, architecture: Architecture, settings: GanSettings) -> Gan:
    return InferenceGan(data.shape, architecture, settings)


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
    "conditional GAN": System(_conditional, GanSettings(gradient_penalty=1.0), asked=True),
    "AC-GAN": System(_auxiliary, GanSettings(), asked=True),
    "VAE-GAN": System(_vae_gan, GanSettings()),
    "ALI": System(_inference, GanSettings()),
}


def trained(workspace: Workspace, name: str) -> Gan:
    """Return one of `SYSTEMS`, trained."""
    system, preset, data = SYSTEMS[name], workspace.preset, workspace.data

    def build() -> Gan:
        return system.build(data, preset.pixel_layers, system.settings)

    def train(gan: Gan, run: TrainingRun) -> None:
        train_gan(gan, data.train, preset.pixels, run)

    settings = {"architecture": preset.pixel_layers, "training": preset.pixels, "system": system.settings}
    about = About(f"{name}: a generator of images and its critic.")
    return workspace.networks.load_or_train(_file_name(name), build, train, settings, about)


def _file_name(name: str) -> str:
    """Return the name of a system as files have it: gan-two-learning-rates."""
    return "pixels-" + re.sub("[^a-z0-9]+", "-", name.lower())
