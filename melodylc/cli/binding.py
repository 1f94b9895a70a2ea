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
        ports = open_ports(
            options.name,
            backend=options.backend,
            port=options.port,
            port_in=options.port_in,
            port_out=options.port_out,
            say=lambda text: print(text, flush=True),
        )
    except NoPortsError as error:
        raise UserError(f"bind: {with_hint(error)}") from error
    try:
        passed: set[tuple[int, int]] = set()
        for control in options.bind:
            print(
                f"move the knob for {control} (into port {options.port_in or options.port or options.name})", flush=True
            )
            trigger = _moved(ports, passed)
            controls = controls.bound(control, trigger)
            controls.save(path)
            print(f"{control} = {trigger}", flush=True)
    finally:
        ports.close()
    print(f"saved in {path}")


def _moved(ports: Ports, passed: set[tuple[int, int]]) -> MidiTrigger:
    """Return what is moved next.

    Args:
        passed: channels and numbers of the fine halves of knobs that are bound already: they go on moving with them.
            That of this one is added.
    """

    def came() -> list[bytes]:
        return [message for _, message in ports.receive() if _is_moved(message, passed)]

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if moved := came():
            time.sleep(SWEEP)
            return _trigger(moved + came(), passed)
        time.sleep(0.02)
    raise UserError(f"bind: nothing was moved for {PATIENCE:.0f} seconds; is your controller connected to the port?")


def _is_moved(message: bytes, passed: set[tuple[int, int]]) -> bool:
    """Return whether a message is of something that is moved, and not of what controllers send along with it."""
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind != messages.CONTROL:
        return kind == messages.PROGRAM
    number = message[1]
    return number < messages.ALL_SOUND_OFF and number not in messages.SELECTING and (channel, number) not in passed


def _trigger(moved: list[bytes], passed: set[tuple[int, int]]) -> MidiTrigger:
    """Return the trigger of a movement, whose rest is of the same knob; a knob of 14 bits is the coarse half of it."""
    kind, channel = moved[0][0] & 0xF0, moved[0][0] & 0x0F
    if kind == messages.PROGRAM:
        return MidiTrigger(kind, None, channel)
    number = moved[0][1]
    numbers = {message[1] for message in moved if message[0] == moved[0][0]}
    fine = messages.FINE
    if fine <= number < 2 * fine and number - fine in numbers:  # it may come first
        number -= fine
    if number < fine and number + fine in numbers:
        passed.add((channel, number + fine))
    return MidiTrigger(kind, number, channel)
