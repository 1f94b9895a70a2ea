"""The device that networks are on: what may be asked for, and that no other GPU than it is touched."""

from __future__ import annotations

import torch

from melodylc.base.errors import UserError


def usable(asked: str | torch.device) -> torch.device:
    """Return a device that can be computed on; a GPU with a number becomes the current one.

    So what is pinned or gathered without naming a device touches no other GPU.

    Raises:
        UserError: for a device that is none or is not there.
    """
    try:
        device = torch.device(asked)
        if device.type == "cuda" and device.index is not None and torch.cuda.is_available():
            torch.cuda.set_device(device)  # first: what is computed before would be on another one
        torch.zeros(1, device=device).item()  # a device without values, such as meta, is none
    except (RuntimeError, AssertionError, ImportError) as error:
        detail = str(error).splitlines()[0].partition(". ")[0]  # of some devices torch tells all that it knows
        raise UserError(f"device: expected cpu, or cuda where there is a GPU, got {asked!r} ({detail})") from error
    return device
