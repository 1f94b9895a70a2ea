"""Where half precision pays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch


def half_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bf16 autocast where the hardware computes it, else full precision."""
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported()
    else:
        able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)
