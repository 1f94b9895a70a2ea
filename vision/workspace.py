"""A study: a data set, a preset and a seed, and the networks made for it, each made once and kept on disk."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.latent import adversarial
from melodylc.latent.networks import Actor, Critic
from vision import metrics, network_training, storage
from vision.data.images import Dataset, Images
from vision.models import VAE, Encoder
from vision.objectives import ELBO, Objective
from vision.presets import ExperimentPreset, Training
from vision.training import Run

Module = TypeVar("Module", bound=nn.Module)
LAST_SEED = 2**32 - 1  # each step's own seed is a multiple of it, and has to fit torch's
CHUNK = 250  # images passed through a network at once where nothing is learned


@dataclass(frozen=True)
class Encodings:
    """q(z|x) of the training images, on the device of the study."""

    mean: Tensor  # (N, Z)
    sigma: Tensor | None  # (N, Z); None for a plain autoencoder
    sigma_bar: Tensor  # (Z,), the mean of sigma: the scale of the distance penalty


class Workspace:
    """What experiments share. Networks lie in `out/models`, results and figures in `out`."""

    def __init__(
        self,
        data: Dataset,
        preset: ExperimentPreset,
        out: Path,
        *,
        seed: int = 0,
        objective: Objective = ELBO,
        device: str = "cpu",
        progress: bool = True,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LAST_SEED:
            raise UserError(f"seed: expected a whole number from 0 to {LAST_SEED}, got {seed!r}")
        self.data, self.preset, self.out, self.seed, self.objective = data, preset, out, seed, objective
        self.device, self.progress = torch.device(device), progress
        self._made: dict[str, Any] = {}
        self._cards: dict[nn.Module, Any] = {}  # what each of the networks depends on
        # of the images themselves: weights of one data set must not be taken up with another
        head = data.train.pixels[:: max(1, len(data.train) // 64)].numpy().tobytes()
        self.data_mark = f"{data.name}, {data.source}, {zlib.crc32(head):08x}"

    # -- networks, made on first use

    def classifier(self) -> Encoder:
        """Tells labels from images; never sees anything but the training images."""

        def build() -> Encoder:
            return Encoder(self.data.shape, self.preset.judge, len(self.data.attributes))

        def make(network: Encoder, run: Run) -> None:
            network_training.train_classifier(network, self.data.train, self.preset, run, self.device)

        settings = {"architecture": self.preset.judge, "training": self.preset.classifier}
        return self.load_or_train("classifier", build, make, settings)

    def vae(
        self,
        sigma_x: float | None = None,
        objective: Objective | None = None,
        *,
        training: Training | None = None,
        conditional: bool = False,
    ) -> VAE:
        """The VAE of the preset, or a variation of it."""
        sigma_x = self.preset.sigma_x if sigma_x is None else sigma_x
        objective = self.objective if objective is None else objective
        training = self.preset.vae if training is None else training
        settings = {
            "architecture": self.preset.architecture,
            "sigma_x": sigma_x,
            "objective": objective,
            "training": training,
            "conditional": conditional,
        }
        weights = "-".join(f"{name}{value:g}" for name, value in asdict(objective).items()) if objective != ELBO else ""
        name = "-".join(
            part
            for part in ("vae", f"sigma{sigma_x:g}", f"steps{training.steps}", weights, "labels" * conditional)
            if part
        )

        def build() -> VAE:
            labels = len(self.data.attributes) if conditional else 0
            return VAE(self.data.shape, self.preset.architecture, sigma_x, labels)

        def make(network: VAE, run: Run) -> None:
            network_training.train_vae(
                network, self.data.train, objective, training, self.preset.critic_hidden, run, self.device
            )

        return self.load_or_train(name, build, make, settings)

    def encodings(self, vae: VAE) -> Encodings:
        """q(z|x) of all training images."""
        key = f"encodings {id(vae)}"
        if key not in self._made:
            mean, sigma = self.encode(vae, self.data.train)
            bar = sigma.mean(dim=0)
            self._made[key] = (
                Encodings(mean, sigma, bar) if vae.sigma_x else Encodings(mean, None, torch.ones_like(bar))
            )
        return self._made[key]

    def actor(self, kind: str, vae: VAE | None = None) -> Actor:
        """The actor of a constraint of the preset (sections 3 and 4), in the latent space of a VAE (the study's)."""
        actor = self._adversaries(kind, vae)["actor"]
        assert isinstance(actor, Actor)
        return actor

    def critic(self, kind: str) -> Critic:
        """The critic of a constraint of the preset."""
        critic = self._adversaries(kind, None)["critic"]
        assert isinstance(critic, Critic)
        return critic

    def _adversaries(self, kind: str, vae: VAE | None) -> nn.ModuleDict:
        settings = self.preset.constraint(kind)
        labelled = kind not in ("realism", "inner")
        name = kind if vae is None else f"{kind}-sigma{vae.sigma_x:g}"
        of = vae or self.vae()

        def build() -> nn.ModuleDict:
            labels = len(self.data.attributes) if labelled else 0
            actor, critic = adversarial.networks(of.latent, settings, labels)
            return nn.ModuleDict({"critic": critic} if actor is None else {"actor": actor, "critic": critic})

        def make(pair: nn.ModuleDict, run: Run) -> None:
            found = self.encodings(of)
            with self.bar(settings.steps, name) as bar:

                def watch(row: adversarial.Progress) -> None:
                    if row.step % 20 == 0:
                        bar.set_postfix({"real": f"{row.real:.3f}", "moved": f"{row.moved:.3f}"}, refresh=False)
                    bar.update()

                learned = adversarial.train_adversaries(
                    found.mean,
                    found.sigma_bar,
                    settings,
                    sigma=found.sigma,
                    labels=self.data.train.labels.to(self.device) if labelled else None,
                    seed=run.seed,
                    on_step=watch,
                )
            if len(learned.curve) < settings.steps:  # it keeps what there is when interrupted; a study does not
                raise KeyboardInterrupt
            for part, network in pair.items():
                network.load_state_dict(getattr(learned, part).state_dict())

        return self.load_or_train(name, build, make, {"settings": settings, "vae": self._cards[of]})

    def attribute_critic(self) -> Critic:
        """D_attr: labels from encodings (section 5)."""
        vae, training = self.vae(), self.preset.attributes

        def build() -> Critic:
            return Critic(vae.latent, self.preset.critic_hidden, len(self.data.attributes))

        def make(critic: Critic, run: Run) -> None:
            found = self.encodings(vae)
            learned = adversarial.train_attribute_critic(
                found.mean,
                self.data.train.labels.to(self.device),
                sigma=found.sigma,
                hidden=self.preset.critic_hidden,
                steps=training.steps,
                batch=training.batch,
                learning_rate=training.learning_rate,
                seed=run.seed,
            )
            critic.load_state_dict(learned.state_dict())

        of = {"hidden": self.preset.critic_hidden, "training": training, "vae": self._cards[vae]}
        return self.load_or_train("attribute-critic", build, make, of)

    def load_or_train(
        self,
        name: str,
        build: Callable[[], Module],
        make: Callable[[Module, Run], None],
        settings: Mapping[str, Any],
    ) -> Module:
        """The network `name`, from this study's memory, from disk, or made now and put there.

        Args:
            build: an untrained one.
            make: trains it in place.
            settings: what the network depends on, beside data and seed.

        Raises:
            UserError: if what lies on disk was made with other settings.
        """
        if name in self._made:
            return self._made[name]
        card = {"name": name, "data": self.data_mark, "seed": self.seed, **settings}
        card = json.loads(json.dumps(card, default=asdict))  # as it is read back
        path = self.out / "models" / f"{name}.safetensors"
        seed = self.seed + zlib.crc32(name.encode()) % 1_000_000  # networks of one study differ in their noise
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = build().to(self.device)
        if path.exists():
            tensors, found = storage.read_tensors(path)
            if found != card:
                other = next(key for key in {**card, **found} if card.get(key) != found.get(key))
                raise UserError(
                    f"{path} was made with another {other} ({_short(found.get(other))}, "
                    f"now {_short(card.get(other))}); name another --out"
                )
            network.load_state_dict(tensors)
        else:
            checkpoint = path.with_suffix(".checkpoint")
            with torch.enable_grad():  # also where what needs it only looks
                make(network, Run(checkpoint, card, seed, name, self.progress))
            storage.write_tensors(path, network.state_dict(), card)
            checkpoint.unlink(missing_ok=True)
        network.requires_grad_(False).eval()
        self._made[name] = network
        self._cards[network] = card
        return network

    # -- passing images and vectors through networks, in pieces

    def prior(self, count: int, latent: int, *, seed: int = 0) -> Tensor:
        """(B, Z) draws of N(0, I), the same for the same seed."""
        generator = torch.Generator().manual_seed(self.seed * 7919 + seed)
        return torch.randn(count, latent, generator=generator).to(self.device)

    @torch.no_grad()
    def encode(self, vae: VAE, images: Images) -> tuple[Tensor, Tensor]:
        """Means and sigmas, (N, Z) each."""
        parts = [vae.encode(images.at(rows)[0].to(self.device)) for rows in _slices(len(images))]
        return torch.cat([p.mean for p in parts]), torch.cat([p.sigma for p in parts])

    @torch.no_grad()
    def decode(self, decoder: nn.Module, z: Tensor, y: Tensor | None = None) -> Tensor:
        """(B, Z), with labels for a conditional decoder, to images on the CPU."""
        return torch.cat([decoder(z[rows], *(() if y is None else (y[rows],))).cpu() for rows in _slices(len(z))])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """The classifier's, (B, Y), on the CPU."""
        judge = self.classifier()
        return torch.cat([judge(images[rows].to(self.device)).cpu() for rows in _slices(len(images))])

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The classifier's penultimate features, (B, F), on the CPU."""
        judge = self.classifier()
        return torch.cat([judge.penultimate(images[rows].to(self.device)).cpu() for rows in _slices(len(images))])

    def judged(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """What the classifier says of images that should have these labels."""
        return metrics.judged(self.logits(images), labels.cpu(), self.data.exclusive)

    def frechet(self, images: Tensor) -> float:
        """The Frechet distance of the classifier's features of images to those of the test images."""
        if "test features" not in self._made:
            self._made["test features"] = self.features(self.data.test.at(slice(None))[0])
        return metrics.frechet(self.features(images), self._made["test features"])

    def asked(self, count: int) -> Tensor:
        """(count, Y) labels of test images, in an order of the seed: what conditional samples are asked for."""
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randint(len(self.data.test), (count,), generator=generator)
        return self.data.test.labels[rows].to(self.device)

    def bar(self, total: int, title: str) -> Any:
        """A progress bar."""
        return bar_of(total, unit="step", desc=title, leave=False, show=self.progress)


def _slices(count: int) -> Iterable[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
