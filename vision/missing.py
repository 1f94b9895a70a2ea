"""What is said where torch is missing, before anything that imports it."""

from __future__ import annotations

import sys

from melodylc.base.extras import installed


def torch_is_missing(command: str) -> bool:
    """Return whether torch is not installed, and say so."""
    missing = not installed("torch")
    if missing:
        print(
            f"vision.{command}: the experiments need torch; install it with: pip install 'melodylc[vision]'",
            file=sys.stderr,
        )
    return missing
