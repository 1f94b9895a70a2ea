"""The steps of a training: model, moving average, optimiser and place in the recipe.

Every step's examples and noise come from (seed, stage, step), so a resumed run sees what an unbroken one would have,
and several processes see together what one would have seen.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from melodylc.base.errors import UserError
from melodylc.extraction.corpus import Corpus
from melodylc.latent.gradient_steps import descend, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.optimisers import adam
from melodylc.latent.precision import half_precision
from melodylc.latent.processes import Processes
from melodylc.vae import pca
from melodylc.vae.data import TrainingWindows, distinct_bars, transposed
from melodylc.vae.losses import Losses
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE
from melodylc.vae.presets import ModelPreset, Stage

WARM_UP = 200  # steps over which the learning rate grows from 0
LAST_RATE = 0.05  # share of its learning rate that a stage ends with
LARGEST_NORM = 1.0  # of the gradient: LSTMs over 256 steps now and then have one that would throw the weights away
PRINCIPAL = 16_384  # melodies whose bar embeddings are decomposed
PRINCIPAL_BATCH = 256
KL_RATE = 0.01  # of the weight of the KL term a step, in logarithm: slower than the KL itself, so it does not swing
KL_EXCESS = 2.0  # targets beyond which the KL makes the weight grow no faster: a stage begins far above its target
KL_WEIGHTS = (0.01, 2.0)  # bounds of the weight: above 0, so that it can grow again


class Trainer:
    """The state of a run; `training.train` drives it."""

    def __init__(self, preset: ModelPreset, corpus: Corpus, seed: int, processes: Processes) -> None:
        torch.manual_seed(seed)
        self.preset, self.seed, self.processes, self.device = preset, seed, processes, processes.device
        self.model = MelodyVAE(preset.sizes).to(self.device)
        self.average = MovingAverage(self.model)
        self.optimiser = self._adam()
        self._losses: nn.Module | None = None  # made when the weights that the processes share are there
        self.windows = TrainingWindows(corpus, "train")
        self.bars = distinct_bars(self.windows.states)
        self.stage_index, self.step, self.seconds = 0, 0, 0.0
        self.kl_weight = preset.kl_weight

    @property
    def stage(self) -> Stage:
        """Return the stage that the next step belongs to."""
        return self.preset.stages[self.stage_index]

    def _adam(self) -> torch.optim.Adam:
        return adam(self.model.parameters(), fused=True)

    def enter(self, index: int) -> None:
        """Begin a stage: with a new optimiser, and if the stage says so at the principal components."""
        self.stage_index, self.step = index, 0
        self.optimiser = self._adam()
        if self.stage.principal:
            pca.initialise(self.model, self._bar_embeddings(), self.stage.kl_target)
            self.average.restart(self.model)
        self._losses = None

    @torch.no_grad()
    def _bar_embeddings(self) -> Tensor:
        """Return the embeddings (N, 16, E) of the bars of melodies drawn at random."""
        rng = np.random.default_rng([self.seed, self.stage_index])
        encoder = self.model.encoder
        assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars"
        parts = []
        with half_precision(self.device):
            for _ in range(PRINCIPAL // PRINCIPAL_BATCH):
                drawn = torch.from_numpy(self.windows.draw(PRINCIPAL_BATCH, self.preset.transpose, rng))
                parts.append(encoder.embed(drawn.to(self.device)).float().cpu())
        return torch.cat(parts)

    def begin_with(self, model: MelodyVAE) -> None:
        """Take over the weights of a trained model.

        Raises:
            UserError: if it has other sizes.
        """
        if model.sizes != self.preset.sizes:
            raise UserError(f"train: --start expected a model of the preset {self.preset.name}, got {model.sizes}")
        self.model.load_state_dict(model.state_dict())
        self.average.restart(self.model)

    def one_step(self) -> dict[str, float]:
        """Draw, compute, descend, average; returns what is logged."""
        rng = np.random.default_rng([self.seed, self.stage_index, self.step])
        torch.manual_seed(int(rng.integers(1 << 62)))
        set_learning_rate(self.optimiser, learning_rate(self.stage, self.step))
        if self._losses is None:
            partly = self.stage.kind == "bars" or self.stage.frozen_bars
            self._losses = self.processes.together(Losses(self.model, self.processes), partly=partly)
        with half_precision(self.device):
            loss, parts = self._losses(self._draw(rng), self.stage, self.kl_weight)
        descend(self.optimiser, loss, LARGEST_NORM)
        self.average.follow(self.model, average_decay(self.preset.average, self.step))
        values = self.processes.mean(torch.stack(list(parts.values()))).tolist()
        logged = dict(zip(parts, values, strict=True))
        if "kl" in logged:
            logged["kl_weight"] = self.kl_weight
            self.kl_weight = next_kl_weight(self.kl_weight, logged["kl"], self.stage.kl_target)
        self.step += 1
        return logged

    def _draw(self, rng: np.random.Generator) -> Tensor:
        """Return this process's share of the examples of a step: bars (B, 16) or melodies (B, 256)."""
        if self.stage.kind == "bars":
            at = rng.integers(len(self.bars), size=self.stage.batch)
            moves = rng.integers(-self.preset.transpose, self.preset.transpose + 1, self.stage.batch)
            drawn = transposed(self.bars[at], moves)
        else:
            drawn = self.windows.draw(self.stage.batch, self.preset.transpose, rng)
        return self.processes.share(torch.from_numpy(drawn)).to(self.device)


def learning_rate(stage: Stage, step: int) -> float:
    """Return the learning rate of a step: warm-up, constant, then linearly down over the last `decay` of the stage."""
    left = (stage.steps - step) / max(stage.steps * stage.decay, 1)
    return stage.learning_rate * min((step + 1) / WARM_UP, 1.0) * max(min(left, 1.0), LAST_RATE)


def average_decay(most: float, step: int) -> float:
    """Return the decay of the moving average: from 0.1 at first towards most, so that the first weights fade soon."""
    return min(most, (1 + step) / (10 + step))


def next_kl_weight(weight: float, kl: float, target: float) -> float:
    """Return the weight of the KL term after a step: it grows while the KL is above its target, falls while below."""
    weight *= math.exp(KL_RATE * (min(kl / target, KL_EXCESS) - 1))
    least, most = KL_WEIGHTS
    return min(max(weight, least), most)
