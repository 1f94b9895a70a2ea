"""The steps of a training: model, moving average, optimiser and place in the recipe.

Every step's examples and noise come from (seed, stage, step), so a resumed run sees what an unbroken one would have.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.base.errors import UserError
from melodylc.extraction.corpus import Corpus
from melodylc.latent.gradient_steps import descend, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.optimisers import adam
from melodylc.latent.precision import half_precision
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR
from melodylc.vae import pca
from melodylc.vae.data import TrainingWindows, distinct_bars, transposed
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE, previous_states
from melodylc.vae.presets import ModelPreset, Stage

WARM_UP = 200  # steps over which the learning rate grows from 0
LAST_RATE = 0.05  # share of its learning rate that a stage ends with
LARGEST_NORM = 1.0  # of the gradient: LSTMs over 256 steps now and then have one that would throw the weights away
PRINCIPAL = 16_384  # melodies whose bar embeddings are decomposed
PRINCIPAL_BATCH = 256
BAR_SHARE = 4  # one in so many of the decoded bars also trains the bar autoencoder's own loss, which costs less so
KL_RATE = 0.01  # of the weight of the KL term a step, in logarithm: slower than the KL itself, so it does not swing
KL_EXCESS = 2.0  # targets beyond which the KL makes the weight grow no faster: a stage begins far above its target
KL_WEIGHTS = (0.01, 2.0)  # bounds of the weight: above 0, so that it can grow again


class Trainer:
    """The state of a run; `training.train` drives it."""

    def __init__(self, preset: ModelPreset, corpus: Corpus, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        self.preset, self.seed, self.device = preset, seed, torch.device(device)
        self.model = MelodyVAE(preset.sizes).to(self.device)
        self.average = MovingAverage(self.model)
        self.optimiser = self._adam()
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
        with half_precision(self.device):
            loss, logged = self._loss(rng)
        descend(self.optimiser, loss, LARGEST_NORM)
        self.average.follow(self.model, average_decay(self.preset.average, self.step))
        if "kl" in logged:
            self.kl_weight = next_kl_weight(self.kl_weight, logged["kl"], self.stage.kl_target)
        self.step += 1
        return logged

    def _loss(self, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        if self.stage.kind == "bars":
            loss = self._bar_loss(self._draw_bars(rng))
            return loss, {"loss": loss.item()}
        return self._melody_loss(rng)

    def _draw_bars(self, rng: np.random.Generator) -> Tensor:
        """Draw bars (N, S), each transposed at random."""
        at = rng.integers(len(self.bars), size=self.stage.batch)
        moves = rng.integers(-self.preset.transpose, self.preset.transpose + 1, self.stage.batch)
        return torch.from_numpy(transposed(self.bars[at], moves)).to(self.device)

    def _melody_loss(self, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of the VAE over 16 bars, and its parts."""
        stage = self.stage
        states = torch.from_numpy(self.windows.draw(stage.batch, self.preset.transpose, rng)).to(self.device)
        encoder = self.model.encoder
        if isinstance(encoder, HierarchicalEncoder):
            with torch.set_grad_enabled(not stage.frozen_bars):
                encoded = encoder.embed(states)  # (B, T, E)
            posterior = encoder.upper(encoded)
        else:
            posterior = encoder(states)
        embeddings = self.model.conductor(posterior.sample())  # (B, T, E)
        # reconstruct a random choice of bars of each melody: an unbiased estimate of the loss over all 16
        chosen = torch.rand(len(states), BARS, device=self.device).argsort(dim=1)[:, : stage.bars_decoded]
        rows = torch.arange(len(states), device=self.device)[:, None]
        bars = states.reshape(-1, BARS, STEPS_PER_BAR)[rows, chosen].flatten(0, 1)  # (B K, S)
        reconstruction = self._reconstruction(embeddings[rows, chosen].flatten(0, 1), bars)
        kl = posterior.kl().sum(dim=1).mean()
        loss = reconstruction + self.kl_weight * kl / STEPS
        if stage.embedding_loss:
            loss = loss + stage.embedding_loss * F.mse_loss(embeddings, encoded.detach().float())
        if stage.bar_loss:
            loss = loss + stage.bar_loss * self._bar_loss(bars[: len(bars) // BAR_SHARE])
        return loss, {
            "loss": loss.item(),
            "reconstruction": reconstruction.item() * STEPS,
            "kl": kl.item(),
            "kl_weight": self.kl_weight,
        }

    def _bar_loss(self, bars: Tensor) -> Tensor:
        """Return the bar autoencoder's own loss; noise on the embeddings makes near embeddings mean near bars."""
        encoder = self.model.encoder
        assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars to train alone"
        embeddings = encoder.bar(bars)
        deviation = torch.rand(len(bars), 1, device=self.device) * self.stage.noise
        return self._reconstruction(embeddings + deviation * torch.randn_like(embeddings), bars)

    def _reconstruction(self, embeddings: Tensor, bars: Tensor) -> Tensor:
        """Return the cross-entropy per step, in nats, of bars (N, S) decoded from embeddings (N, E)."""
        previous = previous_states(bars)
        hidden = torch.rand(previous.shape, device=self.device) < self.stage.feedback_dropout
        logits = self.model.decoder(embeddings, previous.masked_fill(hidden, -1))
        return F.cross_entropy(logits.reshape(-1, STATES).float(), bars.reshape(-1).long())


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
