"""The parts that a session opens before it plays: ports, transport, recording, and the inference process's set-up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from melodylc.base.errors import UserError
from melodylc.live import click, paths
from melodylc.live.hints import with_hint
from melodylc.live.protocol import Setup
from melodylc.live.settings import TRACK_NAME, SessionSettings
from midi_io import recording
from midi_io.link_transport import LinkTransport, join
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import PlaybackSettings
from midi_io.ports import MissingPackageError, NoPortsError, NoVirtualPortsError, Ports, ReconnectingPorts, open_ports
from midi_io.ports.opening import release_left_behind
from midi_io.sounding_notes import InUseError, SoundingNotes
from midi_io.swing import STRAIGHT
from midi_io.transport import InternalTransport, Transport


def open_click_ports(settings: SessionSettings, stack: ExitStack, say: Callable[[str], None]) -> ReconnectingPorts:
    """Open the output that clicks go to, and nothing else does; the stack closes the file of its sounding notes.

    Raises:
        UserError: if it cannot be opened.
    """
    name = click.ports_name(settings.name)
    notes = _notes_of(name, stack)
    try:
        return open_ports(
            name, backend=settings.backend, port_out=settings.port_click, hears=False, sounding_notes=notes, say=say
        )
    except NoVirtualPortsError as error:
        raise UserError(f"live: click: {error}: --port-click NAME") from error
    except NoPortsError as error:
        raise UserError(f"live: click: {with_hint(error)}") from error


def _notes_of(name: str, stack: ExitStack) -> SoundingNotes:
    try:
        notes = SoundingNotes(paths.sounding_notes(name))
    except InUseError as error:
        raise UserError(f"live: a session named {name!r} runs already; end it, or give --name another") from error
    stack.callback(notes.close)
    return notes


def open_session_ports(settings: SessionSettings, stack: ExitStack, say: Callable[[str], None]) -> ReconnectingPorts:
    """Open the ports that settings name; the stack closes the file of their sounding notes.

    Raises:
        UserError: if a session of that name runs, or no ports can be opened.
    """
    notes = _notes_of(settings.name, stack)
    if not settings.clicks and (left := paths.sounding_notes(click.ports_name(settings.name))).exists():
        release_left_behind(left)  # by a session that clicked and was killed
    backend = "jack" if settings.sync == "jack" else settings.backend
    try:
        return open_ports(
            settings.name,
            backend=backend,
            port=settings.port,
            port_in=settings.port_in,
            port_out=settings.port_out,
            sounding_notes=notes,
            say=say,
        )
    except NoPortsError as error:
        raise UserError(f"live: {with_hint(error)}") from error


def transport_of(settings: SessionSettings, ports: Ports, say: Callable[[str], None] = lambda text: None) -> Transport:
    """Return the transport that settings ask for; `say` is called with what it concludes about a DAW.

    Raises:
        UserError: if it needs a package that is not installed.
    """
    if settings.sync == "midi-clock":
        clocks = {"auto": None, "clocks": True, "sixteenths": False}[settings.song_position]
        return MidiClockTransport(clocks, say, ports.lookahead + max(settings.ahead, 0) / 1000)
    if settings.sync == "jack":
        from midi_io.jack_transport import JackTransport

        assert isinstance(ports, ReconnectingPorts)
        return JackTransport(ports.transport_state, settings.given_tempo)
    if settings.sync == "link":
        try:
            return LinkTransport(join(settings.given_tempo), ports.now, say)
        except MissingPackageError as error:
            raise UserError(f"sync: {with_hint(error)}") from error
    return InternalTransport(settings.given_tempo)


def playback_of(settings: SessionSettings) -> PlaybackSettings:
    """Return the settings of the player, in its units."""
    s = settings
    # an answer has the swing of its phrase, which its notes come with
    swing = (s.mode != "answer" and s.fixed_swing) or STRAIGHT
    return PlaybackSettings(s.channel - 1, s.velocity, swing, s.transpose, s.ahead / 1000, s.lead)


def click_playback_of(settings: SessionSettings) -> PlaybackSettings:
    """Return the settings of the player of clicks."""
    return PlaybackSettings(click.CHANNEL, ahead=settings.ahead / 1000)


def open_recording(path: Path) -> recording.Recording:
    """Open a recording; one that a killed session left unfinished there is finished first.

    Raises:
        UserError: if the file is there already.
    """
    recovered = not path.exists() and recording.finish(path, TRACK_NAME)
    try:
        return recording.Recording(path, TRACK_NAME)
    except FileExistsError as error:
        why = "was just recovered from a session that was killed" if recovered else "exists already"
        raise UserError(f"record: {path} {why}; give another name") from error


def setup_of(settings: SessionSettings, own_ports: bool = True) -> Setup:
    """Return the set-up of the inference process.

    Args:
        own_ports: whether the session opens the ports of the settings, whose notes are to be ended if it is killed.
    """
    s = settings
    names = [s.name, *([click.ports_name(s.name)] if s.clicks else [])]
    return Setup(
        initial=s.initial,
        rules=s.rules,
        actors=s.actors,
        style=s.style,
        style_amount=s.style_amount,
        model=s.model,
        device=s.device,
        rounds=s.rounds,
        seconds=s.learning_seconds,
        keep=None if s.keep is None else str(s.keep.absolute()),
        strict=s.strict,
        tries=s.tries,
        searches=s.mode == "continue",
        sounding_notes=tuple(str(paths.sounding_notes(name)) for name in names) if own_ports else (),
        record=None if s.record is None else str(Path(s.record).absolute()),
    )
