"""The moving average of a network's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class MovingAverage(Generic[Network]):
    """A copy of a network whose weights follow the network's slowly.

    Networks that train against each other swing around where they meet; the average does not, and is what is kept.
    """

    def __init__(self, network: Network) -> None:
        self.network = deepcopy(network)
        for module in self.network.modules():
            if isinstance(module, nn.RNNBase):
                module.flatten_parameters()  # a copy loses the single block of weights that CUDA wants

    @torch.no_grad()
    def follow(self, network: Network, decay: float) -> None:
        """Move towards the weights of the network: by 1 - decay of the way, so that 0 copies them."""
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)

    def restart(self, network: Network) -> None:
        """Begin anew as a copy of the network, which has been changed by other means than steps."""
        self.network.load_state_dict(network.state_dict())

    def snapshot(self) -> Network:
        """Return a copy of the average as it is now, for use: it asks for no gradients."""
        return deepcopy(self.network).eval().requires_grad_(False)
