"""The player in a real browser: what is heard, and when."""

import numpy as np
import pytest
from listening import RATE, onsets, samples
from player_page import run

STEP = 0.125  # seconds at 120 beats a minute
NEAR = 0.005  # seconds


@pytest.fixture(scope="module")
def page(browser, page_files):
    page = browser.new_page()
    asked = []
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{page_files}/schedule.js")
    page.mouse.click(10, 10)  # a browser lets sound begin after a gesture
    yield page
    page.close()
    assert all(url.startswith(page_files) for url in asked)
    assert [text for text in said if "Content Security Policy" in text] == []


def heard(page, script):
    return onsets(samples(run(page, script)))


def near(found, expected):
    return len(found) == len(expected) and np.all(np.abs(np.array(found) - np.array(expected)) < NEAR)


def test_notes_begin_where_they_belong(page):
    starts = [0, 1, 3, 6, 8, 14]
    found = heard(page, "player.load({ notes: notesAt(0, 1, 3, 6, 8, 14), steps: 16 }); return rendered(2.2);")
    assert near(found, np.array(starts) * STEP), found


def test_another_tempo(page):
    found = heard(
        page,
        "player.tempo = 173.5; player.load({ notes: notesAt(0, 1, 3, 6, 8, 14), steps: 16 }); return rendered(1.6);",
    )
    assert near(found, np.array([0, 1, 3, 6, 8, 14]) * 15 / 173.5), found


def test_a_loop_is_exact_over_its_wraps(page):
    found = heard(
        page,
        "player.load({ notes: notesAt(0, 4, 6, 9, 12), steps: 16 }); player.loop = [4, 10]; return rendered(3.2);",
    )
    lap = np.array([0, 2, 5])
    expected = np.concatenate([lap + 6 * n for n in range(5)]) * STEP
    assert near(found, expected[expected < 3.19]), found


def test_the_metronome_is_on_the_beats(page):
    found = heard(page, "player.metronome = true; player.load({ notes: [], steps: 16 }); return rendered(2.3);")
    assert near(found, [0, 0.5, 1, 1.5]), found


def test_a_tempo_turned_while_it_plays_leaves_no_gap(page):
    found = heard(
        page,
        """player.tempo = 60; player.load({ notes: notesAt(...Array(16).keys()), steps: 16 });
        return rendered(4, { acts: [[1, (offline) => { offline.tempo = 120; }]] });""",
    )
    gaps = np.diff(found)
    assert len(found) == 16
    assert abs(found[0]) < NEAR
    quick = np.argmax(gaps < 0.15)
    assert np.all(np.abs(gaps[: quick - 1] - 0.25) < 0.002)
    assert np.all(np.abs(gaps[quick:] - 0.125) < 0.002)
    assert 0.123 < gaps[quick - 1] < 0.252  # the one in which the tempo changes
    assert 1 < found[quick] < 1.6  # soon after the knob was turned


def test_a_loop_set_while_it_plays_is_followed(page):
    signal = samples(
        run(
            page,
            """player.load({ notes: [0, 2, 4, 6, 8, 10].map((start) => ({ pitch: 84 + start, start, end: start + 1 })),
                steps: 16 });
            return rendered(3, { acts: [[0.5, (offline) => { offline.loop = [4, 8]; }]] });""",
        )
    )
    assert near(onsets(signal), np.arange(12) * 2 * STEP), onsets(signal)


def test_a_melody_loaded_while_it_plays_goes_on_from_there(page):
    found = heard(
        page,
        """player.load({ notes: notesAt(0, 2, 4, 6, 8, 10, 12, 14), steps: 16 });
        const other = { notes: notesAt(1, 3, 5, 7, 9, 11, 13, 15), steps: 16 };
        return rendered(2.1, { acts: [[1.01, (offline) => offline.load(other)]] });""",
    )
    assert near(found, np.array([0, 2, 4, 6, 8, 11, 13, 15]) * STEP) or near(
        found, np.array([0, 2, 4, 6, 8, 9, 11, 13, 15]) * STEP
    )


def test_chords_sound_along_when_they_are_turned_on(page):
    signal = samples(
        run(
            page,
            """player.program = 16;
            player.load({ notes: [], steps: 32, chords: [{ start: 0, end: 32, pitches: [60, 64, 67] }] });
            const acts = [[1, (p) => { p.chordsAlong = true; }], [2, (p) => { p.chordsAlong = false; }]];
            return rendered(3.5, { acts });""",
        )
    )
    assert np.abs(signal[: int(1.1 * RATE)]).max() == 0
    assert np.abs(signal[int(1.3 * RATE) : int(2 * RATE)]).max() > 0.05
    assert np.abs(signal[int(3.2 * RATE) :]).max() < 1e-3


def test_nothing_sounds_after_stop_not_even_what_was_handed_ahead(page):
    signal = samples(
        run(
            page,
            """player.program = 0; player.metronome = true; player.chordsAlong = true;
            const chords = [{ start: 0, end: 32, pitches: [48, 52, 55] }];
            player.load({ notes: notesAt(...Array(32).keys()), steps: 32, chords });
            return rendered(3, { acts: [[0.96, (offline) => offline.stop()]] });""",
        )
    )
    assert np.abs(signal[int(0.9 * RATE) : int(0.95 * RATE)]).max() > 0.05
    assert np.abs(signal[int(1.0 * RATE) :]).max() == 0


def test_playing_again_has_nothing_of_before(page):
    signal = samples(
        run(
            page,
            """player.program = 16; player.load({ notes: [{ pitch: 60, start: 0, end: 30 }], steps: 32 });
            const acts = [
              [0.5, (offline) => offline.stop()],
              [0.7, (offline) => { offline.load({ notes: notesAt(8), steps: 16 }); offline.play(0); }],
            ];
            return rendered(2.4, { acts });""",
        )
    )
    assert np.abs(signal[int(0.55 * RATE) : int(1.6 * RATE)]).max() == 0
    again = onsets(signal)[1:]
    assert len(again) == 1
    assert 1.7 < again[0] < 1.9


def test_never_beyond_full_scale(page):
    signal = samples(
        run(
            page,
            """player.program = 61; player.metronome = true; player.chordsAlong = true; player.chordVolume = 1;
            const chords = [{ start: 0, end: 16, pitches: [48, 52, 55, 58, 62] }];
            player.load({ notes: [{ pitch: 76, start: 0, end: 16 }], steps: 16, chords });
            return rendered(1);""",
        )
    )
    assert 0.2 < np.abs(signal).max() <= 1


def test_no_audio_context_before_the_first_play(browser, page_files):
    page = browser.new_page()
    page.add_init_script(
        """window.made = 0;
        const Original = AudioContext;
        window.AudioContext = class extends Original { constructor(...all) { super(...all); window.made += 1; } };"""
    )
    page.goto(f"{page_files}/schedule.js")
    made = run(
        page,
        """player.load({ notes: notesAt(0), steps: 4 }); player.tempo = 100; player.loop = [0, 2]; player.volume = 0.5;
        player.chordsAlong = true; player.position(); player.stop(); await player.outputs();
        return window.made;""",
    )
    assert made == 0
    page.mouse.click(10, 10)
    assert run(page, "player.load({ notes: notesAt(0), steps: 4 }); await player.play(); return window.made;") == 1
    page.close()


def test_playing_in_real_time(page):
    """Position, events, the loop's wraps; the clock of the test is the audio clock itself."""
    told = run(
        page,
        """player.load({ notes: notesAt(0, 2), steps: 16 });
        const told = [];
        for (const kind of ["start", "stop", "loop"]) player.addEventListener(kind, () => told.push(kind));
        player.tempo = 240;
        player.loop = [0, 8];
        await player.play();
        const places = [];
        while (told.filter((kind) => kind === "loop").length < 2) { places.push(player.position()); await wait(0.01); }
        player.loop = null;
        while (player.playing) { places.push(player.position()); await wait(0.01); }
        return { told, places, after: player.position(), errors };""",
    )
    assert told["told"][0] == "start"
    assert told["told"][-1] == "stop"
    assert told["told"].count("start") == told["told"].count("stop") == 1
    assert told["after"] is None
    assert told["errors"] == []
    places = np.array(told["places"])
    assert places.min() >= 0
    assert places.max() <= 16
    assert places.max() > 12  # after the loop was taken away
    back = np.flatnonzero(np.diff(places) < 0)
    assert 2 <= len(back) <= 4  # the wraps, and nothing else, lead back
    assert np.all(np.diff(places)[back] < -2)


def test_a_pitch_is_heard_at_once_and_ended_by_stop(page):
    told = run(
        page,
        """await player.hear([60, 64], 30);
        player.stop();
        return [player.playing, player.position(), errors];""",
    )
    assert told == [False, None, []]


def test_stop_while_play_is_still_waiting(page):
    told = run(
        page,
        """player.load({ notes: notesAt(0, 2), steps: 16 });
        const started = player.play();
        const before = player.playing;
        player.stop();
        await started;
        return [before, player.playing, player.position()];""",
    )
    assert told == [True, False, None]
