"""The hierarchical LSTM VAE over melodies (Latent Constraints, section 9.2.3 and figure 13c).

z (latent) -> conductor LSTM over 16 bars -> 16 bar embeddings -> bar LSTM over 16 steps, each bar from its own state.
Bars decode independently given their embeddings, so all of them run side by side.

Shapes: B melodies, T = 16 bars, S = 16 steps, N any number of bars, Z latent, E embedding, V = 130 states.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.posterior import Posterior
from melodylc.melody import BARS, STATES, STEPS_PER_BAR
from melodylc.vae.presets import Sizes

LEAST_SIGMA = 1e-4  # of the posterior: keeps log sigma finite in every precision


def one_hot(states: Tensor) -> Tensor:
    """(..., S) states to (..., S, V) floats; a state of -1 is hidden: all zeros."""
    return F.one_hot((states + 1).long(), STATES + 1)[..., 1:].float()


class FlatEncoder(nn.Module):
    """One bidirectional LSTM over the 256 steps; its final outputs, concatenated, give mean and sigma."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STATES, sizes.encoder, bidirectional=True, batch_first=True)
        self.posterior = nn.Linear(2 * sizes.encoder, 2 * sizes.latent)

    def forward(self, states: Tensor) -> Posterior:
        _, (final, _) = self.lstm(one_hot(states))  # final: (2, B, encoder)
        return Posterior.from_outputs(self.posterior(torch.cat([final[0], final[1]], dim=-1)), LEAST_SIGMA)


class BarEncoder(nn.Module):
    """A bar of 16 states to an embedding of zero mean and unit variance."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STATES, sizes.bar_encoder, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * sizes.bar_encoder, sizes.embedding)

    def forward(self, bars: Tensor) -> Tensor:
        """(N, S) states to (N, E)."""
        _, (final, _) = self.lstm(one_hot(bars))  # (2, N, bar_encoder)
        out = self.out(torch.cat([final[0], final[1]], dim=-1))
        return F.layer_norm(out.float(), out.shape[-1:])


class HierarchicalEncoder(nn.Module):
    """Bars first, each on its own, then a two-layer bidirectional LSTM over the 16 embeddings.

    All 16 outputs reach the posterior, each by a projection of its own: final states alone forget (a recipe with them
    did not learn at all).
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.bar = BarEncoder(sizes)
        self.lstm = nn.LSTM(sizes.embedding, sizes.encoder, num_layers=2, bidirectional=True, batch_first=True)
        self.slices = nn.Linear(2 * sizes.encoder + sizes.embedding, sizes.slice)
        self.posterior = nn.Linear(BARS * sizes.slice, 2 * sizes.latent)

    def embed(self, states: Tensor) -> Tensor:
        """(B, 256) states to (B, T, E) bar embeddings; equal bars are computed once."""
        bars = states.reshape(-1, STEPS_PER_BAR)  # (B T, S)
        distinct, index = torch.unique(bars, dim=0, return_inverse=True)
        return self.bar(distinct)[index].reshape(len(states), BARS, -1)

    def upper(self, embeddings: Tensor) -> Posterior:
        """(B, T, E) to the posterior."""
        out, _ = self.lstm(embeddings)  # (B, T, 2 encoder)
        slices = self.slices(torch.cat([out, embeddings], dim=-1))  # (B, T, slice)
        return Posterior.from_outputs(self.posterior(slices.flatten(1)), LEAST_SIGMA)

    def forward(self, states: Tensor) -> Posterior:
        return self.upper(self.embed(states))


class Conductor(nn.Module):
    """z to 16 bar embeddings by a two-layer LSTM over bars, its initial state a linear image of z.

    With `slice`, each step also reads its own linear image of z, past the LSTM too: a short path from z to every bar.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.initial = nn.Linear(sizes.latent, 2 * 2 * sizes.conductor)
        self.slices = nn.Linear(sizes.latent, BARS * sizes.slice) if sizes.slice else None
        self.lstm = nn.LSTM(max(sizes.slice, 1), sizes.conductor, num_layers=2, batch_first=True)
        self.out = nn.Linear(sizes.conductor + sizes.slice, sizes.embedding)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) to (B, T, E)."""
        initial = initial_state(self.initial(z), self.sizes.conductor)
        if self.slices is None:
            out, _ = self.lstm(z.new_zeros(len(z), BARS, 1), initial)  # (B, T, conductor)
            return self.out(out)
        slices = self.slices(z).reshape(len(z), BARS, -1)  # (B, T, slice)
        out, _ = self.lstm(slices, initial)
        out = self.out(torch.cat([out, slices], dim=-1))
        return F.layer_norm(out.float(), out.shape[-1:])


def initial_state(flat: Tensor, units: int) -> tuple[Tensor, Tensor]:
    """(N, 4 units) to the (h, c) of a two-layer LSTM, each (2, N, units)."""
    state = flat.reshape(len(flat), 2, 2, units).permute(1, 2, 0, 3)  # (h and c, 2 layers, N, units)
    return state[0].contiguous(), state[1].contiguous()


class BarDecoder(nn.Module):
    """A bar embedding to 16 states, one after the other: a two-layer LSTM fed the previous state and the embedding."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.units = sizes.decoder
        self.initial = nn.Linear(sizes.embedding, 2 * 2 * sizes.decoder)
        self.lstm = nn.LSTM(STATES + sizes.embedding, sizes.decoder, num_layers=2, batch_first=True)
        self.out = nn.Linear(sizes.decoder, STATES)

    def forward(self, embeddings: Tensor, previous: Tensor) -> Tensor:
        """Teacher-forced logits (N, S, V) from (N, E) and the previous states (N, S), -1 where hidden or none."""
        repeated = embeddings[:, None].expand(-1, previous.shape[1], -1)
        out, _ = self.lstm(
            torch.cat([one_hot(previous), repeated], dim=-1),
            initial_state(self.initial(embeddings), self.units),
        )
        return self.out(out)


def previous_states(bars: Tensor) -> Tensor:
    """(N, S) states to what the decoder is fed: the state before each, -1 (none) before the first."""
    return F.pad(bars[:, :-1].long(), (1, 0), value=-1)


class MelodyVAE(nn.Module):
    """Encoder, conductor and bar decoder. See `decoding` for sampling."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = HierarchicalEncoder(sizes) if sizes.bar_encoder else FlatEncoder(sizes)
        self.conductor = Conductor(sizes)
        self.decoder = BarDecoder(sizes)

    def encode(self, states: Tensor) -> Posterior:
        """(B, 256) states to the posterior."""
        return self.encoder(states)

    def logits(self, z: Tensor, states: Tensor) -> Tensor:
        """Teacher-forced logits (B, 256, V) of melodies (B, 256) given z (B, Z)."""
        embeddings = self.conductor(z).flatten(0, 1)  # (B T, E)
        bars = states.reshape(-1, STEPS_PER_BAR)  # (B T, S)
        return self.decoder(embeddings, previous_states(bars)).reshape(len(z), -1, STATES)
