import contextlib
import io

import mido
import pytest
from conftest import END, chunk, midi
from hypothesis import given
from hypothesis import strategies as st

from midi_io import smf

NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"  # a quarter of middle C at 96 ticks


def rows(data):
    return [tuple(row) for row in smf.parse(data).notes.tolist()]


def test_one_note():
    parsed = smf.parse(midi(NOTE + END, division=96))
    assert parsed.ticks_per_quarter == 96
    assert parsed.notes.tolist() == [[0, 0, 0, 60, 0, 96, 64]]


def test_a_note_off_ends_the_oldest_and_a_note_never_ended_is_dropped():
    body = b"\x00\x90\x3c\x40\x0a\x3c\x41\x0a\x80\x3c\x00\x0a\x90\x3e\x40" + END  # on, on (running), off, another on
    parsed = smf.parse(midi(body))
    assert [tuple(row[3:]) for row in parsed.notes.tolist()] == [(60, 0, 20, 64)]
    assert parsed.unended == 2


def test_program_is_the_one_in_force_at_the_onset():
    body = b"\x00\x90\x3c\x40\x05\xc0\x07\x05\x80\x3c\x00\x00\x90\x3e\x40\x05\x80\x3e\x00" + END
    assert [row[2] for row in rows(midi(body))] == [0, 7]


def test_tempos_and_signatures_are_sorted_over_tracks():
    late = b"\x83\x60\xff\x58\x04\x03\x02\x18\x08" + END
    early = b"\x00\xff\x58\x04\x04\x02\x18\x08\x00\xff\x51\x03\x07\xa1\x20" + END
    parsed = smf.parse(midi(late, early))
    assert parsed.signatures.tolist() == [[0, 4, 4], [480, 3, 4]]
    assert parsed.tempos.tolist() == [[0, 500000]]


def test_an_unknown_chunk_is_skipped():
    data = midi(NOTE + END)
    assert rows(data[:14] + chunk(b"XYZW", b"whatever") + data[14:]) == rows(data)


good = midi(NOTE + END)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"RIFF" + good, "no MThd"),
        (good[:12], "no MThd"),
        (good[:-3], "truncated"),
        (good[:20], "truncated"),
        (midi(b"\x00\x3c\x40" + END), "without a status"),
        (midi(b"\x00\x90\x3c\xff" + END), "broken event"),
        (midi(b"\x00\xf1\x00" + END), "broken event"),
        (midi(b"\xff\xff\xff\xff\x00\x90\x3c\x40" + END), "broken event"),
        (midi(NOTE + END, division=0), "zero ticks"),
        (midi(NOTE + END, division=0xE728), "SMPTE"),
        (midi(NOTE + END, kind=2), "format 2"),
        (midi(b"\x00\xff\x58\x04\x00\x02\x18\x08" + END), "time signature"),
        (midi(b"\x00\xff\x58\x04\x04\x40\x18\x08" + END), "time signature"),
        (midi(b"\x00\xff\x01\x7fabc"), "truncated"),
        (midi(b"\x00\x90\x3c\x40" * (smf.MAX_NOTES + 1) + END), "notes"),
        (b"\x00" * (smf.MAX_BYTES + 1), "larger"),
    ],
)
def test_broken_bytes_have_a_reason(data, reason):
    with pytest.raises(smf.BrokenFileError, match=reason):
        smf.parse(data)


@given(st.binary(max_size=200))
def test_any_track_bytes_give_notes_or_a_reason(body):
    try:
        parsed = smf.parse(midi(body))
    except smf.BrokenFileError:
        return
    assert (parsed.notes[:, smf.OFFSET] >= parsed.notes[:, smf.ONSET]).all()


@given(st.data())
def test_a_flipped_byte_never_crashes(data):
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(smf.BrokenFileError):
        smf.parse(bytes(flipped))


messages = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.sampled_from(["note_on", "note_off", "program_change", "control_change", "text", "sysex"]),
        st.integers(0, 2),
        st.integers(58, 62),
        st.integers(0, 127),
    ),
    max_size=60,
)


@given(st.lists(messages, min_size=1, max_size=3))
def test_agrees_with_mido_and_plain_queues(tracks):
    """mido writes and reads the bytes (with running status); queues in dictionaries pair the notes."""
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    expected = []
    for index, track in enumerate(tracks):
        written = mido.MidiTrack()
        sounding, program, tick = {}, {}, 0
        for delta, kind, channel, pitch, value in track:
            tick += delta
            if kind == "text":
                written.append(mido.MetaMessage("text", text="x" * value, time=delta))
            elif kind == "sysex":
                written.append(mido.Message("sysex", data=[value], time=delta))
            elif kind == "program_change":
                written.append(mido.Message(kind, channel=channel, program=value, time=delta))
                program[channel] = value
            elif kind == "control_change":
                written.append(mido.Message(kind, channel=channel, control=pitch, value=value, time=delta))
            else:
                written.append(mido.Message(kind, channel=channel, note=pitch, velocity=value, time=delta))
                queue = sounding.setdefault((channel, pitch), [])
                if kind == "note_on" and value:
                    note = [index, channel, program.get(channel, 0), pitch, tick, None, value]
                    queue.append(note)
                    expected.append(note)
                elif queue:
                    queue.pop(0)[5] = tick
        file.tracks.append(written)
    raw = io.BytesIO()
    file.save(file=raw)
    assert smf.parse(raw.getvalue()).notes.tolist() == [note for note in expected if note[5] is not None]
