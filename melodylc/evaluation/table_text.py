"""Table 2 as text for a terminal: the paper's figures first, then ours."""

from __future__ import annotations

from collections.abc import Sequence

from melodylc.evaluation.methods import MethodRow
from melodylc.evaluation.paper import PAPER_TABLE

NAME_WIDTH = 38  # characters


def table_text(rows: Sequence[MethodRow]) -> str:
    """Return the paper's rows and these, below one line of column names."""
    head = (
        f"{'':<{NAME_WIDTH}} {'temp.':>5} {'pitch':>6} {'satisf.':>8} {'density':>7} {'satisf.':>8} {'both':>7} "
        f"{'z MSE':>6} {'weighted':>8} {'unique':>7} {'distance':>8} {'own start':>9} {'realism':>7} {'notes':>6}"
    )
    lines = ["one decode of each draw, no masks and no selection unless the row says so", head]
    for name, paper in PAPER_TABLE.items():
        lines.append(
            f"{_name(f'paper: {name}')} {'':>5} {_number(paper.pitch_mean):>6} {_percent(paper.pitch_satisfied):>8} "
            f"{_number(paper.density_mean):>7} {_percent(paper.density_satisfied):>8} {'':>7} {_number(paper.z_mse):>6}"
        )
    for row in rows:
        name = row.name + (f" [{row.selection}]" if row.selection else "")
        lines.append(
            f"{_name(name)} {row.temperature:>5.2f} {row.pitch_mean:>6.3f} {_percent(row.pitch_satisfied):>8} "
            f"{row.density_mean:>7.3f} {_percent(row.density_satisfied):>8} {_percent(row.both_satisfied):>7} "
            f"{row.z_mse:>6.3f} {row.z_mse_weighted:>8.3f} {_percent(row.unique):>7} {row.distance:>8.3f} "
            f"{_percent(row.identity):>9} {row.realism:>7.3f} {row.onsets:>6.1f}"
        )
    return "\n".join(lines)


def _name(name: str) -> str:
    return f"{name:<{NAME_WIDTH}.{NAME_WIDTH}}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
