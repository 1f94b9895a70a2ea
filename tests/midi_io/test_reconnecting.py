"""Ports that outlive what is behind them, with twins in memory behind them; the real ones: tests/live/jack."""

import time

import pytest

from midi_io import messages
from midi_io.ports import MemoryPorts, ReconnectingPorts, opening
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


def test_ports_that_are_gone_have_lost_what_they_heard():
    opened = []

    def open_(notes, wanted):
        opened.append(Mortal(notes))
        return opened[-1]

    ports = ReconnectingPorts(open_, SoundingNotes())
    try:
        opened[0].inputs_lost = 2
        assert ports.inputs_lost == 2
        ports._lose(opened[0])
        assert ports.inputs_lost == 3
        opened[-1].inputs_lost = 1
        ports._regain()
        opened[-1].inputs_lost = 1
        assert ports.inputs_lost == 4
    finally:
        ports.close()


@pytest.mark.parametrize(
    ("message", "ends"),
    [
        (messages.control(3, messages.SUSTAIN, 127), [messages.control(3, messages.SUSTAIN, 0)]),
        (messages.note_on(3, 60, 80), [messages.note_off(3, 60), messages.control(3, messages.SUSTAIN, 0)]),
        (messages.control(3, 1, 127), None),
    ],
)
def test_a_note_or_a_pedal_that_a_kill_left_is_ended_once(tmp_path, monkeypatch, message, ends):
    path, opened = tmp_path / "live.books", []

    def open_(name, chosen, wanted, patterns, hears, notes):
        opened.append(MemoryPorts(sounding_notes=notes))
        return ReconnectingPorts(lambda notes, wanted: opened[-1], notes)

    monkeypatch.setattr(opening, "_opened", open_)
    monkeypatch.setattr(opening, "working", lambda backend: backend)
    monkeypatch.setattr(opening, "listed", lambda backend: opening.PortNames(backend, [], []))
    notes = SoundingNotes(path)
    notes.destination = {"name": "melodylc", "backend": "jack"}
    for part in notes.prepare(message):
        notes.mark_sent(part)
    notes.close()  # as the system does for a process that was killed
    opening.release_left_behind(path)
    left = [message for ports in opened for _, message in ports.left]
    assert left[: len(ends or [])] == (ends or [])
    assert bool(opened) == bool(ends)
    opening.release_left_behind(path)
    assert len(opened) == bool(ends)
