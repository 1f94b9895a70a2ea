"""A JACK server of one's own, without sound, and independent ends on it: for the live tests and benchmarks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATE, PERIOD = 48000, 128
PATIENCE = 60.0  # seconds: what takes one or two takes longer on a busy machine, and only what fails takes them all
OPENING = 15.0  # seconds a client has to find both ends, before another one tries
MARK = bytes((0xBF, 119, 1))
TOOLS = ("jackd", "jack_wait", "jack_midi_dump", "jack_midi_clock")


def missing() -> str | None:
    """What has to be installed first, if anything."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(absent)}: apt-get install jackd2 jack-tools jack-midi-clock libasound2" if absent else None


class Server:
    """A server under a name of its own; the processes started with `environment` find it."""

    def __init__(self, name: str, period: int = PERIOD) -> None:
        self.name, self.period = name, period  # frames
        self.environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_AUDIO_RESERVATION": "1"}
        self.start()

    def start(self) -> None:
        for mode in (["--realtime", "-P70"], ["--no-realtime"]):  # real-time scheduling may be refused
            driver = ["-d", "dummy", "-r", str(RATE), "-p", str(self.period)]
            command = ["jackd", *mode, "--sync", "-n", self.name, *driver]
            self.process = self.run(command)
            if subprocess.run(["jack_wait", "-w", "-t", "8", "-s", self.name], capture_output=True).returncode == 0:
                time.sleep(0.1)
                if self.process.poll() is None:
                    return
            self.process.kill()
        # servers that were killed stay in its registry, which has eight places, until their process numbers are free
        raise RuntimeError(f"jackd does not start: {' '.join(command)}; if none runs, try: rm -r /dev/shm/jack*")

    def run(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(command, env=self.environment, **{**quiet, **options})

    def live(self, *arguments: str, output: Any = subprocess.DEVNULL) -> subprocess.Popen[Any]:
        """`melodylc live` as a user starts it."""
        return self.run([sys.executable, "-m", "melodylc", "live", *arguments], stdout=output, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(frozen=True)
class Heard:
    """A message that came out, with the server's frame."""

    frame: int
    message: bytes


class Dump:
    """jack_midi_dump, an independent end: every byte that comes, with its frame, counted from when it began."""

    def __init__(self, server: Server, source: str | None = "melodylc:out", name: str = "dump") -> None:
        self.server, self.port = server, f"{name}:input"
        handle, path = tempfile.mkstemp(prefix="dump-")
        os.close(handle)
        self._path = Path(path)
        with self._path.open("w") as output:
            self._process = server.run(["stdbuf", "-oL", "jack_midi_dump", "-a", name], stdout=output)
        if source is not None:
            self.connect(source)

    def connect(self, source: str, seconds: float = PATIENCE) -> None:
        connect(self.server, source, self.port, seconds)

    @property
    def heard(self) -> list[Heard]:
        lines = self._path.read_text().splitlines()
        found = (re.match(r"\s*(\d+):((?: [0-9a-f]{2})+)", line) for line in lines)
        return [Heard(int(each[1]), bytes.fromhex(each[2])) for each in found if each]

    @property
    def reads(self) -> bool:
        """Whether it runs, and has read something."""
        return self._process.poll() is None and bool(self.heard)

    @property
    def onsets(self) -> list[Heard]:
        return [each for each in self.heard if each.message[0] & 0xF0 == 0x90 and each.message[2] > 0]

    def zero(self, hand: Any, source: str) -> int:
        """Its frame 0 in the server's frames: found by a message of our own at a known moment."""
        self.connect(source)
        moment = hand.now() + 0.2
        hand.send(MARK, moment)
        eventually(lambda: any(each.message == MARK for each in self.heard))
        return round(moment * RATE) - next(each.frame for each in self.heard if each.message == MARK)

    @property
    def hanging(self) -> set[tuple[int, int]]:
        """Channel and pitch of the notes that were started and not ended."""
        sounding = set()
        for each in self.heard:
            kind, channel = each.message[0] & 0xF0, each.message[0] & 0x0F
            if kind == 0x90 and each.message[2]:
                sounding.add((channel, each.message[1]))
            elif kind in (0x80, 0x90):
                sounding.discard((channel, each.message[1]))
        return sounding

    def close(self) -> None:
        """End it as a crash does, and wait until the server has noticed: its name is free then."""
        self._process.kill()
        self._process.wait()
        self._path.unlink(missing_ok=True)
        script = (
            "import jack, sys, time\n"
            "client = jack.Client('look', no_start_server=True)\n"
            "until = time.monotonic() + float(sys.argv[2])\n"
            "while sys.argv[1] in [port.name for port in client.get_ports()] and time.monotonic() < until:\n"
            "    time.sleep(0.01)\n"
        )
        if self.server.process.poll() is None:
            looking = self.server.run([sys.executable, "-c", script, self.port, str(OPENING)])
            try:
                looking.wait(OPENING + 5)
            except subprocess.TimeoutExpired:  # as in `connect`
                looking.kill()
                looking.wait()


def connect(server: Server, source: str, sink: str, seconds: float = PATIENCE) -> None:
    """As soon as both are there. In a process of its own: a JACK client here would outlive the server's death badly."""
    script = (
        "import jack, sys, time\n"
        "jack.set_error_function(lambda text: None)\n"
        "client = jack.Client('connect', no_start_server=True)\n"
        "until = time.monotonic() + float(sys.argv[3])\n"
        "while time.monotonic() < until:\n"
        "    try:  # a port of that name may still be on its way out\n"
        "        there = client.get_all_connections(client.get_port_by_name(sys.argv[1]))\n"
        "        if sys.argv[2] not in [port.name for port in there]:\n"
        "            client.connect(sys.argv[1], sys.argv[2])\n"
        "        sys.exit(0)\n"
        "    except jack.JackError:\n"
        "        time.sleep(0.02)\n"
        "sys.exit(f'no {sys.argv[1]} or {sys.argv[2]} among {[p.name for p in client.get_ports(is_midi=True)]}')\n"
    )
    until = time.monotonic() + seconds
    while True:
        left = min(max(until - time.monotonic(), 1.0), OPENING)
        process = server.run([sys.executable, "-c", script, source, sink, str(left)], stderr=subprocess.PIPE)
        try:
            _, said = process.communicate(timeout=left + 5)  # that it takes to begin
        except subprocess.TimeoutExpired:  # JACK's library may hang where a server was killed a moment ago
            process.kill()
            process.communicate()
            said = b"JACK's library does not return"
        if not process.returncode:
            return
        if time.monotonic() >= until:
            raise RuntimeError(said.decode())
        time.sleep(0.1)


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Return whether it comes true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


class Busy:
    """A second core kept busy."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", "while True: sum(range(10000))"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def in_thread(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
