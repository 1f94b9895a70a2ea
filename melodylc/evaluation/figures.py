"""The pictures of an evaluation, as PNG. All but the piano rolls need matplotlib (extra `evaluate`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from melodylc import pianoroll
from melodylc.constraints.realism import held_out, realism_critic
from melodylc.constraints.rule_actor import RuleActor
from melodylc.evaluation.conditioning import COUNTS, SCALES, ConditioningTable
from melodylc.evaluation.diagrams import columns_of_vae
from melodylc.evaluation.histograms import Histograms
from melodylc.evaluation.methods import MethodRow
from melodylc.evaluation.paper import NOTES
from melodylc.latent import diagrams
from melodylc.model import Model
from melodylc.rules import Key
from melodylc.rules.key import NAMES
from midi_io.atomic import atomic_write

GRID = 41  # points along each axis of a contour map
REACH = 3.0  # standard deviations of the prior that a contour map shows to either side of the origin
DPI = 110
SEEDS = range(1, 13)  # of the draws that are shown as they come
DISTANCES = (0.5, 1.3)  # pairwise distances, the prior's being 1, at the ends of the colour scale


def plotting() -> Any:
    """Return matplotlib's pyplot, set up to draw without a window.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            "the figures of evaluate need matplotlib; install it with: pip install 'melodylc[evaluate]'"
        ) from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, path: Path) -> None:
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=DPI, bbox_inches="tight")
    plotting().close(figure)


def piano_rolls(path: Path, named: Sequence[tuple[str, np.ndarray]], key: Key) -> None:
    """Draw figure 6: melodies (256,) from one draw of the prior, one above the other, notes outside the key in red."""
    _page(path, [pianoroll.draw(melody, key.pitches(), title) for title, melody in named])


def first_draws(path: Path, model: Model) -> None:
    """Draw the first melody of each of the seeds 1 to 12, as they come, in two columns."""
    drawn = [(f"seed {seed}", model.sample(1, seed=seed)[0]) for seed in SEEDS]
    _page(path, [pianoroll.draw(melody, title=title) for title, melody in drawn], columns=2)


def networks(path: Path, model: Model) -> None:
    """Draw figure 13c: the encoder, the conductor and the decoder of a model, from the networks themselves."""
    _save(diagrams.draw(columns_of_vae(model.vae)), path)


def _page(path: Path, images: Sequence[Image.Image], columns: int = 1) -> None:
    """Save images as one, row by row from the top."""
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    width, heights = columns * max(image.width for image in images), [max(i.height for i in row) for row in rows]
    page = Image.new("RGB", (width, sum(heights)), pianoroll.PAPER)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for column, image in enumerate(row):
            page.paste(image, (column * width // columns, top))
        top += height
    with atomic_write(path) as beside:
        page.quantize(64).save(beside, format="PNG", optimize=True)


def training_curves(path: Path, named: Sequence[tuple[str, RuleActor]]) -> None:
    """Draw figure 11: reward, share satisfied and shift against the number of melodies decoded."""
    plot = plotting()
    figure, axes = plot.subplots(1, 3, figsize=(13, 3.6))
    for name, actor in named:
        curve = actor.card["curve"]
        decoded = [row["rewarded"] for row in curve]
        for axis, column in zip(axes, ("reward", "satisfied", "shift"), strict=True):
            axis.plot(decoded, [row[column] for row in curve], label=name)
    for axis, label in zip(axes, ("mean reward", "share satisfied", "mean squared shift"), strict=True):
        axis.set(xlabel="melodies decoded", ylabel=label)
        axis.grid(alpha=0.3)
    axes[1].set_ylim(0, 1.02)
    axes[2].legend(fontsize=8)
    _save(figure, path)


@torch.no_grad()
def realism_contours(path: Path, model: Model, seed: int = 0) -> None:
    """Draw figure 3: the realism critic around a draw of the prior and around an encoding it was not trained on.

    The two latent dimensions of lowest average posterior deviation vary, the others stay fixed.
    """
    plot = plotting()
    critic = realism_critic(model)
    first, second = model.bank.sigma_bar.argsort()[:2].tolist()
    figure, axes = plot.subplots(1, 2, figsize=(10, 4.4))
    centres = (("draw of the prior", model.prior(1, seed)[0]), ("encoding", held_out(model, seed)[0]))
    ticks = torch.linspace(-REACH, REACH, GRID)
    for axis, (name, centre) in zip(axes, centres, strict=True):
        z = centre.repeat(GRID, GRID, 1)  # (rows, columns, Z)
        z[:, :, first], z[:, :, second] = ticks[None, :], ticks[:, None]
        value = critic(z.reshape(GRID * GRID, -1)).reshape(GRID, GRID)
        drawn = axis.contourf(ticks, ticks, value, levels=16, cmap="viridis")
        figure.colorbar(drawn, ax=axis, label="logit of realism")
        axis.plot(centre[first], centre[second], "s", color="tab:orange")
        axis.set(title=name, xlabel=f"z[{first}]", ylabel=f"z[{second}]")
    _save(figure, path)


def trade_off(path: Path, rows: Sequence[MethodRow]) -> None:
    """Draw the share kept against shift; the colour is the pairwise distance of melodies over that of the prior's."""
    plot = plotting()
    figure, axes = plot.subplots(1, 2, figsize=(13, 5), sharey=True)
    for axis, title, belongs in (
        (axes[0], "C major", lambda row: str(NOTES) not in row.name),
        (axes[1], f"C major and {NOTES} notes", lambda row: str(NOTES) in row.name or row.name == "prior"),
    ):
        chosen = [row for row in rows if belongs(row)]
        pair = axis is axes[1]
        kept = [row.both_kept if pair else row.pitch_kept for row in chosen]
        dots = axis.scatter(
            [row.z_mse for row in chosen],
            kept,
            c=[row.distance for row in chosen],
            vmin=DISTANCES[0],
            vmax=DISTANCES[1],
            cmap="plasma",
            s=60,
            edgecolor="black",
        )
        names = []
        for index, (row, share) in enumerate(zip(chosen, kept, strict=True)):
            # dots lie on one another: numbers beside them, fanned out, and their names below
            offset = (6 + 9 * (index % 4), 5 - 9 * (index % 3))
            axis.annotate(str(index), (row.z_mse, share), textcoords="offset points", xytext=offset, fontsize=8)
            names.append(f"{index}  {row.name}" + (f" [{row.selection}]" if row.selection else ""))
        axis.text(0, -0.16, "\n".join(names), transform=axis.transAxes, fontsize=8, va="top")
        axis.set(title=title, xlabel="z MSE", ylabel="share kept" if not pair else "", ylim=(-0.03, 1.06))
        axis.grid(alpha=0.3)
        figure.colorbar(dots, ax=axis, label="pairwise distance, prior = 1")
    _save(figure, path)


def heat_maps(path: Path, table: ConditioningTable) -> None:
    """Draw the shares of draws that are kept, within the key, and of enough notes, by scale and by the other.

    Kept above, by key and by number of notes; below it what was asked for, without asking whether it is plausible.
    """
    plot = plotting()
    figure, axes = plot.subplots(2, 2, figsize=(13, 8))
    for axis, shares, columns, title in (
        (axes[0, 0], table.kept.mean(axis=2), NAMES, "kept"),
        (axes[0, 1], table.kept.mean(axis=1), COUNTS, "kept, by the number of notes asked for"),
        (axes[1, 0], table.in_key.mean(axis=2), NAMES, "within the key"),
        (axes[1, 1], table.enough_notes.mean(axis=1), COUNTS, "as many notes as asked for"),
    ):
        axis.imshow(shares, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        axis.set(title=title, xticks=range(len(columns)), yticks=range(len(SCALES)))
        axis.set_xticklabels(columns)
        axis.set_yticklabels(SCALES)
        for (row, column), share in np.ndenumerate(shares):
            axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8)
    _save(figure, path)


def histogram_lines(path: Path, named: Mapping[str, Histograms]) -> None:
    """Draw the histograms of pitch, interval, duration and repetition of sets of melodies, over one another."""
    plot = plotting()
    kinds = list(next(iter(named.values())))
    figure, axes = plot.subplots(1, len(kinds), figsize=(4 * len(kinds), 3.4))
    for axis, kind in zip(axes, kinds, strict=True):
        for name, histograms in named.items():
            shares = histograms[kind]
            start = -(len(shares) // 2) if kind in ("pitch", "interval") else int(kind == "duration")
            axis.plot(range(start, start + len(shares)), shares, label=name)
        axis.set(title=kind)
        axis.grid(alpha=0.3)
    axes[-1].legend(fontsize=8)
    _save(figure, path)
