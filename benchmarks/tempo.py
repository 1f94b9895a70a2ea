"""Measure how followers of MIDI clock keep to a DAW's time: python benchmarks/tempo.py [--before FILE]

Clocks are simulated; no ports. For each sixteenth on the DAW's grid it is asked when the follower would play it, with
what it knows 20 ms before, as the player on JACK does; what it would play earlier is played then. `one note a clock` is
the follower that plays whatever is due on a clock when the clock comes: it knows no tempo, and all jitter is heard.
`--before FILE` adds the estimator of another midi_io/tempo.py, such as git show 10ec892:midi_io/tempo.py.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from midi_io import messages
from midi_io.messages import CLOCKS_PER_SIXTEENTH, PPQN
from midi_io.midi_clock import MidiClockTransport

LOOKAHEAD = 0.020  # seconds, of JACK's ports
FOUND = 4 * PPQN  # clocks after which the tempo is known
TRIALS = 5  # of each case

Moments = np.ndarray  # (N,) seconds at which the DAW passes each clock
Clocks = list[tuple[float, int]]  # the moment at which each clock comes, and its number


def constant(*parts: tuple[float, float]) -> Moments:
    """Return the moments of clocks at tempos that hold for so many quarter notes each."""
    return moments_of(np.concatenate([np.full(round(quarters * PPQN), tempo) for tempo, quarters in parts]))


def ramp(start: float, end: float, quarters: float) -> Moments:
    """Return the moments of eight bars at one tempo, a ramp to another, and eight bars there."""
    way = np.linspace(start, end, round(quarters * PPQN))
    return moments_of(np.concatenate([np.full(32 * PPQN, start), way, np.full(32 * PPQN, end)]))


def moments_of(tempos: np.ndarray) -> Moments:
    """Return the moments of clocks, each of which lasts as its tempo says."""
    return 1.0 + np.concatenate([[0.0], np.cumsum(60 / tempos / PPQN)])


def plain(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks that come when they are due."""
    return [(float(moment), number) for number, moment in enumerate(moments)]


def jittered(milliseconds: float) -> Callable[[Moments, np.random.Generator], Clocks]:
    """Return a way for clocks to come so much too early or late."""

    def come(moments: Moments, rng: np.random.Generator) -> Clocks:
        off = rng.uniform(-milliseconds, milliseconds, len(moments)) / 1000
        return list(zip(np.maximum.accumulate(moments + off).tolist(), range(len(moments)), strict=True))

    return come


def swinging(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks that come late by up to 3 ms, then early, over each eighth."""
    wave = 0.003 * np.cos(np.arange(len(moments)) * 2 * np.pi / 12)
    return list(zip((moments + wave).tolist(), range(len(moments)), strict=True))


def in_periods(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks that come at the beginning of periods of 512 frames at 48 kHz."""
    period = 512 / 48000
    return list(zip((np.ceil(moments / period) * period).tolist(), range(len(moments)), strict=True))


def losing(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks of which one in 200 is lost."""
    return [each for each in plain(moments, rng) if each[1] < FOUND or each[1] % 200 != 100]


def doubling(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks of which one in 200 comes twice."""
    return [each for each in plain(moments, rng) for _ in range(1 + (each[1] > FOUND and each[1] % 200 == 100))]


def silent(moments: Moments, rng: np.random.Generator) -> Clocks:
    """Return clocks that are silent for three seconds while the DAW goes on."""
    begins = moments[40 * PPQN]
    return [each for each in plain(moments, rng) if not begins < each[0] < begins + 3]


CASES: dict[str, tuple[Moments, Callable[[Moments, np.random.Generator], Clocks]]] = {
    "120, steady": (constant((120, 96)), plain),
    "120, jitter of 5 ms": (constant((120, 96)), jittered(5)),
    "120, swing of the clock of 3 ms": (constant((120, 96)), swinging),
    "120, in periods of 10.7 ms": (constant((120, 96)), in_periods),
    "120, clocks lost": (constant((120, 96)), losing),
    "120, clocks doubled": (constant((120, 96)), doubling),
    "120, three seconds of silence": (constant((120, 96)), silent),
    "ramp 120 to 90 in four bars": (ramp(120, 90, 16), plain),
    "ramp 90 to 180 in four bars": (ramp(90, 180, 16), plain),
    "ramp 90 to 180 in one bar": (ramp(90, 180, 4), plain),
    "ramp 120 to 90 in four bars, jitter of 1 ms": (ramp(120, 90, 16), jittered(1)),
    "ramp 120 to 90 in four bars, jitter of 5 ms": (ramp(120, 90, 16), jittered(5)),
    "ramp 90 to 180 in four bars, jitter of 5 ms": (ramp(90, 180, 16), jittered(5)),
    "step 120 to 140": (constant((120, 32), (140, 32)), plain),
    "step 120 to 60": (constant((120, 32), (60, 32)), plain),
    "step 120 to 140, jitter of 5 ms": (constant((120, 32), (140, 32)), jittered(5)),
}


def led(moments: Moments, clocks: Clocks, estimator: object | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return by how many milliseconds sixteenths are late, and the error of the tempo in per cent, for our follower."""
    follower = MidiClockTransport(lookahead=LOOKAHEAD)
    if estimator is not None:
        follower.tempo_estimator = estimator  # type: ignore[assignment]
    follower.receive(0.0, bytes((messages.START,)))
    late, off, index = [], [], 0
    for number in range(FOUND, len(moments) - PPQN, CLOCKS_PER_SIXTEENTH):
        now = moments[number] - LOOKAHEAD
        while index < len(clocks) and clocks[index][0] <= now:
            follower.receive(clocks[index][0], bytes((messages.CLOCK,)))
            index += 1
        follower.advance(now)
        if follower.running:
            late.append(1000 * (max(follower.moment_of(number / PPQN), now) - moments[number]))
            interval = moments[number] - moments[number - 1]
            off.append(100 * abs(60 / PPQN / interval / follower.tempo - 1))
    return np.array(late), np.array(off)


def one_note_a_clock(moments: Moments, clocks: Clocks) -> np.ndarray:
    """Return by how many milliseconds sixteenths are late that are played when their clock comes, counted."""
    came = [moment for moment, _ in clocks]
    wanted = range(FOUND, min(len(moments), len(came)) - PPQN, CLOCKS_PER_SIXTEENTH)
    return np.array([1000 * (came[number] - moments[number]) for number in wanted])


def estimator_of(path: Path) -> Callable[[], object]:
    """Return the class of another file like midi_io/tempo.py, made to be called like this one."""
    spec = importlib.util.spec_from_file_location("tempo_before", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Before(module.TempoEstimator):  # type: ignore[name-defined]
        def tick(self, moment: float, goes_on: bool = True) -> int:
            super().tick(moment)
            return 0

        def begin(self, moment: float) -> None:
            """Know nothing of clocks that begin anew."""

    return Before


def main() -> None:
    """Print one table: for each case and follower, how late notes are in milliseconds, p50, p99 and most."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, help="another midi_io/tempo.py to compare with")
    parser.add_argument("--case", default="", help="only cases whose names have this in them")
    options = parser.parse_args()
    before = options.before and estimator_of(options.before)
    heads = ["one note a clock", *(["before"] if before else []), "ours"]
    print(f"{'ms off, p50 / p99 / most':<46}" + "".join(f"{head:>26}" for head in heads) + f"{'tempo off %, p99':>18}")
    for name, (moments, come) in CASES.items():
        if options.case not in name:
            continue
        trials = [come(moments, np.random.default_rng(trial)) for trial in range(TRIALS)]
        columns = [[one_note_a_clock(moments, clocks) for clocks in trials]]
        if before:
            columns.append([led(moments, clocks, before())[0] for clocks in trials])
        ours = [led(moments, clocks) for clocks in trials]
        columns.append([late for late, _ in ours])
        cells = []
        for column in columns:
            off = np.abs(np.concatenate(column))
            cells.append(f"{np.median(off):8.2f} /{np.percentile(off, 99):7.2f} /{off.max():7.2f}")
        tempo = np.percentile(np.concatenate([off[len(off) // 3 :] for _, off in ours]), 99)
        print(f"{name:<46}" + "".join(cells) + f"{tempo:>18.3f}", flush=True)


if __name__ == "__main__":
    main()
