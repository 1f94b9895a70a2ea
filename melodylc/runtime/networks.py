"""The hierarchical LSTM VAE in numpy: what `vae.model` and `vae.choosing` compute.

Shapes: B melodies, T = 16 bars, S = 16 steps, N any number of bars, Z latent, E embedding, V = 130 states.
"""

from __future__ import annotations

import numpy as np

from melodylc.base.seeds import Source
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.runtime.choosing import gumbel_noise, mask_of
from melodylc.runtime.flow import form_of
from melodylc.runtime.layers import LSTMLayer, cell, normalised
from melodylc.runtime.products import Linear, product
from melodylc.runtime.weights import Weights, under

AT_ONCE = 64  # melodies decoded together: what a step of them needs stays in a processor's cache
LEAST_SIGMA = np.float32(1e-4)  # of the posterior; see `vae.model`


class HierarchicalEncoder:
    """An encoder of bars, each on its own, then a two-layer bidirectional LSTM over the 16 embeddings."""

    def __init__(self, weights: Weights) -> None:
        self._of_bars = LSTMLayer.both_ways(weights, "bar.lstm")
        self._bar_out, self._slices = (Linear.of(weights, name) for name in ("bar.out", "slices"))
        self._layers = [LSTMLayer.both_ways(weights, "lstm", layer) for layer in (0, 1)]
        weight, bias = (np.split(each, 2, axis=-1) for each in Linear.of(weights, "posterior"))
        self._mean, self._sigma = map(Linear, weight, bias)
        self.latent = len(self._mean.bias)

    def embed(self, states: np.ndarray) -> np.ndarray:
        """Return the bar embeddings (B, T, E) of melodies (B, 256); equal bars are computed once."""
        distinct, index = np.unique(states.reshape(-1, STEPS_PER_BAR), axis=0, return_inverse=True)
        layer = self._of_bars
        both_ways = zip(layer.of_input, (distinct, distinct[:, ::-1]), strict=True)
        gates = np.stack([of_state[states] for of_state, states in both_ways])  # of one-hot states: (2, N, S, 4 units)
        gates += layer.bias[:, None]
        forwards, backwards = layer.run(gates)[:, :, -1]
        out = normalised(self._bar_out(np.concatenate([forwards, backwards], axis=-1)))
        return out[index.reshape(-1)].reshape(len(states), BARS, -1)

    def mean(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the mean (B, Z) of the posterior of bar embeddings (B, T, E)."""
        return self._mean(self._features(embeddings))

    def encode(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the sigma (B, Z) of the posterior of melodies (B, 256)."""
        features = self._features(self.embed(states))
        return self._mean(features), np.logaddexp(0, self._sigma(features)) + LEAST_SIGMA

    def _features(self, embeddings: np.ndarray) -> np.ndarray:
        out = embeddings
        for layer in self._layers:
            out = layer.run_both_ways(out)
        return self._slices(np.concatenate([out, embeddings], axis=-1)).reshape(len(out), -1)


class Conductor:
    """A two-layer LSTM over bars from z to 16 bar embeddings."""

    def __init__(self, weights: Weights) -> None:
        self._slices, self._initial, self._out = (Linear.of(weights, name) for name in ("slices", "initial", "out"))
        self._layers = [LSTMLayer.of(weights, "lstm", layer) for layer in (0, 1)]

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Return the bar embeddings (B, T, E) of z (B, Z)."""
        slices = self._slices(z).reshape(len(z), BARS, -1)  # (B, T, slice)
        outputs, memories = _initial_state(self._initial(z))
        out = slices
        for layer, h, c in zip(self._layers, outputs, memories, strict=True):
            out = layer.run(layer.of_inputs(out), (h, c))
        return normalised(self._out(np.concatenate([out, slices], axis=-1)))


def _initial_state(flat: np.ndarray) -> np.ndarray:
    """Return (N, 4 units) as the outputs and memories of a two-layer LSTM, (2, 2 layers, N, units)."""
    return flat.reshape(len(flat), 2, 2, -1).transpose(1, 2, 0, 3)


class BarDecoder:
    """A two-layer LSTM from a bar embedding to 16 states; its inputs are the previous state and the embedding."""

    def __init__(self, weights: Weights) -> None:
        self._initial, self._out = (Linear.of(weights, name) for name in ("initial", "out"))
        first, self._second = (LSTMLayer.of(weights, "lstm", layer) for layer in (0, 1))
        self._of_state = first.of_input[:STATES]  # a row for each previous state
        self._first = first._replace(of_input=first.of_input[STATES:])
        self._of_both = np.concatenate([self._second.of_input, self._second.of_output])  # of both layers' outputs

    def choose(self, embeddings: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Return the likeliest states (N, S) of bars, each chosen given those before it, from embeddings (N, E).

        Args:
            bias: (N, S, V), added to the logits: noise, or -inf where a state is forbidden.
        """
        states = np.empty((len(embeddings), STEPS_PER_BAR), np.intp)
        of_embedding = self._first.of_inputs(embeddings)
        outputs, memories = np.split(self._initial(embeddings), 2, axis=-1)  # (N, 2 units) each, of both layers
        units = outputs.shape[1] // 2
        h0, h1 = outputs[:, :units], outputs[:, units:]
        c0, c1 = memories[:, :units], memories[:, units:]
        gates, of_state = np.empty_like(of_embedding), np.empty_like(of_embedding)
        for step in range(STEPS_PER_BAR):
            product(h0, self._first.of_output, out=gates)
            gates += of_embedding
            if step > 0:
                gates += np.take(self._of_state, states[:, step - 1], axis=0, out=of_state, mode="clip")
            cell(gates, h0, c0)
            product(outputs, self._of_both, out=gates)
            gates += self._second.bias
            cell(gates, h1, c1)
            out = self._out(h1)  # (N, V)
            if bias is not None:
                out += bias[:, step]
            states[:, step] = out.argmax(axis=-1)
        return states

    def logits(self, embeddings: np.ndarray, bars: np.ndarray) -> np.ndarray:
        """Return the logits (N, S, V) of the states of bars (N, S), each given those before it."""
        gates = np.repeat(self._first.of_inputs(embeddings[:, None]), STEPS_PER_BAR, axis=1)
        gates[:, 1:] += self._of_state[bars[:, :-1]]
        outputs, memories = _initial_state(self._initial(embeddings))
        out = self._first.run(gates, (outputs[0], memories[0]))
        out = self._second.run(self._second.of_inputs(out), (outputs[1], memories[1]))
        return self._out(out)


class MelodyVAE:
    """Encoder, conductor and bar decoder of a model whose encoder is hierarchical."""

    def __init__(self, weights: Weights, equal_within: float) -> None:
        self.equal_within = equal_within  # distance of bar embeddings, below which bars are decoded as equal
        self.encoder = HierarchicalEncoder(under(weights, "encoder."))
        self.conductor = Conductor(under(weights, "conductor."))
        self.decoder = BarDecoder(under(weights, "decoder."))

    def decode(
        self, z: np.ndarray, temperature: float, source: Source, allowed_states: np.ndarray | None
    ) -> np.ndarray:
        """Decode z (B, Z) to canonical melodies (B, 256); see `vae.decoding.decode`."""
        mask = None if allowed_states is None else mask_of(allowed_states)
        melodies = [np.empty((0, STEPS), np.uint8)]
        for part in np.split(z, range(AT_ONCE, len(z), AT_ONCE)) if len(z) else ():
            noise = gumbel_noise(len(part), temperature, source)[:, None] if temperature > 0 else None
            bias = noise if mask is None else mask if noise is None else mask + noise
            states = self._chosen(merged(self.conductor(part), self.equal_within), bias)
            melodies.append(states.reshape(len(part), STEPS).astype(np.uint8))
        return canonical(np.concatenate(melodies))

    def _chosen(self, bars: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Return the states (B, T, S) of bar embeddings (B, T, E); of equal bars, the first is decoded."""
        order = np.arange(BARS)
        alike = bias is None or bias.shape[1] == 1  # what is added is the same for all bars of a melody
        form = form_of(bars) if alike else np.broadcast_to(order, bars.shape[:2])  # (B, T)
        first = form == order
        if bias is not None:
            bias = np.broadcast_to(bias, (*bars.shape[:2], STEPS_PER_BAR, STATES))[first]
        states = self.decoder.choose(bars[first], bias)  # (N, S)
        row = first.reshape(-1).cumsum().reshape(first.shape) - 1
        return states[np.take_along_axis(row, form, axis=1)]

    def logits(self, z: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Return the logits (B, 256, V) of melodies (B, 256), each step given those before it, and z (B, Z)."""
        embeddings = self.conductor(z)
        bars = states.reshape(-1, STEPS_PER_BAR)
        return self.decoder.logits(embeddings.reshape(len(bars), -1), bars).reshape(len(z), STEPS, STATES)


def merged(bars: np.ndarray, distance: float) -> np.ndarray:
    """Return bar embeddings (B, T, E) in which one that is nearer than a distance to an earlier one is equal to it."""
    if distance == 0:
        return bars
    bars = bars.copy()
    for bar in range(1, BARS):
        distances = np.linalg.norm(bars[:, :bar] - bars[:, bar : bar + 1], axis=-1)  # (B, bar)
        where = distances.argmin(axis=1)
        rows = np.flatnonzero(distances.min(axis=1) < distance)
        bars[rows, bar] = bars[rows, where[rows]]
    return bars
