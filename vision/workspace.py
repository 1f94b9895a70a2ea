"""A workspace: a data set, a preset, a seed and a folder, with the networks that experiments share.

Shapes: N images of (C, H, W), B vectors, Z latent dimensions, Y labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from melodylc.base import numbers
from melodylc.base.storage import sweep
from melodylc.latent import adversarial
from melodylc.latent.networks import Actor, Critic
from melodylc.latent.posterior import Posterior
from melodylc.latent.processes import Processes
from vision import constraint_training, inference, metrics
from vision.classifier_training import train_classifier
from vision.data.images import Dataset, Images
from vision.inference import Encodings
from vision.model_card import About, Origin
from vision.models import VAE, Encoder
from vision.network_store import NetworkStore
from vision.objectives import ELBO, Objective
from vision.presets import ExperimentPreset, TrainingSettings
from vision.training_loop import TrainingRun
from vision.vae_training import train_vae

LAST_SEED = 2**32 - 1  # each step's own seed is a multiple of it, and has to fit torch's
PRIOR_STRIDE = 7919  # between the seeds of two workspaces' draws of the prior, which lie seed + 0, 1, 2, ...
MEASURED = 2000  # validation images, at most, of the metrics on cards
UNLABELLED = ("realism", "inner")  # constraints of realism alone


class Workspace:
    """The networks and data that experiments share; `out/models` holds the networks, `out` results and figures."""

    def __init__(
        self,
        data: Dataset,
        preset: ExperimentPreset,
        out: Path,
        *,
        seed: int = 0,
        objective: Objective = ELBO,
        device: str = "cpu",
        processes: Processes | None = None,
        progress: bool = True,
    ) -> None:
        """Open a workspace.

        Args:
            processes: those that train its networks together; without them, one on `device`.
        """
        self.seed = numbers.integer("seed", seed, 0, LAST_SEED)
        self.data, self.preset, self.out, self.objective = data, preset, out, objective
        self.processes = processes or Processes(torch.device(device))
        self.device = self.processes.device
        self.data_fingerprint = f"{data.name}, {data.source}, {data.fingerprint()}"
        self.networks = NetworkStore(
            out / "models",
            data=self.data_fingerprint,
            seed=self.seed,
            processes=self.processes,
            progress=progress,
            origin=Origin(data.name, data.attributes, preset.name),
        )
        for folder in (out, out / "models"):
            sweep(folder)
        self._encodings: dict[VAE, Encodings] = {}

    # -- networks, trained on first use

    def classifier(self) -> Encoder:
        """Return the classifier of labels; it is trained on the training images alone."""

        def build() -> Encoder:
            return Encoder(self.data.shape, self.preset.judge, len(self.data.attributes))

        def train(network: Encoder, run: TrainingRun) -> None:
            train_classifier(network, self.data.train, self.preset, run, self.device)

        preset = self.preset
        settings = {
            "architecture": preset.judge,
            "training": preset.classifier,
            "jitter": preset.jitter,
            "mirror": preset.mirror,
        }

        def measure(network: Encoder) -> dict[str, float]:
            images, labels = self.data.valid.at(slice(MEASURED))
            return metrics.label_scores(inference.logits(network, images, self.device), labels, self.data.exclusive)

        code = (
            "from vision.models import Architecture, Encoder",
            "",
            f"network = Encoder({self.data.shape}, {preset.judge}, {len(self.data.attributes)})",
        )
        about = About("The classifier of labels that judges all images.", True, code, measure)
        return self.networks.load_or_train("classifier", build, train, settings, about)

    def vae(
        self,
        sigma_x: float | None = None,
        objective: Objective | None = None,
        *,
        training: TrainingSettings | None = None,
        conditional: bool = False,
    ) -> VAE:
        """Return the VAE of the preset, or a variation of it."""
        sigma_x = self.preset.sigma_x if sigma_x is None else sigma_x
        objective = self.objective if objective is None else objective
        training = self.preset.vae if training is None else training

        labels = len(self.data.attributes) if conditional else 0

        def build() -> VAE:
            return VAE(self.data.shape, self.preset.architecture, sigma_x, labels)

        def train(network: VAE, run: TrainingRun) -> None:
            train_vae(network, self.data.train, objective, training, self.preset.critic_hidden, run, self.device)

        settings = {
            "architecture": self.preset.architecture,
            "sigma_x": sigma_x,
            "objective": objective,
            "training": training,
            "conditional": conditional,
            "critic": self.preset.critic_hidden if objective.adversarial else None,
        }
        code = (
            "from vision.models import VAE, Architecture",
            "",
            f"network = VAE({self.data.shape}, {self.preset.architecture}, {sigma_x!r}, {labels})",
        )
        about = About(
            f"A VAE{' with labels' if conditional else ''} of sigma_x {sigma_x:g}; at 0 it is a plain autoencoder.",
            False,
            code,
            None if conditional else self._reconstruction_error,
        )
        name = _vae_name(sigma_x, objective, training, conditional)
        return self.networks.load_or_train(name, build, train, settings, about)

    def _reconstruction_error(self, vae: VAE) -> dict[str, float]:
        """Return the root mean squared difference of validation images from their reconstructions."""
        images = self.data.valid.subset(slice(MEASURED))
        rebuilt = inference.decode(vae.decoder, inference.encode(vae, images, self.device).mean)
        return {"reconstruction_error": float((rebuilt - images.at(slice(None))[0]).square().mean().sqrt())}

    def encodings(self, vae: VAE) -> Encodings:
        """Return q(z|x) of all training images, on the workspace's device."""
        if vae not in self._encodings:
            self._encodings[vae] = inference.encodings(vae, self.data.train, self.device)
        return self._encodings[vae]

    def actor(self, kind: str, vae: VAE | None = None) -> Actor:
        """Return the actor of one of the preset's constraints (sections 3 and 4).

        Args:
            vae: whose latent space the actor moves vectors in; the workspace's own without it.
        """
        actor = self._adversaries(kind, vae)["actor"]
        assert isinstance(actor, Actor)
        return actor

    def critic(self, kind: str) -> Critic:
        """Return the critic of one of the preset's constraints."""
        critic = self._adversaries(kind, None)["critic"]
        assert isinstance(critic, Critic)
        return critic

    def _adversaries(self, kind: str, vae: VAE | None) -> nn.ModuleDict:
        settings = self.preset.constraint(kind)
        labelled = kind not in UNLABELLED
        name = kind if vae is None else f"{kind}-sigma{vae.sigma_x:g}"
        of = vae or self.vae()

        labels = len(self.data.attributes) if labelled else 0

        def build() -> nn.ModuleDict:
            actor, critic = adversarial.networks(of.latent, settings, labels)
            return nn.ModuleDict({"critic": critic} if actor is None else {"actor": actor, "critic": critic})

        def train(networks: nn.ModuleDict, run: TrainingRun) -> None:
            given = self.data.train.labels.to(self.device) if labelled else None
            constraint_training.train_adversaries(networks, self.encodings(of), given, settings, run)

        depends = {"settings": settings, "vae": self.networks.card(of)}
        about = About(
            f"The critic, and the actor if there is one, of the constraint `{kind}` in latent space.",
            False,
            (
                "from torch import nn",
                "from melodylc.latent.adversarial import AdversarialSettings, networks",
                "",
                f"actor, critic = networks({of.latent}, {settings}, {labels})",
                'network = nn.ModuleDict({"critic": critic} if actor is None else {"actor": actor, "critic": critic})',
            ),
        )
        return self.networks.load_or_train(name, build, train, depends, about)

    def attribute_critic(self) -> Critic:
        """Return D_attr, which predicts labels from encodings (section 5)."""
        vae, preset = self.vae(), self.preset
        training, hidden, penalty = preset.attributes, preset.critic_hidden, preset.attribute_penalty

        def build() -> Critic:
            return Critic(vae.latent, hidden, len(self.data.attributes))

        def train(critic: Critic, run: TrainingRun) -> None:
            labels = self.data.train.labels.to(self.device)
            encodings = self.encodings(vae)
            constraint_training.train_attribute_critic(critic, encodings, labels, training, hidden, penalty, run)

        depends = {
            "hidden": hidden,
            "training": training,
            "gradient_penalty": penalty,
            "vae": self.networks.card(vae),
        }

        def measure(critic: Critic) -> dict[str, float]:
            images = self.data.valid.subset(slice(MEASURED))
            with torch.no_grad():
                found = critic(inference.encode(vae, images, self.device).mean).cpu()
            return metrics.label_scores(found, images.labels, self.data.exclusive)

        code = (
            "from melodylc.latent.networks import Critic",
            "",
            f"network = Critic({vae.latent}, {hidden}, {len(self.data.attributes)})",
        )
        about = About("D_attr, which predicts labels from encodings.", True, code, measure)
        return self.networks.load_or_train("attribute-critic", build, train, depends, about)

    # -- images and vectors passed through them

    def prior(self, count: int, latent: int, *, seed: int = 0) -> Tensor:
        """Draw from N(0, I), (B, Z); the draws are the same for the same seed."""
        generator = torch.Generator().manual_seed(self.seed * PRIOR_STRIDE + seed)
        return torch.randn(count, latent, generator=generator).to(self.device)

    def encode(self, vae: VAE, images: Images) -> Posterior:
        """Return q(z|x) of images, on the workspace's device."""
        return inference.encode(vae, images, self.device)

    def decode(self, decoder: Callable[..., Tensor], z: Tensor, y: Tensor | None = None) -> Tensor:
        """Decode vectors (B, Z), with labels (B, Y) for a conditional decoder, to images on the CPU."""
        return inference.decode(decoder, z, y)

    def logits(self, images: Tensor) -> Tensor:
        """Return the classifier's logits of images, (N, Y), on the CPU."""
        return inference.logits(self.classifier(), images, self.device)

    def features(self, images: Tensor) -> Tensor:
        """Return the classifier's penultimate features of images, (N, F), on the CPU."""
        return inference.features(self.classifier(), images, self.device)

    def label_scores(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Return how well the classifier finds labels in images that should have them."""
        return metrics.label_scores(self.logits(images), labels.cpu(), self.data.exclusive)

    def frechet(self, images: Tensor) -> float:
        """Return the Frechet distance of images to the test images, on the classifier's features."""
        return metrics.frechet(self.features(images), self._test_features)

    @cached_property
    def _test_features(self) -> Tensor:
        return self.features(self.data.test.at(slice(None))[0])

    def test_labels(self, count: int) -> Tensor:
        """Draw labels of test images (count, Y), the same for the same seed; conditional samples are made for them."""
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randint(len(self.data.test), (count,), generator=generator)
        return self.data.test.labels[rows].to(self.device)


def _vae_name(sigma_x: float, objective: Objective, training: TrainingSettings, conditional: bool) -> str:
    parts = ["vae", f"sigma{sigma_x:g}", f"steps{training.steps}"]
    if objective != ELBO:
        parts += [f"{name}{weight:g}" for name, weight in asdict(objective).items()]
    return "-".join([*parts, "labels"] if conditional else parts)
