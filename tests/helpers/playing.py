"""A clock that a test holds, and notes paired from the messages that left."""

from midi_io import messages


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pairs(left: list[tuple[float, bytes]]) -> list[tuple[int, float, float]]:
    """(pitch, on, off) of every note; fails for one without an end, or an end without a start."""
    on, notes = {}, []
    for moment, message in left:
        if messages.is_note_on(message):
            assert message[1] not in on
            on[message[1]] = moment
        elif messages.is_note_off(message):
            notes.append((message[1], on.pop(message[1]), moment))
    assert not on
    return notes
