"""The queue of melodies without ports, time or a model: answers are made here, bars are asked for one by one."""

import numpy as np
import pytest

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.live.control_values import ControlValues
from melodylc.live.melody_queue import READY, RECENT, MelodyQueue, bars_of
from melodylc.live.phrases import Phrase
from melodylc.live.protocol import Answer, Failure
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
    assert pitches(queue, range(3, 21)) == [*range(20, 36), 68, 69]


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
    assert pitches(queue, [18, 19], G_MAJOR) == [80, 81]


def test_a_melody_continues_wherever_the_transport_jumps_to():
    queue = MelodyQueue(SessionSettings(mode="continue", seed=1))
    make(queue, pitch=40)
    make(queue, pitch=60)
    assert pitches(queue, [100, 101, 102, 0, 1, 2]) == [40, 41, 42, 43, 44, 45]
    assert pitches(queue, range(3, 15)) == [*range(46, 56), 68, 69]


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
