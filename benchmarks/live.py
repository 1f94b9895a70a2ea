"""Measure the timing of a live session on a JACK server without sound: python benchmarks/live.py [--seconds 30]

Onsets are read from jack_midi_dump, an independent end, in the server's own frames. `busy` is a machine with a process
on each core that never waits. The player asks for the priority that a session asks for; `--ordinary` leaves that out.
`--frames 64 128 256 512 1024 2048` measures onsets alone and busy at periods of so many frames, and `--wraps 300`
listens whether notes start where loops end. Needs, from Debian:
jackd2, jack-tools, jack-midi-clock, libasound2.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from jackd import PERIOD, RATE, Busy, Dump, Server, connect, eventually
from live_session import Daw
from looping import BEHIND, WRAPS, Playing, play_loop, stray

from melodylc.attributes import Attributes
from melodylc.live import ControlValues, Session, SessionSettings
from melodylc.live.melody_queue import MelodyQueue
from melodylc.live.protocol import Request, Setup
from melodylc.live.worker import Worker
from midi_io import messages
from midi_io.files import Note
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import open_ports
from midi_io.priority import raise_priority
from midi_io.transport import InternalTransport

STEP = RATE // 8  # frames of a sixteenth at 120


class Generating:
    """The inference process, kept busy: it gets a new request as soon as it has answered."""

    def __init__(self) -> None:
        self._values = ControlValues(Attributes("C major", notes=96))
        self._worker = Worker(Setup(initial=self._values))
        self._ending = False
        self.made = 0
        self.began = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        count = 0
        while not self._ending:
            answered = self._worker.poll()
            self.made += len(answered)
            if self._worker.free:
                self.began = self.began or time.monotonic()
                count += 1
                self._worker.ask(Request(count, self._values, seed=count))
            time.sleep(0.004)

    def close(self) -> float:
        """End the process, and return the melodies it made a second."""
        self._ending = True
        self._thread.join()
        self._worker.close()
        return self.made / max(time.monotonic() - self.began, 1e-9)


def play(server: Server, backend: str, seconds: float, generate: bool, busy: bool) -> dict[str, float]:
    """Play sixteenths at 120, and return the deviations of their onsets from the grid, in milliseconds."""
    generating = Generating() if generate else None
    load = [Busy() for _ in range(os.cpu_count() or 1)] if busy else []
    if generating:
        while not generating.made:
            time.sleep(0.1)
    ports = open_ports("bench", backend=backend)
    woken = threading.Event()
    ports.on_receive(woken.set)
    dump = Dump(server, "bench:out", f"dump-{backend}")
    transport = InternalTransport(120.0)
    scale = [Note(48 + i, i / 4, i / 4 + 0.2) for i in range(16)]
    player = Player(ports, transport, lambda bar: Bar(scale))
    transport.start(ports.now() + 0.1)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        deadline = player.step(ports.now())
        woken.wait(max(deadline - ports.now(), 0.0))
        woken.clear()
    player.halt()
    time.sleep(0.3)
    rate = generating.close() if generating else 0.0
    frames = np.array([each.frame for each in dump.onsets], float)
    late, hanging = ports.late, len(dump.hanging)
    sent = int(transport.position(ports.now()) * 4)
    pitches = [each.message[1] for each in dump.onsets]
    lost = sum((b - a) % 16 != 1 for a, b in itertools.pairwise(pitches))
    ports.close()
    dump.close()
    for each in load:
        each.close()
    beyond = frames - STEP * np.arange(len(frames))
    off = (beyond - np.median(beyond)) / RATE * 1000
    half = len(off) // 4
    return {
        "onsets": len(frames),
        "p50": float(np.percentile(np.abs(off), 50)),
        "p99": float(np.percentile(np.abs(off), 99)),
        "max": float(np.abs(off).max()),
        "drift ms": float(np.median(off[-half:]) - np.median(off[:half])),
        "late": late,
        "lost": lost,
        "hanging": hanging,
        "melodies/s": rate,
        "sent": sent,
    }


def onsets(server: Server, backends: list[str], loads: list[tuple[bool, bool]], seconds: float) -> None:
    """Print a row for each backend and load: whether melodies are generated, and whether the machine is busy."""
    print(f"onsets against the grid, ms; one period is {1000 * server.period / RATE:.2f} ms")
    rows = [(backend, *load) for backend in backends for load in loads]
    for index, (backend, generate, busy) in enumerate(rows):
        row = play(server, backend, seconds, generate, busy)
        if not index:
            print(f"{'':<34}" + "".join(f"{name:>11}" for name in row))
        name = f"{backend}{', generating' if generate else ''}{', busy' if busy else ''}"
        print(f"{name:<34}" + "".join(f"{value:>11.4g}" for value in row.values()), flush=True)


def controls(server: Server, count: int) -> list[float]:
    """Return the seconds from a control change to the first note from which on all are in the new key, at 120."""
    took = []
    rng = np.random.default_rng(0)
    dump = Dump(server, None, "dump-controls")
    hand = open_ports("hand", backend="jack")
    with Session(SessionSettings.of("C major", seed=1, name="controlled")):
        dump.connect("controlled:out")
        import jack

        client = jack.Client("patch", no_start_server=True)
        client.connect("hand:out", "controlled:in")
        keys = {False: {0, 2, 4, 5, 7, 9, 11}, True: {6, 8, 10, 11, 1, 3, 5}}  # C and F# major
        sharp = False
        zero = dump.zero(hand, "hand:out")
        time.sleep(3)
        for _ in range(count):
            time.sleep(2 * rng.random())
            sharp = not sharp
            moved = hand.now()
            frame = round(moved * RATE) - zero
            hand.send(messages.control(0, 20, 65 if sharp else 0), moved)
            time.sleep(5)
            after = [each for each in dump.onsets if each.frame > frame]
            wrong = [index for index, each in enumerate(after) if each.message[1] % 12 not in keys[sharp]]
            took.append((after[wrong[-1] + 1 if wrong else 0].frame - frame) / RATE)
        client.close()
    hand.close()
    dump.close()
    return took


def starts(server: Server, count: int) -> list[float]:
    """Return the milliseconds from the first clock after a start message to the note that is due with it."""
    took = []
    dump = Dump(server, None, "dump-starts")
    daw = open_ports("daw", backend="jack")
    with Session(SessionSettings.of("C major", 160, seed=2, sync="midi-clock", name="led", loop=True)) as session:
        import jack

        client = jack.Client("patch", no_start_server=True)
        client.connect("daw:out", "led:in")
        dump.connect("led:out")
        while session.status.queue == 0:
            time.sleep(0.05)
        zero = dump.zero(daw, "daw:out")
        assert isinstance(session._queue, MelodyQueue)
        upcoming = session._queue.upcoming
        assert upcoming is not None
        first = min(note.start for note in upcoming.bars[0])
        for _ in range(count):
            began = daw.now() + 0.1
            daw.send(bytes((messages.START,)), began)
            for tick in range(48):
                daw.send(bytes((messages.CLOCK,)), began + tick * 60 / 120 / 24)
            daw.send(bytes((messages.STOP,)), began + 1.01)
            time.sleep(1.5)
            due = (began + first * 0.5) * RATE - zero
            after = [each.frame for each in dump.onsets if each.frame > due - 480]
            took.append((after[0] - due) / RATE * 1000)
        client.close()
    daw.close()
    dump.close()
    return took


def led(server: Server, tempo: float = 140.0, seconds: float = 15.0) -> tuple[float, float, float]:
    """Return milliseconds by which notes are off the grid of an independent clock, jack_midi_clock: p50, p99, most."""
    dump = Dump(server, None, "dump-led")
    clock = server.run(["jack_midi_clock", "-b", str(tempo)])
    with Session(SessionSettings.of("C major", 128, seed=3, sync="midi-clock", name="led")) as session:
        connect(server, "jack_midi_clock:mclk_out", "led:in")
        dump.connect("led:out")
        while session.status.queue == 0:
            time.sleep(0.05)
        import jack

        client = jack.Client("master", no_start_server=True)
        client.activate()
        client.transport_locate(0)
        client.transport_start()
        time.sleep(seconds)
        client.transport_stop()
        time.sleep(1.0)
        client.close()
    clock.kill()
    clock.wait()
    frames = np.array([each.frame for each in dump.onsets], float)[4:]  # the first ones come while the tempo is found
    dump.close()
    step = RATE * 60 / tempo / 4
    off = (frames - frames[len(frames) // 2] + step / 2) % step - step / 2
    off = np.abs(off - np.median(off)) / RATE * 1000
    return float(np.percentile(off, 50)), float(np.percentile(off, 99)), float(off.max())


def wraps(server: Server, count: int) -> None:
    """Print how many notes start at or after a wrap, of loops of a beat at 180 to 300 bpm, some behind a stop.

    A round in which JACK loses a period does not count: the same events may be heard twice there. Periods are long, so
    that few are lost; where most are, it ends after three times as many wraps.
    """
    import jack

    client = jack.Client("lost", no_start_server=True)
    lost: list[float] = []
    client.set_xrun_callback(lost.append)
    client.activate()
    daw = Daw()
    player = Playing(server, "jack", lambda ports: MidiClockTransport(lookahead=ports.lookahead))
    connect(server, daw.source, "melodylc:in")
    player.dump.connect(daw.source)
    wrapped = notes = at_wraps = behind = rounds = lossy = 0
    while wrapped < count and rounds * WRAPS < 3 * count:
        before, begins = len(lost), len(player.dump.heard)
        play_loop(daw, np.random.default_rng(rounds))
        eventually(lambda: player.dump.heard[begins:] and not player.dump.hanging)  # noqa: B023
        heard = player.dump.heard[begins:]
        pitches = [each.message[1] for each in heard if messages.is_note_on(each.message)]
        rounds += 1
        if len(lost) > before:
            lossy += 1
            continue
        wrapped += WRAPS
        notes += len(pitches)
        at_wraps += len(stray(heard))
        behind += pitches.count(BEHIND)
    print(
        f"{wrapped} wraps, {notes} notes: {at_wraps} start at or after a wrap or a stop, {behind} behind the loop; "
        f"{lossy} more rounds of {WRAPS} wraps do not count, as JACK lost a period in them"
    )
    player.stop()
    player.dump.close()
    client.close()
    daw.close()


def following(jitter: float, tempo: float, trials: int = 200) -> tuple[float, float]:
    """Return the error of the followed tempo in per cent, mean and p99, after eight quarters of clocks with jitter."""
    off = []
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        follower = MidiClockTransport()
        follower.receive(0.0, bytes((messages.START,)))
        for tick in range(400):
            moment = tick * 60 / tempo / 24 + rng.uniform(-jitter, jitter)
            follower.receive(moment, bytes((messages.CLOCK,)))
            if tick > 200:
                off.append(abs(follower.tempo / tempo - 1) * 100)
    return float(np.mean(off)), float(np.percentile(off, 99))


def decoding() -> None:
    """Print the milliseconds that one melody and eight together take in one thread, rules included."""
    import torch

    from melodylc import load
    from melodylc.constraints.conditional import conditioned

    torch.set_num_threads(1)
    model = load()
    attributes = Attributes("C major", notes=96)
    for count in (1, 8):
        took = []
        for _ in range(20):
            began = time.perf_counter()
            model.decode(conditioned(model, model.noise(count), attributes))
            took.append(time.perf_counter() - began)
        middle = float(np.median(took))
        print(f"{count} melodies at once: {1000 * middle:.1f} ms, {16 * count / middle:.0f} bars/s")


def main() -> None:
    """Print all measurements as tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument(
        "--drift", type=float, default=0.0, help="instead, long runs beside generation, of so many seconds"
    )
    parser.add_argument("--only", choices=("onsets", "controls", "starts", "led", "following", "decoding"))
    parser.add_argument("--frames", type=int, nargs="+", help="instead, onsets at periods of so many frames")
    parser.add_argument("--wraps", type=int, help="instead, notes at the ends of so many loops")
    parser.add_argument("--ordinary", action="store_true", help="with the priority of any program")
    options = parser.parse_args()
    if not options.ordinary:
        print(f"priority of the player: {raise_priority().says}")
    for frames in options.frames or ():
        server = Server(f"bench-{os.getpid()}-{frames}", frames)
        os.environ["JACK_DEFAULT_SERVER"] = server.name
        try:
            onsets(server, ["jack", "rtmidi-jack"], [(False, False), (False, True)], options.seconds)
        finally:
            server.close()
    if options.frames:
        return
    server = Server(f"bench-{os.getpid()}", 1024 if options.wraps else PERIOD)
    os.environ["JACK_DEFAULT_SERVER"] = server.name
    try:
        if options.wraps:
            wraps(server, options.wraps)
            return
        if options.only in (None, "onsets"):
            loads = [(False, False), (True, False), (True, True)] if not options.drift else [(True, False)]
            onsets(server, ["rtmidi-jack", "jack"], loads, options.drift or options.seconds)
        if options.only in (None, "controls"):
            took = controls(server, 10)
            print(f"control change to first obeying note: median {np.median(took):.2f} s, max {max(took):.2f} s")
        if options.only in (None, "starts"):
            took = starts(server, 20)
            print(f"first clock to its note: median {np.median(took):.2f} ms, max {max(took):.2f} ms")
        if options.only in (None, "led"):
            p50, p99, most = led(server)
            print(f"notes against jack_midi_clock at 140 bpm, ms: p50 {p50:.2f}, p99 {p99:.2f}, at most {most:.2f}")
        if options.only in (None, "following"):
            for tempo in (60.0, 120.0, 180.0):
                mean, p99 = following(0.005, tempo)
                print(f"following {tempo:.0f} bpm with 5 ms of jitter: tempo off by {mean:.3f} %, p99 {p99:.3f} %")
        if options.only in (None, "decoding"):
            decoding()
    finally:
        server.close()


if __name__ == "__main__":
    main()
