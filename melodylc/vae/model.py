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
    """Return states (..., S) as (..., S, V) floats; a state of -1 is hidden: all zeros."""
    return F.one_hot((states + 1).long(), STATES + 1)[..., 1:].float()


class FlatEncoder(nn.Module):
    """One bidirectional LSTM over the 256 steps, whose concatenated final outputs give mean and sigma."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STATES, sizes.encoder, bidirectional=True, batch_first=True)
        self.posterior = nn.Linear(2 * sizes.encoder, 2 * sizes.latent)

    def forward(self, states: Tensor) -> Posterior:
        _, (final, _) = self.lstm(one_hot(states))  # final: (2, B, encoder)
        return Posterior.from_outputs(self.posterior(torch.cat([final[0], final[1]], dim=-1)), LEAST_SIGMA)


class BarEncoder(nn.Module):
    """An encoder of single bars of 16 states, to embeddings of zero mean and unit variance."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lstm = nn.LSTM(STATES, sizes.bar_encoder, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * sizes.bar_encoder, sizes.embedding)

    def forward(self, bars: Tensor) -> Tensor:
        """Return the embeddings (N, E) of bars (N, S)."""
        _, (final, _) = self.lstm(one_hot(bars))  # (2, N, bar_encoder)
        out = self.out(torch.cat([final[0], final[1]], dim=-1))
        return F.layer_norm(out.float(), out.shape[-1:])


class HierarchicalEncoder(nn.Module):
    """An encoder of bars, each on its own, then a two-layer bidirectional LSTM over the 16 embeddings.

    All 16 outputs reach the posterior, each by a projection of its own: a recipe with the final states alone did not
    learn at all.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.bar = BarEncoder(sizes)
        self.lstm = nn.LSTM(sizes.embedding, sizes.encoder, num_layers=2, bidirectional=True, batch_first=True)
        self.slices = nn.Linear(2 * sizes.encoder + sizes.embedding, sizes.slice)
        self.posterior = nn.Linear(BARS * sizes.slice, 2 * sizes.latent)

    def embed(self, states: Tensor) -> Tensor:
        """Return the bar embeddings (B, T, E) of melodies (B, 256); equal bars are computed once."""
        bars = states.reshape(-1, STEPS_PER_BAR)  # (B T, S)
        distinct, index = torch.unique(bars, dim=0, return_inverse=True)
        return self.bar(distinct)[index].reshape(len(states), BARS, -1)

    def upper(self, embeddings: Tensor) -> Posterior:
        """Return the posterior of bar embeddings (B, T, E)."""
        out, _ = self.lstm(embeddings)  # (B, T, 2 encoder)
        slices = self.slices(torch.cat([out, embeddings], dim=-1))  # (B, T, slice)
        return Posterior.from_outputs(self.posterior(slices.flatten(1)), LEAST_SIGMA)

    def forward(self, states: Tensor) -> Posterior:
        return self.upper(self.embed(states))


class Conductor(nn.Module):
    """A two-layer LSTM over bars from z to 16 bar embeddings; its initial state is a linear function of z.

    With `slice`, each step also has an input of its own, a linear function of z, which reaches the output past the LSTM
    too: a short path from z to every bar.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.initial = nn.Linear(sizes.latent, 2 * 2 * sizes.conductor)
        self.slices = nn.Linear(sizes.latent, BARS * sizes.slice) if sizes.slice else None
        self.lstm = nn.LSTM(max(sizes.slice, 1), sizes.conductor, num_layers=2, batch_first=True)
        self.out = nn.Linear(sizes.conductor + sizes.slice, sizes.embedding)

    def forward(self, z: Tensor) -> Tensor:
        """Return the bar embeddings (B, T, E) of z (B, Z)."""
        initial = initial_state(self.initial(z), self.sizes.conductor)
        if self.slices is None:
            out, _ = self.lstm(z.new_zeros(len(z), BARS, 1), initial)  # (B, T, conductor)
            return self.out(out)
        slices = self.slices(z).reshape(len(z), BARS, -1)  # (B, T, slice)
        out, _ = self.lstm(slices, initial)
        out = self.out(torch.cat([out, slices], dim=-1))
        return F.layer_norm(out.float(), out.shape[-1:])


def initial_state(flat: Tensor, units: int) -> tuple[Tensor, Tensor]:
    """Return (N, 4 units) as the (h, c) of a two-layer LSTM, each (2, N, units)."""
    state = flat.reshape(len(flat), 2, 2, units).permute(1, 2, 0, 3)  # (h and c, 2 layers, N, units)
    return state[0].contiguous(), state[1].contiguous()


class BarDecoder(nn.Module):
    """A two-layer LSTM from a bar embedding to 16 states; its inputs are the previous state and the embedding."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.units = sizes.decoder
        self.initial = nn.Linear(sizes.embedding, 2 * 2 * sizes.decoder)
        self.lstm = nn.LSTM(STATES + sizes.embedding, sizes.decoder, num_layers=2, batch_first=True)
        self.out = nn.Linear(sizes.decoder, STATES)

    def forward(self, embeddings: Tensor, previous: Tensor) -> Tensor:
        """Return teacher-forced logits (N, S, V).

        Args:
            embeddings: (N, E).
            previous: (N, S) the state before each step, -1 where it is hidden or there is none.
        """
        repeated = embeddings[:, None].expand(-1, previous.shape[1], -1)
        out, _ = self.lstm(
            torch.cat([one_hot(previous), repeated], dim=-1),
            initial_state(self.initial(embeddings), self.units),
        )
        return self.out(out)


def previous_states(bars: Tensor) -> Tensor:
    """Return the decoder's inputs for bars (N, S): the state before each step, -1 (none) before the first."""
    return F.pad(bars[:, :-1].long(), (1, 0), value=-1)


class MelodyVAE(nn.Module):
    """Encoder, conductor and bar decoder; `decoding` samples from them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.equal_within = 0.0  # distance of bar embeddings, below which bars are decoded as equal
        self.encoder = HierarchicalEncoder(sizes) if sizes.bar_encoder else FlatEncoder(sizes)
        self.conductor = Conductor(sizes)
        self.decoder = BarDecoder(sizes)

    def encode(self, states: Tensor) -> Posterior:
        """Return the posterior of melodies (B, 256)."""
        return self.encoder(states)

    def logits(self, z: Tensor, states: Tensor) -> Tensor:
        """Return teacher-forced logits (B, 256, V) of melodies (B, 256) given z (B, Z)."""
        embeddings = self.conductor(z).flatten(0, 1)  # (B T, E)
        bars = states.reshape(-1, STEPS_PER_BAR)  # (B T, S)
        return self.decoder(embeddings, previous_states(bars)).reshape(len(z), -1, STATES)
