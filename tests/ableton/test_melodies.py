"""Melodies into a Live that stands in: what is asked for it, and what its slots hold afterwards."""

import random
import socket

import pytest
from ableton_stand_in import LiveClip, LiveTrack, Version, Wire, free_port

from melodylc.ableton.connection import Connection
from melodylc.ableton.melodies import Order, fill
from melodylc.base.errors import UserError

KEYS, VOICE = 1, 0  # tracks of the set that stands in


def a_melody(number, bars=16):
    """Return a melody as the bridge answers it; those of different numbers differ."""
    chance = random.Random(number)
    starts = sorted(chance.sample(range(bars * 16), bars * 6))
    ends = [*starts[1:], bars * 16]
    notes = [
        [chance.randint(48, 84), start / 4, (end - start) / 4, chance.randint(1, 127)]
        for start, end in zip(starts, ends, strict=True)
    ]
    return {"notes": notes, "bars": bars, "kept": True, "why": ""}


class Bridge:
    """Answers as the bridge does, and keeps what it was asked."""

    def __init__(self, bars=16, meanwhile=lambda: None):
        self.questions, self._bars, self._meanwhile = [], bars, meanwhile
        self.melodies = []

    def __call__(self, question):
        self.questions.append(question)
        self._meanwhile()
        self.melodies = [a_melody(number, self._bars) for number in range(question["count"])]
        return {"id": None, "melodies": self.melodies}


def an_order(do="generate", count=4, **fields):
    placed = {name: fields.pop(name) for name in ("bars", "track", "scene", "replace", "name") if name in fields}
    return Order({"do": do, "count": count} | fields, **placed)


def held(clip, begin=0.0):
    """Return the notes of a clip, in order, as the bridge writes them."""
    return [
        [pitch, start - begin, length, round(velocity)]
        for pitch, start, length, velocity, _ in sorted(clip.notes, key=lambda note: note[1])
    ]


def test_new_melodies_in_the_key_of_the_set_go_into_the_next_free_slots(start_live):
    live, connection = start_live()
    live.clips(KEYS)[1] = mine = LiveClip(4.0, "mine", [(60, 0.0, 1.0, 100.0, False)])
    bridge, said = Bridge(), []
    fill(connection, an_order(notes=96), bridge, said.append)
    assert bridge.questions == [{"tempo": 124.0, "do": "generate", "count": 4, "notes": 96, "key": "A minor"}]
    clips = live.clips(KEYS)
    assert clips[1] is mine
    assert held(mine) == [[60, 0.0, 1.0, 100]]
    for scene, number in ((0, 0), (2, 1), (3, 2), (4, 3)):
        assert held(clips[scene]) == bridge.melodies[number]["notes"]
        assert (clips[scene].name, clips[scene].length) == (f"A minor {number + 1}", 64.0)
    assert clips[5:] == [None] * 3
    assert live.clips(VOICE) == [None] * 8
    assert said[:2] == ["Live 12.1, 124 bpm, 4/4; track 2 (Keys), scene 1", "the set's key: A minor"]
    assert said[2] == "scene 1: A minor 1, 16 bars, 96 notes"


def test_scenes_are_added_where_too_few_slots_are_free(start_live):
    live, connection = start_live()
    live.selected_scene = 6
    fill(connection, an_order(key="C major"), Bridge(), lambda line: None)
    assert live.scenes == 10
    assert [clip.name if clip else None for clip in live.clips(KEYS)] == [None] * 6 + [
        f"C major {number}" for number in (1, 2, 3, 4)
    ]


def test_a_live_that_has_no_more_scenes_says_so(start_live):
    live, connection = start_live(version=Version(most_scenes=8))
    live.selected_scene = 6
    with pytest.raises(UserError, match=r"expected 10 scenes, this Live stays at 8 \(Maximum number of scenes"):
        fill(connection, an_order(), Bridge(), lambda line: None)
    assert live.clips(KEYS) == [None] * 8


def test_clips_are_written_over_only_where_it_is_asked_for_and_keep_what_is_not_notes(start_live):
    live, connection = start_live()
    live.selected_scene = 2
    old = LiveClip(8.0, "old", [(60, start, 0.5, 90.0, False) for start in (1.0, 4.0, 9.0, 80.0)], loop_start=4.0)
    live.clips(KEYS)[2] = old
    bridge = Bridge()
    fill(connection, an_order(count=2, replace=True), bridge, lambda line: None)
    clips = live.clips(KEYS)
    assert clips[2] is old
    assert (old.name, old.color, old.loop_start, old.length, old.end_marker) == ("A minor 1", 7, 4.0, 64.0, 68.0)
    assert held(old, 4.0) == [[60, -3.0, 0.5, 90], *bridge.melodies[0]["notes"], [60, 76.0, 0.5, 90]]  # beside its loop
    assert held(clips[3]) == bridge.melodies[1]["notes"]


def a_clip():
    notes = [(60 + step % 12, step / 2, 0.5, 90.0, False) for step in range(32)]
    muted, before, hanging = (40, 1.0, 1.0, 90.0, True), (41, -2.0, 1.0, 90.0, False), (72, 15.97, 3.0, 0.4, False)
    return LiveClip(16.0, "riff", [*notes, muted, before, hanging])


@pytest.mark.parametrize(
    ("order", "asked", "name"),
    [
        (an_order("vary", 1, amount=0.3), {"amount": 0.3}, "riff varied"),
        (
            an_order("infill", 1, bars="1,3-4", keep="rhythm"),
            {"remake": [[0, 4], [8, 12], [12, 16]], "keep": "rhythm"},
            "riff filled in",
        ),
        (an_order("continue", 1, more=4), {"more": 4}, "riff continued"),
        (an_order("vary", 1, name="bridge"), {}, "bridge"),
    ],
)
def test_what_comes_of_the_selected_clip_goes_beneath_it(start_live, order, asked, name):
    live, connection = start_live()
    live.selected_scene = 3
    live.clips(KEYS)[3] = riff = a_clip()
    bridge, said = Bridge(bars=4), []
    fill(connection, order, bridge, said.append)
    question = bridge.questions[0]
    melody = [[60 + step % 12, step / 2, 0.5, 90] for step in range(32)]
    melody.append([72, pytest.approx(15.97), pytest.approx(0.03, abs=1e-5), 1])  # it hangs over the end
    assert (
        question
        == {"do": order.question["do"], "count": 1, "tempo": 124.0, "bars": 4, "melody": melody, "key": "own"} | asked
    )
    assert "the clip is not in the set's key, A minor, and stays in its own" in said
    clips = live.clips(KEYS)
    assert clips[3] is riff
    assert len(riff.notes) == 35
    assert held(clips[4]) == bridge.melodies[0]["notes"]
    assert (clips[4].name, clips[4].length) == (name, 16.0)


def test_a_clip_in_the_sets_key_stays_in_it_and_may_be_written_over(start_live):
    live, connection = start_live()
    live.clips(KEYS)[0] = riff = LiveClip(14.0, "riff", [(57, 0.0, 1.0, 80.0, False), (60, 13.0, 1.0, 80.0, False)])
    bridge = Bridge(bars=4)
    fill(connection, an_order("vary", 1, replace=True), bridge, lambda line: None)
    assert (bridge.questions[0]["key"], bridge.questions[0]["bars"]) == ("A minor", 4)
    assert live.clips(KEYS) == [riff, *[None] * 7]
    assert held(riff) == bridge.melodies[0]["notes"]
    assert (riff.length, riff.name) == (16.0, "riff varied")


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_where_packets_are(start_live, seed):
    live, connection = start_live(
        wire=Wire(lost=0.2, doubled=0.1, late=0.12, seed=seed), version=Version(cuts_overlaps=False)
    )
    bridge = Bridge()
    fill(connection, an_order(count=2), bridge, lambda line: None)
    clips = live.clips(KEYS)
    assert [held(clip) for clip in clips[:2]] == [melody["notes"] for melody in bridge.melodies]
    assert [clip.name for clip in clips[:2]] == ["A minor 1", "A minor 2"]
    assert clips[2:] == [None] * 6
    assert live.scenes == 8


def test_answers_too_large_for_a_packet_are_asked_for_in_parts(start_live):
    live, connection = start_live(wire=Wire(largest=1500))
    chord = [(pitch, step / 4, 0.25, 90.0, False) for step in range(64) for pitch in (60, 64, 67)]
    live.clips(KEYS)[0] = LiveClip(16.0, "chords", chord)
    bridge = Bridge(bars=4)
    fill(connection, an_order("vary", 1), bridge, lambda line: None)
    assert bridge.questions[0]["melody"] == [[*note[:3], 90] for note in chord]
    assert held(live.clips(KEYS)[1]) == bridge.melodies[0]["notes"]


@pytest.mark.parametrize("speaks", [True, False])
def test_a_set_that_does_not_tell_its_key_needs_one(start_live, speaks):
    live, connection = start_live(version=Version(live=(11, 3), tells_key=False, speaks_of_errors=speaks))
    bridge = Bridge()
    with pytest.raises(UserError, match=r"does not tell the set's key; give it, such as --key 'A minor'"):
        fill(connection, an_order(), bridge, lambda line: None)
    fill(connection, an_order(key="D dorian"), bridge, lambda line: None)
    fill(connection, an_order(chords="Am F C G", scene=7), bridge, lambda line: None)
    live.clips(KEYS)[6] = LiveClip(64.0, "riff", [(61, 0.0, 1.0, 80.0, False)])
    fill(connection, an_order("vary", 1, scene=7), bridge, lambda line: None)
    assert [question.get("key") for question in bridge.questions] == ["D dorian", None, "own"]


def test_versions_that_answer_with_all_notes(start_live):
    live, connection = start_live(version=Version(parts_of_notes=False))
    live.clips(KEYS)[0] = LiveClip(
        4.0, "old", [(60, start, 0.5, 90.0, False) for start in (0.0, 8.0, 100.0)], loop_start=8.0
    )
    bridge = Bridge(bars=1)
    fill(connection, an_order("vary", 1, replace=True), bridge, lambda line: None)
    assert bridge.questions[0]["melody"] == [[60, 0.0, 0.5, 90]]
    assert held(live.clips(KEYS)[0], 8.0) == [[60, -8.0, 0.5, 90], *bridge.melodies[0]["notes"], [60, 92.0, 0.5, 90]]


def test_versions_before_december_2022_are_told_apart(start_live):
    _, connection = start_live(version=Version(numbers_first=False))
    with pytest.raises(
        UserError, match=r"answers /live/track/get/name as old versions do; install its current version"
    ):
        fill(connection, an_order(), Bridge(), lambda line: None)


def test_what_a_version_does_not_tell_is_left_out(start_live, monkeypatch):
    live, connection = start_live()
    known = live._of_song

    def answer(name, arguments):
        return NotImplemented if "version" in name or "signature" in name else known(name, arguments)

    monkeypatch.setattr(live, "_of_song", answer)
    live.root_note, said = 9.0, []  # as some write whole numbers
    fill(connection, an_order(count=1), Bridge(), said.append)
    assert said[:2] == ["Live, 124 bpm; track 2 (Keys), scene 1", "the set's key: A minor"]
    live.root_note = None
    with pytest.raises(UserError, match="does not tell the set's key"):
        fill(connection, an_order(count=1), Bridge(), said.append)


def test_another_time_signature_is_said(start_live):
    live, connection = start_live()
    live.signature = (7, 8)
    said = []
    fill(connection, an_order(count=1), Bridge(), said.append)
    assert said[0].startswith("Live 12.1, 124 bpm, 7/8")
    assert said[1] == "bars of melodies have four quarter notes, whatever the set's time signature"


def set_up(live, selected=KEYS, clip=None):
    live.selected_track, live.clips(KEYS)[0] = selected, clip


@pytest.mark.parametrize(
    ("order", "arrange", "complaint"),
    [
        (an_order(), lambda live: set_up(live, VOICE), r"expected a MIDI track, 1 \(Voice\) is none"),
        (an_order(), lambda live: set_up(live, None), r"a return track or the main track is selected"),
        (an_order(track="Bass"), set_up, r"by number or name, got 'Bass'; there are 1 Voice, 2 Keys"),
        (an_order(track="3"), set_up, r"by number or name, got '3'"),
        (an_order(scene=9), set_up, r"expected a scene of the set, 1 to 8, got 9"),
        (an_order("vary"), set_up, r"expected a clip in scene 1 of track 2, the slot is empty"),
        (an_order("vary"), lambda live: set_up(live, clip=LiveClip(4.0)), "expected notes in the clip"),
        (an_order("vary"), lambda live: set_up(live, clip=LiveClip(4.0, is_midi_clip=False)), "it is audio"),
        (
            an_order("infill", bars="3"),
            lambda live: set_up(live, clip=LiveClip(8.0, notes=[(60, 0.0, 1.0, 1.0, False)])),
            "infill: expected a whole number from 1 to 2, got 3",
        ),
        (
            an_order("continue"),
            lambda live: set_up(live, clip=LiveClip(257.0, "long", notes=[(60, 0.0, 1.0, 1.0, False)])),
            "at most 64 bars, 'long' has 65; loop a part of it",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(start_live, order, arrange, complaint):
    live, connection = start_live()
    arrange(live)
    before = list(live.clips(KEYS))
    bridge = Bridge()
    with pytest.raises(UserError, match=complaint):
        fill(connection, order, bridge, lambda line: None)
    assert bridge.questions == []
    assert live.clips(KEYS) == before
    assert all("/get/" in address for address, _ in live.heard)


def test_a_set_that_changes_while_melodies_are_made_is_left_alone(start_live):
    live, connection = start_live()
    with pytest.raises(UserError, match=r"track 2 \(Keys\) has moved while melodies were made"):
        fill(
            connection,
            an_order(),
            Bridge(meanwhile=lambda: live.tracks.insert(1, LiveTrack("Bass", [None] * 8))),
            print,
        )
    assert all(track.slots == [None] * 8 for track in live.tracks)
    live.selected_track = 2
    live.clips(2)[0] = riff = a_clip()
    with pytest.raises(UserError, match="'riff' has changed while others were made"):
        fill(connection, an_order("vary", 1, replace=True), Bridge(4, riff.notes.pop), print)
    assert len(riff.notes) == 34
    # a clip that was recorded meanwhile is not written over
    mine = LiveClip(4.0, "mine")
    fill(connection, an_order(count=1, scene=2), Bridge(meanwhile=lambda: live.clips(2).__setitem__(1, mine)), print)
    assert live.clips(2)[1] is mine
    assert live.clips(2)[2].name == "A minor 1"


def test_a_clip_that_comes_between_two_is_not_written_over(start_live):
    live, connection = start_live()
    mine = LiveClip(4.0, "mine")

    def say(line):
        if line.startswith("scene 1"):
            live.clips(KEYS)[1] = mine

    with pytest.raises(UserError, match="scene 2 of track 2 has a clip meanwhile; try again"):
        fill(connection, an_order(), Bridge(), say)
    assert [clip and clip.name for clip in live.clips(KEYS)[:3]] == ["A minor 1", "mine", None]
    assert mine.notes == []


def test_a_live_that_ends_while_a_clip_is_written(start_live, monkeypatch):
    monkeypatch.setattr("melodylc.ableton.connection.TRIES", 2)
    live, connection = start_live()
    live.stopped_at = "/live/clip/add"
    with pytest.raises(UserError, match=r"Live does not answer /live/clip/get/notes any more; is it busy, or closed\?"):
        fill(connection, an_order(), Bridge(), lambda line: None)


@pytest.mark.parametrize("reason", [UserError("no"), KeyboardInterrupt()])
def test_what_is_not_written_over_to_the_end_can_be_undone(start_live, monkeypatch, reason):
    live, connection = start_live()
    live.clips(KEYS)[0] = LiveClip(4.0, "riff", [(60, 0.0, 1.0, 80.0, False)])

    def fail(*arguments):
        raise reason

    monkeypatch.setattr("melodylc.ableton.clips._write", fail)
    with pytest.raises(type(reason), match="Undo in Live brings the notes of scene 1 back"):
        fill(connection, an_order(replace=True), Bridge(), lambda line: None)


def test_what_live_does_not_take_leaves_no_clip(start_live, monkeypatch):
    live, connection = start_live()
    handle = live._of_clip
    monkeypatch.setattr(live, "_of_clip", lambda name, *rest: None if name == "add/notes" else handle(name, *rest))
    with pytest.raises(UserError, match="Live does not take the notes in scene 1"):
        fill(connection, an_order(), Bridge(), lambda line: None)
    assert live.clips(KEYS) == [None] * 8


def test_nobody_there_is_said_before_three_seconds_have_passed(monkeypatch):
    monkeypatch.undo()  # as patient as with a real Live
    waited, received = [], Connection._received
    monkeypatch.setattr(Connection, "_received", lambda self, seconds: waited.append(seconds) or received(self, 0.01))
    nobody = pytest.raises(UserError, match="start Live 11 or 12 and choose AbletonOSC")
    with Connection(free_port(), free_port()) as connection, nobody:
        fill(connection, an_order(), Bridge(), lambda line: None)
    assert 2 <= sum(waited) < 3


def test_a_port_that_is_taken_is_said():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="where AbletonOSC answers, is taken"):
            Connection(answer_port=other.getsockname()[1])
