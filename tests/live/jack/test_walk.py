"""The way from nothing to sound in docs/live.md, to the letter, until there is sound.

Two lines are not run: what is installed has to be there, and the server is the tests' own, which has no sound card.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from jackd import PATIENCE, eventually
from live_session import C_MAJOR

from midi_io.files import read
from midi_io.ports import jack, listed

PAGE = Path(__file__).parents[3] / "docs" / "live.md"
NOT_RUN = ("apt-get", "jackd")
QUIET = 0.01  # of full scale: below it nobody hears anything


@pytest.fixture
def walk(server, tmp_path):
    """The commands, and a function that starts one in a terminal of its own."""
    section = PAGE.read_text(encoding="utf-8").partition("## From nothing to sound")[2]
    lines = re.search(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[1].splitlines()
    needed = {shlex.split(line)[0] for line in lines} | {"jack_rec"}
    missing = sorted(program for program in needed if shutil.which(program) is None)
    missing += [name for line in lines for name in re.findall(r"/usr/\S+", line) if not Path(name).exists()][:1]
    if missing:
        say = pytest.fail if os.environ.get("MELODYLC_NEEDS_JACK") else pytest.skip
        say(f"needs {', '.join(missing)}: {lines[0].partition('#')[0].strip()}")
    started = []

    def start(command):
        options = {"shell": True, "cwd": tmp_path, "stdin": subprocess.PIPE}
        started.append(server.run(f"exec {command}", **options))
        return started[-1]

    yield [line for line in lines if not line.startswith(NOT_RUN)], start
    for process in started:
        process.kill()
        process.communicate()


def loudest(path):
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return np.abs(samples / 2**15).max(initial=0)


def loudspeakers():
    """The ports that are connected to the sound card's."""
    look = jack.client("look")
    try:
        cards = look.get_ports(is_audio=True, is_input=True, is_physical=True)
        return [port.name for card in cards for port in look.get_all_connections(card)]
    finally:
        look.close(ignore_errors=True)


def test_a_reader_who_follows_it_hears_the_melody(server, walk, tmp_path):
    (synthesizer, live, render), start = walk
    start(synthesizer)
    assert eventually(lambda: any("fluid" in name for name in listed("jack").sinks))
    assert eventually(lambda: len(loudspeakers()) == 2)
    playing = start(live)

    def is_heard():
        recorded = start(f"jack_rec -f heard.wav -b 16 -d 2 {shlex.join(loudspeakers())}")
        return recorded.wait(PATIENCE) == 0 and loudest(tmp_path / "heard.wav") > QUIET

    assert eventually(is_heard)
    playing.send_signal(signal.SIGINT)
    assert playing.wait(PATIENCE) == 0
    (notes,) = read(tmp_path / "take.mid").values()
    assert notes
    assert {note.pitch % 12 for note in notes} <= C_MAJOR
    assert start(render).wait(PATIENCE) == 0
    assert loudest(tmp_path / "take.wav") > QUIET
    assert eventually(lambda: not is_heard())  # nothing sounds on
