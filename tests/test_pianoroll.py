import numpy as np

from melodylc import pianoroll
from melodylc.melody import HOLD, REST
from melodylc.rules import Key


def colours(image):
    return {colour for _, colour in image.getcolors(10_000)}


def column(image, step):
    """The colours in the middle of a step, top to bottom."""
    x = pianoroll.LEFT + step * pianoroll.STEP + pianoroll.STEP // 2
    return [image.getpixel((x, y)) for y in range(image.height)]


def test_notes_lie_right_and_up_and_wrong_ones_are_red():
    states = np.full(256, REST, np.uint8)
    states[0:8] = [60, HOLD, HOLD, HOLD, 66, HOLD, HOLD, HOLD]
    image = pianoroll.draw(states, Key.parse("C major").pitches())
    c, f_sharp = column(image, 1), column(image, 5)
    assert pianoroll.NOTE in c
    assert pianoroll.WRONG not in c
    assert pianoroll.WRONG in f_sharp
    assert c.index(pianoroll.NOTE) - f_sharp.index(pianoroll.WRONG) == 6 * pianoroll.ROW  # six semitones higher
    assert pianoroll.NOTE not in column(image, 9)


def test_without_a_key_nothing_is_red_and_an_empty_melody_can_be_drawn():
    states = np.full(256, REST, np.uint8)
    assert pianoroll.NOTE not in colours(pianoroll.draw(states))
    states[0] = 61
    assert pianoroll.WRONG not in colours(pianoroll.draw(states))
