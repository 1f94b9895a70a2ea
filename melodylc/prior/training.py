"""Training the prior of a model: flow matching over the bars of a corpus, as the model's encoder sees them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import LABELS
from melodylc.base import numbers, storage
from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.extraction.corpus import Corpus
from melodylc.latent.flow import FlowSizes, VelocityField, flow_loss
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.precision import half_precision
from melodylc.melody import BARS
from melodylc.prior.basis import Basis
from melodylc.prior.examples import Examples, principal
from melodylc.vae.data import TrainingWindows
from melodylc.vae.model import MelodyVAE

CHECKPOINT = "prior-checkpoint.safetensors"
CHECKPOINT_EVERY = 240  # seconds
LOG_EVERY = 50  # steps
WARM_UP = 200  # steps over which the learning rate grows from 0
LARGEST_NORM = 1.0
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class PriorSettings:
    """How a prior is trained."""

    steps: int = 12_000
    batch: int = 192
    learning_rate: float = 1e-3
    decay: float = 0.4  # the last share of the steps, over which the learning rate falls to 0
    average: float = 0.999  # decay of the moving average, a step
    pool: int = 60_000  # encoded examples that batches are drawn from
    fresh: int = 24  # of them replaced at each step
    units: int = 192
    layers: int = 6
    heads: int = 6


class PriorTrainer:
    """A velocity network in the middle of its training; every step's draws come from (seed, step)."""

    def __init__(
        self, vae: MelodyVAE, windows: TrainingWindows, tracks: np.ndarray, settings: PriorSettings, seed: int
    ):
        self.settings, self.seed, self.step, self.seconds = settings, seed, 0, 0.0
        self.basis = principal(vae, windows, np.random.default_rng([seed, 0]))
        self.examples = Examples(vae, windows, tracks, self.basis, settings.pool)
        sizes = FlowSizes(BARS, len(self.basis.units), LABELS, settings.units, settings.layers, settings.heads)
        self.device = next(vae.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.field = VelocityField(sizes).to(self.device)
        self.average = MovingAverage(self.field)
        self.optimiser = torch.optim.AdamW(
            self.field.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY, fused=True
        )

    def one_step(self) -> float:
        """Make one step; returns the loss."""
        settings = self.settings
        rng = np.random.default_rng([self.seed, 1, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        rate = min(1.0, (self.step + 1) / WARM_UP) * final_decay(self.step, settings.steps, settings.decay)
        set_learning_rate(self.optimiser, settings.learning_rate * rate)
        self.examples.add(settings.fresh, rng)
        bars, labels = self.examples.draw(settings.batch, rng)
        with half_precision(self.device):
            loss = flow_loss(self.field, bars.to(self.device), labels.to(self.device), generator)
        descend(self.optimiser, loss, LARGEST_NORM)
        self.average.follow(self.field, min(settings.average, (self.step + 1) / (self.step + 10)))
        self.step += 1
        return loss.item()

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        tensors: dict[str, Tensor] = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.network.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
        tensors |= {f"basis.{name}": value for name, value in self.basis.tensors().items()}
        card = {"step": self.step, "seconds": self.seconds, "seed": self.seed, "settings": asdict(self.settings)}
        storage.write_tensors(folder / CHECKPOINT, tensors, card)

    def restore(self, folder: Path) -> None:
        """Go on where a checkpoint was made."""
        tensors, card = storage.read_tensors_and_card(folder / CHECKPOINT, "a checkpoint of the prior")

        def under(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        self.field.load_state_dict(under("field."))
        self.average.network.load_state_dict(under("average."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in under("adam.").items():
            index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.basis = self.examples.basis = Basis(**under("basis."))
        self.step, self.seconds, self.seed = card["step"], card["seconds"], card["seed"]


def train_field(
    vae: MelodyVAE,
    corpus: Corpus,
    folder: Path,
    settings: PriorSettings,
    *,
    seed: int = 0,
    resume: bool = False,
    progress: bool = True,
    on_checkpoint: Callable[[PriorTrainer], None] = lambda _: None,
) -> PriorTrainer:
    """Train the velocity network; checkpoints and log in the folder. Ctrl-C saves and stops.

    Raises:
        UserError: for a checkpoint that cannot be used, or that is there and not to be resumed.
    """
    numbers.seed(seed)
    checkpoint = folder / CHECKPOINT
    if not resume and checkpoint.exists():
        raise UserError(f"prior: there is {checkpoint} already; go on with --resume, or remove it to begin anew")
    trainer = PriorTrainer(vae, TrainingWindows(corpus, "train"), corpus.tracks("train"), settings, seed)
    if resume and checkpoint.exists():
        trainer.restore(folder)
    trainer.examples.fill(np.random.default_rng([trainer.seed, 2, trainer.step]))
    saved = trainer.seconds
    mean = 0.0
    try:
        with bar_of(settings.steps, unit="step", desc="prior", done=trainer.step, show=progress) as bar:
            while trainer.step < settings.steps:
                began = time.monotonic()
                mean += trainer.one_step() / LOG_EVERY
                trainer.seconds += time.monotonic() - began
                bar.update()
                if trainer.step % LOG_EVERY == 0:
                    with (folder / "prior-log.csv").open("a") as log:
                        log.write(f"{trainer.step},{trainer.seconds:.0f},{mean:.5f}\n")
                    bar.set_postfix({"loss": f"{mean:.4f}"}, refresh=False)
                    mean = 0.0
                if trainer.seconds - saved > CHECKPOINT_EVERY:
                    trainer.save(folder)
                    on_checkpoint(trainer)
                    saved = trainer.seconds
    finally:
        trainer.save(folder)
    return trainer
