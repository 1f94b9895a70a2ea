"""The experiments on CelebA: python -m vision.celeba EXPERIMENT... --data DIR."""

from __future__ import annotations

import sys

from melodylc.base.signals import until_closed
from vision.missing import torch_is_missing


def entry(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    if torch_is_missing("celeba"):
        return 2
    from vision.command import main
    from vision.data import celeba
    from vision.data.celeba_attributes import label_names
    from vision.presets import CELEBA

    return main("celeba", label_names, celeba.load, CELEBA, arguments)


if __name__ == "__main__":
    sys.exit(until_closed(entry))
