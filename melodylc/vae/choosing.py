"""Choosing the states of bars, step by step, as fast as the products of the decoder allow: no gradients, no copies.

`decoding.decode_bars` computes the same and is differentiable. Here gates are computed in place, and products added to
what is there: each pass over gates that no longer fit a cache costs a good part of a product.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.melody import STATES, STEPS_PER_BAR
from melodylc.vae.model import BarDecoder, initial_state


@torch.no_grad()
def choose(decoder: BarDecoder, embeddings: Tensor, bias: Tensor | None) -> Tensor:
    """Return the likeliest states (N, S) of bars, each chosen given those before it, from their embeddings (N, E).

    Args:
        bias: (N, S, V), added to the logits: noise, which makes a draw of it, or -inf where a state is forbidden.
    """
    lstm = decoder.lstm
    names = [f"weight_{kind}_l{layer}" for layer in (0, 1) for kind in ("ih", "hh")]
    input0, hidden0, input1, hidden1 = (getattr(lstm, name) for name in names)
    bias0, bias1 = (getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}") for layer in (0, 1))
    of_embedding = F.linear(embeddings, input0[:, STATES:], bias0)  # (N, 4 units)
    own = of_embedding.dtype  # bf16 under autocast, which knows nothing of products in place
    of_state = input0[:, :STATES].T.to(own, memory_format=torch.contiguous_format)
    hidden0, input1, hidden1, bias1 = (weight.to(own) for weight in (hidden0, input1, hidden1, bias1))
    (h0, h1), (c0, c1) = initial_state(decoder.initial(embeddings), decoder.units)
    states = torch.empty(len(embeddings), STEPS_PER_BAR, dtype=torch.long, device=embeddings.device)
    gates = of_embedding.clone()
    for step in range(STEPS_PER_BAR):
        if step > 0:
            torch.index_select(of_state, 0, states[:, step - 1], out=gates).add_(of_embedding)
        _cell(gates.addmm_(h0, hidden0.T), h0, c0)
        _cell(torch.addmm(bias1, h0, input1.T, out=gates).addmm_(h1, hidden1.T), h1, c1)
        out = decoder.out(h1)  # (N, V)
        states[:, step] = (out if bias is None else out + bias[:, step]).argmax(dim=-1)
    return states


def _cell(gates: Tensor, h: Tensor, c: Tensor) -> None:
    """Make the step of an LSTM in place: of its gates (N, 4 units), its output h (N, units) and its memory c."""
    i, f, g, o = gates.chunk(4, dim=-1)
    c.mul_(f.sigmoid_()).addcmul_(i.sigmoid_(), g.tanh_())
    torch.mul(o.sigmoid_(), torch.tanh(c, out=h), out=h)
