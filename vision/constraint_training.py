"""The training of latent actors and critics (sections 3 to 5) as networks of a workspace."""

from __future__ import annotations

from torch import Tensor, nn

from melodylc.latent.adversarial import (
    AdversarialLearning,
    AdversarialSettings,
    AttributeLearning,
    LabelledEncodings,
)
from melodylc.latent.networks import Critic
from vision.inference import Encodings
from vision.presets import TrainingSettings
from vision.training_loop import Part, TrainingRun, train


def train_adversaries(
    networks: nn.ModuleDict,
    encodings: Encodings,
    labels: Tensor | None,
    settings: AdversarialSettings,
    run: TrainingRun,
) -> None:
    """Train a critic and, unless the settings have none, an actor; with labels, both are conditioned on them."""
    labelled = LabelledEncodings(encodings.mean, encodings.sigma, labels)
    learning = AdversarialLearning(labelled, encodings.sigma_bar, settings, run.seed, run.processes)
    kept: dict[str, nn.Module] = {"critic": learning.judge.critic}
    parts: dict[str, Part] = {"critic": (learning.judge.critic, learning.optimisers[0])}
    if learning.actor is not None and learning.average is not None:
        kept["actor"] = learning.average.network
        parts |= {"actor": (learning.actor, learning.optimisers[1]), "average": (learning.average.network, None)}

    def step(number: int) -> dict[str, float]:
        row = learning.step(number)
        return {"real": row.real, "moved": row.moved}

    train(step, parts, settings.steps, run, learning.generator)
    for name, network in networks.items():
        network.load_state_dict(kept[name].state_dict())


def train_attribute_critic(
    critic: Critic,
    encodings: Encodings,
    labels: Tensor,
    training: TrainingSettings,
    hidden: tuple[int, ...],
    gradient_penalty: float,
    run: TrainingRun,
) -> None:
    """Train D_attr, which predicts labels from encodings (section 5)."""
    labelled = LabelledEncodings(encodings.mean, encodings.sigma, labels)
    learning = AttributeLearning(
        labelled, hidden, training.batch, training.learning_rate, run.seed, run.processes, gradient_penalty
    )
    parts: dict[str, Part] = {"critic": (learning.critic, learning.optimiser)}
    train(lambda _: {"loss": learning.step()}, parts, training.steps, run, learning.generator)
    critic.load_state_dict(learning.critic.state_dict())
