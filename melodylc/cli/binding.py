"""`melodylc live --bind`: live controls, bound to whatever is moved on a controller."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from melodylc.base.errors import UserError
from melodylc.live.control_map import ControlMap, MidiTrigger
from melodylc.live.controls import CONTROLS
from melodylc.live.hints import with_hint
from midi_io import messages
from midi_io.ports import NoPortsError, Ports, open_ports

PATIENCE = 60.0  # seconds in which a control is to be moved
SWEEP = 0.5  # seconds that the rest of a movement may take


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
                time.sleep(SWEEP)
                ports.receive()
                return MidiTrigger(kind, message[1] if kind == messages.CONTROL else None, message[0] & 0x0F)
        time.sleep(0.02)
    raise UserError(f"bind: nothing was moved for {PATIENCE:.0f} seconds; is your controller connected to the port?")
