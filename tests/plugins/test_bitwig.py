"""Bitwig's controller script, in a Bitwig in memory (bitwig_host.mjs): a bridge stands in, or the real one answers."""

import json
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tune import TUNE

from melodylc import plugins
from melodylc.live import controls
from melodylc.live.control_map import DEFAULT
from melodylc.rules.key import COMMON_SCALES, NAMES

HERE = Path(__file__).parent
SCRIPT = plugins.folder() / "bitwig" / "melodylc.control.js"
MELODY = [[60 + index % 8, index / 2, 0.5, 80] for index in range(32)]  # four bars of eighths
CLIP = {"length": 16, "notes": MELODY}


class Bridge(socketserver.ThreadingTCPServer):
    """Answers what it is told to, and keeps the questions; messages come after their length."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.questions, self.replies = [], []

    @property
    def port(self):
        return self.server_address[1]

    def answers(self, *notes, **reply):
        """Answer the next question: with a melody that is kept, or with something else."""
        self.replies.append(reply or {"melodies": [{"notes": list(notes), "bars": 4, "kept": True, "why": ""}]})


class _Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(4):
            said = json.loads(self.rfile.read(int.from_bytes(length, "big")).decode("ascii"))
            self.server.questions.append(said)
            reply = self.server.replies.pop(0)
            if reply == {"ends": True}:
                return
            stray = {"id": said["id"] - 1, "error": "of a question that was given up"}
            for answer in (stray, reply | {"id": said["id"]}):
                data = json.dumps(answer, ensure_ascii=False).encode()
                for part in (len(data).to_bytes(4, "big"), data[:7], data[7:]):  # bytes come in any pieces
                    self.wfile.write(part)
                    self.wfile.flush()


@pytest.fixture
def bridge():
    with Bridge() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def bitwig(node, tmp_path):
    """Returns a function that runs the script in a document: what a user does, and what became of it."""

    def run(*steps, port=None, **document):
        if port is not None:
            steps = (["set", "Port of melodylc bridge", port], *steps)
        (tmp_path / "scenario.json").write_text(json.dumps({"steps": steps, **document}))
        command = [node, str(HERE / "bitwig_driver.mjs"), str(SCRIPT), str(tmp_path / "scenario.json")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["errors"] == []
        return result

    return run


def press(label):
    return ["press", label]


def clips(number):
    return ["wait", "clips", number]


def popups(number):
    return ["wait", "popups", number]


def test_a_new_melody_is_written_into_an_empty_slot(bitwig, bridge):
    notes = [[60, 0, 0.75, 90], [64, 0.75, 0.25, 90], [67, 15.75, 0.25, 1]]
    bridge.answers(*notes)
    steps = [["set", "Bars of a new melody", 4], press("New melody"), clips(1)]
    result = bitwig(*steps, port=bridge.port, tracks=[{"clips": {0: {"length": 4, "name": ""}}}])
    assert result["popups"] == []
    old, made, *others = result["tracks"][0]
    assert old["notes"] == []
    assert (made["length"], made["name"]) == (16, "melodylc")
    assert made["notes"] == [[*note, 0] for note in notes]
    assert others == [None] * 6
    assert bridge.questions == [{"do": "generate", "id": 1, "bars": 4}]


def test_the_question_has_what_the_panel_asks_for_and_nothing_else(bitwig, bridge):
    bridge.answers([60, 0, 1, 90])
    bridge.answers([60, 0, 1, 90])
    asked = {
        "Key (own: the clip's)": "F#",
        "Scale": "dorian",
        "Guarantee key and range": "yes",
        "At least notes (0: any)": 96,
        "At most notes (0: any)": 120,
        "Lowest pitch (0: any)": 48,
        "Rules (with ; between)": "contour('arch'); my_rules.py:été ;",
        "Chords (C | Am | F | G)": " C | Am ",
        "Temperature (-1: the model's)": 0.7000000001,
    }
    steps = [press("New melody"), clips(1), ["set", "Key (own: the clip's)", "any"]]
    result = bitwig(
        *(["set", *each] for each in asked.items()), *steps, press("New melody"), clips(2), port=bridge.port
    )
    assert result["popups"] == []
    first, second = bridge.questions
    assert first == {
        "do": "generate",
        "id": 1,
        "bars": 16,
        "key": "F# dorian",
        "strict": True,
        "notes": 96,
        "at_most": 120,
        "range": "48-127",
        "rules": ["contour('arch')", "my_rules.py:été"],
        "chords": "C | Am",
        "temperature": 0.7,
    }
    assert second == {**{name: value for name, value in first.items() if name != "key"}, "id": 2}


def test_a_variation_is_a_new_clip_beside_the_one_it_varies(bitwig, bridge):
    bridge.answers([72, 0, 16, 90])
    result = bitwig(
        ["select", 2], press("Vary the clip"), clips(1), port=bridge.port, tracks=[{"clips": {2: CLIP, 3: CLIP}}]
    )
    slots = result["tracks"][0]
    assert slots[2]["notes"] == slots[3]["notes"] == [[*note, 0] for note in MELODY]
    assert (slots[4]["name"], slots[4]["length"], slots[4]["notes"]) == ("melodylc vary", 16, [[72, 0, 16, 90, 0]])
    assert [slots[index] for index in (0, 1, 5)] == [None] * 3
    (question,) = bridge.questions
    assert question == {"do": "vary", "id": 1, "bars": 4, "key": "own", "amount": 0.25, "melody": MELODY}


def test_the_melody_is_that_of_the_loop(bitwig, bridge):
    bridge.answers([72, 0, 1, 90])
    clip = {"begin": 4, "length": 6, "notes": [[60, 3.5, 1], [62, 4, 0.3, 70, 5], [64, 9.9, 2, 71], [65, 10, 1]]}
    bitwig(["select", 0], press("Vary the clip"), clips(1), port=bridge.port, tracks=[{"clips": {0: clip}}])
    (question,) = bridge.questions
    assert question["melody"] == [[62, 0, 0.3, 70], [64, 5.75, 0.25, 71]]  # at its step, and no longer than the loop
    assert question["bars"] == 2


def test_infill_keeps_what_is_outside(bitwig, bridge):
    mine = [[48, 0, 16, 60, 2], [60, 3, 2, 80, 0], [62, 5, 3, 80, 0], [72, 8, 8, 33, 1]]
    bridge.answers([48, 0, 16, 60], [60, 3, 2, 80], [67, 5, 3, 90], [72, 8, 8, 33])
    wanted = [["set", "Infill from bar", 2], ["set", "Infill to bar", 2], ["set", "Infill keeps", "rhythm"]]
    clip = {"length": 16, "notes": mine}
    result = bitwig(
        ["select", 0], *wanted, press("Infill the clip"), clips(1), port=bridge.port, tracks=[{"clips": {0: clip}}]
    )
    assert result["tracks"][0][0]["notes"] == mine
    assert result["tracks"][0][1]["notes"] == [
        [48, 0, 16, 60, 2],
        [60, 3, 2, 80, 0],
        [67, 5, 3, 90, 0],
        [72, 8, 8, 33, 1],
    ]
    (question,) = bridge.questions
    assert question["remake"] == [[4, 8]]
    assert question["keep"] == "rhythm"
    assert sorted(question["melody"]) == sorted(note[:4] for note in mine)


def test_infill_goes_to_the_end_of_a_shorter_clip(bitwig, bridge):
    bridge.answers([72, 8, 1, 90])
    steps = [["select", 0], ["set", "Infill from bar", 3], press("Infill the clip"), clips(1)]
    bitwig(*steps, port=bridge.port, tracks=[{"clips": {0: CLIP}}])
    assert bridge.questions[0]["remake"] == [[8, 16]]


@pytest.mark.parametrize("button", ["Vary the clip", "Infill the clip"])
@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"signature": "3/4", "tracks": [{"clips": {0: CLIP}}]}, "melodies are in 4/4, and the project is in 3/4"),
        ({}, "select a clip with notes in the launcher first"),
        ({"tracks": [{"clips": {0: {"length": 16}}}]}, "the selected clip has no notes"),
        ({"tracks": [{"clips": {0: {"length": 68, "notes": MELODY}}}]}, "within its first 16 bars"),
        ({"tracks": [{"clips": {0: {"begin": 56, "length": 16, "notes": MELODY}}}]}, "within its first 16 bars"),
    ],
)
def test_a_clip_without_a_melody_is_said(bitwig, button, document, says):
    result = bitwig(["select", 0], press(button), **document)
    assert len(result["popups"]) == 1
    assert says in result["popups"][0]


def test_infill_of_bars_that_are_not_there_is_said(bitwig):
    result = bitwig(["select", 0], press("Infill the clip"), tracks=[{"clips": {0: CLIP}}])
    assert result["popups"] == ["melodylc: infill from bar 9 to 16: the clip has no such bars"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"tracks": [{"clips": {0: CLIP, 1: CLIP}}], "scenes": 2}, "the track has no empty slot"),
        ({"tracks": [{"notes": False, "clips": {0: CLIP}}]}, "select an instrument track"),
        ({"tracks": []}, "select an instrument track"),
        ({"tracks": [{"clips": {0: CLIP}}], "refuses": True}, "did not select the new clip"),
    ],
)
def test_where_no_clip_can_go_is_said_and_nothing_is_lost(bitwig, bridge, document, says):
    bridge.answers([60, 0, 1, 90])
    result = bitwig(["select", 0], press("New melody"), popups(1), port=bridge.port, **document)
    assert len(result["popups"]) == 1
    assert says in result["popups"][0]
    written = [clip["notes"] for track in result["tracks"] for clip in track if clip]
    assert all(notes in ([], [[*note, 0] for note in MELODY]) for notes in written)


def test_the_clip_goes_to_the_track_that_is_selected_when_it_comes(bitwig, bridge):
    bridge.answers([60, 0, 1, 90])
    result = bitwig(
        press("New melody"), ["select", 1, 1], clips(1), port=bridge.port, tracks=[{"clips": {1: CLIP}}, {}]
    )
    first, second = result["tracks"]
    assert [clip["notes"] for clip in first if clip] == [[[*note, 0] for note in MELODY]]
    assert second[1]["notes"] == [[60, 0, 1, 90, 0]]


def test_what_the_bridge_refuses_and_does_not_keep_is_said(bitwig, bridge):
    bridge.answers(error="key: no scale is called dürian")
    bridge.answers(melodies=[{"notes": [[60, 0, 1, 90]], "bars": 16, "kept": False, "why": "too few notes"}])
    result = bitwig(press("New melody"), popups(1), press("New melody"), popups(2), clips(1), port=bridge.port)
    assert result["popups"] == [
        "melodylc: key: no scale is called dürian",
        "melodylc: not everything is kept: too few notes",
    ]


def test_a_bridge_that_does_not_run_is_said_and_found_later(bitwig, bridge):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bridge.answers([60, 0, 1, 90])
    result = bitwig(
        press("New melody"),
        popups(1),
        ["set", "Port of melodylc bridge", bridge.port],
        press("New melody"),
        clips(1),
        port=port,
    )
    assert result["popups"] == [
        "melodylc: start melodylc bridge in a terminal, then try again (nothing answers at port " + f"{port})"
    ]


def test_a_bridge_that_ends_is_said_and_connected_to_again(bitwig, bridge):
    bridge.answers(ends=True)
    bridge.answers([60, 0, 1, 90])
    result = bitwig(press("New melody"), popups(1), press("New melody"), clips(1), port=bridge.port)
    assert result["popups"] == ["melodylc: melodylc bridge has ended; start it again"]


def test_one_question_at_a_time(bitwig, bridge):
    bridge.answers([60, 0, 1, 90])
    result = bitwig(press("New melody"), press("New melody"), clips(1), port=bridge.port)
    assert result["popups"] == ["melodylc: still making the one before"]
    assert len(bridge.questions) == 1


def test_another_port_is_another_bridge(bitwig, bridge):
    with Bridge() as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        for each in (bridge, other):
            each.answers([60, 0, 1, 90])
        moved = [["set", "Port of melodylc bridge", other.port], press("New melody"), clips(2)]
        assert bitwig(press("New melody"), clips(1), *moved, port=bridge.port)["popups"] == []
        assert len(bridge.questions) == len(other.questions) == 1
        other.shutdown()


def test_a_clip_that_is_on_its_way_is_waited_for(bitwig, bridge):
    bridge.answers([60, 0, 1, 90])
    result = bitwig(press("New melody"), ["wait", "slots", 1], press("New melody"), clips(1), port=bridge.port)
    assert result["popups"] == ["melodylc: still making the one before"]
    assert len(bridge.questions) == 1


def test_with_the_bridge_itself(bitwig):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "melodylc", "bridge", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert f"port {port}" in process.stdout.readline()
            asked = [["set", "Key (own: the clip's)", "D"], ["set", "Guarantee key and range", "yes"]]
            own = ["set", "Key (own: the clip's)", "own"]
            infill = [["select", 0], own, ["set", "Infill from bar", 2], ["set", "Infill to bar", 3]]
            steps = [*asked, press("New melody"), clips(1), *infill, press("Infill the clip"), clips(2)]
            vary = [["select", 0], press("Vary the clip"), clips(3)]
            result = bitwig(*steps, *vary, port=port, tracks=[{"clips": {0: {"length": 16, "notes": TUNE}}}])
        finally:
            process.terminate()
    assert all("not everything is kept" in popup for popup in result["popups"])
    mine, made, infilled, varied = (clip["notes"] for clip in result["tracks"][0][:4])
    assert mine == [[*note, 0] for note in TUNE]
    assert made
    assert {note[0] % 12 for note in made} <= {2, 4, 6, 7, 9, 11, 1}
    assert [note for note in infilled if not 4 <= note[1] < 12] == [note for note in mine if not 4 <= note[1] < 12]
    assert infilled != mine
    assert varied != mine
    assert all(0 <= note[1] < 16 for note in varied)


# --- knobs ------------------------------------------------------------------------------------------------------------


def cc(control, value, channel=0):
    return ["midi", 0xB0 | channel, int(DEFAULT[control].split()[1]), value]


@pytest.mark.parametrize("value", [0, 1, 63, 64, 100, 126, 127])
def test_knobs_set_what_they_set_in_a_live_session(bitwig, value):
    names = ("key", "scale", "notes", "at_most", "low", "high", "temperature", "amount")
    settings = bitwig(*(cc(name, value, channel=7) for name in names))["settings"]

    def live(name):
        return controls.CONTROLS[name].from_cc(value)

    assert settings["Key (own: the clip's)"] == NAMES[live("key")]
    assert settings["Scale"] == list(COMMON_SCALES)[live("scale")]
    assert settings["At least notes (0: any)"] == (live("notes") or 0)
    assert settings["At most notes (0: any)"] == (live("at_most") or 0)
    assert settings["Lowest pitch (0: any)"] == (live("low") or 0)
    assert settings["Highest pitch (127: any)"] == (127 if live("high") is None else live("high"))
    assert settings["Temperature (-1: the model's)"] == pytest.approx(live("temperature"), abs=0.005)
    assert settings["How far a variation goes"] == pytest.approx(live("amount"), abs=0.005)


@pytest.mark.parametrize("value", [0, 1, 64, 127])
def test_the_knob_of_the_range_sets_both_ends(bitwig, value):
    settings = bitwig(cc("range", value))["settings"]
    both = settings["Lowest pitch (0: any)"], settings["Highest pitch (127: any)"]
    text = controls.CONTROLS["range"].from_cc(value)
    assert both == ((0, 127) if text is None else tuple(int(end) for end in text.split("-")))


def test_pads_press_the_buttons(bitwig, bridge):
    for _ in range(3):
        bridge.answers([60, 0, 16, 90])
    steps = [cc("new", 127), clips(1), cc("new", 0), cc("hold", 127), clips(2)]
    infill = [["set", "Infill from bar", 2], cc("mute", 64), clips(3)]
    bitwig(*steps, *infill, port=bridge.port)
    assert [question["do"] for question in bridge.questions] == ["generate", "vary", "infill"]


def test_knobs_may_be_others_and_other_messages_are_nothing(bitwig):
    before = bitwig()["settings"]
    others = [["midi", 0x90, 20, 100], ["midi", 0xB0, 19, 100], ["midi", 0xB0, 32, 100], ["midi", 0xC0, 20, 0]]
    assert bitwig(*others)["settings"] == before
    moved = bitwig(["set", "First control change", 70], ["midi", 0xB3, 70, 127], ["midi", 0xB3, 20, 10])["settings"]
    assert moved["Key (own: the clip's)"] == "B"


# --- the script as it is ----------------------------------------------------------------------------------------------


def test_the_script_is_one_that_older_bitwigs_read(node, tmp_path):
    """Their JavaScript is of 2009: no let, no arrows, no templates; node itself reads anything."""
    shutil.copy(SCRIPT, tmp_path / "script.js")
    subprocess.run([node, "--check", str(tmp_path / "script.js")], check=True)
    code = "\n".join(line for line in SCRIPT.read_text().splitlines() if not line.lstrip().startswith("//"))
    for newer in ("let ", "const ", "=>", "`", "Object.assign", ".includes(", "..."):
        assert newer not in code


def test_the_stand_in_is_as_strict_as_bitwig(node, tmp_path):
    """What Bitwig refuses, it refuses: else the tests above would say little."""
    for line, says in (
        ("host.createTransport().tempo()", "has no method tempo"),
        ("host.createTransport().timeSignature().get()", "markInterested"),
        ("host.getDocumentState().getEnumSetting('a', 'b', ['c'], 'd')", "is none of"),
        ("host.scheduleTask(1, function () {})", "expected function"),
        ("host.showPopup('a')", "has no method showPopup"),
    ):
        script, scenario = tmp_path / "script.js", tmp_path / "scenario.json"
        script.write_text(f"function init() {{ {line}; }}\nfunction exit() {{}}\n")
        scenario.write_text(json.dumps({"steps": []}))
        command = [node, str(HERE / "bitwig_driver.mjs"), str(script), str(scenario)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert says in done.stderr, line
