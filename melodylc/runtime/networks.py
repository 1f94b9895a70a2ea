"""The hierarchical LSTM VAE in numpy: what `vae.model` and `vae.choosing` compute.

Shapes: B melodies, T = 16 bars, S = 16 steps, N any number of bars, Z latent, E embedding, V = 130 states.
"""

from __future__ import annotations

import numpy as np

from melodylc.base.seeds import Source
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.runtime.choosing import gumbel_noise, mask_of
from melodylc.runtime.flow import form_of, tied
from melodylc.runtime.layers import HALF, LSTMLayer, cell, normalised
from melodylc.runtime.products import Linear, Matrix, in_parts, part_width, product
from melodylc.runtime.weights import Weights, under

AT_ONCE = 64  # melodies decoded together: what a step of them needs stays in a processor's cache
LEAST_SIGMA = np.float32(1e-4)  # of the posterior; see `vae.model`


class HierarchicalEncoder:
    """An encoder of bars, each on its own, then a two-layer bidirectional LSTM over the 16 embeddings."""

    def __init__(self, weights: Weights) -> None:
        self._of_bars = LSTMLayer.of(weights, "bar.lstm", both_ways=True)
        self._bar_out, self._slices = (Linear.of(weights, name) for name in ("bar.out", "slices"))
        self._layers = [LSTMLayer.of(weights, "lstm", layer, both_ways=True) for layer in (0, 1)]
        weight, bias = (np.split(weights[f"posterior.{kind}"], 2) for kind in ("weight", "bias"))
        self._mean, self._sigma = (
            Linear(Matrix.of(of_half.T), half) for of_half, half in zip(weight, bias, strict=True)
        )
        self.latent = len(self._mean.bias)

    def embed(self, states: np.ndarray) -> np.ndarray:
        """Return the bar embeddings (B, T, E) of melodies (B, 256); equal bars are computed once."""
        distinct, index = np.unique(states.reshape(-1, STEPS_PER_BAR), axis=0, return_inverse=True)
        of_state = self._of_bars.of_input.wide[:, :, 0]  # (4, 2, V, units): of one-hot states
        gates = np.stack([of_state[:, 0, distinct], of_state[:, 1, distinct[:, ::-1]]], axis=1)  # (4, 2, N, S, units)
        gates += self._of_bars.bias[..., None, :]
        forwards, backwards = self._of_bars.run(gates)[:, :, -1]
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
        out = slices[None]
        for layer, h, c in zip(self._layers, outputs, memories, strict=True):
            out = layer.run(layer.of_inputs(out), (h, c))
        return normalised(self._out(np.concatenate([out[0], slices], axis=-1)))


def _initial_state(flat: np.ndarray) -> np.ndarray:
    """Return (N, 4 units) as the outputs and memories of a two-layer LSTM, (2, 2 layers, 1, N, units)."""
    return flat.reshape(1, len(flat), 2, 2, -1).transpose(2, 3, 0, 1, 4)


class BarDecoder:
    """A two-layer LSTM from a bar embedding to 16 states; its inputs are the previous state and the embedding."""

    def __init__(self, weights: Weights) -> None:
        self._initial, self._out = (Linear.of(weights, name) for name in ("initial", "out"))
        self._of_second = Matrix(HALF * self._out.matrix.narrow)  # outputs are doubled here, as in layers
        first, self._second = (LSTMLayer.of(weights, "lstm", layer) for layer in (0, 1))
        units = first.bias.shape[-1]
        width = part_width(2 * units, units)  # of both layers, whose steps are made in turns
        of_input, of_output, of_first, of_second = (
            matrix.joined()[..., 0, :, :]
            for layer in (first, self._second)
            for matrix in (layer.of_input, layer.of_output)
        )  # (4, 1, I, units) each
        of_state, of_embedding = np.split(of_input, [STATES], axis=-2)
        self._of_state = Matrix.of(of_state, width)  # a row for each previous state
        self._first = first._replace(of_input=Matrix.of(of_embedding, width), of_output=Matrix.of(of_output, width))
        self._of_both = Matrix.of(np.concatenate([HALF * of_first, of_second], axis=-2), width)  # of both outputs

    def choose(self, embeddings: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Return the likeliest states (N, S) of bars, each chosen given those before it, from embeddings (N, E).

        Args:
            bias: (N, S, V), added to the logits: noise, or -inf where a state is forbidden.
        """
        count = len(embeddings)
        of_embedding, of_state, of_first, of_both, of_second = (
            matrix.for_rows(count)
            for matrix in (self._first.of_input, self._of_state, self._first.of_output, self._of_both, self._of_second)
        )
        width = of_both.shape[-1]
        outputs, memories = np.split(self._initial(embeddings)[None], 2, axis=-1)  # (1, N, 2 units), of both layers
        outputs = outputs + outputs
        h0, h1 = np.split(outputs, 2, axis=-1)
        c0, c1 = np.split(in_parts(memories, width).copy(), 2, axis=1)  # (1, P, N, W)
        out0, out1 = in_parts(h0, width), in_parts(h1, width)
        first_bias, second_bias = in_parts(self._first.bias, width), in_parts(self._second.bias, width)
        of_embedding = product(embeddings, of_embedding) + first_bias  # (4, 1, P, N, W), as all gates here
        gates, gates_of_state = np.empty((2, *of_embedding.shape), np.float32)
        added = self._out.bias if bias is None else bias.swapaxes(0, 1) + self._out.bias
        added = np.broadcast_to(added, (STEPS_PER_BAR, count, STATES))
        logits = np.empty((count, STATES), np.float32)
        states = np.empty((count, STEPS_PER_BAR), np.intp)
        for step in range(STEPS_PER_BAR):
            product(h0, of_first, out=gates)
            gates += of_embedding
            if step > 0:
                gates += np.take(of_state, states[:, step - 1], axis=-2, out=gates_of_state, mode="clip")
            cell(gates, out0, c0)
            product(outputs, of_both, out=gates)
            gates += second_bias
            cell(gates, out1, c1)
            product(h1[0], of_second, out=in_parts(logits, of_second.shape[-1]))
            logits += added[step]
            states[:, step] = logits.argmax(axis=-1)
        return states

    def logits(self, embeddings: np.ndarray, bars: np.ndarray) -> np.ndarray:
        """Return the logits (N, S, V) of the states of bars (N, S), each given those before it."""
        gates = np.repeat(self._first.of_inputs(embeddings[None, :, None]), STEPS_PER_BAR, axis=-2)
        gates[..., 1:, :] += self._of_state.wide[:, :, 0, bars[:, :-1]]
        outputs, memories = _initial_state(self._initial(embeddings))
        out = self._first.run(gates, (outputs[0], memories[0]))
        out = self._second.run(self._second.of_inputs(out), (outputs[1], memories[1]))
        return self._out(out[0])


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
            states = self._chosen(self.conductor(part), bias)
            melodies.append(states.reshape(len(part), STEPS).astype(np.uint8))
        return canonical(np.concatenate(melodies))

    def _chosen(self, bars: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Return the states (B, T, S) of bar embeddings (B, T, E); of bars that are as good as equal, of the first."""
        order = np.arange(BARS)
        form = form_within(bars, self.equal_within)  # (B, T)
        if bias is not None and bias.shape[1] > 1:  # what is added is another for each bar
            bars, form = tied(bars, form), np.broadcast_to(order, form.shape)
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


def form_within(bars: np.ndarray, distance: float) -> np.ndarray:
    """Return (B, T), for each of bar embeddings (B, T, E) the number of that as which it is decoded.

    It is the nearest earlier one that is decoded as itself, if that is nearer than a distance; see `vae.decoding`.
    """
    if distance == 0:
        return form_of(bars)
    later, earlier = np.tril_indices(BARS, -1)
    distances = np.full((len(bars), BARS, BARS), np.inf, np.float32)
    distances[:, later, earlier] = np.linalg.norm(bars[:, later] - bars[:, earlier], axis=-1)
    form = np.tile(np.arange(BARS), (len(bars), 1))
    for bar in np.flatnonzero((distances < distance).any(axis=(0, 2))):
        to_earlier = np.take_along_axis(distances[:, bar], form[:, :bar], axis=1)
        rows = np.flatnonzero(to_earlier.min(axis=1) < distance)
        form[rows, bar] = form[rows, to_earlier[rows].argmin(axis=1)]
    return form
