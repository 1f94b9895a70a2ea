"""The presets: `quick` for two cores, `paper` for a GPU (section 9.2), `smoke` to check that everything runs.

Names of fields are part of the cards and results on disk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from melodylc.latent.adversarial import AdversarialSettings
from melodylc.latent.networks import LARGE, SMALL
from melodylc.latent.optimisers import LEARNING_RATE
from vision.models import Architecture

SIGMA_X_SQUARED = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)  # of table 4

GAN_RATE = 2e-4  # learning rate of generators in pixels (Radford et al. 2015)
GAN_BETAS = (0.5, 0.999)  # of Adam, theirs and their critics' (the same)

CONDITIONAL = {  # the rows of table 1
    "free": "actor, lambda 0 (figures 4, 7)",
    "small": "small actor, lambda 0 (figure 14)",
    "distance": "actor, distance penalty (figures 4, 8)",
}


@dataclass(frozen=True)
class TrainingSettings:
    """The length of a training, and its learning rate."""

    steps: int
    batch: int = 128
    learning_rate: float = LEARNING_RATE


@dataclass(frozen=True)
class FlowSettings:
    """The settings of the coverage and quality experiment."""

    training: TrainingSettings
    couplings: int = 8
    hidden: int = 512
    quality: float = 0.1  # weight of the adversarial term beside nats per dimension


@dataclass(frozen=True)
class ConstraintSettings:
    """The settings of actors and critics of three sizes, without the distance penalty that the preset adds."""

    large: AdversarialSettings
    small: AdversarialSettings
    inner: AdversarialSettings  # an inner loop in place of an actor


@dataclass(frozen=True)
class ExperimentPreset:
    """Everything that the experiments on a data set depend on, but the data and the seed."""

    name: str
    architecture: Architecture  # of the VAE
    judge: Architecture  # of the classifier
    vae: TrainingSettings
    classifier: TrainingSettings
    sweep: TrainingSettings  # of each of the VAEs compared by sigma_x
    variants: TrainingSettings  # of the VAEs compared by objective, and of the plain autoencoder
    pixels: TrainingSettings  # of each of the generators in pixels
    pixel_layers: Architecture  # of their networks, and of coverage models
    priors: TrainingSettings  # of each of the densities of encodings
    constraints: ConstraintSettings
    attributes: TrainingSettings  # of the attribute critic
    draws: int  # images judged for each row of a table
    flow: FlowSettings  # of coverage models
    sigma_x: float = 0.1
    penalty: float = 0.1  # lambda_dist, of a mean over dimensions: the more of them are unused, the less it weighs
    jitter: int = 0  # pixels by which the classifier's examples are shifted, at most
    mirror: bool = False  # whether they are also mirrored
    pseudo_inputs: int = 500  # of VampPrior, at most; all of them are encoded in each step
    critic_hidden: tuple[int, ...] = LARGE  # of the attribute critic
    attribute_penalty: float = 10.0  # weight of the gradient penalty of the attribute critic

    def as_listed(self) -> ExperimentPreset:
        """Return the preset with convolutional encoders in the order in which the paper lists their layers."""
        return replace(self, architecture=self.architecture.as_listed(), judge=self.judge.as_listed())

    def batches(self) -> set[int]:
        """Return the sizes of the batches that the trainings have."""
        trainings = [self.vae, self.classifier, self.sweep, self.variants, self.pixels, self.priors, self.attributes]
        trainings.append(self.flow.training)
        constraints = (self.constraints.large, self.constraints.small, self.constraints.inner)
        return {each.batch for each in trainings} | {each.batch for each in constraints}

    def constraint(self, kind: str) -> AdversarialSettings:
        """Return the settings of a constraint: `realism` and `inner` are without labels, the others with."""
        of = self.constraints
        return {
            "free": of.large,
            "distance": replace(of.large, penalty=self.penalty),
            "small": of.small,
            "auxiliary": replace(of.large, auxiliary=True),
            "realism": replace(of.large, penalty=self.penalty),
            "inner": of.inner,
        }[kind]


_PAPER = ConstraintSettings(
    large=AdversarialSettings(steps=20_000),
    small=AdversarialSettings(steps=20_000, actor_hidden=SMALL, critic_hidden=SMALL, label_units=SMALL[0]),
    inner=AdversarialSettings(steps=5_000, actor_hidden=None, inner_steps=100),
)
_ROUGH = AdversarialSettings(steps=1000, critic_steps=3, batch=64, learning_rate=1e-3, average=0.99, decay=0.5)
# Labels go through as many units as a hidden layer has, as in the authors' notebook. The fewer they are, the less
# labels weigh beside z in the first layer to begin with; with 32 units some seeds did not learn some of the digits.
_QUICK = ConstraintSettings(
    large=replace(_ROUGH, actor_hidden=(384,) * 3, critic_hidden=(384,) * 3, label_units=384),
    small=replace(_ROUGH, actor_hidden=(96,) * 3, critic_hidden=(96,) * 3, label_units=96),
    inner=replace(_ROUGH, actor_hidden=None, critic_hidden=(384,) * 3, steps=250, critic_steps=2),
)

# lambda_dist of Z dimensions is this times Z / 1024: the penalty is a mean, and most of the paper's 1,024 are unused
_QUICK_PENALTY = 0.05
_MNIST = Architecture(latent=64, hidden=(512, 512, 512))
_MNIST_PIXELS = Architecture(latent=64, channels=(32, 64), kernels=(5, 5))
_FACES = Architecture(latent=128, channels=(32, 64, 128, 256))

MNIST = {
    "quick": ExperimentPreset(
        name="quick",
        architecture=_MNIST,
        judge=_MNIST,
        vae=TrainingSettings(5000, learning_rate=1e-3),
        classifier=TrainingSettings(4000, learning_rate=1e-3),
        sweep=TrainingSettings(1500, learning_rate=1e-3),
        variants=TrainingSettings(1500, learning_rate=1e-3),
        pixels=TrainingSettings(1500, 32, GAN_RATE),
        pixel_layers=_MNIST_PIXELS,
        priors=TrainingSettings(2000, batch=256, learning_rate=1e-3),
        constraints=_QUICK,
        attributes=TrainingSettings(1500),
        critic_hidden=(512, 512),
        attribute_penalty=0.01,
        draws=2000,
        penalty=_QUICK_PENALTY * 64 / 1024,
        jitter=2,
        flow=FlowSettings(TrainingSettings(1000, batch=64, learning_rate=1e-3), couplings=4, hidden=128),
    ),
    "paper": ExperimentPreset(
        name="paper",
        architecture=Architecture(latent=1024, hidden=(1024, 1024, 1024)),
        judge=Architecture(latent=1024, hidden=(1024, 1024, 1024)),
        vae=TrainingSettings(100_000),
        classifier=TrainingSettings(20_000),
        sweep=TrainingSettings(50_000),
        variants=TrainingSettings(50_000),
        pixels=TrainingSettings(50_000, learning_rate=GAN_RATE),
        pixel_layers=Architecture(latent=128, channels=(64, 128), kernels=(5, 5)),
        priors=TrainingSettings(50_000, batch=256),
        constraints=_PAPER,
        attributes=TrainingSettings(20_000),
        draws=10_000,
        jitter=2,
        flow=FlowSettings(TrainingSettings(100_000)),
    ),
}
CELEBA = {
    "quick": ExperimentPreset(
        name="quick",
        architecture=_FACES,
        judge=_FACES,
        vae=TrainingSettings(3000, batch=64, learning_rate=1e-3),
        classifier=TrainingSettings(1500, batch=64, learning_rate=1e-3),
        sweep=TrainingSettings(700, batch=64, learning_rate=1e-3),
        variants=TrainingSettings(700, batch=64, learning_rate=1e-3),
        pixels=TrainingSettings(800, 32, GAN_RATE),
        pixel_layers=_FACES,
        priors=TrainingSettings(2000, batch=256, learning_rate=1e-3),
        constraints=_QUICK,
        attributes=TrainingSettings(1500),
        critic_hidden=(512, 512),
        attribute_penalty=0.01,
        draws=1000,
        flow=FlowSettings(TrainingSettings(400, batch=32, learning_rate=1e-3), couplings=4, hidden=128),
        penalty=_QUICK_PENALTY * 128 / 1024,
        pseudo_inputs=64,
        jitter=2,
        mirror=True,
    ),
    "paper": ExperimentPreset(
        name="paper",
        architecture=Architecture(latent=1024, channels=(256, 512, 1024, 2048)),
        judge=Architecture(latent=1024, channels=(256, 512, 1024, 2048)),
        vae=TrainingSettings(200_000),
        classifier=TrainingSettings(30_000),
        sweep=TrainingSettings(50_000),
        variants=TrainingSettings(50_000),
        pixels=TrainingSettings(100_000, 64, GAN_RATE),
        pixel_layers=Architecture(latent=128, channels=(64, 128, 256, 512)),
        priors=TrainingSettings(50_000, batch=256),
        constraints=_PAPER,
        attributes=TrainingSettings(20_000),
        draws=10_000,
        flow=FlowSettings(TrainingSettings(100_000, batch=64)),
        mirror=True,
    ),
}


def _smoke(quick: ExperimentPreset) -> ExperimentPreset:
    """Return a preset that runs everything in a minute or two; what it reaches means nothing."""
    brief = AdversarialSettings(steps=3, critic_steps=1, batch=16, label_units=8)
    few = TrainingSettings(4, batch=16)

    def narrow(architecture: Architecture) -> Architecture:
        return replace(
            architecture,
            latent=8,
            hidden=tuple(32 for _ in architecture.hidden),
            channels=tuple(4 << at for at, _ in enumerate(architecture.channels)),
        )

    return replace(
        quick,
        name="smoke",
        architecture=narrow(quick.architecture),
        judge=narrow(quick.judge),
        pixel_layers=narrow(quick.pixel_layers),
        vae=few,
        classifier=few,
        sweep=few,
        variants=few,
        pixels=few,
        priors=few,
        attributes=few,
        constraints=ConstraintSettings(
            large=replace(brief, actor_hidden=(16,), critic_hidden=(16,)),
            small=replace(brief, actor_hidden=(8,), critic_hidden=(8,)),
            inner=replace(brief, actor_hidden=None, critic_hidden=(16,), inner_steps=2),
        ),
        critic_hidden=(16,),
        draws=40,
        flow=FlowSettings(few, couplings=2, hidden=16),
    )


MNIST["smoke"] = _smoke(MNIST["quick"])
CELEBA["smoke"] = _smoke(CELEBA["quick"])
