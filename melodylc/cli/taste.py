"""`melodylc taste`: pairs of melodies to listen to, and a rule learned from which of them is liked."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.numbers import LAST_SEED
from melodylc.cli import arguments

if TYPE_CHECKING:
    import numpy as np

    from melodylc.constraints.preference import Preference

ANSWERS = {"a": (True, False), "b": (False, True), "both": (True, True), "neither": (False, False)}  # liked: a, b
AGAIN = "again"
OPENING = 3.0  # seconds within which what opens a file fails, if it does


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("taste", help="listen to pairs, say which you like, and get melodies to your taste")
    parser.add_argument("--out", required=True, metavar="FILE", help="the taste (.safetensors); goes on if it is there")
    parser.add_argument("--pairs", type=arguments.number(int, 1, 1000), default=12, help="to listen to (12)")
    parser.add_argument("--folder", default="taste", metavar="DIR", help="where the pairs are written (taste)")
    parser.add_argument("--tempo", type=arguments.number(float, 4, 1000), default=120.0, metavar="BPM")
    parser.add_argument("--quiet", action="store_true", help="open no player: you open the files yourself")
    arguments.add_seed(parser)
    arguments.add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Ask about pairs, the most informative ones, and save what is answered after each."""
    out = arguments.actor_file(options.out, "--out")
    from melodylc.constraints.preference import load_preference, prefer
    from melodylc.loading import load

    model = load(options.model)
    preference = load_preference(out, model) if out.exists() else prefer(model)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    hear = "open the files" if options.quiet else "Enter plays the other one, again the same one"
    print(f"which do you like: a, b, both, neither? {hear}, q stops", flush=True)
    for number in range(1, options.pairs + 1):
        asked = len(preference.liked) + len(preference.disliked)
        pair = preference.ask(2, seed=(options.seed + asked) % (LAST_SEED + 1))
        files = _written(folder, pair, asked // 2 + 1, options.tempo)
        liked = _answer(f"pair {number} of {options.pairs}", files, _silent if options.quiet else open_in_player)
        if liked is None:
            break
        yes = [melody for melody, is_liked in zip(pair, liked, strict=True) if is_liked]
        no = [melody for melody, is_liked in zip(pair, liked, strict=True) if not is_liked]
        preference = preference.answered(liked=yes, disliked=no)
        preference.save(out)  # nothing that was answered is lost
    if not len(preference.liked) + len(preference.disliked):
        print("nothing was answered, nothing is saved")
        return
    print(f"{out}: {preference.name}; {_what_now(preference)}")


def _what_now(preference: Preference) -> str:
    """Return how many known melodies are to the taste, and what to do with it."""
    share = preference.share_satisfied
    if not share:
        return "no melody is sure to be to your taste yet; run the command again to answer a few more pairs first"
    percent = "less than 1%" if share < 0.01 else f"{share:.0%}"
    return f"{percent} of known melodies are to your taste; give it to generate, infill or continue as --taste"


def _written(folder: Path, pair: np.ndarray, number: int, tempo: float) -> list[Path]:
    """Write both melodies of a pair as MIDI files and piano rolls; returns the MIDI files."""
    from melodylc import pianoroll
    from melodylc.exchange import write_midi

    files = []
    for name, melody in zip("ab", pair, strict=True):
        files.append(folder / f"{number:02d}-{name}.mid")
        write_midi(files[-1], melody, tempo)
        pianoroll.save(files[-1].with_suffix(".png"), melody, title=f"{number:02d} {name}")
    return files


def _answer(what: str, files: list[Path], play: Callable[[Path], None]) -> tuple[bool, bool] | None:
    """Return whether each of a pair is liked, or None to stop."""
    heard, other = files
    play(heard)
    while True:
        print(f"{what}, {files[0]} and {files[1].name}: ", end="", flush=True)
        line = sys.stdin.readline()
        said = line.strip().lower()
        if said == "q" or not line:  # without a line, there will be no more
            return None
        if said in ANSWERS:
            return ANSWERS[said]
        if not said:
            heard, other = other, heard
        if said in ("", AGAIN):
            play(heard)
        else:
            print(f"expected a, b, both, neither, Enter, again or q, got {said[:40]!r}", file=sys.stderr)


def _silent(file: Path) -> None:
    del file


def open_in_player(file: Path) -> None:
    """Open a file with what the desktop opens MIDI files with; say so where there is nothing of the kind."""
    try:
        if sys.platform == "win32":
            os.startfile(file)
        else:
            _call(["open" if sys.platform == "darwin" else "xdg-open", str(file)])
        print(f"opened {file}")
    except (OSError, subprocess.CalledProcessError):
        print(f"no player opens {file}; open it yourself, or --quiet", file=sys.stderr)


def _call(command: list[str]) -> None:
    """Call a command, and leave it running where it plays by itself.

    Raises:
        OSError: if it cannot be called.
        subprocess.CalledProcessError: if it fails within some seconds.
    """
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        status = process.wait(OPENING)
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, daemon=True).start()  # until it ends
        return
    if status:
        raise subprocess.CalledProcessError(status, command)
