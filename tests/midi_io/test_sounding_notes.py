"""Sounding notes, recordings, and what comes in: pairs, whatever is thrown at them."""

import os
import signal
import subprocess
import sys

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_io import messages, recording
from midi_io.files import read
from midi_io.ports import MemoryPorts
from midi_io.sounding_notes import InUseError, SoundingNotes

channel_messages = st.builds(
    lambda kind, channel, a, b: bytes((kind | channel, a, b)),
    st.sampled_from([0x80, 0x90, 0x90, 0xB0, 0xE0]),
    st.integers(0, 2),
    st.integers(60, 66),
    st.integers(0, 127),
)


@given(st.lists(channel_messages, max_size=200))
def test_every_start_gets_one_end(stream):
    notes, sounding = SoundingNotes(), set()
    for message in stream:
        for part in notes.prepare(message):
            key = (part[0] & 0x0F, part[1])
            if messages.is_note_on(part):
                assert key not in sounding
                sounding.add(key)
            elif messages.is_note_off(part):
                assert key in sounding
                sounding.remove(key)
            notes.mark_sent(part)
    assert set(notes.sounding) == sounding
    ends = {(m[0] & 0x0F, m[1]) for m in notes.endings() if messages.is_note_off(m)}
    assert ends == sounding


@given(st.lists(channel_messages, max_size=50))
def test_every_pedal_that_may_be_down_is_lifted(stream):
    notes, pedals = SoundingNotes(), {}
    for message in stream:
        for part in notes.prepare(message):
            notes.mark_sent(part)
        if message[0] & 0xF0 == messages.CONTROL and message[1] == messages.SUSTAIN:
            pedals[message[0] & 0x0F] = message[2] >= messages.PEDAL_DOWN
        assert notes.unended == (bool(notes.sounding) or any(pedals.values()))
    lifted = {message[0] & 0x0F for message in notes.endings() if message[1:] == bytes((messages.SUSTAIN, 0))}
    assert {channel for channel, down in pedals.items() if down} <= lifted
    for message in notes.endings():
        notes.mark_sent(message)
    assert not notes.unended


@given(st.binary(max_size=8))
def test_what_is_well_formed_is_what_mido_takes(data):
    try:
        parsed = mido.Message.from_bytes(data).bytes() == list(data)
    except (ValueError, IndexError, KeyError):
        parsed = False
    if data[:1] == b"\xff":  # mido takes it for a meta event's beginning elsewhere; here it is a reset
        return
    assert messages.well_formed(data) == parsed


@given(st.lists(st.binary(max_size=5), max_size=50))
def test_hostile_bytes_are_counted_not_passed_on(stream):
    ports = MemoryPorts()
    for data in stream:
        ports.put(data)
    came = [message for _, message in ports.receive()]
    assert all(messages.well_formed(message) for message in came)
    assert len(came) + ports.malformed == len(stream)


def test_sounding_notes_outlive_a_kill(tmp_path):
    path = tmp_path / "live.books"
    script = (
        "import sys, time\nfrom midi_io.sounding_notes import SoundingNotes\n"
        "notes = SoundingNotes(sys.argv[1])\nnotes.destination = {'name': 'x'}\n"
        "[notes.prepare(bytes((0x93, pitch, 1))) for pitch in (60, 64)]\nprint('up', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    with pytest.raises(InUseError):
        SoundingNotes(path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    notes = SoundingNotes(path)
    assert notes.sounding == [(3, 60), (3, 64)]
    assert notes.destination == {"name": "x"}
    assert bytes((0x83, 64, 0)) in notes.endings()
    notes.clear()
    notes.close()
    notes = SoundingNotes(path)
    assert notes.sounding == []
    assert notes.destination == {}
    notes.close()


def test_a_damaged_file_is_read_as_far_as_it_can_be(tmp_path):
    path = tmp_path / "live.books"
    path.write_bytes(os.urandom(5000))
    notes = SoundingNotes(path)
    assert isinstance(notes.destination, dict)
    assert all(0 <= channel < 16 and 0 <= pitch < 128 for channel, pitch in notes.sounding)
    notes.close()


def test_a_recording_becomes_a_file_that_others_read(tmp_path):
    path = tmp_path / "take.mid"
    kept = recording.Recording(path)
    for epoch, first in ((1, 0.0), (2, 16.0)):  # a stop, and a jump to bar 5
        for index in range(8):
            on, off = messages.note_on(2, 60 + index, 77), messages.note_off(2, 60 + index)
            kept.add(first + index / 2, epoch, 90.0 * epoch, on)
            kept.add(first + index / 2 + 0.5, epoch, 90.0 * epoch, off)
    assert not path.exists()
    kept.close()
    assert not recording.journal_of(path).exists()
    (notes,) = read(path).values()
    assert [note.start for note in notes] == [index / 2 for index in range(16)]
    assert {note.velocity for note in notes} == {77}
    tempos = [m.tempo for m in mido.MidiFile(path).tracks[0] if m.type == "set_tempo"]
    assert [round(mido.tempo2bpm(tempo)) for tempo in tempos] == [90, 180]
    with pytest.raises(FileExistsError):
        recording.Recording(path)


def test_a_recording_of_a_killed_session_is_finished(tmp_path):
    path = tmp_path / "take.mid"
    kept = recording.Recording(path)
    kept.add(0.0, 1, 120.0, messages.note_on(0, 60, 80))
    kept.add(1.0, 1, 120.0, messages.note_on(0, 64, 80))
    kept._journal.close()  # as the system does for a process that was killed
    journal = recording.journal_of(path)
    journal.write_bytes(journal.read_bytes() + b"\x01\x02")  # cut short within an entry
    assert recording.finish(path)
    (notes,) = read(path).values()
    assert len(notes) in (1, 2)
    assert not recording.finish(path)


def test_a_recording_of_nothing_leaves_nothing(tmp_path):
    recording.Recording(tmp_path / "take.mid").close()
    assert list(tmp_path.iterdir()) == []


def test_notes_that_end_after_a_jump_leave_bars_where_they_are(tmp_path):
    path = tmp_path / "take.mid"
    kept = recording.Recording(path)
    kept.add(3.0, 1, 120.0, messages.note_on(0, 60, 80))
    kept.add(8.0, 2, 120.0, messages.note_on(0, 72, 80))  # comes through from a keyboard before the note's end
    kept.add(3.5, 1, 120.0, messages.note_off(0, 60))
    kept.add(8.5, 2, 120.0, messages.note_off(0, 72))
    kept.add(9.0, 2, 120.0, messages.note_on(0, 64, 80))
    kept.close()
    (notes,) = read(path).values()
    assert [(note.pitch, note.start) for note in notes] == [(60, 3), (72, 4), (64, 5)]


def test_marks_become_markers_where_something_is_played(tmp_path):
    path = tmp_path / "take.mid"
    kept = recording.Recording(path)
    for beat, epoch, number, pitch in (
        (0, 1, 1, 60),
        (4, 1, 2, None),  # a bar that was fetched before the jump was known
        (0, 2, 1, 62),
        (4, 2, 70_000, 64),
        (8, 2, 3, 66),  # a note that was handed over before the jump was known
        (0, 3, 1, 60),
        (4, 3, 4, None),
    ):
        kept.mark(beat, epoch, 120.0, number)
        if pitch:
            kept.add(beat, epoch, 120.0, messages.note_on(0, pitch, 80))
            kept.add(beat + (0.1 if number == 3 else 3.5), epoch, 120.0, messages.note_off(0, pitch))
    kept.close()
    beat, markers = 0, []
    for message in mido.MidiFile(path).tracks[0]:
        beat += message.time / recording.TICKS
        if message.type == "marker":
            markers.append((beat, message.text))
    assert markers == [(0, "melody 1"), (4, "melody 1"), (8, "melody 65535"), (12, "melody 1")]


def test_a_recording_has_the_bars_of_whoever_led_it(tmp_path):
    """Two bars and a note in 3/4, then 6/8, then 4/4 again; golden places, in quarter notes."""
    path = tmp_path / "take.mid"
    kept = recording.Recording(path)
    for epoch, bars, first, beats in (
        (1, (3.0, 4.0), 3.0, (0.0, 2.5, 6.5)),  # from bar 2 on: bars at 0, 3 and 6, and the next epoch's at 9
        (2, (3.0, 8.0), 30.0, (1.0, 2.0)),  # from bar 11 on: one bar at 9
        (3, (4.0, 4.0), 4.0, (1.0,)),  # at 12
        (4, (4.1, 4.0), 0.0, (0.0,)),  # which no file can hold: bars of four, at 16
    ):
        kept.count_bars(epoch, *bars)
        kept.mark(first, epoch, 120.0, epoch)
        for beat in beats:
            kept.add(first + beat, epoch, 120.0, messages.note_on(0, 60, 80))
            kept.add(first + beat + 0.25, epoch, 120.0, messages.note_off(0, 60))
    kept.close()
    (notes,) = read(path).values()
    assert [note.start for note in notes] == [0, 2.5, 6.5, 10, 11, 13, 16]
    beat, signatures, markers = 0, [], []
    for message in mido.MidiFile(path).tracks[0]:
        beat += message.time / recording.TICKS
        if message.type == "time_signature":
            signatures.append((beat, message.numerator, message.denominator))
        elif message.type == "marker":
            markers.append((beat, message.text))
    assert signatures == [(0, 3, 4), (9, 6, 8), (12, 4, 4)]
    assert markers == [(0, "melody 1"), (9, "melody 2"), (12, "melody 3"), (16, "melody 4")]


def test_a_recording_of_bars_alone_leaves_nothing(tmp_path):
    kept = recording.Recording(tmp_path / "take.mid")
    kept.count_bars(1, 3.0, 4.0)
    kept.mark(0.0, 1, 120.0, 1)
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_of_marks_alone_leaves_nothing(tmp_path):
    kept = recording.Recording(tmp_path / "take.mid")
    kept.mark(0.0, 1, 120.0, 1)
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_recorded_while_the_daw_stands_leaves_its_time_signature(tmp_path):
    kept = recording.Recording(tmp_path / "take.mid")
    for epoch, told in ((1, True), (2, False), (3, True)):  # a transport that stands has no bars
        if told:
            kept.count_bars(epoch, 3.0, 4.0)
        kept.add(0.0, epoch, 120.0, messages.note_on(0, 60, 64))
        kept.add(2.0, epoch, 120.0, messages.note_off(0, 60))
    kept.close()
    conductor = mido.MidiFile(tmp_path / "take.mid").tracks[0]
    signatures = [(each.numerator, each.denominator) for each in conductor if each.type == "time_signature"]
    assert signatures == [(3, 4)]
