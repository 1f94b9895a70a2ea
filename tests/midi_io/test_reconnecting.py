"""Ports that outlive what is behind them, with twins in memory behind them; the real ones: tests/live/jack."""

import time

from midi_io import messages
from midi_io.ports import MemoryPorts, ReconnectingPorts
from midi_io.sounding_notes import SoundingNotes


class Mortal(MemoryPorts):
    """Ports that must not be asked anything once they are closed, as a client of JACK."""

    def __init__(self, sounding_notes):
        super().__init__(self._read, sounding_notes=sounding_notes)

    def _read(self):
        assert self.open
        return time.monotonic() + 1000.0


def test_after_the_end_there_is_time_still_and_what_was_sent_is_known():
    ports = ReconnectingPorts(lambda notes, wanted: Mortal(notes), SoundingNotes())
    before = ports.now()
    ports.send(messages.note_on(0, 60, 80), before)
    ports.close()
    sent = ports.sent
    assert sent >= 2  # and the end of the note
    assert before <= ports.now() < before + 60
    assert not ports.alive()
    ports.send(messages.note_on(0, 60, 80), ports.now())
    assert ports.sent == sent


def test_what_left_last_is_told_after_the_end():
    ports = ReconnectingPorts(lambda notes, wanted: Mortal(notes), SoundingNotes())
    ports.send(messages.note_on(0, 60, 80), ports.now(), "begins")
    ports.release("ends")
    ports.close()
    assert ports.departed() == ["begins", "ends"]
