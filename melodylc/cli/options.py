"""The options of the `melodylc` command."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from melodylc import __version__
from melodylc.base.numbers import LAST_SEED, MOST


def parser() -> argparse.ArgumentParser:
    """Of the command line; the command that was given is `command`."""
    whole = argparse.ArgumentParser(prog="melodylc", description="16-bar melodies that keep the rules you state.")
    whole.add_argument("--version", action="version", version=f"melodylc {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")

    extract = commands.add_parser("extract", help="MIDI files to a corpus of 16-bar windows")
    extract.add_argument("paths", nargs="+", metavar="PATH", help="MIDI files, or folders to search")
    extract.add_argument("--out", required=True, metavar="CORPUS", help="the folder to make")
    extract.add_argument("--workers", type=_number(int, 1), help="processes, at most (default: one a core)")
    extract.add_argument("--rejected", metavar="FILE", help="list every rejected file and line, tab-separated")
    extract.add_argument("--min-notes", type=_number(int, 1, 256), default=16, help="a window has (16)")
    extract.add_argument("--min-unique-pitches", type=_number(int, 1, 128), default=3, help="a window has (3)")
    extract.add_argument("--max-rest-bars", type=_number(int, 0, 16), default=1, help="in a row, a window may have (1)")
    extract.add_argument("--pair-2-4", action="store_true", help="read 2/4 as 4/4, two bars at a time")

    train = commands.add_parser("train", help="train a model on a corpus")
    train.add_argument("corpus", metavar="CORPUS", help="a folder made by extract")
    train.add_argument("--preset", choices=("small", "paper"), default="small")
    train.add_argument("--out", required=True, metavar="DIR", help="where model, bank, logs and checkpoint go")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument("--seed", type=_number(int, 0, LAST_SEED), default=0)
    train.add_argument("--steps", action="append", default=[], metavar="STAGE=N", help="another length for a stage")
    train.add_argument("--kl", type=_number(float, 1), metavar="NATS", help="what z may carry (the preset's)")
    train.add_argument("--start", metavar="MODEL", help="begin the last stage with the weights of this model")
    train.add_argument("--about", metavar="FILE", help="JSON fields for the card: licence, sources, temperature")
    train.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")

    knobs = commands.add_parser("knobs", help="teach a trained model the knobs of generate (key, notes, range)")
    knobs.add_argument("--model", required=True, metavar="FILE", help="a model of train; the knobs go beside it")
    knobs.add_argument("--corpus", help="more examples than the model's bank has")
    knobs.add_argument("--rounds", type=_number(int, 1), default=500, help="of fresh melodies (500)")
    knobs.add_argument("--seed", type=_number(int, 0, LAST_SEED), default=0)

    learn = commands.add_parser("learn", help="learn an actor for a rule")
    _asked(learn)
    learn.add_argument("--out", required=True, metavar="ACTOR", help="the .safetensors file to write")
    _learning(learn)
    learn.set_defaults(rounds=30)
    learn.add_argument(
        "--paper", action="store_true", help="the paper's loop: rewards of decodes only, one critic of z"
    )
    learn.add_argument("--corpus", help="more examples than the model's bank has")
    learn.add_argument("--seed", type=_number(int, 0, LAST_SEED), default=0)
    learn.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")

    generate = commands.add_parser("generate", help="new melodies, as MIDI files and piano rolls")
    _asked(generate)
    _actors(generate)
    _learned_first(generate)
    generate.add_argument("--count", type=_number(int, 1), default=4, help="how many (4)")
    generate.add_argument(
        "--tries", type=_number(int, 1), default=8, help="draws a melody has to keep its rules and be plausible (8)"
    )
    _output(generate)

    transform = commands.add_parser("transform", help="change your own melody just enough")
    transform.add_argument("file", metavar="IN.mid")
    _asked(transform)
    _actors(transform)
    _learned_first(transform)
    transform.add_argument("--how", choices=("actor", "gradient"), default="actor", help="what leads the way (actor)")
    transform.add_argument("--amount", type=_number(float, 0, 1), default=1.0, help="0 your melody, 1 the change (1)")
    _picking(transform)
    _output(transform, temperature=0.0)

    interpolate = commands.add_parser("interpolate", help="melodies on the way from one of yours to another")
    interpolate.add_argument("first", metavar="A.mid")
    interpolate.add_argument("last", metavar="B.mid")
    interpolate.add_argument("--count", type=_number(int, 2), default=5, help="both ends among them (5)")
    _asked(interpolate)
    _actors(interpolate)
    _learned_first(interpolate)
    _picking(interpolate)
    _output(interpolate, temperature=0.0)

    live = commands.add_parser("live", help="play melodies into a DAW, without end, over virtual MIDI ports")
    _asked(live)
    _actors(live)
    _learned_first(live, seconds=30)
    _live(live)

    commands.add_parser("ports", help="list the MIDI ports of this machine")

    commands.add_parser("doctor", help="what this machine can do live, what is missing, and what mends it")

    plugin = commands.add_parser("plugin", help="put what a DAW loads where it looks for it")
    plugin.add_argument("action", choices=("install", "list"))
    plugin.add_argument("daw", nargs="?", help="such as ardour")
    plugin.add_argument("--into", metavar="DIR", help="another folder than the DAW's own")

    evaluate = commands.add_parser("evaluate", help="every figure that is claimed, measured: tables, PNG, JSON")
    what = evaluate.add_mutually_exclusive_group()
    what.add_argument("--table2", action="store_true", help="the paper's table 2 only, no figures")
    what.add_argument("--reconstruction", metavar="CORPUS", help="reconstruction and KL on the corpus's held-out files")
    evaluate.add_argument("--draws", type=_number(int, 2), default=2048)
    evaluate.add_argument("--rounds", type=_number(int, 1), default=20, help="of each actor that is learned (20)")
    evaluate.add_argument("--seed", type=_number(int, 0, LAST_SEED), default=0)
    evaluate.add_argument("--corpus", help="transform its held-out melodies (default: melodies of the model's bank)")
    evaluate.add_argument("--out", default="evaluation", metavar="DIR", help="where tables and figures go (evaluation)")
    evaluate.add_argument("--json", metavar="FILE", help="where the rows of --table2 or --reconstruction go")
    evaluate.add_argument("--model", metavar="FILE", help="a model of train, its knobs beside it")
    return whole


def _number(kind: type, low: float, high: float = MOST) -> Callable[[str], float]:
    """An argparse type: a number within bounds, or a line that says which."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
            if low <= value <= high:
                return value
        except ValueError:
            pass
        what = "whole number" if kind is int else "number"
        raise argparse.ArgumentTypeError(f"expected a {what} from {low} to {high}, got {text[:60]!r}")

    return parse


def _asked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="KEY", help="such as 'C major', 'F# dorian', or pitch classes '0,2,4,7,9'")
    parser.add_argument("--notes", type=_number(int, 1, 256), metavar="N", help="at least so many")
    parser.add_argument("--range", metavar="LOW-HIGH", help="such as 'C4-G5' or '60-79'")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="RULE",
        help="such as syncopation, 'leaps(5)' or my.py:name; may be given more than once",
    )


def _actors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--actor", action="append", default=[], metavar="FILE", help="of learn, for --rule; several are composed"
    )


def _learning(parser: argparse._ActionsContainer, seconds: float | None = None) -> None:
    parser.add_argument("--rounds", type=_number(int, 1), help="of fresh melodies, at most (30)")
    parser.add_argument(
        "--seconds",
        type=_number(float, 0, MOST if seconds is None else 600),
        default=seconds,
        help=f"begin no further round after so many ({'no limit' if seconds is None else seconds})",
    )


def _learned_first(parser: argparse.ArgumentParser, seconds: float | None = None) -> None:
    learned = parser.add_argument_group("learning, which --rule without --actor begins with")
    _learning(learned, seconds)
    learned.add_argument("--keep", metavar="FILE", help="save the actor (.safetensors) for --actor")


def _picking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bar", type=_number(int, 1), help="the bar to begin with (default: the first that can)")
    parser.add_argument(
        "--track", type=_number(int, 1), help="the track to take (default: the first that has a melody)"
    )


def _output(parser: argparse.ArgumentParser, temperature: float | None = None) -> None:
    said = "the model's" if temperature is None else f"{temperature:g}"
    parser.add_argument("--tempo", type=_number(float, 4, 1000), default=120.0, metavar="BPM")
    parser.add_argument(
        "--temperature", type=_number(float, 0, 10), default=temperature, help=f"0 takes the likeliest ({said})"
    )
    parser.add_argument("--seed", type=_number(int, 0, LAST_SEED), help="the same seed gives the same files")
    parser.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    parser.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    parser.add_argument("--out", default="melodies", metavar="DIR", help="where the files go (melodies)")


def _live(parser: argparse.ArgumentParser) -> None:
    """What `live` has beside the rules."""
    play = parser.add_argument_group("what is played")
    play.add_argument("--mode", choices=("generate", "answer", "vary"), default="generate", help="(generate)")
    play.add_argument("--every", type=_number(int, 1, 256), metavar="BARS", help="a new melody each (16; vary: 4)")
    play.add_argument("--loop", action="store_true", help="the first melody stays; answers repeat")
    play.add_argument("--amount", type=_number(float, 0, 1), help="how far each melody goes from the last, 0 to 1")
    play.add_argument("--temperature", type=_number(float, 0, 10), help="0 takes the likeliest (the model's)")
    play.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    play.add_argument("--tries", type=_number(int, 1, 1000), default=8, help="decodes to keep the rules (8)")
    play.add_argument("--seed", type=_number(int, 0, LAST_SEED))
    play.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    play.add_argument("--device", help="cpu or cuda (cpu)")
    how = parser.add_argument_group("how it is played")
    how.add_argument("--channel", type=_number(int, 1, 16), default=1, help="(1)")
    how.add_argument("--velocity", type=_number(int, 1, 127))
    how.add_argument("--swing", type=_number(float, 50, 75), default=50.0, help="50 is straight, 67 a triplet (50)")
    how.add_argument("--transpose", type=_number(int, -48, 48), default=0, metavar="SEMITONES")
    how.add_argument(
        "--ahead", type=_number(float, -1000, 1000), default=0.0, metavar="MS", help="send early, against latency (0)"
    )
    how.add_argument("--thru", action="store_true", help="what comes in goes out as well")
    how.add_argument("--record", metavar="FILE.mid", help="keep everything that is played")
    time = parser.add_argument_group("time")
    time.add_argument("--sync", choices=("internal", "midi-clock", "jack"), default="internal", help="(internal)")
    time.add_argument("--tempo", type=_number(float, 20, 999), default=120.0, metavar="BPM", help="(120)")
    time.add_argument("--lead", action="store_true", help="send MIDI clock, start and stop")
    time.add_argument(
        "--song-position", choices=("auto", "sixteenths", "clocks"), default="auto", help="what a DAW sends"
    )
    where = parser.add_argument_group("ports and controls")
    where.add_argument("--name", default="melodylc", help="of the virtual ports (melodylc)")
    where.add_argument("--port", metavar="NAME", help="existing ports to use instead, by a part of their name")
    where.add_argument("--backend", default="auto", help="jack, alsa, coremidi, windows or rtmidi-jack (what answers)")
    where.add_argument(
        "--osc", metavar="[HOST:]PORT", help="listen to OSC as well, on the loopback unless HOST is given"
    )
    where.add_argument("--controls", metavar="FILE", help="TOML: which control changes turn what")
    where.add_argument("--bind", nargs="+", metavar="CONTROL", help="bind controls by moving them, and end")
