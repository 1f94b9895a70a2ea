"""Figures as PNG files; they need matplotlib (extra `vision`).

Shapes: R rows and K columns of images of (C, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from melodylc.base.storage import atomic_write
from melodylc.base.torchrun import is_first

DPI = 110


def canvas(width: float, height: float) -> Any:
    """Return an empty figure of a width and height in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG; where several processes have the same, the first does."""
    if not is_first():
        return
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=DPI, bbox_inches="tight")


def mosaic(images: Tensor) -> Any:
    """Lay images (R, K, C, H, W) in [0, 1] side by side, white lines between; return an array that imshow takes."""
    rows, columns, channels, height, width = images.shape
    wide = images.new_ones(rows, columns, channels, height + 1, width + 1)
    wide[..., :height, :width] = images
    sheet = wide.permute(0, 3, 1, 4, 2).reshape(rows * (height + 1), columns * (width + 1), channels)
    return (sheet.expand(-1, -1, 3) if channels == 1 else sheet).clamp(0, 1).cpu().numpy()


def show(axes: Any, images: Tensor, rows: Sequence[str] = (), columns: Sequence[str] = (), title: str = "") -> None:
    """Draw a grid of images (R, K, C, H, W) with the names of its rows and columns."""
    height, width = images.shape[-2] + 1, images.shape[-1] + 1
    axes.imshow(mosaic(images), interpolation="nearest")
    axes.set_yticks([height * (row + 0.5) for row in range(len(rows))], rows, fontsize=8)
    axes.set_xticks(
        [width * (column + 0.5) for column in range(len(columns))], columns, fontsize=8, rotation=45, ha="left"
    )
    axes.tick_params(length=0, top=bool(columns), labeltop=bool(columns), bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(title, fontsize=10)


def grid(path: Path, images: Tensor, rows: Sequence[str] = (), columns: Sequence[str] = (), title: str = "") -> None:
    """Write one grid of images (R, K, C, H, W)."""
    figure = canvas(0.75 * images.shape[1] + 1.5, 0.75 * images.shape[0] + 1)
    show(figure.add_subplot(), images, rows, columns, title)
    save(figure, path)


def panels(path: Path, sheets: Sequence[tuple[str, Tensor]], columns: Sequence[str] = ()) -> None:
    """Write several grids (R, K, C, H, W), one below the other, each under its title, with the same columns."""
    headed_panels(path, [(title, sheet, columns) for title, sheet in sheets])


def headed_panels(path: Path, sheets: Sequence[tuple[str, Tensor, Sequence[str]]]) -> None:
    """Write several grids (R, K, C, H, W), one below the other, each under its title, with columns of its own."""
    heights = [sheet.shape[0] for _, sheet, _ in sheets]
    figure = canvas(0.7 * sheets[0][1].shape[1] + 1, 0.75 * sum(heights) + 0.8 * len(sheets))
    for axes, (title, sheet, columns) in zip(
        figure.subplots(len(sheets), 1, squeeze=False, height_ratios=heights)[:, 0], sheets
    ):
        show(axes, sheet, (), columns, title)
    save(figure, path)
