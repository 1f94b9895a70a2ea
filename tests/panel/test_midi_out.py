"""Web MIDI out, to ports that only write down what they are sent."""

import itertools
import statistics

import pytest
from player_page import run

STUB = """
window.sent = [];
const port = (id, clears) => {
  const send = (bytes, time) => window.sent.push([id, [...bytes], time ?? 0, performance.now()]);
  const made = { id, name: `Port ${id}`, state: "connected", send };
  const kept = (each) => each[0] !== id || each[2] <= performance.now();
  if (clears) made.clear = () => { window.sent = window.sent.filter(kept); };
  return made;
};
const access = new EventTarget();
access.outputs = new Map([["a", port("a", false)], ["b", port("b", true)]]);
Object.defineProperty(navigator, "requestMIDIAccess", { value: async () => access });
window.access = access;
"""
PLAY = """
await player.outputs({ ask: true });
player.tempo = 240;
const steps = [...Array(16).keys()];
player.load({
  notes: steps.map((start) => ({ pitch: 60 + start, start, end: start + 1 })), steps: 16,
  chords: [{ start: 0, end: 16, pitches: [40, 44, 47] }],
});
player.chordsAlong = true;
"""


@pytest.fixture
def page(browser, page_files):
    page = browser.new_page()
    page.add_init_script(STUB)
    page.goto(f"{page_files}/schedule.js")
    page.mouse.click(10, 10)
    yield page
    page.close()


def sounding_after(sent):
    """Assert that notes pair up, in the order of their timestamps; return what sounds in the end."""
    sounding = set()
    for _, (status, pitch, *_), _, _ in sorted(sent, key=lambda each: each[2]):
        note = status & 0x0F, pitch
        if status & 0xF0 == 0x90:
            assert note not in sounding
            sounding.add(note)
        if status & 0xF0 == 0x80:
            sounding.discard(note)
    return sounding


def test_notes_pair_up_and_their_timestamps_are_those_of_the_schedule(page):
    sent = run(
        page,
        PLAY
        + """await player.setOutput("a");
        await player.play();
        while (player.playing) await wait(0.02);
        return window.sent;""",
    )
    notes = [each for each in sent if each[1][0] in (0x80, 0x90)]
    melody = [each for each in notes if each[1][0] == 0x90]
    assert [each[1][1] for each in melody] == list(range(60, 76))
    assert [each[1][1] for each in notes if each[1][0] == 0x80] == list(range(60, 76))
    chords = [(each[1][0], each[1][1]) for each in sent if each[1][0] in (0x81, 0x91)]
    assert chords == [(0x91, 40), (0x91, 44), (0x91, 47), (0x81, 40), (0x81, 44), (0x81, 47)]
    assert sounding_after(sent) == set()
    gaps = [later[2] - earlier[2] for earlier, later in itertools.pairwise(melody)]
    assert all(gap > 0 for gap in gaps)
    assert abs(statistics.median(gaps) - 62.5) < 1
    assert statistics.median(stamp - at for _, _, stamp, at in melody) > 50  # handed over before its time


@pytest.mark.parametrize("name", ["a", "b"])
def test_stop_ends_every_note_those_handed_ahead_too(page, name):
    sent, now = run(
        page,
        PLAY
        + """await player.setOutput(argument);
        await player.play();
        while (!(player.position() > 3)) { player.volume = 0.5 + Math.random() / 2; await wait(0.01); }
        player.stop();
        const now = performance.now();
        await wait(0.3);
        return [window.sent, now];""",
        name,
    )
    assert sounding_after(sent) == set()
    assert [each[1] for each in sent if each[1][0] & 0xF0 == 0xC0] == [[0xC0, 115], [0xC1, 115]]
    begun = [each for each in sent if each[1][0] in (0x90, 0x91)]
    assert all(each[2] <= now for each in begun) or name == "a"
    for _, (status, pitch, _), stamp, _ in begun:
        if stamp > now:  # a port that cannot forget: ended where it begins
            ends = [each[2] for each in sent if each[1][0] == status - 0x10 and each[1][1] == pitch and each[2] > stamp]
            assert min(ends) - stamp <= 1.001
    assert [each[1] for each in sent if each[1][1] == 123][-2:] == [[0xB0, 123, 0], [0xB1, 123, 0]]


def test_another_output_while_it_plays_and_a_hidden_page(page):
    sent = run(
        page,
        PLAY
        + """await player.setOutput("a");
        await player.play();
        while (!(player.position() > 3)) await wait(0.01);
        await player.setOutput("b");
        while (!(player.position() > 8)) await wait(0.01);
        window.dispatchEvent(new Event("pagehide"));
        await wait(0.05);
        return [window.sent, player.playing];""",
    )
    sent, playing = sent
    assert not playing
    assert sounding_after([each for each in sent if each[0] == "a"]) == set()
    assert sounding_after([each for each in sent if each[0] == "b"]) == set()
    pitches = [each[1][1] for each in sent if each[1][0] == 0x90 and each[0] == "b"]
    assert pitches[0] > 60  # from where it was
    assert pitches == sorted(set(pitches))


def test_a_port_that_goes_away_is_said_and_the_synth_plays_on(page):
    told = run(
        page,
        PLAY
        + """await player.setOutput("a");
        await player.play();
        let changed = 0;
        player.addEventListener("outputs", () => { changed += 1; });
        access.outputs.get("a").state = "disconnected";
        access.dispatchEvent(new Event("statechange"));
        await wait(0.05);
        const after = [player.output, player.playing, changed, errors];
        player.stop();
        return [...after, (await player.outputs()).map(({ id }) => id)];""",
    )
    assert told == ["synth", True, 1, ["The MIDI output is gone; the built-in synth plays on."], ["synth", "b"]]


def test_ports_are_listed_only_where_they_are_allowed(page):
    told = run(
        page,
        """const before = (await player.outputs({ ask: false })).map(({ id }) => id);
        return [before, (await player.outputs({ ask: true })).map(({ id, name }) => [id, name])];""",
    )
    assert told[0] == ["synth"]
    assert told[1] == [["synth", "Built-in synth"], ["a", "Port a"], ["b", "Port b"]]


def test_a_page_in_the_background_whose_timers_come_once_a_second_leaves_no_gap(page):
    page.evaluate(
        """() => {
        Object.defineProperty(document, "hidden", { value: true });
        const often = window.setInterval;
        window.setInterval = (act) => often(act, 1000);
        window.Worker = class { constructor() { throw new Error("none here"); } };
        }"""
    )
    sent = run(
        page,
        PLAY
        + """await player.setOutput("a");
        player.loop = [0, 16];
        await player.play();
        await wait(2.6);
        player.stop();
        return window.sent;""",
    )
    notes = [each for each in sent if each[1][0] == 0x90]
    assert [each[1][1] for each in notes] == [60 + i % 16 for i in range(len(notes))]
    assert len(notes) > 40
    gaps = [later[2] - earlier[2] for earlier, later in itertools.pairwise(notes)]
    assert all(abs(gap - 62.5) < 1 for gap in gaps)
