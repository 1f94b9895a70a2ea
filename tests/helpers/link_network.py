"""A network for Ableton Link of the tests' own where that is allowed, so that they disturb nobody's session."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jackd import PATIENCE, eventually

PROGRAM = Path(__file__).with_name("link_peer.py")
# brings the loopback up, and holds the network until its input ends
HOLDER = """
import fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
print("up", flush=True)
sys.stdin.read()
"""
OLDER = 1.0  # seconds; from half a one on, Link prefers the older of two sessions
NO_PEER = (
    f"Link's peers have not found each other in {PATIENCE:g} seconds: this machine lets no UDP multicast through "
    "(224.76.78.75, port 20808), on the loopback either"
)


class Network:
    """A network that has the loopback alone; the machine's own where no other may be made, as by root alone."""

    def __init__(self) -> None:
        self.prefix: list[str] = []  # of the commands that are to run in it
        command = ["unshare", "--net", sys.executable, "-c", HOLDER]
        try:
            self._holder = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except FileNotFoundError:
            self._holder = None
            return
        assert self._holder.stdout
        if self._holder.stdout.readline() == "up\n":
            self.prefix = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    def program(self, role: str, tempo: float) -> Program:
        return Program([*self.prefix, sys.executable, str(PROGRAM), role, str(tempo)])

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *error: object) -> None:
        if self._holder is not None:
            self._holder.communicate()


class Program:
    """A program of `link_peer.py`; its functions are called as if they were here."""

    def __init__(self, command: list[str]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        path = os.pathsep.join(filter(None, (str(PROGRAM.parents[2]), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **pipes)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

        return call

    def is_the_first(self) -> None:
        """Wait until it is so much older than who comes next that Link takes its session, not the other one."""
        self.look()
        time.sleep(OLDER)

    def meets(self, others: int = 1) -> None:
        """Wait until a peer has found so many others."""
        assert eventually(lambda: self.look()["peers"] == others), NO_PEER

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.communicate()


def needed() -> Network:
    """A network, where there is Link; without it the test is skipped, or fails where MELODYLC_NEEDS_LINK is set."""
    if not importlib.util.find_spec("link"):
        say = pytest.fail if os.environ.get("MELODYLC_NEEDS_LINK") else pytest.skip
        say("needs LinkPython-extern: pip install -e '.[link]'")
    return Network()
