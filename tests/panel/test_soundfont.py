"""A SoundFont of the user's, by the processor of spessasynth."""

import base64

import numpy as np
import pytest
from listening import RATE, onsets, samples
from player_page import run
from small_soundfont import soundfont

LOAD = """
const bytes = Uint8Array.from(atob(argument), (letter) => letter.charCodeAt(0));
const read = await player.loadSoundFont(bytes.buffer, "Sine");
player.program = 0;
"""


@pytest.fixture(scope="module")
def page(browser, page_files):
    page = browser.new_page()
    page.goto(f"{page_files}/schedule.js")
    page.mouse.click(10, 10)
    yield page
    page.close()


def test_its_notes_begin_where_they_belong(page):
    text = run(
        page,
        LOAD
        + """player.load({ notes: [0, 4, 10, 12].map((start) => ({ pitch: 81, start, end: start + 1 })), steps: 16 });
        return rendered(2);""",
        base64.b64encode(soundfont()).decode(),
    )
    signal = samples(text)
    found = onsets(signal)
    assert len(found) == 4
    assert np.all(np.abs(found - np.array([0, 4, 10, 12]) / 8) < 0.005), found
    middle = signal[int(0.52 * RATE) : int(0.6 * RATE)]
    loudest = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * RATE / len(middle)
    assert abs(loudest - 882) < 15  # an octave above the sample


def test_nothing_sounds_after_stop(page):
    text = run(
        page,
        LOAD
        + """const notes = [...Array(16).keys()].map((start) => ({ pitch: 69, start, end: start + 1 }));
        player.load({ notes, steps: 16 });
        const acts = [
          [0.96, (offline) => offline.stop()],
          [1.01, (offline) => { offline.load({ notes: notesAt(8), steps: 16 }); offline.play(0); }],
        ];
        return rendered(2.4, { acts });""",
        base64.b64encode(soundfont()).decode(),
    )
    signal = samples(text)
    assert np.abs(signal[int(0.9 * RATE) : int(0.95 * RATE)]).max() > 0.05
    assert np.abs(signal[int(1.0 * RATE) : int(2.0 * RATE)]).max() == 0
    assert np.abs(signal[int(2.1 * RATE) :]).max() > 0.05  # played again


def test_a_file_that_is_not_one_is_said_and_the_sound_stays(page):
    told = run(
        page,
        """const read = await player.loadSoundFont(new Uint8Array(100).buffer, "nothing");
        return [read, errors, player.output, (await player.outputs()).map(({ id }) => id)];""",
    )
    assert told == [False, ["This file cannot be read as a SoundFont: SF2, SF3 or DLS."], "synth", ["synth"]]


def test_it_is_an_output_like_others(page):
    told = run(
        page,
        LOAD
        + """const loaded = [read, player.output, await player.outputs()];
        await player.setOutput("synth");
        return [...loaded, player.output, errors];""",
        base64.b64encode(soundfont()).decode(),
    )
    outputs = [{"id": "synth", "name": "Built-in synth"}, {"id": "soundfont", "name": "Sine"}]
    assert told == [True, "soundfont", outputs, "synth", []]


def test_a_compressed_one_is_refused_in_words_where_the_policy_refuses_its_decoder(page):
    compressed = soundfont().replace(b"ifil\4\0\0\0\2", b"ifil\4\0\0\0\3")
    told = run(page, LOAD + "return [read, errors];", base64.b64encode(compressed).decode())
    assert told == [False, ["This SoundFont is compressed (SF3), which this page cannot unpack: take an SF2."]]
