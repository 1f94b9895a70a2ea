"""The paper's own table 2, and the two constraints it is about."""

from __future__ import annotations

from typing import NamedTuple

from melodylc.rules import Rule, notes, pitch_classes

KEY = "C major"  # the pitch classes of c_pitch
NOTES = 192  # at least so many notes satisfy c_density


class PaperRow(NamedTuple):
    """One line of the paper's table 2; None where the paper gives no figure."""

    pitch_mean: float
    pitch_satisfied: float
    density_mean: float | None
    density_satisfied: float | None
    z_mse: float | None


PAPER_TABLE = {
    "prior": PaperRow(0.579, 0.0043, 0.417, 0.0004, None),
    "C major": PaperRow(0.991, 0.708, None, None, 0.015),
    "C major, 192 notes": PaperRow(0.982, 0.624, 0.985, 0.849, 0.039),
}


def pitch_rule() -> Rule:
    """Return c_pitch of equation 4: the share of notes in C major."""
    return pitch_classes(KEY)


def density_rule() -> Rule:
    """Return c_density of equation 4: min(1, n / 192) for n notes."""
    return notes(at_least=NOTES)
