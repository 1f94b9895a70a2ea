"""The experiments on MNIST: python -m vision.mnist EXPERIMENT... --data DIR."""

from __future__ import annotations

import sys

from melodylc.base.signals import until_closed
from vision.missing import torch_is_missing


def entry(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    if torch_is_missing("mnist"):
        return 2
    from vision.command import main
    from vision.data import mnist
    from vision.presets import MNIST

    return main("mnist", lambda _: mnist.label_names(), mnist.load, MNIST, arguments)


if __name__ == "__main__":
    sys.exit(until_closed(entry))
