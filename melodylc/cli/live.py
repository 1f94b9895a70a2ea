"""`melodylc live`: melodies into a DAW, without end."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.base.extras import need
from melodylc.base.signals import POLITE, handling
from melodylc.cli import arguments
from melodylc.cli.arguments import number

if TYPE_CHECKING:
    from melodylc.cli.status_line import StatusLine
    from melodylc.live import Session, SessionSettings
    from melodylc.live.control_map import ControlMap

REFRESH = 0.2  # seconds between two looks of the status line


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("live", help="play melodies into a DAW, without end, over virtual MIDI ports")
    arguments.add_rules(parser)
    arguments.add_actors(parser, seconds=30)
    _add_what_is_played(parser)
    _add_how_it_is_played(parser)
    _add_time(parser)
    _add_ports(parser)
    parser.set_defaults(run=run)


def _add_what_is_played(parser: argparse.ArgumentParser) -> None:
    play = parser.add_argument_group("what is played")
    modes = ("generate", "continue", "answer", "vary")
    play.add_argument("--mode", choices=modes, default=modes[0], help=f"({modes[0]})")
    play.add_argument("--every", type=number(int, 1, 256), metavar="BARS", help="a new melody each (16; vary: 4)")
    play.add_argument("--loop", action="store_true", help="the first melody stays; answers repeat")
    play.add_argument(
        "--amount", type=number(float, 0, 1), help="from one melody to the next, 0 to 1 (1; answer: 0.2, vary: 0.25)"
    )
    play.add_argument("--temperature", type=number(float, 0, 10), help="0 takes the likeliest (the model's)")
    play.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    play.add_argument("--tries", type=number(int, 1, 1000), default=8, help="decodes to keep the rules (8)")
    arguments.add_seed(play, None)
    arguments.add_style(play)
    arguments.add_model(play)
    arguments.add_device(play)


def _add_how_it_is_played(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how it is played")
    how.add_argument("--channel", type=number(int, 1, 16), default=1, help="of the notes (1)")
    how.add_argument("--velocity", type=number(int, 1, 127), help="of all notes (each its own)")
    how.add_argument(
        "--swing",
        type=arguments.or_auto(number(float, 50, 75)),
        default="auto",
        metavar="PERCENT",
        help="50 is straight, 67 a triplet; auto: that of the phrase that is answered, else straight (auto)",
    )
    how.add_argument(
        "--swing-of", choices=("sixteenths", "eighths"), default="sixteenths", help="what is swung (sixteenths)"
    )
    how.add_argument("--transpose", type=number(int, -48, 48), default=0, metavar="SEMITONES", help="up or down (0)")
    how.add_argument(
        "--ahead",
        type=number(float, -1000, 1000),
        default=0.0,
        metavar="MS",
        help="send early, against a delay on the way back: record in the DAW, and look (0)",
    )
    how.add_argument("--thru", action="store_true", help="what comes in goes out as well")
    how.add_argument("--record", metavar="FILE.mid", help="keep everything that is played")


def _add_time(parser: argparse.ArgumentParser) -> None:
    time = parser.add_argument_group("time", "bars are of 4/4; with --sync jack they are those of the DAW")
    time.add_argument(
        "--sync", choices=("internal", "midi-clock", "jack", "link"), default="internal", help="(internal)"
    )
    time.add_argument(
        "--tempo",
        type=arguments.or_auto(number(float, 20, 999)),
        default=120.0,
        metavar="BPM",
        help="auto: that of the phrase that is answered (120)",
    )
    time.add_argument("--click", action="store_true", help="click, out of a port of its own; with --sync internal")
    time.add_argument(
        "--count-in", type=number(int, 0, 16), default=0, metavar="BARS", help="click so long before it begins"
    )
    time.add_argument("--lead", action="store_true", help="send MIDI clock, start and stop; not with midi-clock")
    time.add_argument(
        "--song-position", choices=("auto", "sixteenths", "clocks"), default="auto", help="what a DAW sends"
    )


def _add_ports(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("ports and controls")
    where.add_argument("--name", default="melodylc", help="of the virtual ports (melodylc)")
    where.add_argument("--port", metavar="NAME", help="existing ports to use instead, by their name or a part of it")
    where.add_argument("--port-in", metavar="NAME", help="existing port to listen to")
    where.add_argument("--port-out", metavar="NAME", help="existing port to play to")
    where.add_argument("--port-click", metavar="NAME", help="existing port that clicks go to")
    where.add_argument("--backend", default="auto", help="jack, alsa, coremidi, windows or rtmidi-jack (what answers)")
    where.add_argument(
        "--osc", metavar="[HOST:]PORT", help="listen to OSC as well, on the loopback unless HOST is given"
    )
    where.add_argument("--controls", metavar="FILE", help="TOML: which control changes turn what")
    where.add_argument("--bind", nargs="+", metavar="CONTROL", help="bind controls by moving them, and end")


def run(options: argparse.Namespace) -> None:
    """Play until Ctrl-C, or bind controls."""
    from melodylc.live import paths
    from melodylc.live.control_map import ControlMap

    path = Path(options.controls) if options.controls else paths.controls()
    if options.controls and not path.exists() and not options.bind:
        raise UserError(f"controls: no file {path}; make it with: melodylc live --controls {path} --bind key")
    controls = ControlMap.load(path) if path.exists() else ControlMap()
    if options.bind:
        from melodylc.cli.binding import bind

        bind(options, controls, path)
    else:
        _play(options, _settings(options, controls))


def _settings(options: argparse.Namespace, controls: ControlMap) -> SessionSettings:
    from melodylc.live import ControlValues, SessionSettings

    return SessionSettings(
        initial=ControlValues(arguments.attributes(options), options.temperature, options.amount),
        mode=options.mode,
        sync=options.sync,
        tempo=options.tempo,
        every=options.every,
        loop=options.loop,
        rules=tuple(options.rule),
        actors=tuple(options.actor),
        rounds=options.rounds,
        seconds=options.seconds,
        keep=None if options.keep is None else Path(options.keep),
        strict=options.strict,
        tries=options.tries,
        seed=options.seed,
        style=options.style,
        style_amount=arguments.style_amount(options),
        model=options.model,
        device=options.device,
        name=options.name,
        backend=options.backend,
        port=options.port,
        port_in=options.port_in,
        port_out=options.port_out,
        channel=options.channel,
        velocity=options.velocity,
        click=options.click,
        count_in=options.count_in,
        port_click=options.port_click,
        swing=options.swing,
        swing_of=options.swing_of,
        transpose=options.transpose,
        ahead=options.ahead,
        thru=options.thru,
        lead=options.lead,
        song_position=options.song_position,
        record=Path(options.record) if options.record else None,
        osc=options.osc,
        controls=controls,
    )


def _play(options: argparse.Namespace, settings: SessionSettings) -> None:
    from melodylc.cli.status_line import StatusLine
    from midi_io.priority import raise_priority

    learns = bool(options.rule and not options.actor and options.mode != "continue")
    if learns:
        need("live: learning an actor for --rule", "torch")
    line = StatusLine()
    priority = raise_priority()
    if priority.mend:
        line.say(f"priority: {priority.says}; a busy machine may delay notes. {priority.mend}")
    if learns:
        kept = f"kept in {options.keep}" if options.keep else "--keep FILE.safetensors keeps it for --actor"
        line.say(f"learning an actor first; --rounds and --seconds ({settings.learning_seconds:g}) bound it, {kept}")
    else:
        line.say("loading the model")
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ended.set())  # also where a script has it ignored by what it starts
    with handling(lambda _: ended.set(), *POLITE):
        _play_until(ended, settings, line)


def _play_until(ended: threading.Event, settings: SessionSettings, line: StatusLine) -> None:
    """Play a session until it is asked to end."""
    from melodylc.live import Session

    session = Session(settings, say=line.say)
    failed: list[BaseException] = []
    opening = threading.Thread(target=_guarded, args=(session.open, failed), daemon=True)
    opening.start()
    while opening.is_alive() and not ended.is_set():  # a signal is to be heard while rules are learned
        opening.join(0.05)
    if ended.is_set():
        session.close()
        line.say("stopped")
        return
    if failed:
        raise failed[0]
    try:
        line.say(welcome(session))
        while not ended.is_set() and not session.wait(REFRESH):
            line.show(str(session.status))
    finally:
        session.close()
        line.say(f"stopped after {session.status.sent} messages" + _lost(session))


def _guarded(run: Callable[[], object], failed: list[BaseException]) -> None:
    try:
        run()
    except BaseException as error:
        failed.append(error)


def _lost(session: Session) -> str:
    status = session.status
    said = [f"{status.late} late"] if status.late else []
    if status.skipped:
        said.append(f"{status.skipped} notes skipped")
    return f" ({', '.join(said)})" if said else ""


def welcome(session: Session) -> str:
    """Return what to do now, in a line or two."""
    s = session.settings
    if s.port is not None:
        where = f"ports that match {s.port!r}"
    elif s.port_in is None and s.port_out is None:
        where = f"ports {s.name} (in and out)"
    else:
        ways = (("from", s.port_in), ("to", s.port_out))
        where = ", ".join(
            f"{way} the port {s.name}" if port is None else f"{way} ports that match {port!r}" for way, port in ways
        )
    if s.clicks:
        clicks = s.name + " click" if s.port_click is None else f"ports that match {s.port_click!r}"
        where += f", clicks {'from the port' if s.port_click is None else 'to'} {clicks}"
    first = " after the count-in" if s.count_in else ""
    answering = f"play a phrase into it{first}, and it answers"
    waits = {
        "internal": "playing" if s.mode != "answer" else answering,
        "midi-clock": "waiting for the start of your DAW's MIDI clock",
        "jack": "waiting for JACK's transport to roll",
        "link": f"in the time of Ableton Link: {'from its next bar line on' if s.mode != 'answer' else answering}",
    }[s.sync]
    named = s.port is not None or (s.port_in is not None and s.port_out is not None)
    connect = "" if named or session.status.links else "; connect them in your DAW (plugins/README.md says how)"
    return f"{where}{connect}\n{waits}; Ctrl-C ends it"
