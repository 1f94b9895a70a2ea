"""MIDI messages as bytes: the few that a live session reads and writes."""

from __future__ import annotations

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0  # high half of the status; the low half is the channel
SONG_POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
# what ends or moves playing; continue only goes on where a stop was
INTERRUPTING = frozenset((SONG_POSITION, START, STOP))
PPQN, CLOCKS_PER_SIXTEENTH = 24, 6  # MIDI clocks a quarter note, and a sixteenth
SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123  # control numbers
PEDAL_DOWN = 64  # values of the pedal from here on
FINE = 32  # from a control number below it to that of the lower seven of its 14 bits
# control numbers that choose banks and (non-)registered parameters, and carry the data of these: none is a knob's
SELECTING = frozenset((0, 32, 6, 38, 96, 97, 98, 99, 100, 101))

_CHANNEL_LENGTHS = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
_SYSTEM_LENGTHS = {0xF1: 2, 0xF2: 3, 0xF3: 2, 0xF6: 1, 0xF8: 1, 0xFA: 1, 0xFB: 1, 0xFC: 1, 0xFE: 1, 0xFF: 1}


def well_formed(message: bytes) -> bool:
    """Return whether these bytes are exactly one MIDI message."""
    if not message or message[0] < 0x80:
        return False
    if message[0] == 0xF0:
        return len(message) >= 2 and message[-1] == 0xF7 and max(message[1:-1], default=0) < 0x80
    status = message[0]
    length = _SYSTEM_LENGTHS.get(status) if status >= 0xF0 else _CHANNEL_LENGTHS[status & 0xF0]
    return len(message) == length and max(message[1:], default=0) < 0x80


def is_note_on(message: bytes) -> bool:
    """Return whether a note starts: velocity 0 is an end."""
    return message[0] & 0xF0 == NOTE_ON and message[2] > 0


def is_note_off(message: bytes) -> bool:
    """Return whether a note ends, in either spelling."""
    return message[0] & 0xF0 == NOTE_OFF or (message[0] & 0xF0 == NOTE_ON and message[2] == 0)


def is_pedal_down(message: bytes) -> bool:
    """Return whether a sustain pedal is pressed."""
    return message[0] & 0xF0 == CONTROL and message[1] == SUSTAIN and message[2] >= PEDAL_DOWN


def is_pedal_up(message: bytes) -> bool:
    """Return whether a sustain pedal is let go, by itself or as all controllers are reset."""
    if message[0] & 0xF0 != CONTROL:
        return False
    return message[1] == RESET_CONTROLLERS or (message[1] == SUSTAIN and message[2] < PEDAL_DOWN)


def note_on(channel: int, pitch: int, velocity: int) -> bytes:
    """Return the start of a note; channel 0 to 15."""
    return bytes((NOTE_ON | channel, pitch, velocity))


def note_off(channel: int, pitch: int) -> bytes:
    """Return the end of a note; channel 0 to 15."""
    return bytes((NOTE_OFF | channel, pitch, 0))


def control(channel: int, number: int, value: int) -> bytes:
    """Return a control change; channel 0 to 15."""
    return bytes((CONTROL | channel, number, value))


def song_position(sixteenths: int) -> bytes:
    """Return the place of the next start, 14 bits of sixteenths from the beginning."""
    return bytes((SONG_POSITION, sixteenths & 0x7F, (sixteenths >> 7) & 0x7F))
