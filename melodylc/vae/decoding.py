"""Free-running decoding of z to melodies: all bars in parallel, 16 sequential steps for a whole batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.latent.flow import form_of
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR, canonical, repeated_bars
from melodylc.vae.choosing import choose
from melodylc.vae.model import BarDecoder, MelodyVAE, initial_state

TEMPERATURE = 0.5  # of sampling, for models whose card names none
AT_ONCE = 64  # melodies decoded together: what a step of them needs stays in a processor's cache
AT_ONCE_ON_GPU = 512
DISTANCES = (0.0, 1.0, 1.5, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0)  # of equal bars, that are tried
LEAST_UNIFORM = 1e-20  # below it a uniform draw counts as it, so that its logarithm is finite


@torch.no_grad()
def decode(
    model: MelodyVAE,
    z: Tensor,
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    allowed_states: np.ndarray | None = None,
) -> np.ndarray:
    """Decode z (B, Z) to canonical melodies (B, 256) uint8.

    Args:
        temperature: of the softmax; 0 takes the likeliest state at every step.
        generator: source of the draws; default: torch's own. Draws are made on the CPU, so a seed means the same on
            every device.
        allowed_states: (130,) bool, the states that may be drawn, or (256, 130), those of each step; the others are
            masked out of the logits.
    """
    if not len(z):
        return np.empty((0, STEPS), np.uint8)
    mask = None if allowed_states is None else _mask(allowed_states).to(z.device)
    melodies = []
    for part in z.split(_at_once(z)):
        noise = None
        if temperature > 0:
            noise = gumbel_noise(len(part), temperature, generator).to(z.device)[:, None]
        bias = noise if mask is None else mask if noise is None else mask + noise
        states = _chosen(model.decoder, merged(model.conductor(part), model.equal_within), bias)
        melodies.append(states.flatten(1).cpu().numpy().astype(np.uint8))
    return canonical(np.concatenate(melodies))


def _at_once(z: Tensor) -> int:
    return AT_ONCE if z.device.type == "cpu" else AT_ONCE_ON_GPU


def _mask(allowed_states: np.ndarray) -> Tensor:
    """Return 0 where states are allowed, -inf elsewhere: (1, 1, 1, V) of (V,), (1, T, S, V) of (256, V)."""
    mask = np.where(allowed_states, 0.0, -np.inf).astype(np.float32)
    return torch.from_numpy(mask.reshape((1, 1, 1, STATES) if mask.ndim == 1 else (1, BARS, STEPS_PER_BAR, STATES)))


def _chosen(decoder: BarDecoder, bars: Tensor, bias: Tensor | None) -> Tensor:
    """Return the states (B, T, S) of bar embeddings (B, T, E); of bars that come out equal, the first is decoded.

    Args:
        bias: see `choose`; (B, T, S, V), or 1 in the place of the first three.
    """
    order = torch.arange(bars.shape[1], device=bars.device)
    alike = bias is None or bias.shape[1] == 1  # what is added is the same for all bars of a melody
    form = form_of(bars) if alike else order.expand(bars.shape[:2])  # (B, T)
    first = form == order
    if bias is not None:
        bias = bias.expand(*bars.shape[:2], STEPS_PER_BAR, STATES)[first]
    states = choose(decoder, bars[first], bias)  # (N, S)
    row = first.flatten().cumsum(0).reshape(first.shape) - 1
    return states[row.gather(1, form)]


def free_run(model: MelodyVAE, z: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Decode z (B, Z) to states (B, 256); returns them and their logits (B, 256, V), differentiable in z.

    Args:
        noise: see `gumbel_noise`; without, the likeliest states are taken.
    """
    noise = None if noise is None else noise.repeat_interleave(BARS, dim=0)
    states, logits = decode_bars(model.decoder, model.conductor(z).flatten(0, 1), noise)
    return states.reshape(len(z), STEPS), logits.float().reshape(len(z), STEPS, STATES)


def gumbel_noise(count: int, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Return noise (count, S, V) for melodies, with which a draw is the likeliest state.

    argmax(logits + noise) is a draw from softmax(logits / temperature). The bars of a melody share it, so that equal
    bars stay equal.
    """
    uniform = torch.rand(count, STEPS_PER_BAR, STATES, generator=generator)
    return -(-uniform.clamp(LEAST_UNIFORM).log()).log() * temperature


def merged(bars: Tensor, distance: float) -> Tensor:
    """Return bar embeddings (B, T, E) in which one that is nearer than a distance to an earlier one is equal to it.

    z holds equal bars as bars that nearly are, and the nearest different ones are further off.
    """
    if distance == 0:
        return bars
    bars = bars.clone()
    for bar in range(1, bars.shape[1]):
        distances = (bars[:, :bar] - bars[:, bar : bar + 1]).float().norm(dim=-1)  # (B, bar)
        least, where = distances.min(dim=1)
        rows = torch.nonzero(least < distance)[:, 0]
        bars[rows, bar] = bars[rows, where[rows]]
    return bars


def equal_within(model: MelodyVAE, melodies: np.ndarray, temperature: float) -> float:
    """Return the distance at which reconstructions of melodies (B, 256) repeat as many bars as these do."""
    given, before = model.equal_within, repeated_bars(melodies).mean()
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = torch.from_numpy(melodies).to(device).split(AT_ONCE_ON_GPU)
        z = torch.cat([model.encode(part).mean for part in parts])
    off = {}
    for distance in DISTANCES:
        model.equal_within = distance
        source = torch.Generator().manual_seed(0)
        found = repeated_bars(decode(model, z, temperature=temperature, generator=source)).mean()
        off[distance] = abs(found - before)
    model.equal_within = given
    return min(off, key=lambda distance: off[distance])


def decode_bars(decoder: BarDecoder, embeddings: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
    """Decode bar embeddings (N, E) to states (N, S); returns them and their logits (N, S, V), differentiable.

    Args:
        noise: (N, S, V), added to the logits where a state is chosen.

    The LSTM is written out, so that the part of its gates that comes from the embedding is computed once for all steps.
    """
    lstm = decoder.lstm
    weights = [getattr(lstm, f"weight_{kind}_l{layer}") for layer in (0, 1) for kind in ("ih", "hh")]
    biases = [getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}") for layer in (0, 1)]
    of_state = weights[0][:, :STATES].T.contiguous()  # (V, 4 units): one row for each previous state
    of_embedding = F.linear(embeddings, weights[0][:, STATES:], biases[0])  # (N, 4 units)
    (h0, h1), (c0, c1) = initial_state(decoder.initial(embeddings), decoder.units)
    states, logits = [], []
    gates = of_embedding
    for step in range(STEPS_PER_BAR):
        h0, c0 = _cell(gates + F.linear(h0, weights[1]), c0)
        h1, c1 = _cell(F.linear(h0, weights[2], biases[1]) + F.linear(h1, weights[3]), c1)
        out = decoder.out(h1)  # (N, V)
        state = (out if noise is None else out + noise[:, step]).argmax(dim=-1)
        states.append(state)
        logits.append(out)
        gates = of_embedding + of_state[state]
    return torch.stack(states, dim=1), torch.stack(logits, dim=1)


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
