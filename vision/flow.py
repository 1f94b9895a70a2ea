"""An invertible last stage of a decoder: affine couplings (NVP, Dinh et al. 2017).

Shapes: B images flattened to D pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOG_SCALE = 2.0  # bound of |log s|, without which a coupling may scale pixels without limit


class Coupling(nn.Module):
    """An affine coupling: y1 = x1, y2 = t(x1) + s(x1) x2, where a mask says which pixels are x1."""

    mask: Tensor

    def __init__(self, mask: Tensor, hidden: int) -> None:
        super().__init__()
        pixels = len(mask)
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(
            nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2 * pixels)
        )
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # the coupling begins as the identity
        nn.init.zeros_(last.bias)

    def _scale_shift(self, fixed: Tensor) -> tuple[Tensor, Tensor]:
        """Return log s and t, (B, D) each, from the pixels that stay as they are."""
        log_s, t = self.net(fixed).chunk(2, dim=-1)
        changed = 1 - self.mask
        return LOG_SCALE * torch.tanh(log_s) * changed, t * changed

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (B, D) to y (B, D); return log |det dy/dx|, (B,), as well."""
        log_s, t = self._scale_shift(x * self.mask)
        return x * log_s.exp() + t, log_s.sum(dim=-1)

    def inverse(self, y: Tensor) -> Tensor:
        """Map y (B, D) back to x (B, D)."""
        log_s, t = self._scale_shift(y * self.mask)
        return (y - t) * (-log_s).exp()


class Flow(nn.Module):
    """Couplings one after the other, on the two halves of a checkerboard in turn; with none, the identity."""

    def __init__(self, height: int, width: int, couplings: int, hidden: int) -> None:
        super().__init__()
        board = (torch.arange(height)[:, None] + torch.arange(width)[None, :]).flatten() % 2
        self.couplings = nn.ModuleList(
            Coupling((board if number % 2 else 1 - board).float(), hidden) for number in range(couplings)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x), (B, D), and log |det df/dx|, (B,)."""
        total = x.new_zeros(len(x))
        for coupling in self.couplings:
            x, log_det = coupling(x)
            total = total + log_det
        return x, total

    def inverse(self, y: Tensor) -> Tensor:
        """Return f^-1(y), (B, D)."""
        for coupling in reversed(self.couplings):
            y = coupling.inverse(y)  # type: ignore[operator]
        return y
