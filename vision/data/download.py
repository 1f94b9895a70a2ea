"""The download of the data sets by torchvision, which has their addresses and checksums."""

from __future__ import annotations

from pathlib import Path

from melodylc.base.errors import UserError


def download(name: str, root: Path) -> None:
    """Download "mnist" or "celeba" into root, in torchvision's layout; files that are there already stay.

    Raises:
        UserError: if torchvision is missing or cannot be loaded, or the data cannot be downloaded.
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
        detail = " ".join(str(error).split())  # torchvision lists its mirrors, one a line
        raise UserError(
            f"--download: {name} could not be fetched into {root} ({detail}); try again, or by hand"
        ) from error
