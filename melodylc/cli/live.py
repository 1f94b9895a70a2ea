"""`melodylc live`, `ports` and `doctor` on the command line."""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.live import paths
from melodylc.live.control_map import ControlMap, MidiTrigger
from melodylc.live.control_values import ControlValues
from melodylc.live.controls import CONTROLS
from melodylc.live.hints import with_hint
from melodylc.live.session import Session
from melodylc.live.settings import SessionSettings
from melodylc.rules.notes import parse_range
from midi_io import messages
from midi_io.ports import BACKENDS, NoPortsError, Ports, listed, open_ports, working

REFRESH = 0.2  # seconds between two looks of the status line
PATIENCE = 60.0  # seconds in which a control is to be moved


def live(options: argparse.Namespace) -> None:
    """Play until Ctrl-C."""
    path = Path(options.controls) if options.controls else paths.controls()
    if options.controls and not path.exists() and not options.bind:
        raise UserError(f"controls: no file {path}; make it with: melodylc live --controls {path} --bind key")
    controls = ControlMap.load(path) if path.exists() else ControlMap()
    if options.bind:
        bind(options, controls, path)
        return
    low, high = (None, None) if options.range is None else parse_range(options.range)
    settings = SessionSettings(
        initial=ControlValues(Attributes(options.key, options.notes, low, high), options.temperature, options.amount),
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
        model=options.model,
        device=options.device,
        name=options.name,
        backend=options.backend,
        port=options.port,
        channel=options.channel,
        velocity=options.velocity,
        swing=options.swing,
        transpose=options.transpose,
        ahead=options.ahead,
        thru=options.thru,
        lead=options.lead,
        song_position=options.song_position,
        record=Path(options.record) if options.record else None,
        osc=options.osc,
        controls=controls,
    )
    logging.getLogger().addHandler(logging.NullHandler())  # python-osc would log every damaged packet over the status
    line = StatusLine()
    ended = threading.Event()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: ended.set())
    if options.rule and not options.actor:
        kept = f"kept in {options.keep}" if options.keep else "--keep FILE.safetensors keeps it for --actor"
        line.say(f"learning an actor first; --rounds and --seconds ({options.seconds:g}) bound it, {kept}")
    else:
        line.say("loading the model")
    session = Session(settings, say=line.say)
    failed: list[BaseException] = []
    opening = threading.Thread(target=_guarded, args=(session.open, failed), daemon=True)
    opening.start()
    while opening.is_alive() and not ended.is_set():  # a signal is to be heard while rules are learned
        opening.join(0.05)
    if failed:
        raise failed[0]
    if opening.is_alive():
        line.say("stopped")
        return
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
    """What to do now, in a line or two."""
    s = session.settings
    where = f"ports {s.name} (in and out)" if s.port is None else f"ports that match {s.port!r}"
    waits = {
        "internal": "playing" if s.mode != "answer" else "play a phrase into it, and it answers",
        "midi-clock": "waiting for the start of your DAW's MIDI clock",
        "jack": "waiting for JACK's transport to roll",
    }[s.sync]
    connect = "" if s.port or session.status.links else "; connect them in your DAW (plugins/README.md says how)"
    return f"{where}{connect}\n{waits}; Ctrl-C ends it"


class StatusLine:
    """One line that is written over and over on a terminal; elsewhere, a line whenever the melody changes."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._shown = ""
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """How it stands."""
        with self._lock:
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                sys.stdout.write("\r\x1b[K" + text[:width])
                self._shown = text
            else:
                settled = " ".join(part for part in text.split("  ")[2:4])
                if settled == self._shown:
                    return
                self._shown = settled
                sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Something that happened."""
        with self._lock:
            sys.stdout.write(("\r\x1b[K" if self._live else "") + text + "\n")
            if self._live:
                sys.stdout.write(self._shown[: shutil.get_terminal_size().columns - 1])
            sys.stdout.flush()


def bind(options: argparse.Namespace, controls: ControlMap, path: Path) -> None:
    """Bind controls to whatever is moved, one after the other, and save the map."""
    for control in options.bind:
        if control not in CONTROLS:
            raise UserError(f"bind: expected some of {', '.join(CONTROLS)}, got {control!r}")
    try:
        ports = open_ports(options.name, backend=options.backend, port=options.port)
    except NoPortsError as error:
        raise UserError(f"bind: {with_hint(error)}") from error
    try:
        for control in options.bind:
            print(f"move the knob for {control} (into port {options.port or options.name})", flush=True)
            trigger = _moved(ports)
            controls = controls.bound(control, trigger)
            controls.save(path)
            print(f"{control} = {trigger}", flush=True)
    finally:
        ports.close()
    print(f"saved in {path}")


def _moved(ports: Ports) -> MidiTrigger:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for _, message in ports.receive():
            kind = message[0] & 0xF0
            if kind == messages.PROGRAM or (kind == messages.CONTROL and message[1] < messages.ALL_SOUND_OFF):
                # the rest of the sweep is of the same knob
                time.sleep(0.5)
                ports.receive()
                return MidiTrigger(kind, message[1] if kind == messages.CONTROL else None, message[0] & 0x0F)
        time.sleep(0.02)
    raise UserError(f"bind: nothing was moved for {PATIENCE:.0f} seconds; is your controller connected to the port?")


def ports(options: argparse.Namespace) -> None:
    """List the MIDI ports of every system that answers."""
    found = False
    for backend in BACKENDS:
        try:
            there = listed(backend)
        except NoPortsError:
            continue
        found = True
        print(f"{backend}:")
        for kind, names in (("in", there.sources), ("out", there.sinks)):
            for name in names:
                print(f"  {kind:<4}{name}")
        if not there.sources and not there.sinks:
            print("  no ports yet; melodylc live makes its own")
    if not found:
        try:
            working()
        except NoPortsError as error:
            raise UserError(f"ports: {with_hint(error)}") from error
