"""The live session: melodies that keep the rules, played into a DAW over MIDI ports, built on midi_io.

    from melodylc.live import Session, Settings

    with Session(Settings(key="C major")) as session:
        session.turn("notes", 120)
        session.wait()

This process owns the ports and the clock and never imports torch; a second one makes the melodies.
"""

from melodylc.live.controls import CONTROLS, ControlValues
from melodylc.live.session import Session, Status
from melodylc.live.settings import SessionSettings

__all__ = ["CONTROLS", "ControlValues", "Session", "SessionSettings", "Status"]
