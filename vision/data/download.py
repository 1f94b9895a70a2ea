"""Fetching the data sets, by torchvision, which knows their mirrors and sums."""

from __future__ import annotations

from pathlib import Path

from melodylc.base.errors import UserError


def download(name: str, root: Path) -> None:
    """Put "mnist" or "celeba" under root, in torchvision's layout; what is there already stays.

    Raises:
        UserError: if torchvision is missing or cannot be loaded, or the data cannot be had.
    """
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: its compiled operators do not fit the torch beside it
        raise UserError(
            f"--download needs a torchvision that fits this torch ({str(error).splitlines()[0]}); "
            "install it with: pip install 'melodylc[vision]', or fetch the files by hand"
        ) from error
    try:
        if name == "mnist":
            datasets.MNIST(str(root), train=True, download=True)
        else:
            datasets.CelebA(str(root), split="all", download=True)
    except (OSError, RuntimeError) as error:
        said = " ".join(str(error).split())  # torchvision lists its mirrors, one a line
        raise UserError(
            f"--download: {name} could not be fetched into {root} ({said}); try again, or by hand"
        ) from error
