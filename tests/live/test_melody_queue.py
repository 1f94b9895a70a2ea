"""The queue of melodies without ports, time or a model: answers are made here, bars are asked for one by one."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.live.control_values import ControlValues
from melodylc.live.melody_history import MelodyHistory, Place, Score
from melodylc.live.melody_queue import READY, RECENT, MelodyQueue
from melodylc.live.phrases import Phrase
from melodylc.live.protocol import Answer, Failure
from melodylc.live.queued_melody import bars_of
from melodylc.live.settings import SessionSettings
from melodylc.melody import from_notes
from midi_io.files import Note

ANY = ControlValues()
C_MAJOR, G_MAJOR = ControlValues(Attributes("C major")), ControlValues(Attributes("G major"))


def answer(request, pitch=60, reward=1.0, plausible=True):
    """Return a melody of sixteen whole notes, one for each bar; its z says whose it is."""
    states = from_notes(Note(pitch + bar, 4 * bar, 4 * bar + 4) for bar in range(16))
    rewards = {"another": 1.0, "a rule": reward}
    return Answer(request.id, states.tobytes(), f"z{request.id}".encode(), rewards, "prior", plausible, 1, 0.0)


def make(queue, values=ANY, pitch=60):
    """Ask once, answer at once; return the request."""
    request = queue.next_request(values)
    assert queue.take(answer(request, pitch))
    return request


def pitches(queue, bars, values=ANY):
    """Return the pitch of each bar, None for silence."""
    played = [queue.bar(number, values).notes for number in bars]
    return [notes[0].pitch if notes else None for notes in played]


def test_each_melody_goes_on_from_the_one_before_it():
    queue = MelodyQueue(SessionSettings(seed=1))
    first, second = make(queue), make(queue)
    assert (first.z, first.phrase, first.amount) == (None, None, 0.0)
    assert (second.z, second.amount) == (b"z1", 1.0)
    assert first.seed != second.seed
    assert len(queue) == READY
    assert queue.next_request(ANY) is None


def test_a_request_without_an_answer_is_returned_again():
    queue = MelodyQueue(SessionSettings())
    request = queue.next_request(ANY)
    assert queue.waiting
    assert queue.next_request(G_MAJOR) is request
    assert queue.take(answer(request))
    assert not queue.waiting


def test_what_answers_no_request_that_waits_is_not_taken():
    queue = MelodyQueue(SessionSettings())
    request = queue.next_request(ANY)
    assert not queue.take(Failure(request.id, "out of luck"))
    assert not queue.take(answer(request))
    other = queue.next_request(ANY)
    assert other.id != request.id
    assert not queue.take(answer(request))  # of a request that was given up
    assert len(queue) == 0


def test_melodies_change_when_due_and_go_round_until_the_next_is_ready():
    queue = MelodyQueue(SessionSettings(every=2))
    assert pitches(queue, [0]) == [None]
    make(queue, pitch=30)
    assert pitches(queue, [1, 2, 3]) == [31, 30, 31]
    make(queue, pitch=60)
    assert pitches(queue, [4, 5]) == [60, 61]
    assert pitches(queue, [6, 7, 8]) == [60, 61, 60]
    assert queue.playing.number == 2


def test_what_was_kept_of_the_melodies_played_last_is_known():
    queue = MelodyQueue(SessionSettings(every=1))
    given = [(1.0, True), (0.99, True), (1.0, False), (0.5, False)] + [(1.0, True)] * RECENT
    for bar, (reward, plausible) in enumerate(given):
        assert queue.take(answer(queue.next_request(ANY), reward=reward, plausible=plausible))
        queue.bar(2 * bar, ANY)
        queue.bar(2 * bar + 1, ANY)  # goes on, and is counted once
        assert queue.playing.kept == (reward == 1 and plausible)
        if bar == 3:
            assert list(queue.recent) == [True, False, False, False]
    assert list(queue.recent) == [True] * RECENT


def test_a_melody_made_again_counts_as_it_is_now():
    queue = MelodyQueue(SessionSettings(every=4))
    make(queue, C_MAJOR)
    queue.bar(0, C_MAJOR)
    assert queue.take(answer(queue.next_request(G_MAJOR), reward=0.9))
    assert list(queue.recent) == [True]  # not heard yet
    queue.bar(1, G_MAJOR)
    assert list(queue.recent) == [True, False]


def test_notes_across_the_line_are_cut_where_another_melody_begins():
    queue = MelodyQueue(SessionSettings(every=2))
    make(queue)
    assert [queue.bar(number, ANY).cut for number in range(5)] == [True, False, True, False, True]


def test_a_melody_is_made_again_when_its_sound_is_to_be_another():
    queue = MelodyQueue(SessionSettings(every=4))
    first = make(queue, C_MAJOR, 30)
    make(queue, C_MAJOR)
    assert pitches(queue, [0], C_MAJOR) == [30]
    again = queue.next_request(G_MAJOR)
    assert (again.seed, again.z, again.amount, again.values) == (first.seed, b"z1", 0.0, G_MAJOR)
    assert len(queue) == 0  # what was ready was ready for C major
    assert queue.take(answer(again, 70))
    assert pitches(queue, [1, 2], G_MAJOR) == [71, 72]
    assert queue.playing.number == 1
    assert queue.next_request(G_MAJOR).z == again.z[:1] + str(again.id).encode()


def test_values_that_change_no_sound_ask_for_nothing_again():
    queue = MelodyQueue(SessionSettings())
    make(queue)
    make(queue)
    queue.bar(0, ANY)
    request = make(queue, ControlValues(hold=True, amount=0.5))
    assert request.amount == 0.5
    assert queue.playing.number == 1


def test_another_melody_at_once():
    queue = MelodyQueue(SessionSettings(every=16, loop=True))
    make(queue, pitch=30)
    assert pitches(queue, [0, 1]) == [30, 31]
    assert queue.next_request(ANY) is None  # the first one stays
    queue.play_another()
    assert pitches(queue, [2]) == [32]  # until there is one
    make(queue, pitch=60)
    assert pitches(queue, [3, 16, 32]) == [63, 60, 60]


def test_hold_and_mute():
    queue = MelodyQueue(SessionSettings(every=1))
    make(queue, pitch=30)
    make(queue, pitch=60)
    assert pitches(queue, [0]) == [30]
    assert pitches(queue, [1, 2], ControlValues(hold=True)) == [30, 30]
    muted = queue.bar(3, ControlValues(mute=True))
    assert (muted.notes, muted.cut) == ((), True)
    assert pitches(queue, [4]) == [60]  # the bar went by in silence


def test_a_phrase_is_answered_at_the_next_line_for_as_long_as_it_was():
    for loop, after in ((False, [None, None]), (True, [60, 61])):
        queue = MelodyQueue(SessionSettings(mode="answer", loop=loop))
        assert queue.next_request(ANY) is None
        states = from_notes([Note(72, 0, 1)])
        queue.answer_phrase(Phrase(np.zeros(256, np.uint8), 9))
        queue.answer_phrase(Phrase(states, 2))  # the one before it is forgotten
        request = make(queue)
        assert request.phrase == states.tobytes()
        assert request.amount == 0.2
        assert queue.end == 0
        assert pitches(queue, [5, 6]) == [60, 61]
        assert queue.end == 7
        assert pitches(queue, [7, 8]) == after


def test_varying_takes_even_steps_to_one_place_after_the_other_with_the_same_noise():
    queue = MelodyQueue(SessionSettings(mode="vary", seed=1))
    requests = []
    for number in range(9):
        requests.append(make(queue))
        queue.bar(4 * number, ANY)
    amounts = [request.amount for request in requests]
    assert amounts == pytest.approx([0, 1 / 4, 1 / 3, 1 / 2, 1, 1 / 4, 1 / 3, 1 / 2, 1])
    assert len({request.seed for request in requests}) == 1
    towards = [request.toward for request in requests]
    assert len({*towards[1:5]}) == len({*towards[5:]}) == 1
    assert towards[1] != towards[5]


def test_a_seed_asks_for_the_same():
    def requests(seed):
        queue = MelodyQueue(SessionSettings(seed=seed))
        return [make(queue), make(queue)]

    assert requests(3) == requests(3)
    assert requests(3) != requests(4)
    assert requests(None) != requests(None)


def test_the_bars_of_a_melody():
    bars = bars_of(from_notes([Note(60, 0.5, 1), Note(62, 7, 9)]).tobytes())
    assert len(bars) == 16
    assert [(note.pitch, note.start, note.end) for note in bars[0] + bars[1]] == [(60, 0.5, 1), (62, 3, 5)]


def test_a_melody_continues_after_sixteen_bars_then_after_each_eight():
    """What continues another plays from its ninth bar on: its first eight have been played."""
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    first, second = make(queue, pitch=40), make(queue, pitch=60)
    assert (first.before, first.z) == (None, None)
    assert (second.before, second.z) == (answer(first, 40).states, None)
    played = pitches(queue, range(20))
    third = make(queue, pitch=80)
    assert third.before == answer(second, 60).states
    assert played + pitches(queue, range(20, 32)) == [*range(40, 56), *range(68, 76), *range(88, 96)]


def test_what_continues_is_made_again_from_what_it_continued_when_controls_change():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    second = make(queue, pitch=60)
    pitches(queue, range(17))
    again = queue.next_request(G_MAJOR)
    assert (again.before, again.seed, again.z) == (second.before, second.seed, None)
    assert queue.take(answer(again, 20))
    assert pitches(queue, range(17, 20), G_MAJOR) == [29, 30, 31]
    assert make(queue, G_MAJOR).before == answer(again, 20).states


def test_another_melody_begins_anew_where_one_continues():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    pitches(queue, range(3))
    queue.play_another()
    new = make(queue, pitch=20)
    assert new.before is None
    following = make(queue, pitch=60)  # asked for before the bar line at which the new one begins
    assert following.before == answer(new, 20).states
    assert pitches(queue, range(3, 18)) == [*range(23, 36), 68, 69]  # bars are those of the DAW


def test_what_continued_a_melody_that_is_dropped_is_not_taken():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    pitches(queue, range(3))
    request = queue.next_request(ANY)
    queue.play_another()
    assert not queue.take(answer(request, 60))
    assert make(queue, pitch=20).before is None


def test_what_is_made_again_is_taken_while_another_melody_is_wanted():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    make(queue, pitch=60)
    pitches(queue, range(17))
    again = queue.next_request(G_MAJOR)
    queue.play_another()
    assert queue.take(answer(again, 20))
    assert pitches(queue, [17], G_MAJOR) == [29]
    assert make(queue, G_MAJOR, 80).before is None  # the next that is asked for is the new one
    assert pitches(queue, [18, 19], G_MAJOR) == [82, 83]


def test_a_melody_goes_on_in_the_next_eight_bars_that_were_not_heard_yet():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    make(queue, pitch=60)
    assert pitches(queue, [100, 101, 102, 0, 1, 2]) == [44, 45, 46, 48, 49, 50]
    assert pitches(queue, range(3, 10)) == [*range(51, 56), 68, 69]
    assert pitches(queue, [101, 102, 9, 0]) == [45, 46, 69, 48]


@pytest.mark.parametrize(
    "given", [{"every": 4}, {"amount": 0.5}, {"actors": ("a.safetensors",)}, {"rounds": 3}, {"seconds": 10}]
)
def test_what_a_melody_that_continues_has_no_use_for_is_refused(given):
    with pytest.raises(UserError, match="mode continue"):
        SessionSettings.of(mode="continue", **given)


def test_a_melody_that_continues_is_held():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    make(queue, pitch=60)
    held = ControlValues(hold=True)
    assert pitches(queue, range(18), held)[-2:] == [40, 41]
    # then to the end of what is played again
    assert pitches(queue, range(18, 34)) == [*range(42, 56), 68, 69]


# --- rewinding --------------------------------------------------------------------------------------------------------


class Answering:
    """A queue whose requests are answered by a melody that only the request decides, as the inference does."""

    def __init__(self, **settings):
        self.queue = MelodyQueue(SessionSettings(**settings))
        self.values = ANY
        self.heard = {}  # by bar and values: the pitch

    def settle(self):
        while (request := self.queue.next_request(self.values)) is not None:
            draw = (request.seed, request.z, request.before, str(request.values.sound))
            pitch = zlib.crc32(repr(draw).encode()) % 100
            given = answer(request, pitch)
            self.queue.take(replace(given, z=request.z or given.z))

    def play(self, bars):
        """Play bars, each after all requests have been answered."""
        for bar in bars:
            self.settle()
            (note,) = self.queue.bar(bar, self.values).notes
            self.heard.setdefault((bar, self.values.sound), []).append(note.pitch)


RANGES = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda each: range(each[0], each[0] + each[1]))
MODES = [
    {"mode": "generate", "every": 1},
    {"mode": "generate", "every": 4},
    {"mode": "generate", "every": 20},
    {"mode": "generate", "loop": True},
    {"mode": "continue"},
    {"mode": "continue", "loop": True},
    {"mode": "vary"},
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(map(str, mode.values())))
@given(st.lists(RANGES, min_size=2, max_size=8))
def test_a_bar_that_is_reached_again_sounds_as_before(mode, passes):
    live = Answering(seed=1, **mode)
    for bars in passes:
        live.play(bars)
    assert all(len(set(pitches)) == 1 for pitches in live.heard.values())


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(map(str, mode.values())))
@given(st.lists(st.tuples(RANGES, st.sampled_from([ANY, C_MAJOR, G_MAJOR])), min_size=2, max_size=8))
def test_a_bar_sounds_as_before_with_the_control_values_of_before(mode, passes):
    """The first bar of a pass is left out: a stretch that nobody expected is made again while it plays."""
    live = Answering(seed=1, **mode)
    for bars, values in passes:
        live.values = values
        live.settle()
        live.queue.bar(bars[0], values)
        live.play(bars[1:])
    assert all(len(set(pitches)) == 1 for pitches in live.heard.values())


def heard(live, bars):
    """Return the melodies of bars, by number."""
    numbers = []
    for bar in bars:
        live.play([bar])
        numbers.append(live.queue.playing.number)
    return numbers


def test_another_melody_stays_where_it_was_asked_for():
    live = Answering(seed=1, every=4)
    assert heard(live, range(8)) == [1] * 4 + [2] * 4
    heard(live, [1])
    live.queue.play_another()
    new = heard(live, [2, 3])
    assert new[0] not in (1, 2)
    assert heard(live, [4, 0, 1, 5]) == [2, new[0], new[0], 2]


def test_another_melody_that_is_asked_for_in_the_last_bar_of_a_loop_is_not_lost():
    """The bar after the loop is fetched before the jump is known."""
    live = Answering(seed=1, every=4)
    assert heard(live, [0, 1, 2, 3, 4, 0, 1, 2, 3]) == [1] * 4 + [2] + [1] * 4
    live.queue.play_another()
    (phantom, *after) = heard(live, [4, 0, 1, 2, 3, 4])
    assert phantom == 2
    assert len(set(after[:4])) == 1
    assert after[0] not in (1, 2)
    assert after[4] == 2


def test_another_melody_that_is_asked_for_in_the_last_bar_begins_at_the_line():
    live = Answering(seed=1, every=1)
    heard(live, [0])
    live.queue.play_another()
    new = heard(live, [1])[0]
    assert new != 1
    assert heard(live, [0, 1]) == [new, new]


@pytest.mark.parametrize("mode", MODES[1:3] + MODES[4:5], ids=lambda mode: mode["mode"])
def test_back_is_the_melody_that_was_heard_before(mode):
    live = Answering(seed=1, **mode)
    heard(live, [0, 1])
    assert not live.queue.play_before()  # there is none
    live.queue.play_another()
    second = heard(live, [2])[0]
    live.queue.play_another()
    third = heard(live, [0])[0]
    assert len({1, second, third}) == 3
    assert live.queue.play_before()
    assert heard(live, [1, 0]) == [second, second]
    assert live.queue.play_before()
    assert heard(live, [1, 0]) == [1, 1]
    assert not live.queue.play_before()


def test_back_goes_to_the_melody_of_the_stretch_before():
    live = Answering(seed=1, every=4)
    assert heard(live, range(2, 6)) == [1, 1, 2, 2]
    assert live.queue.play_before()
    assert heard(live, [6, 7, 8, 4]) == [1, 1, 3, 1]


def test_back_gives_up_another_melody_that_has_not_come():
    for mode in ({"every": 4}, {"mode": "continue"}, {"loop": True}):
        live = Answering(seed=1, **mode)
        heard(live, [0, 1])
        live.queue.play_another()
        live.queue.next_request(ANY)
        assert live.queue.play_before()
        assert heard(live, [2, 3, 0]) == [1, 1, 1]


def test_again_plays_a_melody_once_more():
    live = Answering(seed=1, every=4)
    heard(live, [0])
    live.queue.play_again()
    assert heard(live, range(1, 13, 4)) == [1, 1, 2]
    assert heard(live, range(0, 12, 4)) == [1, 1, 2]


def test_again_plays_all_bars_of_a_melody_that_continues_once_more_and_then_what_followed():
    for pressed_at in (0, 9):
        live = Answering(seed=1, mode="continue")
        pitches = [live.play([bar]) or live.heard[bar, ANY.sound][0] for bar in range(pressed_at + 1)]
        live.queue.play_again()
        pitches += [live.play([bar]) or live.heard[bar, ANY.sound][0] for bar in range(pressed_at + 1, 40)]
        assert pitches[:16] == pitches[16:32]
        other = Answering(seed=1, mode="continue")
        other.play(range(24))
        assert pitches[32:] == [other.heard[bar, ANY.sound][0] for bar in range(16, 24)]


def test_hold_stays_with_a_melody_and_what_stands_elsewhere_is_kept():
    live = Answering(seed=1, every=4)
    assert heard(live, range(0, 12, 4)) == [1, 2, 3]
    live.values = ControlValues(hold=True)
    assert heard(live, [0, 4, 8, 12]) == [3, 3, 3, 3]
    live.values = ANY
    assert heard(live, [13, 0, 4, 8]) == [3, 1, 2, 3]


def test_what_is_asked_for_while_it_is_held_is_heard_and_stays():
    live = Answering(seed=1, every=4)
    heard(live, [0])
    live.values = ControlValues(hold=True)
    live.queue.play_another()
    new = heard(live, [1, 4, 8])
    assert len(set(new)) == 1
    assert new[0] != 1
    live.values = ANY
    assert heard(live, [9, 0, 4]) == new


def test_an_answer_stands_where_it_was_heard_and_is_played_again():
    queue = MelodyQueue(SessionSettings(mode="answer", sync="midi-clock"))
    for begins, pitch in ((5, 60), (9, 80)):
        queue.answer_phrase(Phrase(from_notes([Note(72, 0, 1)]), 2))
        make(queue, pitch=pitch)
        assert pitches(queue, range(begins, begins + 3)) == [pitch, pitch + 1, None]
    assert pitches(queue, [4, 5, 6, 7, 8, 9, 10, 11]) == [None, 60, 61, None, None, 80, 81, None]
    queue.play_again()
    assert pitches(queue, range(20, 23)) == [80, 81, None]
    assert queue.play_before()
    assert pitches(queue, range(23, 26)) == [60, 61, None]
    queue.play_another()  # another answer to the last phrase
    assert make(queue, pitch=30).phrase == from_notes([Note(72, 0, 1)]).tobytes()
    assert pitches(queue, range(26, 29)) == [30, 31, None]


def test_an_answer_is_over_when_its_session_begins_anew():
    queue = MelodyQueue(SessionSettings(mode="answer"))
    queue.answer_phrase(Phrase(from_notes([Note(72, 0, 1)]), 2))
    make(queue, pitch=60)
    assert pitches(queue, [1, 2, 3]) == [60, 61, None]
    assert pitches(queue, [0, 1, 2, 3]) == [None] * 4  # the next phrase is being played


def test_a_phrase_whose_answer_failed_is_asked_about_once_more():
    queue = MelodyQueue(SessionSettings(mode="answer"))
    phrase = Phrase(from_notes([Note(72, 0, 1)]), 2)
    queue.answer_phrase(phrase)
    first = queue.next_request(ANY)
    assert not queue.take(Failure(first.id, "out of luck"))
    second = queue.next_request(ANY)
    assert (second.phrase, second.id) == (first.phrase, first.id + 1)
    assert not queue.take(Failure(second.id, "out of luck"))
    assert queue.next_request(ANY) is None  # it would fail for ever
    queue.answer_phrase(Phrase(from_notes([Note(60, 0, 1)]), 1))
    third = queue.next_request(ANY)
    queue.answer_phrase(phrase)  # played while another one is answered
    assert not queue.take(Failure(third.id, "out of luck"))
    assert queue.next_request(ANY).phrase == first.phrase


def test_what_a_night_leaves_behind_is_bounded():
    history, score = MelodyHistory(most=3), Score(most=3)
    queue = MelodyQueue(SessionSettings(every=1))
    for number in range(1, 6):
        make(queue)
        queue.bar(number, ANY)
        history.add(queue.playing, number - 1)
        history.hear(1) if 1 in history else None
        score.put(number, Place(number))
    assert [number for number in range(1, 6) if number in history] == [1, 4, 5]
    assert [number for number in range(1, 6) if score.at(number)] == [3, 4, 5]
    assert history.before(4) is None  # forgotten
    assert history.before(5) == 4


MOVES = st.one_of(
    RANGES,
    st.sampled_from(["new", "again", "back", "hold", "key", "unanswered"]),
)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(map(str, mode.values())))
@given(st.lists(MOVES, max_size=20), RANGES)
def test_whatever_was_asked_for_two_passes_are_the_same(mode, moves, bars):
    live = Answering(seed=1, **mode)
    acts = {"new": live.queue.play_another, "again": live.queue.play_again, "back": live.queue.play_before}
    for move in moves:
        if move in acts:
            acts[move]()
        elif move == "hold":
            live.values = replace(live.values, hold=not live.values.hold)
        elif move == "key":
            live.values = replace(
                live.values, attributes=G_MAJOR.attributes if live.values.sound == ANY.sound else ANY.attributes
            )
        elif move == "unanswered":
            live.queue.bar(live.queue._bar + 1, live.values)  # whatever was asked for has not come
        else:
            live.play(move)
    live.values = replace(live.values, hold=False)
    live.play(bars)  # what is wanted has come
    live.heard.clear()
    live.play(bars)
    live.play(bars)
    assert all(len(pitches) == 2 and len(set(pitches)) == 1 for pitches in live.heard.values())
    assert len(live.heard) == len(bars)
