"""The schedule of the panel's player: whole pieces in windows cut anywhere, with turns of every kind."""

import json
import random

import pytest

# Runs each case: windows of [begin, end), and at the end of some of them a turn to another piece or other settings.
RUN = """
async (text) => {
  const cases = JSON.parse(text);
  const { begun, turned, eventsBetween, stepAt } = await import("/schedule.js");
  const results = cases.map(({ piece, settings, from, begin, ends, turns }) => {
    let course = begun(piece, begin, from, settings);
    let at = begin;
    const events = [];
    const steps = [];
    ends.forEach((end, i) => {
      events.push(...eventsBetween(piece, course, at, end));
      at = end;
      steps.push(stepAt(course, end));
      for (const turn of turns[i] ?? []) {
        const next = turn.piece ?? piece;
        Object.assign(settings, turn.settings);
        course = turned(course, piece, next, at, settings);
        piece = next;
      }
    });
    return { events, steps };
  });
  return JSON.stringify(results);
}
"""


@pytest.fixture(scope="module")
def schedule(browser, page_files):
    page = browser.new_page()
    page.goto(f"{page_files}/schedule.js")
    yield lambda cases: json.loads(page.evaluate(RUN, json.dumps(cases)))  # much faster than playwright's own
    page.close()


def random_notes(rng, steps, channel=0):
    notes, at = [], 0
    while at < steps:
        at += rng.choice([0, 0, 1, 2, 3])
        end = min(at + rng.randint(1, 6), steps)
        if at < end:
            notes.append({"pitch": rng.randint(48, 84), "start": at, "end": end, "channel": channel})
        at = end
    return notes


def random_piece(rng, steps=None):
    steps = steps or rng.choice([4, 16, 32, 64])
    notes = random_notes(rng, steps) + (random_notes(rng, steps, 1) if rng.random() < 0.5 else [])
    return {"notes": notes, "steps": steps}


def random_settings(rng, steps):
    loop = sorted(rng.sample(range(steps + 1), 2)) if rng.random() < 0.6 else None
    return {"tempo": rng.choice([60, 97.3, 120, 240, 511]), "loop": loop, "repeat": rng.random() < 0.5}


def random_ends(rng, begin, seconds, grid):
    """Ends of windows; some of them exactly where notes may be."""
    ends, at = [], begin
    while at < begin + seconds:
        at = (
            max(at, begin + rng.randrange(1, 200) * grid)
            if rng.random() < 0.2
            else at + rng.choice([0.003, 0.025, 0.4])
        )
        ends.append(at)
    return ends


def key(event):
    return event["kind"], event.get("pitch"), event.get("channel"), event["time"]


def one_each(events):
    """Assert that every note that begins ends once, and that times never go back."""
    sounding = {}
    times = [event["time"] for event in events]
    assert times == sorted(times)
    for event in events:
        if event["kind"] == "on":
            note = event["channel"], event["pitch"]
            sounding[note] = sounding.get(note, 0) + 1
        if event["kind"] == "off":
            note = event["channel"], event["pitch"]
            assert sounding.get(note, 0) > 0, (event, "ends and had not begun")
            sounding[note] -= 1
    return {note for note, count in sounding.items() if count}


def test_however_the_windows_are_cut_the_events_are_the_same(schedule):
    rng = random.Random(1)
    cases = []
    for _ in range(150):
        piece = random_piece(rng)
        settings = random_settings(rng, piece["steps"])
        begin, grid = rng.choice([0, 0.06, 1234.567]), 15 / settings["tempo"]
        ends = random_ends(rng, begin, 4, grid)
        case = {
            "piece": piece,
            "settings": settings,
            "from": rng.randrange(piece["steps"]),
            "begin": begin,
            "turns": {},
        }
        cases += [{**case, "ends": ends}, {**case, "ends": ends[-1:]}]
    results = schedule(cases)
    for cut, whole in zip(results[::2], results[1::2], strict=True):
        assert [key(event) for event in cut["events"]] == [key(event) for event in whole["events"]]
        one_each(whole["events"])


def test_every_note_of_every_lap_once(schedule):
    rng = random.Random(2)
    cases = []
    for _ in range(150):
        piece = random_piece(rng)
        settings = random_settings(rng, piece["steps"])
        cases.append(
            {
                "piece": piece,
                "settings": settings,
                "from": 0,
                "begin": 5,
                "turns": {},
                "ends": random_ends(rng, 5, 6, 0.125),
            }
        )
    for case, result in zip(cases, schedule(cases), strict=True):
        seconds, steps = 15 / case["settings"]["tempo"], case["piece"]["steps"]
        loop = case["settings"]["loop"] or ([0, steps] if case["settings"]["repeat"] else None)
        expected = []
        first, last = loop or [0, steps]
        for lap in range(2000 if loop else 1):
            at = 5 + lap * (last - first) * seconds
            if at > case["ends"][-1]:
                break
            for note in case["piece"]["notes"]:
                if note["end"] > first and note["start"] < last:
                    begins, ends = max(note["start"], first) - first, min(note["end"], last) - first
                    expected.append((round(at + begins * seconds, 6), "on", note["pitch"], note["channel"]))
                    expected.append((round(at + ends * seconds, 6), "off", note["pitch"], note["channel"]))
        given = [
            (round(event["time"], 6), event["kind"], event["pitch"], event["channel"])
            for event in result["events"]
            if event["kind"] in ("on", "off")
        ]
        until = case["ends"][-1]
        assert sorted(given) == sorted(event for event in expected if event[0] < round(until, 6))


def test_tempo_turned_again_and_again_loses_and_repeats_nothing(schedule):
    rng = random.Random(3)
    cases = []
    for _ in range(150):
        piece = random_piece(rng, 64)
        ends = random_ends(rng, 0, 20, 0.125)
        turns = {
            str(i): [
                {"settings": {"tempo": rng.choice([60, 90.5, 120, 200, 400])}} for _ in range(rng.choice([1, 1, 2]))
            ]
            for i in range(len(ends))
            if rng.random() < 0.3
        }
        settings = {"tempo": 120, "loop": None, "repeat": False}
        cases.append({"piece": piece, "settings": settings, "from": 0, "begin": 0, "ends": ends, "turns": turns})
    for case, result in zip(cases, schedule(cases), strict=True):
        reached, tempo, at, step = [], 120, 0, 0  # an own account of which step is reached when
        for i, end in enumerate(case["ends"]):
            reached.append((at, step, tempo))
            step, at = step + (end - at) * tempo / 15, end
            for turn in case["turns"].get(str(i), []):
                tempo = turn["settings"]["tempo"]
        over = step >= 64 + 1e-6
        ons = [event for event in result["events"] if event["kind"] == "on"]
        assert one_each(result["events"]) == set() or not over
        if over:
            assert sorted((e["channel"], e["start"], e["pitch"]) for e in ons) == sorted(
                (n["channel"], n["start"], n["pitch"]) for n in case["piece"]["notes"]
            )
        for event in ons:
            begin, first, speed = max(part for part in reached if part[0] <= event["time"] + 1e-9)
            assert abs(first + (event["time"] - begin) * speed / 15 - event["start"]) < 1e-6


def test_turns_of_every_kind_leave_no_note_hanging(schedule):
    rng = random.Random(4)
    cases = []
    for _ in range(300):
        piece = random_piece(rng)
        ends = random_ends(rng, 2, 8, 0.125)
        turns = {}
        for i in range(len(ends)):
            if rng.random() < 0.3:
                turns[str(i)] = []
                for _ in range(rng.choice([1, 1, 2, 3])):
                    other = random_piece(rng)
                    settings = random_settings(rng, 4)
                    turns[str(i)].append(
                        {"piece": other, "settings": settings} if rng.random() < 0.5 else {"settings": settings}
                    )
        settings = random_settings(rng, piece["steps"])
        cases.append({"piece": piece, "settings": settings, "from": 0, "begin": 2, "ends": ends, "turns": turns})
    for result in schedule(cases):
        sounding = one_each(result["events"])
        assert len(sounding) <= 2  # one of the melody, one of the chords, at the last moment


def test_clicks_are_on_the_beats_and_accented_on_the_bars(schedule):
    piece = {"notes": [], "steps": 32}
    settings = {"tempo": 120, "loop": [6, 22], "repeat": False}
    case = {"piece": piece, "settings": settings, "from": 6, "begin": 0, "ends": [2.0], "turns": {}}
    (result,) = schedule([case])
    clicks = [(event["time"], event["accent"]) for event in result["events"] if event["kind"] == "click"]
    assert clicks == [(0.25, False), (0.75, False), (1.25, True), (1.75, False)]


def test_a_position_outside_a_new_loop_goes_to_its_beginning(schedule):
    piece = {"notes": [{"pitch": 60, "start": 0, "end": 16, "channel": 0}], "steps": 16}
    settings = {"tempo": 60, "loop": None, "repeat": False}
    turns = {"0": [{"settings": {"loop": [8, 12]}}]}
    (result,) = schedule(
        [{"piece": piece, "settings": settings, "from": 0, "begin": 0, "ends": [1, 2.25], "turns": turns}]
    )
    told = [(event["kind"], event["time"]) for event in result["events"] if event["kind"] in ("on", "off", "loop")]
    assert told == [("on", 0), ("off", 1), ("on", 1), ("off", 2), ("loop", 2), ("on", 2)]
    assert result["steps"] == [4, 9]
