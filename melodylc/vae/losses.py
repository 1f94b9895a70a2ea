"""The losses of the stages of training: of bars alone, and of the VAE over 16 bars."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.processes import Processes
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE, previous_states
from melodylc.vae.presets import Stage

BAR_SHARE = 4  # one in so many melodies also trains the bar autoencoder's own loss, which costs less so


class Losses(nn.Module):
    """What a training descends, a module as averaging gradients over processes needs one.

    Random numbers are drawn for the whole batch, of which `processes` gives this process its share.
    """

    def __init__(self, model: MelodyVAE, processes: Processes) -> None:
        super().__init__()
        self.model = model
        self._random, self._noise = processes.random, processes.noise

    def forward(self, states: Tensor, stage: Stage, kl_weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and what is logged of it.

        Args:
            states: (B, 16) bars in a stage of the kind "bars", (B, 256) melodies otherwise: this process's share.
            kl_weight: of the KL term.
        """
        if stage.kind == "bars":
            loss = self._of_bars(states[:, None], stage)
            return loss, {"loss": loss.detach()}
        return self._of_melodies(states, stage, kl_weight)

    def _of_melodies(self, states: Tensor, stage: Stage, kl_weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        encoder = self.model.encoder
        if isinstance(encoder, HierarchicalEncoder):
            with torch.set_grad_enabled(not stage.frozen_bars):
                encoded = encoder.embed(states)  # (B, T, E)
            posterior = encoder.upper(encoded)
        else:
            posterior = encoder(states)
        z = posterior.mean + posterior.sigma * self._noise(tuple(posterior.mean.shape))
        embeddings = self.model.conductor(z)  # (B, T, E)
        # reconstruct a random choice of bars of each melody: an unbiased estimate of the loss over all 16
        chosen = self._random((len(states), BARS)).argsort(dim=1)[:, : stage.bars_decoded]
        rows = torch.arange(len(states), device=states.device)[:, None]
        bars = states.reshape(-1, BARS, STEPS_PER_BAR)[rows, chosen]  # (B, K, S)
        reconstruction = self._reconstruction(embeddings[rows, chosen], bars, stage)
        kl = posterior.kl().sum(dim=1).mean()
        loss = reconstruction + kl_weight * kl / STEPS
        if stage.embedding_loss:
            loss = loss + stage.embedding_loss * F.mse_loss(embeddings, encoded.detach().float())
        if stage.bar_loss:
            loss = loss + stage.bar_loss * self._of_bars(bars[: -(-len(bars) // BAR_SHARE)], stage)
        return loss, {
            "loss": loss.detach(),
            "reconstruction": reconstruction.detach() * STEPS,
            "kl": kl.detach(),
        }

    def _of_bars(self, bars: Tensor, stage: Stage) -> Tensor:
        """Return the bar autoencoder's own loss on bars (B, K, S).

        Noise on the embeddings makes near embeddings mean near bars.
        """
        encoder = self.model.encoder
        assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars to train alone"
        embeddings = encoder.bar(bars.flatten(0, 1)).unflatten(0, bars.shape[:2])  # (B, K, E)
        deviation = self._random((*bars.shape[:2], 1)) * stage.noise
        noise = self._noise(tuple(embeddings.shape)).to(embeddings.dtype)
        return self._reconstruction(embeddings + deviation * noise, bars, stage)

    def _reconstruction(self, embeddings: Tensor, bars: Tensor, stage: Stage) -> Tensor:
        """Return the cross-entropy per step, in nats, of bars (B, K, S) decoded from embeddings (B, K, E)."""
        previous = previous_states(bars.flatten(0, 1))
        hidden = self._random(tuple(bars.shape)).flatten(0, 1) < stage.feedback_dropout
        logits = self.model.decoder(embeddings.flatten(0, 1), previous.masked_fill(hidden, -1))
        return F.cross_entropy(logits.reshape(-1, STATES).float(), bars.reshape(-1).long())
