"""Half precision, where the processor computes it faster."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch


def half_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context of bf16 autocast where the hardware supports it, and of full precision elsewhere."""
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)  # emulated it is slower than full precision
    else:
        able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)
