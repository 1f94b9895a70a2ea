"""An invertible last stage of a decoder: affine couplings (NVP, Dinh et al. 2017), at one scale or at two.

Shapes: B images flattened to D pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOG_SCALE = 2.0  # bound of |log s|, without which a coupling may scale pixels without limit


class Coupling(nn.Module):
    """An affine coupling: y1 = x1, y2 = t(x1) + s(x1) x2; pixels of neither stay as they are."""

    read: Tensor
    changed: Tensor

    def __init__(self, read: Tensor, changed: Tensor, hidden: int) -> None:
        """Build a coupling that begins as the identity.

        Args:
            read, changed: (D,), 1 for the pixels of x1 and of x2, and 0 for the others.
        """
        super().__init__()
        pixels = len(read)
        self.register_buffer("read", read, persistent=False)
        self.register_buffer("changed", changed, persistent=False)
        self.net = nn.Sequential(
            nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2 * pixels)
        )
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def _scale_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log s and t, (B, D) each, from the pixels that are read."""
        log_s, t = self.net(x * self.read).chunk(2, dim=-1)
        return LOG_SCALE * torch.tanh(log_s) * self.changed, t * self.changed

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (B, D) to y (B, D); return log |det dy/dx|, (B,), as well."""
        log_s, t = self._scale_shift(x)
        return x * log_s.exp() + t, log_s.sum(dim=-1)

    def inverse(self, y: Tensor) -> Tensor:
        """Map y (B, D) back to x (B, D)."""
        log_s, t = self._scale_shift(y)
        return (y - t) * (-log_s).exp()


class Flow(nn.Module):
    """Couplings one after the other, on the two halves of a checkerboard in turn; with none, the identity.

    At the second scale one half of the board is done, and as many couplings again move the other: its even and its odd
    rows in turn.
    """

    def __init__(self, height: int, width: int, couplings: int, hidden: int, scales: int = 1) -> None:
        super().__init__()
        row, column = torch.arange(height)[:, None], torch.arange(width)[None, :]
        board = ((row + column) % 2).flatten().float()
        odd_row = (row % 2).expand(height, width).flatten().float()
        halves = [(1 - board, board)]
        if scales > 1:
            halves.append((board * (1 - odd_row), board * odd_row))
        self.couplings = nn.ModuleList(
            Coupling(pair[number % 2], pair[1 - number % 2], hidden) for pair in halves for number in range(couplings)
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
