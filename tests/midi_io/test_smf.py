import contextlib
import io

import mido
import pytest
import slow_extraction as slow
from generated import END, chunk, midi
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


def test_on_a_pitch_that_lacks_note_offs_a_note_on_ends_the_note_before():
    body = b"\x00\x90\x3c\x40\x0a\x3c\x41\x0a\x80\x3c\x00\x0a\x90\x3e\x40" + END  # on, on (running), off, another on
    parsed = smf.parse(midi(body))
    assert [tuple(row[3:]) for row in parsed.notes.tolist()] == [(60, 0, 10, 64), (60, 10, 20, 65)]
    assert parsed.faults == {"notes never ended": 1}


def test_where_every_note_on_has_its_note_off_the_oldest_note_is_ended():
    body = b"\x00\x90\x3c\x40\x0a\x3c\x41\x02\x3c\x00\x0a\x3c\x00" + END  # on, on, off, off
    assert [tuple(row[3:]) for row in rows(midi(body))] == [(60, 0, 12, 64), (60, 10, 22, 65)]


def test_a_doubled_note_on_does_not_shift_its_pitch():
    """In the same tick or later, the notes after it keep their lengths."""
    clean = b"\x90\x3c\x40\x20\x3c\x00\x20" * 4 + b"\xff\x2f\x00"
    doubled = b"\x00\x90\x3c\x40\x00" + clean
    assert rows(midi(doubled)) == rows(midi(b"\x00" + clean))
    later = b"\x00\x90\x3c\x40\x08\x3c\x40\x18\x3c\x00\x20" + clean
    assert [row[4:6] for row in rows(midi(later))] == [(0, 8), (8, 32), *((64 * n, 64 * n + 32) for n in range(1, 5))]


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


def riff(data: bytes) -> bytes:
    inner = b"RMID" + b"LIST\x04\0\0\0INFO" + b"data" + len(data).to_bytes(4, "little") + data + b"LISTmore"
    return b"RIFF" + len(inner).to_bytes(4, "little") + inner


def mac_binary(data: bytes) -> bytes:
    head = bytearray(128)
    head[1:8], head[83:87] = b"\x06song.m", len(data).to_bytes(4, "big")
    return bytes(head) + data + bytes(-len(data) % 128) + b"resource fork"


signature = b"\x00\xff\x58"
PLAYED = {  # what players play: bytes, and what is counted
    "no end of track": (midi(NOTE), "no end of track"),
    "last byte missing": (good[:-1], "ended early"),
    "end of track missing in the file": (good[:-4], "ended early"),
    "length beyond the file": (good.replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\xff\x0c"), "ended early"),
    "length too short": (good.replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\0\x05"), "wrong track lengths"),
    "length of zero": (good.replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\0\x00"), "wrong track lengths"),
    "more tracks in the header": (good.replace(b"\0\x01\0\x01", b"\0\x01\0\x05"), "ended early"),
    "no tracks in the header": (good.replace(b"\0\x01\0\x01", b"\0\x01\0\x00"), "more tracks than the header says"),
    "header of no length": (good.replace(b"MThd\0\0\0\x06", b"MThd\0\0\0\x00"), "wrong header"),
    "format 7": (midi(NOTE + END, kind=7), "wrong header"),
    "control change of 255": (midi(b"\x00\xb0\x40\xff" + NOTE + END), "bytes out of range"),
    "control change 255": (midi(b"\x00\xb0\xff\x40" + NOTE + END), "bytes out of range"),
    "program 200": (midi(b"\x00\xc0\xc8" + NOTE + END), "bytes out of range"),
    "pitch 188": (midi(b"\x00\x90\xbc\x40" + NOTE + END), "bytes out of range"),
    "signature of no length": (midi(signature + b"\x00" + NOTE + END), "meta events without their value"),
    "signature of one byte": (midi(signature + b"\x01\x04" + NOTE + END), "meta events without their value"),
    "signature of 2^33": (midi(signature + b"\x04\x04\x21\x18\x08" + NOTE + END), "nonsense time signatures"),
    "signature of nothing": (midi(signature + b"\x04\x00\x02\x18\x08" + NOTE + END), "nonsense time signatures"),
    "tempo of no length": (midi(b"\x00\xff\x51\x00" + NOTE + END), "meta events without their value"),
    "tempo of two bytes": (midi(b"\x00\xff\x51\x02\x07\xa1" + NOTE + END), "meta events without their value"),
    "clock": (midi(b"\x00\xf8" + NOTE + END), "system bytes in a track"),
    "active sensing": (midi(b"\x00\xfe" + NOTE + END), "system bytes in a track"),
    "song position": (midi(b"\x00\xf2\x01\x02" + NOTE + END), "system bytes in a track"),
    "song select": (midi(b"\x00\xf3\x01" + NOTE + END), "system bytes in a track"),
    "tune request": (midi(b"\x00\xf6" + NOTE + END), "system bytes in a track"),
    "system reset": (midi(b"\x00\xff\x80" + NOTE + END), "system bytes in a track"),
    "status that does not come": (midi(b"\x00\x3c\x40\x00\xb0\x07\x40" + NOTE + END), "data bytes without a status"),
    "number of nine bytes": (midi(b"\x80" * 8 + NOTE + END), "overlong numbers"),
    "sysex without a length": (midi(b"\x00\xf0\x7e\x7f\x09\x01\xf7" + NOTE + END), smf.FAULTS[8]),
    "sysex that is too short": (midi(b"\x00\xf0\x0c\x7e\x7f\x09\x01\xf7" + NOTE + END), smf.FAULTS[8]),
    "long sysex without a length": (midi(b"\x00\xf0" + b"\x01" * 300 + b"\xf7" + NOTE + END), smf.FAULTS[8]),
    "long sysex, too long": (midi(b"\x00\xf0\x83\x00" + b"\x01" * 300 + b"\xf7" + NOTE + END), smf.FAULTS[8]),
    "long sysex, too short": (midi(b"\x00\xf0\x81\x48" + b"\x01" * 210 + b"\xf7" + NOTE + END), smf.FAULTS[8]),
    "sysex whose end is not counted": (midi(b"\x00\xf0\x03\x43\x12\x40\xf7" + NOTE + END), smf.FAULTS[8]),
    "zeros after the header": (good[:14] + bytes(5) + good[14:], "bytes between tracks"),
    "line ends after the header": (good[:14] + b"\r\n" + good[14:], "bytes between tracks"),
    "RIFF": (riff(good), smf.WRAPPED),
    "RIFF of wrong length": (riff(good).replace(b"data\x22", b"data\x10"), smf.WRAPPED),
    "MacBinary": (mac_binary(good), smf.WRAPPED),
    "MacBinary of wrong length": (mac_binary(good).replace(b"\0\0\0\x22", b"\0\0\0\x10"), smf.WRAPPED),
    "an empty line": (b"\n" + good, smf.WRAPPED),
}


@pytest.mark.parametrize("name", PLAYED)
def test_what_players_play_is_read_past_and_counted(name):
    data, fault = PLAYED[name]
    parsed = smf.parse(data)
    assert rows(data) == rows(good)
    assert parsed.faults == {fault: 1}


@pytest.mark.parametrize(
    "sysex",
    [
        b"\xf0\x05\x43\x12\x90\x40\xf7",  # a byte above 127 in it costs nothing
        b"\xf0\x05\x43\x12\xf8\x40\xf7",
        b"\xf0\x81\x48" + b"\x01" * 199 + b"\xf7",
        b"\xf0\x81\x48" + b"\x01" * 100 + b"\x90" * 99 + b"\xf7",
        b"\xf0\x03\x43\x12\x00\x00\xf7\x03\x01\x02\xf7",  # in two events
    ],
)
def test_a_sysex_of_right_length_is_skipped_by_it(sysex):
    parsed = smf.parse(midi(b"\x00" + sysex + NOTE + END))
    assert parsed.notes.tolist() == smf.parse(good).notes.tolist()
    assert parsed.faults == {}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 20])
def test_padding_between_chunks_costs_nothing(size):
    other = chunk(b"MTrk", NOTE.replace(b"\x3c", b"\x43") + END)
    data = good.replace(b"\0\x01\0\x01", b"\0\x01\0\x02") + bytes(size) + other
    assert [row[3] for row in rows(data)] == [60, 67]


def test_a_length_that_reaches_over_the_next_tracks_does_not_hide_them():
    other = chunk(b"MTrk", NOTE.replace(b"\x3c", b"\x43") + END)
    length = (len(good) - 22 + len(other)).to_bytes(4, "big")
    data = good[:18] + length + good[22:] + other
    assert [row[3] for row in rows(data)] == [60, 67]


def test_a_velocity_out_of_range_is_clipped():
    assert rows(midi(NOTE.replace(b"\x40", b"\xc8") + END))[0][6] == 127


@pytest.mark.parametrize("system", [b"\xf0\x03\x01\x02\xf7", b"\xf7\x02\xf8\x00", b"\xff\x01\x02hi", b"\xf8"])
def test_running_status_goes_on_after_a_system_event(system):
    body = b"\x00\x90\x3c\x40\x20" + system + b"\x40\x3c\x00" + END
    parsed = smf.parse(midi(body))
    assert [row[3:6] for row in parsed.notes.tolist()] == [[60, 0, 96]]
    assert parsed.faults.pop("running status after a system event") == 1
    assert parsed.faults == ({smf.FAULTS[3]: 1} if system == b"\xf8" else {})


def test_a_track_of_wrong_length_does_not_cost_the_next():
    other = NOTE.replace(b"\x3c", b"\x43") + END
    for length in (0, 3, 11, 13, 17, 200):
        data = good[:18] + length.to_bytes(4, "big") + good[22:] + chunk(b"MTrk", other)
        data = data.replace(b"\0\x01\0\x01", b"\0\x01\0\x02")
        parsed = smf.parse(data)
        assert [row[3] for row in parsed.notes.tolist()] == [60, 67], length
        assert parsed.faults == {"wrong track lengths": 1}


def test_notes_up_to_where_a_file_ends_early_are_kept():
    data = midi(NOTE * 5 + END)
    for size in range(14, len(data)):
        kept = rows(data[:size])
        assert kept == rows(data)[: len(kept)]
        assert len(kept) == max(size - 22, 0) // len(NOTE)
        assert "ended early" in smf.parse(data[:size]).faults


def test_smpte_time_is_read_at_half_a_second_a_quarter():
    parsed = smf.parse(midi(b"\x00\x90\x3c\x40\x83\x74\x80\x3c\x00" + END, division=0xE728))  # 25 frames of 40 ticks
    assert (parsed.notes[0, smf.OFFSET] - parsed.notes[0, smf.ONSET]) / parsed.ticks_per_quarter == 1.0
    assert smf.SMPTE in parsed.faults


def test_format_2_with_one_track_is_read():
    assert rows(midi(NOTE + END, kind=2)) == rows(good)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (bytes(1 << 16) + good, "no MThd"),
        (b"RIFF\x04\0\0\0RMID", "no MThd"),
        (good[:12], "no MThd"),
        (midi(NOTE + END, division=0), "zero ticks"),
        (midi(NOTE + END, NOTE + END, kind=2), "format 2"),
        (midi(b"\x00\x90\x3c\x40" * (smf.MAX_NOTES + 1) + END), "notes"),
        (b"\x00" * (smf.MAX_BYTES + 1), "larger"),
    ],
)
def test_what_is_no_midi_file_has_a_reason(data, reason):
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
        program, tick = {}, 0
        played = {}  # by channel and pitch: notes, and ticks of note-offs
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
                events = played.setdefault((channel, pitch), [])
                if kind == "note_on" and value:
                    place = (index, channel, program.get(channel, 0), pitch)
                    note = {"place": place, "onset": tick, "velocity": value}
                    events.append(note)
                    expected.append(note)
                else:
                    events.append(tick)
        for events in played.values():
            if not slow.first_in_first_out(events):
                slow.ended_by_the_next(events)
        file.tracks.append(written)
    raw = io.BytesIO()
    file.save(file=raw)
    ended = [note for note in expected if note.get("offset") is not None]
    assert smf.parse(raw.getvalue()).notes.tolist() == [
        [*note["place"], note["onset"], note["offset"], note["velocity"]] for note in ended
    ]
