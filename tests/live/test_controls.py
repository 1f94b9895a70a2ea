"""Controls of a live session: every value they can be given, the TOML map, OSC, phrases that are listened to."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc import UserError
from melodylc.attributes import Attributes
from melodylc.live.control_map import DEFAULT, ControlMap, MidiTrigger
from melodylc.live.control_values import ControlValues
from melodylc.live.controls import CONTROLS, SCALE_NAMES, set_control
from melodylc.live.osc import OscServer, address
from melodylc.live.phrases import PhraseRecorder
from melodylc.live.settings import SessionSettings
from melodylc.melody import from_notes
from midi_io import messages
from midi_io.files import Note


@given(st.lists(st.tuples(st.sampled_from(sorted(CONTROLS)), st.integers(0, 127)), max_size=30))
def test_every_control_change_is_taken(moves):
    values, controls = ControlValues(), ControlMap()
    for control, value in moves:
        trigger = controls.triggers[control]
        heard = controls.control_of(messages.control(3, trigger.number, value))
        assert heard is not None
        assert heard[0] == control
        values = set_control(values, *heard)
        assert values.attributes.pitches().any()


@given(
    st.sampled_from([*sorted(CONTROLS), "mode", "volume"]),
    st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.binary()),
)
def test_whatever_comes_over_the_network_is_taken_or_refused_in_a_line(control, value):
    before = ControlValues(Attributes("D dorian"))
    try:
        assert isinstance(set_control(before, control, value), ControlValues)
    except UserError:
        assert before == ControlValues(Attributes("D dorian"))


def key_of(values, control, value):
    key = set_control(values, control, value).attributes.key
    return key and key.name


def test_key_and_scale():
    values = set_control(ControlValues(), "key", "F#")
    assert values.attributes == Attributes("F# major")
    assert key_of(values, "scale", "dorian") == "F# dorian"
    assert key_of(values, "scale", SCALE_NAMES.index("blues")) == "F# blues"
    assert key_of(values, "key", 0) == "C major"
    assert key_of(values, "key", "a minor") == "A minor"
    assert key_of(values, "key", "open") is None
    assert key_of(ControlValues(Attributes("0,2,4")), "scale", "minor") == "C minor"
    with pytest.raises(UserError, match="key: expected a tonic"):
        set_control(values, "key", "H dur")
    for number in (-1, 12, 14, 127):
        with pytest.raises(UserError, match=r"key: expected a tonic \('C', 0 to 11\)"):
            set_control(values, "key", number)
    for number in (-1, len(SCALE_NAMES)):
        with pytest.raises(
            UserError, match=f"scale: expected a scale by name, or by its number, 0 to 15; got {number}"
        ):
            set_control(values, "scale", number)
    with pytest.raises(UserError, match="control: expected one of key"):
        set_control(values, "volume", 1)


def test_the_former_name_of_the_scale_is_still_read(tmp_path):
    """A session has a mode too: the control of that name became `scale`, maps and OSC messages of before stay."""
    assert key_of(ControlValues(Attributes("F# major")), "mode", "dorian") == "F# dorian"
    path = tmp_path / "controls.toml"
    path.write_text('key = "cc 20"\nmode = "cc 74 @ 3"\n')
    controls = ControlMap.load(path)
    assert controls.control_of(messages.control(2, 74, 0)) == ("scale", 0)
    controls.save(path)
    assert 'scale = "cc 74 @ 3"' in path.read_text()
    assert "mode" not in path.read_text()


def test_values_hold_attributes_and_what_is_played():
    values = ControlValues(Attributes("C major", 96, "C4", "G5"), hold=True)
    assert str(values) == "C major, 96 notes, 60 to 79, hold"
    assert str(ControlValues()) == "any key"
    assert values.sound == set_control(values, "hold", 0).sound != set_control(values, "notes", 97).sound


def test_settings_take_initial_values_one_by_one():
    settings = SessionSettings.of("C major", 96, "C4", temperature=0.5, tempo=100)
    assert settings == SessionSettings(ControlValues(Attributes("C major", 96, 60), 0.5), tempo=100)
    with pytest.raises(UserError, match="key: expected a tonic"):
        SessionSettings.of(key="H dur")


def test_control_changes_reach_both_ends():
    controls = ControlMap()

    def at(name, value):
        message = messages.control(0, controls.triggers[name].number, value)
        return set_control(ControlValues(), *controls.control_of(message))

    assert [at("key", v).attributes.key.name for v in (0, 127)] == ["C major", "B major"]
    assert at("scale", 127).attributes.key.name == "C chromatic"
    assert [at("notes", v).attributes.notes for v in (0, 127)] == [None, 220]
    assert [at("low", v).attributes.low for v in (0, 60)] == [None, 60]
    assert [at("high", v).attributes.high for v in (127, 60)] == [None, 60]
    assert [at("amount", v).amount for v in (0, 127)] == [0.0, 1.0]
    assert at("temperature", 0).temperature == 0
    assert [at("mute", v).mute for v in (0, 63, 64, 127)] == [False, False, True, True]
    assert (at("range", 0).attributes.low, at("range", 127).attributes.high) == (None, 103)


def bounds(values):
    asked = values.attributes
    return asked.low, asked.high, asked.notes, asked.at_most


def test_knobs_that_cross_push_each_other_and_come_back():
    values = ControlValues(Attributes(low=40, high=60, notes=20, at_most=60))
    for low in (50, 60, 61, 70):
        values = set_control(values, "low", low)
        assert bounds(values)[:2] == (low, max(low, 60))
    assert bounds(set_control(values, "high", 80))[:2] == (70, 80)
    assert bounds(set_control(values, "low", 50))[:2] == (50, 60)  # where the other knob has been all the time
    values = set_control(values, "high", 55)
    assert bounds(values)[:2] == (55, 55)
    assert bounds(set_control(values, "high", 75))[:2] == (70, 75)
    values = set_control(values, "notes", 100)
    assert bounds(values) == (55, 55, 100, 100)
    values = set_control(values, "at_most", 30)
    assert bounds(values) == (55, 55, 30, 30)
    assert bounds(set_control(values, "at_most", 120)) == (55, 55, 100, 120)
    assert bounds(set_control(values, "range", "48-72"))[:2] == (48, 72)
    with pytest.raises(UserError, match="low: expected"):
        set_control(values, "low", 128)


bound_moves = st.one_of(
    st.tuples(st.sampled_from(["low", "high"]), st.one_of(st.none(), st.integers(0, 127))),
    st.tuples(st.sampled_from(["notes", "at_most"]), st.one_of(st.none(), st.integers(1, 256))),
)


@given(st.sampled_from([None, "C major", "F# dorian", "0"]), st.lists(bound_moves, min_size=1, max_size=12))
def test_in_whatever_order_bounds_come_the_last_state_of_the_knobs_is_what_is_asked(key, moves):
    values, knobs = ControlValues(Attributes(key)), {}
    for name, value in moves:
        values = set_control(values, name, value)  # none is refused
        knobs[name] = value
        asked = bounds(values)[["low", "high", "notes", "at_most"].index(name)]
        assert asked == value or (name in ("low", "high") and key and not Attributes(key).pitches()[value])
    try:
        told = Attributes(key, knobs.get("notes"), knobs.get("low"), knobs.get("high"), at_most=knobs.get("at_most"))
    except UserError:  # they are crossed yet
        return
    assert values.attributes == told


def test_a_key_widens_a_range_that_has_no_pitch_of_it():
    values = ControlValues(Attributes(low=61, high=61))
    assert bounds(set_control(values, "key", "C major"))[:2] == (61, 62)
    assert bounds(set_control(ControlValues(Attributes(low=127, high=127)), "key", "0"))[:2] == (120, 127)


def test_programs_are_keys_unless_bound():
    for program in range(128):  # those that choose a sound are no keys
        key = ("key", program) if program < 12 else None
        assert ControlMap().control_of(bytes((0xC5, program))) == key
        assert ControlMap().bound("key", MidiTrigger.parse("program")).control_of(bytes((0xC5, program))) == key
    bound = ControlMap().bound("scale", MidiTrigger.parse("program"))
    assert bound.control_of(bytes((0xC5, 64))) == ("scale", 64 * len(SCALE_NAMES) // 128)
    assert bound.control_of(messages.control(0, 99, 1)) is None
    assert bound.control_of(messages.note_on(0, 60, 1)) is None


triggers = st.builds(
    lambda number, channel: MidiTrigger.parse(f"cc {number}" + (f" @ {channel}" if channel else "")),
    st.integers(0, 119),
    st.integers(0, 16),
)


@given(st.dictionaries(st.sampled_from(sorted(CONTROLS)), triggers))
def test_a_map_is_read_as_it_was_saved(tmp_path_factory, bound):
    path = tmp_path_factory.mktemp("map") / "new" / "controls.toml"
    ControlMap(bound).save(path)
    assert ControlMap.load(path) == ControlMap(bound)


def test_a_bound_message_is_taken_from_its_other_control():
    bound = ControlMap().bound("notes", MidiTrigger.parse(DEFAULT["key"]))
    assert "key" not in bound.triggers
    assert str(bound.triggers["notes"]) == DEFAULT["key"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("key = ", "is no TOML"),
        ("volume = 'cc 7'", "names 'volume'; expected some of key"),
        ("key = 20", 'expected key = "cc 20" or such, got 20'),
        ("key = 'cc 120'", "expected 'cc 0' to 'cc 119'"),
        ("key = 'cc 1 @ 17'", "expected 'cc 0' to 'cc 119'"),
    ],
)
def test_a_wrong_map_says_what_is_wrong(tmp_path, text, says):
    path = tmp_path / "controls.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        ControlMap.load(path)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tempo": 5}, "tempo: expected a number from 20 to 999 bpm, got 5"),
        ({"mode": "sing"}, "mode: expected one of generate, continue, answer, vary"),
        ({"swing": 90}, "swing: expected a number from 50 to 75"),
        ({"name": "a:b"}, "name: expected"),
        ({"name": "a\nb"}, "name: expected"),
        ({"name": "ж" * 40}, "57 bytes at most"),
        ({"lead": True, "sync": "midi-clock"}, "cannot lead"),
        ({"channel": 17}, "channel: expected a whole number from 1 to 16"),
        ({"channel": 1.0}, "channel: expected a whole number"),
        ({"tempo": float("nan")}, "got nan"),
        ({"ahead": float("-inf")}, "got -inf"),
        ({"transpose": True}, "transpose: expected a whole number"),
        ({"tempo": "fast"}, "got 'fast'"),
        ({"seconds": float("inf")}, "seconds: expected a number from 0 to 600"),
        ({"seconds": 3}, "seconds: nothing is learned without a rule"),
        ({"rounds": 0}, "rounds: expected a whole number from 1"),
        ({"keep": Path("a.safetensors")}, "keep: nothing is learned without a rule"),
        ({"rounds": 3, "rules": ("leaps(5)",), "actors": ("x",)}, "rounds: an actor is learned already"),
        ({"keep": Path("a.json"), "rules": ("leaps(5)",)}, "keep: expected a .safetensors file"),
        ({"seed": -1}, "seed: expected a whole number from 0"),
        ({"seed": 0.5}, "got 0.5"),
        ({"every": 0}, "every: expected a whole number from 1 to 256 bars"),
    ],
)
def test_settings_out_of_bounds(wrong, says):
    with pytest.raises(UserError, match=says):
        SessionSettings(**wrong)


def test_a_range_without_a_pitch_of_the_key():
    with pytest.raises(UserError, match="no pitch of C major lies in 61 to 61"):
        ControlValues(Attributes("C major", low=61, high=61))


def test_osc_takes_controls_and_survives_what_is_none():
    from pythonosc.udp_client import SimpleUDPClient

    heard = []
    server = OscServer("0", lambda *each: heard.append(each))
    try:
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rng = np.random.default_rng(0)
        for junk in [b"", b"/melodylc/key", b"/melodylc/key\0\0\0,zz\0", b"#bundle\0" + b"\xff" * 40, rng.bytes(1400)]:
            wire.sendto(junk, ("127.0.0.1", server.port))
        wire.close()
        client = SimpleUDPClient("127.0.0.1", server.port)
        client.send_message("/melodylc/key", "D dorian")
        client.send_message("/melodylc/notes", 96)
        client.send_message("/melodylc/new", [])
        client.send_message("/melodylc/again", [])
        client.send_message("/melodylc/back", 1)
        client.send_message("/elsewhere/key", "C")
        until = time.monotonic() + 60
        while len(heard) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        client._sock.close()
    finally:
        server.close()
    assert [each for each in heard if each[0] in CONTROLS] == [
        ("key", "D dorian"),
        ("notes", 96),
        ("new",),
        ("again",),
        ("back", 1),
    ]


def test_osc_addresses():
    assert address("9001") == ("127.0.0.1", 9001)
    assert address("0.0.0.0:9001") == ("0.0.0.0", 9001)
    for wrong in ("", "host:", "99999", "x"):
        with pytest.raises(UserError, match="osc: expected PORT"):
            address(wrong)


@given(st.integers(1, 16), st.integers(0, 40), st.integers(0, 2**31))
def test_a_phrase_is_what_was_played_from_its_bar_line_on(bars, first, seed):
    rng = np.random.default_rng(seed)
    line = first * 4
    starts = np.sort(rng.choice(bars * 16, size=min(bars * 4, bars * 16), replace=False)) / 4
    starts[-1] = max(starts[-1], (bars - 1) * 4)
    starts[0] = min(starts[0], 3.75)
    starts = np.unique(starts)
    notes = [Note(int(rng.integers(50, 80)), float(s), float(s) + 0.25) for s in starts]
    recorder = PhraseRecorder()
    for note in notes:
        assert recorder.phrase(line + note.start) is None or note.start - notes[0].start >= 2
        recorder.take(line + note.start, messages.note_on(0, note.pitch, 80))
        recorder.take(line + note.end, messages.note_off(0, note.pitch))
    phrase = recorder.phrase(line + notes[-1].end + 2.0)
    assert phrase is not None
    if max(np.diff([n.start for n in notes]), default=0) < 2:
        assert phrase.bars == bars
    assert not recorder.begun


def test_a_phrase_fills_sixteen_bars_by_repeating():
    recorder = PhraseRecorder()
    for step, pitch in enumerate((60, 64, 67, 72)):
        recorder.take(8 + step, messages.note_on(0, pitch, 80))
        recorder.take(8.9 + step, messages.note_off(0, pitch))
    assert recorder.phrase(12.0) is None
    phrase = recorder.phrase(14.0)
    assert phrase.bars == 1
    one = from_notes([Note(p, i, i + 0.9) for i, p in enumerate((60, 64, 67, 72))])[:16]
    assert (phrase.states.reshape(16, 16) == one).all()


def played(*moves):
    """The phrase of (beat, message) each, a pause after the last."""
    recorder = PhraseRecorder()
    for beat, message in moves:
        recorder.take(beat, message)
    return recorder.phrase(moves[-1][0] + 2.5)


def states(*notes):
    return from_notes(Note(*note) for note in notes)


def pressed(pitch, channel=0):
    return messages.note_on(channel, pitch, 80)


def released(pitch, channel=0):
    return messages.note_off(channel, pitch)


@pytest.mark.parametrize("early", [-0.1, -0.001, 0.0, 0.001, 0.1])
@pytest.mark.parametrize("late", [-0.1, -0.001, 0.0, 0.001, 0.1])
@pytest.mark.parametrize("line", [0, 8])
def test_bars_are_counted_on_the_grid(early, late, line):
    """Four bars of quarter notes, all of them a little early or late, and held a little too long or too short."""
    moves = []
    for beat in range(16):
        moves += [(line + beat + early, pressed(60 + beat)), (line + beat + 0.5 + early, released(60 + beat))]
    moves[-1] = (line + 16 + late, released(75))
    phrase = played(*moves)
    assert phrase.bars == 4
    assert (phrase.states[:64] == states(*((60 + b, b, b + (0.5 if b < 15 else 1)) for b in range(16)))[:64]).all()


@pytest.mark.parametrize("number", [messages.ALL_SOUND_OFF, messages.ALL_NOTES_OFF, 124, 127])
def test_all_notes_off_ends_what_is_held(number):
    recorder = PhraseRecorder()
    recorder.take(0.0, pressed(60))
    recorder.take(0.5, pressed(64, channel=3))
    recorder.take(1.0, messages.control(0, number, 0))
    assert recorder.phrase(20.0) is None  # the other channel's is held yet
    recorder.take(20.0, messages.control(3, number, 0))
    assert recorder.phrase(21.9) is None
    phrase = recorder.phrase(22.0)
    assert phrase.bars == 5
    assert (phrase.states[:80] == states((60, 0, 0.5), (64, 0.5, 20))[:80]).all()
    assert not recorder.begun


def pedal(value, channel=0):
    return messages.control(channel, messages.SUSTAIN, value)


@pytest.mark.parametrize("up", [pedal(0), pedal(63), messages.control(0, 121, 0), messages.control(0, 120, 0)])
def test_the_pedal_lengthens_notes_until_it_is_up(up):
    phrase = played((0.0, pedal(127)), (0.0, pressed(60)), (0.5, released(60)), (0.7, pedal(0, channel=1)), (3.0, up))
    assert (phrase.states[:16] == states((60, 0, 3))[:16]).all()


def test_a_note_that_only_the_pedal_holds_ends_with_the_next_one():
    moves = [(0.0, pedal(100))]
    for beat, pitch in enumerate((72, 67, 64, 60)):  # downwards: the first would hide all others
        moves += [(float(beat), pressed(pitch)), (beat + 0.25, released(pitch))]
    phrase = played(*moves, (6.0, pedal(0)))
    assert phrase.bars == 2
    assert (phrase.states[:32] == states((72, 0, 1), (67, 1, 2), (64, 2, 3), (60, 3, 6))[:32]).all()


def test_a_key_that_is_held_outlasts_the_pedal():
    phrase = played((0.0, pressed(60)), (0.5, pedal(127)), (1.0, pedal(0)), (2.0, released(60)))
    assert (phrase.states[:16] == states((60, 0, 2))[:16]).all()
    assert played((0.0, pedal(127)), (1.0, pedal(0))) is None  # a pedal alone is no phrase


def test_a_phrase_is_not_over_while_the_pedal_holds_it():
    recorder = PhraseRecorder()
    for beat, message in ((0.0, pressed(60)), (0.5, pedal(127)), (1.0, released(60))):
        recorder.take(beat, message)
    assert recorder.phrase(10.0) is None
    assert recorder.phrase(64.0).bars == 16
    recorder.take(70.0, pressed(62))
    recorder.take(70.5, released(62))  # the pedal is down yet
    assert recorder.phrase(80.0) is None
    recorder.take(80.0, pedal(0))
    assert recorder.phrase(82.0).bars == 3


def test_a_held_note_is_answered_after_sixteen_bars():
    recorder = PhraseRecorder()
    recorder.take(0.0, messages.note_on(0, 60, 80))
    assert recorder.phrase(63.9) is None
    assert recorder.phrase(64.0).bars == 16
