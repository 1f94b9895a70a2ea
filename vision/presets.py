"""Sizes of a run: `quick` for two cores, `paper` for a GPU (section 9.2), `smoke` to see that all of it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from melodylc.latent.adversarial import AdversarialSettings
from melodylc.latent.networks import LARGE, SMALL
from vision.models import Architecture

SQUARES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)  # sigma_x^2 of table 4


CONDITIONAL = {  # the rows of table 1
    "free": "actor, lambda 0 (figures 4, 7)",
    "small": "small actor, lambda 0 (figure 14)",
    "distance": "actor, distance penalty (figures 4, 8)",
}


@dataclass(frozen=True)
class Training:
    """How long a network is trained."""

    steps: int
    batch: int = 128
    learning_rate: float = 3e-4


@dataclass(frozen=True)
class FlowPreset:
    """The coverage and quality experiment."""

    training: Training
    couplings: int = 8
    hidden: int = 512
    quality: float = 0.1  # weight of the adversarial term beside nats per dimension


@dataclass(frozen=True)
class Constraints:
    """Actors and critics of three sizes; none of them knows a distance penalty yet."""

    large: AdversarialSettings
    small: AdversarialSettings
    inner: AdversarialSettings  # an inner loop in place of an actor


@dataclass(frozen=True)
class ExperimentPreset:
    """Everything that the experiments on a data set depend on but the data and the seed."""

    name: str
    architecture: Architecture  # of the VAE
    judge: Architecture  # of the classifier
    vae: Training
    classifier: Training
    sweep: Training  # of each of the VAEs compared by sigma_x
    variants: Training  # of the VAEs compared by objective, and of the plain autoencoder
    pixels: Training  # of the conditional GAN in pixels
    constraints: Constraints
    attributes: Training  # of the attribute critic
    draws: int  # images judged for each row of a table
    sigma_x: float = 0.1
    penalty: float = 0.1  # lambda_dist; a mean over dimensions, so it means less the more of them are unused
    jitter: int = 0  # pixels by which the classifier's examples are moved
    mirror: bool = False  # whether they are also mirrored
    critic_hidden: tuple[int, ...] = LARGE  # of the attribute critic
    flow: FlowPreset | None = None

    def as_listed(self) -> ExperimentPreset:
        """With convolutional encoders in the order in which the paper lists their layers."""
        return replace(self, architecture=self.architecture.as_listed(), judge=self.judge.as_listed())

    def constraint(self, kind: str) -> AdversarialSettings:
        """How an actor and a critic of a kind are learned: `realism` and `inner` without labels, the others with."""
        of = self.constraints
        return {
            "free": of.large,
            "distance": replace(of.large, penalty=self.penalty),
            "small": of.small,
            "auxiliary": replace(of.large, auxiliary=True),
            "realism": replace(of.large, penalty=self.penalty),
            "inner": of.inner,
        }[kind]


_PAPER = Constraints(
    large=AdversarialSettings(steps=20_000),
    small=AdversarialSettings(steps=20_000, actor_hidden=SMALL, critic_hidden=SMALL),
    inner=AdversarialSettings(steps=5_000, actor_hidden=None, inner_steps=100),
)
_ROUGH = AdversarialSettings(
    steps=1000, critic_steps=3, batch=64, learning_rate=1e-3, label_units=64, average=0.99, decay=0.5
)
_QUICK = Constraints(
    large=replace(_ROUGH, actor_hidden=(384,) * 3, critic_hidden=(384,) * 3),
    small=replace(_ROUGH, actor_hidden=(96,) * 3, critic_hidden=(96,) * 3, label_units=32),
    inner=replace(_ROUGH, actor_hidden=None, critic_hidden=(384,) * 3, steps=250, critic_steps=2),
)

_MNIST = Architecture(latent=64, hidden=(512, 512, 512))
_FACES = Architecture(latent=128, channels=(32, 64, 128, 256))

MNIST = {
    "quick": ExperimentPreset(
        name="quick",
        architecture=_MNIST,
        judge=_MNIST,
        vae=Training(5000, learning_rate=1e-3),
        classifier=Training(4000, learning_rate=1e-3),
        sweep=Training(1500, learning_rate=1e-3),
        variants=Training(1500, learning_rate=1e-3),
        pixels=Training(2000, batch=64),
        constraints=_QUICK,
        attributes=Training(1500),
        critic_hidden=(512, 512),
        draws=2000,
        penalty=0.05 * 64 / 1024,
        jitter=2,
        flow=FlowPreset(Training(1000, batch=64, learning_rate=1e-3), couplings=4, hidden=128),
    ),
    "paper": ExperimentPreset(
        name="paper",
        architecture=Architecture(latent=1024, hidden=(1024, 1024, 1024)),
        judge=Architecture(latent=1024, hidden=(1024, 1024, 1024)),
        vae=Training(100_000),
        classifier=Training(20_000),
        sweep=Training(50_000),
        variants=Training(50_000),
        pixels=Training(50_000),
        constraints=_PAPER,
        attributes=Training(20_000),
        draws=10_000,
        jitter=2,
        flow=FlowPreset(Training(100_000)),
    ),
}
CELEBA = {
    "quick": ExperimentPreset(
        name="quick",
        architecture=_FACES,
        judge=_FACES,
        vae=Training(3000, batch=64, learning_rate=1e-3),
        classifier=Training(1500, batch=64, learning_rate=1e-3),
        sweep=Training(700, batch=64, learning_rate=1e-3),
        variants=Training(700, batch=64, learning_rate=1e-3),
        pixels=Training(800, batch=32),
        constraints=_QUICK,
        attributes=Training(1500),
        critic_hidden=(512, 512),
        draws=1000,
        penalty=0.05 * 128 / 1024,
        jitter=2,
        mirror=True,
    ),
    "paper": ExperimentPreset(
        name="paper",
        architecture=Architecture(latent=1024, channels=(256, 512, 1024, 2048)),
        judge=Architecture(latent=1024, channels=(256, 512, 1024, 2048)),
        vae=Training(200_000),
        classifier=Training(30_000),
        sweep=Training(50_000),
        variants=Training(50_000),
        pixels=Training(100_000, batch=64),
        constraints=_PAPER,
        attributes=Training(20_000),
        draws=10_000,
        mirror=True,
    ),
}


def _smoke(quick: ExperimentPreset) -> ExperimentPreset:
    """All of it in a minute or two, to see that it runs; what it reaches means nothing."""
    brief = AdversarialSettings(steps=3, critic_steps=1, batch=16, label_units=8)
    few = Training(4, batch=16)
    narrow = replace(
        quick.architecture,
        latent=8,
        hidden=tuple(32 for _ in quick.architecture.hidden),
        channels=tuple(4 << at for at, _ in enumerate(quick.architecture.channels)),
    )
    return replace(
        quick,
        name="smoke",
        architecture=narrow,
        judge=narrow,
        vae=few,
        classifier=few,
        sweep=few,
        variants=few,
        pixels=few,
        attributes=few,
        constraints=Constraints(
            large=replace(brief, actor_hidden=(16,), critic_hidden=(16,)),
            small=replace(brief, actor_hidden=(8,), critic_hidden=(8,)),
            inner=replace(brief, actor_hidden=None, critic_hidden=(16,), inner_steps=2),
        ),
        critic_hidden=(16,),
        draws=40,
        flow=quick.flow and FlowPreset(few, couplings=2, hidden=16),
    )


MNIST["smoke"] = _smoke(MNIST["quick"])
CELEBA["smoke"] = _smoke(CELEBA["quick"])
