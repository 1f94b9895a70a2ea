"""The loop that trains a generator and a critic against each other, whatever they are of."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from melodylc.latent.critics import teach
from melodylc.latent.precision import half_precision
from vision.baselines.gan import Gan
from vision.baselines.gan_losses import clip_weights
from vision.baselines.pixel_critic import MinibatchDiscrimination
from vision.batch_norm import BatchNorm
from vision.data.images import Images
from vision.presets import TrainingSettings
from vision.training_loop import Part, TrainingRun, adam, descend, train


def rounds(training: TrainingSettings, critic_steps: int) -> int:
    """Return how many steps the generator makes: with those of the critic twice `training.steps`, for all systems."""
    return max(1, 2 * training.steps // (1 + critic_steps))


def train_gan(gan: Gan, images: Images, training: TrainingSettings, run: TrainingRun) -> None:
    """Train a system in place."""
    settings = gan.settings
    for module in gan.modules():
        if isinstance(module, Gan | BatchNorm | MinibatchDiscrimination):  # they draw, or compare the images of a batch
            module.processes = run.processes
    makers = adam(gan.makers, training.learning_rate, settings.betas)
    critic = adam(gan.critic, training.learning_rate * settings.critic_rate, settings.betas)

    def precision() -> AbstractContextManager[Any]:
        # a gradient penalty is a difference of slopes, which bf16 has too few digits for
        return nullcontext() if settings.gradient_penalty else half_precision(run.processes.device)

    def critic_loss() -> Tensor:
        x, y = run.draw(images, training.batch)
        with precision():
            return gan.critic_loss(x, y)

    def clip() -> None:
        if settings.clip:
            clip_weights(gan.critic, settings.clip)

    def step(number: int) -> dict[str, Tensor]:
        told = teach(critic, critic_loss, settings.critic_steps, after=clip)
        x, y = run.draw(images, training.batch)
        with precision():
            loss = gan.generator_loss(x, y)
        descend(makers, loss)
        return {"critic": told, "generator": loss.detach()}

    parts: dict[str, Part] = {"makers": (gan.makers, makers), "critic": (gan.critic, critic)}
    train(step, parts, rounds(training, settings.critic_steps), run)
