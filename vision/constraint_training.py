"""The training of latent actors and critics (sections 3 to 5) as networks of a workspace."""

from __future__ import annotations

from torch import Tensor, nn

from melodylc.base.progress import bar as progress_bar
from melodylc.latent import adversarial
from melodylc.latent.networks import Critic
from vision.inference import Encodings
from vision.presets import TrainingSettings
from vision.training_loop import TrainingRun

SHOW_EVERY = 20  # steps from one change of the numbers beside the progress bar to the next


def train_adversaries(
    networks: nn.ModuleDict,
    encodings: Encodings,
    labels: Tensor | None,
    settings: adversarial.AdversarialSettings,
    run: TrainingRun,
) -> None:
    """Train a critic and, unless the settings have none, an actor; with labels, both are conditioned on them.

    Raises:
        KeyboardInterrupt: if it is interrupted; nothing of it is stored then.
    """
    with progress_bar(settings.steps, unit="step", desc=run.title, leave=False, show=run.progress) as bar:

        def show(row: adversarial.Progress) -> None:
            if row.step % SHOW_EVERY == 0:
                bar.set_postfix({"real": f"{row.real:.3f}", "moved": f"{row.moved:.3f}"}, refresh=False)
            bar.update()

        learned = adversarial.train_adversaries(
            encodings.mean,
            encodings.sigma_bar,
            settings,
            sigma=encodings.sigma,
            labels=labels,
            seed=run.seed,
            on_step=show,
        )
    if len(learned.curve) < settings.steps:  # it returns what it has when interrupted: half-trained here
        raise KeyboardInterrupt
    for name, network in networks.items():
        network.load_state_dict(getattr(learned, name).state_dict())


def train_attribute_critic(
    critic: Critic,
    encodings: Encodings,
    labels: Tensor,
    training: TrainingSettings,
    hidden: tuple[int, ...],
    run: TrainingRun,
) -> None:
    """Train D_attr, which predicts labels from encodings (section 5)."""
    learned = adversarial.train_attribute_critic(
        encodings.mean,
        labels,
        sigma=encodings.sigma,
        hidden=hidden,
        steps=training.steps,
        batch=training.batch,
        learning_rate=training.learning_rate,
        seed=run.seed,
    )
    critic.load_state_dict(learned.state_dict())
