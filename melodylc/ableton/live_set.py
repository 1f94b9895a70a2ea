"""What a Live set says of itself: tempo, time signature and key, its tracks, and which of their slots are free."""

from __future__ import annotations

from dataclasses import dataclass

from melodylc.ableton.connection import Connection, RefusedError
from melodylc.ableton.scales import key_of
from melodylc.base.errors import UserError


@dataclass(frozen=True)
class LiveSet:
    """What a set says of itself."""

    tempo: float  # beats per minute
    version: str | None = None  # of Live, where AbletonOSC tells,
    signature: tuple[int, int] | None = None  # as well as (4, 4)

    def __str__(self) -> str:
        live = "Live" if self.version is None else f"Live {self.version}"
        signature = "" if self.signature is None else f", {self.signature[0]}/{self.signature[1]}"
        return f"{live}, {self.tempo:g} bpm{signature}"


@dataclass(frozen=True)
class Track:
    """A MIDI track of a set."""

    index: int  # from 0
    name: str
    clips: tuple[str | None, ...]  # the names of its clips, from the first scene on; None where a slot is free

    def __str__(self) -> str:
        return f"track {self.index + 1} ({self.name})"


def read_set(connection: Connection) -> LiveSet:
    """Return what the set that is open says of itself.

    Raises:
        UserError: if Live or AbletonOSC is not there.
    """
    (tempo,) = connection.ask("/live/song/get/tempo")
    version = connection.ask_if_known("/live/application/get/version")
    parts = [connection.ask_if_known(f"/live/song/get/signature_{part}") for part in ("numerator", "denominator")]
    signature = [int(part[0]) for part in parts if part is not None]
    return LiveSet(
        float(tempo),
        None if version is None else ".".join(str(number) for number in version),
        (signature[0], signature[1]) if len(signature) == 2 else None,
    )


def read_key(connection: Connection) -> str:
    """Return the key and scale of the set, as `Key.parse` reads it.

    Raises:
        UserError: if it does not tell, or has a scale that is not known.
    """
    root = connection.ask_if_known("/live/song/get/root_note")
    scale = None if root is None else connection.ask_if_known("/live/song/get/scale_name")
    if root is None or scale is None or root[0] is None:
        raise UserError(
            "ableton: this Live, or this version of AbletonOSC, does not tell the set's key; "
            "give it, such as --key 'A minor'"
        )
    return key_of(int(root[0]), str(scale[0]))


def find_track(connection: Connection, wanted: str | None = None) -> int:
    """Return the number, from 0, of the track that is selected, or of the one with a number (from 1) or a name.

    Raises:
        UserError: if there is none.
    """
    return _selected_track(connection) if wanted is None else _named_track(connection, wanted)


def read_track(connection: Connection, index: int) -> Track:
    """Return the track of a number, from 0.

    Raises:
        UserError: if it is no MIDI track.
    """
    (name,) = connection.ask("/live/track/get/name", index)
    (takes_midi,) = connection.ask("/live/track/get/has_midi_input", index)
    if not takes_midi:
        raise UserError(f"ableton: expected a MIDI track, {index + 1} ({name}) is none; select one, or --track NAME")
    return Track(index, str(name), connection.ask("/live/track/get/clips/name", index))


def _selected_track(connection: Connection) -> int:
    try:
        return int(connection.ask("/live/view/get/selected_track")[0])
    except RefusedError as error:  # its index is looked for among the tracks that have clips
        raise UserError(
            "ableton: expected a MIDI track, a return track or the main track is selected; select one, or --track NAME"
        ) from error


def _named_track(connection: Connection, wanted: str) -> int:
    names = [str(name) for name in connection.ask("/live/song/get/track_names")]
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    raise UserError(f"ableton: expected a track of the set by number or name, got {wanted!r}; there are {listed}")


def selected_scene(connection: Connection) -> int:
    """Return the number, from 0, of the scene that is selected."""
    return int(connection.ask("/live/view/get/selected_scene")[0])


def free_slots(track: Track, first: int, count: int) -> list[int]:
    """Return the next slots without a clip, from one on; those past the last scene are yet to be made."""
    free = [slot for slot in range(first, len(track.clips)) if track.clips[slot] is None]
    end = max(first, len(track.clips))
    return [*free, *range(end, end + count)][:count]


def add_scenes(connection: Connection, count: int) -> None:
    """Add scenes at the end of the set until there are so many.

    Raises:
        UserError: if Live has no more.
    """
    for _ in range(2 * count):
        (there,) = connection.ask("/live/song/get/num_scenes")
        if there >= count:
            return
        connection.tell("/live/song/create_scene", -1)
    (there,) = connection.ask("/live/song/get/num_scenes")
    if there < count:
        why = f" ({connection.complaint})" if connection.complaint else ""
        raise UserError(f"ableton: expected {count} scenes, this Live stays at {there}{why}; select an earlier one")
