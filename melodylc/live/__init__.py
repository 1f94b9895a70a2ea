"""The live session: melodies that keep the rules, played into a DAW over MIDI ports, built on midi_io.

    from melodylc.live import Session, SessionSettings

    with Session(SessionSettings.of(key="C major", tempo=100)) as session:
        session.set_control("notes", 120)
        session.wait(30)

This process owns the ports and the clock and never imports torch; a second one makes the melodies.
"""

from melodylc.live.control_values import ControlValues
from melodylc.live.controls import CONTROLS
from melodylc.live.session import Session
from melodylc.live.settings import SessionSettings
from melodylc.live.status import Status

__all__ = ["CONTROLS", "ControlValues", "Session", "SessionSettings", "Status"]
