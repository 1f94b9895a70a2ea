"""The unit of song positions: sixteenths, as the standard says, or clocks, as one host sends."""

from __future__ import annotations

from collections.abc import Callable

from midi_io.messages import CLOCKS_PER_SIXTEENTH, PPQN

PROOFS = 2  # positions in a row: one may go on in clocks by chance, as a jump from the end of bar 1 to bar 7 does

CLOCKS_SAID = (
    "the DAW counts its song positions in clocks, as Ardour 7 does, and is understood so from now on; "
    "--song-position sixteenths takes them as the standard says"
)
SIXTEENTHS_SAID = (
    "the DAW counts its song positions in sixteenths after all; --song-position says for good what it counts in"
)


class SongPositionUnit:
    """The unit of song positions: sixteenths, until what a host sends proves that it counts clocks.

    Ardour 7 is such a host: its positions are whole quarters, six times too large. Nothing in one message tells such a
    host from one that jumps, and no gap between messages does: position, continue and clock may come together. So
    sixteenths are right until two different positions in a row go on, taken in clocks and not in sixteenths, with the
    quarter at which playing had stopped. A position that is no whole quarter in clocks is proof of sixteenths for good.

    Args:
        clocks: the unit, where somebody knows it; None finds out.
        say: called with a line when something else than before is concluded.
    """

    def __init__(self, clocks: bool | None = None, say: Callable[[str], None] = lambda text: None) -> None:
        self._given, self._say = clocks, say
        self._concluded = False  # that positions come in clocks
        self._refuted = False  # for good
        self._proofs: list[int] = []  # the positions in a row that go on in clocks
        # for each unit, where playing began last if positions come in it; both are kept, for either may be right
        self._began: dict[int, int] | None = None

    @property
    def clocks_per_unit(self) -> int:
        """Return how many clocks one unit is."""
        in_clocks = self._concluded if self._given is None else self._given
        return 1 if in_clocks else CLOCKS_PER_SIXTEENTH

    def rewind(self) -> None:
        """Take note that playing begins at 0."""
        self._began = {1: 0, CLOCKS_PER_SIXTEENTH: 0}

    def go_on(self, played: int | None) -> None:
        """Take note that playing goes on where it stopped, after so many clocks."""
        if self._began is not None:
            self._began = {unit: began + (played or 0) for unit, began in self._began.items()}

    def observe(self, sent: int, played: int | None) -> None:
        """Learn from a position that was sent, once playing has begun there.

        Args:
            played: how many clocks were heard from where playing had begun before until it stopped; None if it had not.
        """
        began, self._began = self._began, {unit: sent * unit for unit in (1, CLOCKS_PER_SIXTEENTH)}
        if sent % PPQN:
            self._refuted = True
            self._conclude(False)
        elif sent and began is not None and played and not self._refuted:
            # the last clock heard, the one after it, or the quarter line next to them
            goes_on = {unit: 0 <= sent * unit - (began[unit] + played - 1) <= PPQN for unit in began}
            if goes_on[1] and not goes_on[CLOCKS_PER_SIXTEENTH]:
                if sent not in self._proofs:
                    self._proofs.append(sent)
                self._conclude(self._concluded or len(self._proofs) >= PROOFS)
            else:
                self._proofs = []

    def _conclude(self, clocks: bool) -> None:
        if clocks != self._concluded and self._given is None:
            self._say(CLOCKS_SAID if clocks else SIXTEENTHS_SAID)
        self._concluded = clocks
