"""The settings that a live session begins with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer, number
from melodylc.base.numbers import seed as checked_seed
from melodylc.live.control_map import ControlMap
from melodylc.live.control_values import ControlValues
from melodylc.melody import BARS
from midi_io.ports.naming import MOST_BYTES, takes
from midi_io.swing import EIGHTHS, SIXTEENTHS, Swing

MODES = ("generate", "continue", "answer", "vary")
SYNCS = ("internal", "midi-clock", "jack", "link")
AMOUNTS = {"generate": 1.0, "answer": 0.2, "vary": 0.25}  # how far from one melody to the next
VARIED_EVERY = 4  # bars
LEARNING_SECONDS = 30.0  # before it plays
AUTO = "auto"
USUAL_TEMPO = 120.0  # bpm, until there is a phrase whose tempo is taken
PAIRS = {"sixteenths": SIXTEENTHS, "eighths": EIGHTHS}  # beats that two of what is swung last
TRACK_NAME = "melodylc"  # of recordings


@dataclass(frozen=True)
class SessionSettings:
    """The settings of a `Session`; `SessionSettings.of(key="C major", tempo=100)` is the short way to them.

    `initial` holds what can be set while it plays: the attributes asked for, temperature, amount, hold and mute.

    Raises:
        UserError: for a value out of bounds.
    """

    initial: ControlValues = field(default_factory=ControlValues)
    mode: str = "generate"
    sync: str = "internal"
    tempo: float | str = 120.0  # bpm; auto: that of the phrase that is answered
    every: int | None = None  # bars from one melody to the next; None: 16, or 4 when varying
    loop: bool = False  # the first melody stays
    rules: tuple[str, ...] = ()  # as for `--rule`
    actors: tuple[str, ...] = ()  # files of `learn`
    rounds: int | None = None  # of learning, which rules without actors begin with; None: the budget's
    seconds: float | None = None  # after which no further round of it begins; None: 30
    keep: Path | None = None  # where what was learned is saved
    strict: bool = False
    tries: int = 8  # decodes within which a melody is to keep its rules
    seed: int | None = None
    style: str | None = None  # a file of `melodylc style`
    style_amount: float = 1.0
    model: str | None = None
    device: str | None = None  # cpu or cuda
    name: str = "melodylc"  # of the virtual ports
    backend: str = "auto"
    port: str | None = None  # existing ports to play to and listen to
    port_in: str | None = None  # existing port to listen to
    port_out: str | None = None  # existing port to play to
    channel: int = 1  # 1 to 16
    velocity: int | None = None
    click: bool = False
    count_in: int = 0  # bars of clicks before the first beat
    port_click: str | None = None  # existing port that clicks go to
    swing: float | str = "auto"  # per cent of a pair that the first note lasts; auto: a phrase's, or straight
    swing_of: str = "sixteenths"  # or eighths: what is swung, where `swing` is a number
    transpose: int = 0
    ahead: float = 0.0  # milliseconds that notes are sent early
    thru: bool = False
    lead: bool = False  # send MIDI clock, start and stop
    song_position: str = "auto"  # auto, sixteenths or clocks
    record: Path | None = None
    osc: str | None = None  # [HOST:]PORT
    controls: ControlMap = field(default_factory=ControlMap)

    def __post_init__(self) -> None:
        for name in ("keep", "record"):
            if isinstance(getattr(self, name), str):  # which users of Python pass as often
                object.__setattr__(self, name, Path(getattr(self, name)))
        _one_of("mode", self.mode, MODES)
        _one_of("sync", self.sync, SYNCS)
        _one_of("song_position", self.song_position, ("auto", "sixteenths", "clocks"))
        _number_or_auto("tempo", self.tempo, 20, 999, " bpm")
        self._check_click()
        integer("channel", self.channel, 1, 16)
        _number_or_auto("swing", self.swing, 50, 75, " per cent")
        _one_of("swing_of", self.swing_of, tuple(PAIRS))
        if self.swing == AUTO and self.swing_of != "sixteenths":
            raise UserError("swing_of: what is swung is given with a number for swing; give one, or leave it out")
        integer("transpose", self.transpose, -48, 48, " semitones")
        number("ahead", self.ahead, -1000, 1000, " milliseconds")
        integer("tries", self.tries, 1, 1000)
        checked_seed(self.seed)
        number("style_amount", self.style_amount, 0, 2)
        if self.mode == "continue":
            self._check_continuing()
        self._check_learning()
        if self.every is not None:
            integer("every", self.every, 1, 256, " bars")
        if self.velocity is not None:
            integer("velocity", self.velocity, 1, 127)
        if len(self.name) > 40 or not takes(self.name):
            raise UserError(
                "name: expected 1 to 40 printable characters without : / \\ and without blanks at the ends (in UTF-8 "
                f"{MOST_BYTES} bytes at most), got {self.name!r}"
            )
        if self.lead and self.sync == "midi-clock":
            raise UserError("lead: a session that follows MIDI clock cannot lead as well; choose another sync")
        self._check_unused()

    def _check_unused(self) -> None:
        """Refuse what has no effect beside the rest."""
        if self.song_position != "auto" and self.sync != "midi-clock":
            raise UserError(f"song_position: comes with MIDI clock, not with sync {self.sync}; leave it out")
        if self.sync == "jack" and self.backend not in ("auto", "jack"):
            raise UserError(f"backend: sync jack plays through jack, not {self.backend}; leave it out")
        if self.mode == "answer" and self.every is not None:
            raise UserError("every: an answer is as long as its phrase; leave it out")
        if self.style is None and self.style_amount != 1:
            raise UserError("style_amount: there is no style; name one, or leave it out")

    def _check_continuing(self) -> None:
        """Refuse what only the other modes have."""
        learning = {"actors": self.actors or None, "rounds": self.rounds, "seconds": self.seconds, "keep": self.keep}
        unused = {"every": self.every, "amount": self.initial.amount, **learning}
        given = [name for name, value in unused.items() if value is not None]
        if given:
            raise UserError(f"{given[0]}: mode continue searches for eight bars at a time; leave it out")

    def _check_click(self) -> None:
        """Refuse a tempo that nobody plays, and clicks that nobody needs."""
        if self.tempo == AUTO and (self.mode != "answer" or self.sync != "internal"):
            raise UserError("tempo: auto is that of a phrase, of mode answer with sync internal; give a number")
        integer("count_in", self.count_in, 0, 16, " bars")
        if self.count_in and self.tempo == AUTO:
            raise UserError("count_in: the tempo is not known before the phrase; give a number for tempo")
        if self.clicks and self.sync != "internal":
            named = "click" if self.click else "count_in"
            raise UserError(f"{named}: with sync {self.sync} the DAW has a click of its own; leave it out")
        if self.port_click is not None and not self.clicks:
            raise UserError("port_click: nothing clicks; ask for click or count_in as well")

    def _check_learning(self) -> None:
        if self.rounds is not None:
            integer("rounds", self.rounds, 1)
        if self.seconds is not None:
            number("seconds", self.seconds, 0, 600)
        given = [name for name in ("rounds", "seconds", "keep") if getattr(self, name) is not None]
        if given and (self.actors or not self.rules):
            why = "an actor is learned already" if self.actors else "nothing is learned without a rule"
            raise UserError(f"{given[0]}: {why}; leave it out")
        if self.keep is not None and (self.keep.suffix != ".safetensors" or not self.keep.parent.is_dir()):
            raise UserError(f"keep: expected a .safetensors file in a folder that exists, got {self.keep}")

    @classmethod
    def of(
        cls,
        key: Any = None,
        notes: int | None = None,
        low: int | str | None = None,
        high: int | str | None = None,
        *,
        at_most: int | None = None,
        temperature: float | None = None,
        amount: float | None = None,
        **settings: Any,
    ) -> SessionSettings:
        """Return settings with their initial values given one by one.

        Args:
            key, notes, low, high, at_most: as for `melodylc.attributes.Attributes`: "C major", at least 96 notes, "C4",
                "G5", at most 160 notes.
            temperature, amount: as for `ControlValues`.
            settings: any other fields of the settings.

        Raises:
            UserError: for a value out of bounds.
        """
        attributes = Attributes(key, notes, low, high, at_most=at_most)
        return cls(ControlValues(attributes, temperature, amount), **settings)

    @property
    def fixed_swing(self) -> Swing | None:
        """Return the swing that notes are played with; None where it is that of each phrase, or there is none."""
        return None if isinstance(self.swing, str) else Swing(self.swing / 100, PAIRS[self.swing_of])

    @property
    def clicks(self) -> bool:
        """Return whether anything clicks, and so has a port of its own."""
        return self.click or self.count_in > 0

    @property
    def given_tempo(self) -> float:
        """Return the tempo to begin with, in bpm."""
        return USUAL_TEMPO if isinstance(self.tempo, str) else self.tempo

    @property
    def bars_per_melody(self) -> int:
        """Return how many bars lie between one melody and the next."""
        if self.every is not None:
            return self.every
        return VARIED_EVERY if self.mode == "vary" else BARS

    @property
    def learning_seconds(self) -> float:
        """Return after how many seconds of learning no further round begins."""
        return LEARNING_SECONDS if self.seconds is None else self.seconds


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{name}: expected one of {', '.join(known)}, got {value!r}")


def _number_or_auto(name: str, value: float | str, low: float, high: float, unit: str) -> None:
    if isinstance(value, str) and value != AUTO:
        raise UserError(f"{name}: expected a number from {low:g} to {high:g}{unit}, or 'auto', got {value!r}")
    if not isinstance(value, str):
        number(name, value, low, high, unit)
