"""The download of the data sets by torchvision, which has their addresses and checksums."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from melodylc.base.errors import UserError
from vision.data import celeba, mnist


def download(name: str, root: Path) -> None:
    """Download "mnist" or "celeba" into root, in torchvision's layout; where the files are there, nothing is done.

    Raises:
        UserError: if torchvision is missing or cannot be loaded, or the data cannot be downloaded; nothing is left
            behind then.
    """
    if {"mnist": mnist, "celeba": celeba}[name].present(root):
        return
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: its compiled operators do not fit the torch beside it
        raise UserError(
            f"--download needs a torchvision that fits this torch ({str(error).splitlines()[0]}); "
            "install it with: pip install 'melodylc[vision]', or fetch the files by hand"
        ) from error
    try:
        with _nothing_left_behind(root):
            if name == "mnist":
                datasets.MNIST(str(root), train=True, download=True)
            else:
                datasets.CelebA(str(root), split="all", download=True)
    except (OSError, RuntimeError, ImportError) as error:  # ImportError: of gdown, which CelebA is fetched with
        detail = " ".join(str(error).split())  # torchvision lists its mirrors, one a line
        raise UserError(
            f"--download: {name} could not be fetched into {root} ({_shortened(detail)}); try again, or by hand"
        ) from error


@contextmanager
def _nothing_left_behind(root: Path) -> Iterator[None]:
    """Remove what an unfinished download made, whatever ended it; what was there before stays."""
    before = set(root.rglob("*")) | {root} if root.exists() else set()
    try:
        yield
    except BaseException:
        for path in sorted({root, *root.rglob("*")} - before, reverse=True):  # what a folder has before the folder
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise


def _shortened(detail: str, most: int = 200) -> str:
    """Return the beginning of a text: of a blocked download Google's whole advice is in it."""
    return detail if len(detail) <= most else detail[: most - 3] + "..."
