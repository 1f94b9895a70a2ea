"""Batch normalisation of a batch that several processes share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melodylc.latent.processes import ALONE, Processes

MOMENTUM = 0.1  # of the running moments, as torch has it unless it is told


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the moments of the whole batch, of which each process has its share.

    torch has one for processes with GPUs only.
    """

    processes: Processes = ALONE
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if not self.training or self.processes.count == 1:
            return super().forward(x)
        over = (0, 2, 3)
        wide = x.float()  # sums need more digits than bf16 has
        own = torch.stack([wide.mean(over), wide.var(over, unbiased=False)])
        means, variances = self.processes.gathered(own[None]).unbind(1)  # (processes, C) each
        mean, variance = means.mean(dim=0), variances.mean(dim=0) + means.var(dim=0, unbiased=False)
        self._follow(mean.detach(), variance.detach(), x[:, 0].numel() * self.processes.count)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Let the running moments follow those of `count` numbers, as torch's do."""
        self.running_mean.lerp_(mean, MOMENTUM)
        self.running_var.lerp_(variance * (count / (count - 1)), MOMENTUM)
        self.num_batches_tracked += 1
