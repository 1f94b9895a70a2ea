"""Table 2 as text for a terminal: the paper's figures first, then ours."""

from __future__ import annotations

from collections.abc import Sequence

from melodylc.evaluation.methods import MethodRow
from melodylc.evaluation.paper import NOTES, PAPER_TABLE

NAME_WIDTH = 38  # characters


def table_text(rows: Sequence[MethodRow]) -> str:
    """Return the paper's rows and these, below two lines of column names."""
    above = f"{'':<{NAME_WIDTH}} {'':>5} |{'C major':^22}|{f'{NOTES} notes':^22}|{'both':^15}|"
    rule = f"{'kept':>7}{'satisf.':>8}{'mean':>7}"
    head = (
        f"{'':<{NAME_WIDTH}} {'temp.':>5} |{rule}|{rule}|{'kept':>7}{'satisf.':>8}|{'plaus.':>7} "
        f"{'z MSE':>6} {'weighted':>8} {'unique':>7} {'distance':>8} {'own start':>9} {'realism':>7} {'notes':>6}"
    )
    lines = [
        "one decode of each draw, no masks and no selection unless the row says so; kept: satisfied and plausible",
        above,
        head,
    ]
    for name, paper in PAPER_TABLE.items():
        lines.append(
            f"{_name(f'paper: {name}')} {'':>5} |{_of_rule(None, paper.pitch_satisfied, paper.pitch_mean)}"
            f"|{_of_rule(None, paper.density_satisfied, paper.density_mean)}|{'':>15}|{'':>7} {_number(paper.z_mse):>6}"
        )
    for row in rows:
        name = row.name + (f" [{row.selection}]" if row.selection else "")
        lines.append(
            f"{_name(name)} {row.temperature:>5.2f} |{_of_rule(row.pitch_kept, row.pitch_satisfied, row.pitch_mean)}"
            f"|{_of_rule(row.density_kept, row.density_satisfied, row.density_mean)}"
            f"|{_percent(row.both_kept):>7}{_percent(row.both_satisfied):>8}|{_percent(row.plausible):>7} "
            f"{row.z_mse:>6.3f} {row.z_mse_weighted:>8.3f} {_percent(row.unique):>7} {row.distance:>8.3f} "
            f"{_percent(row.identity):>9} {row.realism:>7.3f} {row.onsets:>6.1f}"
        )
    return "\n".join(lines)


def _of_rule(kept: float | None, satisfied: float | None, mean: float | None) -> str:
    return f"{_percent(kept):>7}{_percent(satisfied):>8}{_number(mean):>7}"


def _name(name: str) -> str:
    return f"{name:<{NAME_WIDTH}.{NAME_WIDTH}}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
