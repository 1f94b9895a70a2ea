"""Piano rolls of melodies: time from left to right, pitch upwards, bar lines, notes outside the key in red."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from melodylc.melody import STEPS_PER_BAR, STEPS_PER_BEAT, to_notes
from midi_io.atomic import atomic_write

STEP = 5  # pixels a sixteenth
ROW = 8  # pixels a semitone
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 26, 22  # margins in pixels: names of octaves, nothing, the title, numbers of bars
MARGIN = 3  # semitones above the highest and below the lowest note
LEAST_SPAN = 14  # semitones from the lowest to the highest row, at least: a melody of one note is no strip
SILENT = (60, 72)  # pitches shown of a melody without notes, from middle C on
FONT_SIZE = 11  # pixels
PAPER, BLACK_KEYS = (255, 255, 255), (244, 244, 248)
BEAT, BAR, OCTAVE = (234, 234, 240), (176, 176, 190), (206, 206, 216)
NOTE, NOTE_EDGE, WRONG, WRONG_EDGE = (52, 101, 164), (32, 66, 112), (214, 40, 40), (140, 16, 16)
TEXT = (70, 70, 84)
SHARPS = {1, 3, 6, 8, 10}  # pitch classes of the black keys


def draw(states: np.ndarray, allowed_pitches: np.ndarray | None = None, title: str = "") -> Image.Image:
    """Return the piano roll of one melody, of any number of bars.

    Args:
        allowed_pitches: (128,) bool; notes of other pitches are red.
        title: a line above the picture.
    """
    notes, steps = to_notes(states), len(states)
    low = min((note.pitch for note in notes), default=SILENT[0]) - MARGIN
    high = max((note.pitch for note in notes), default=SILENT[1]) + MARGIN
    low, high = min(low, high - LEAST_SPAN), max(high, low + LEAST_SPAN)
    width, height = LEFT + steps * STEP + RIGHT, TOP + (high - low + 1) * ROW + BOTTOM
    image = Image.new("RGB", (width, height), PAPER)
    canvas = ImageDraw.Draw(image)
    font = ImageFont.load_default(FONT_SIZE)
    right, bottom = width - RIGHT, height - BOTTOM

    def y(pitch: int) -> int:
        return TOP + (high - pitch) * ROW

    for pitch in range(low, high + 1):
        if pitch % 12 in SHARPS:
            canvas.rectangle((LEFT, y(pitch), right, y(pitch) + ROW - 1), fill=BLACK_KEYS)
    for step in range(0, steps, STEPS_PER_BEAT):
        canvas.line((LEFT + step * STEP, TOP, LEFT + step * STEP, bottom), fill=BEAT)
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            canvas.line((LEFT, y(pitch) + ROW, right, y(pitch) + ROW), fill=OCTAVE)
            canvas.text((LEFT - 6, y(pitch) + ROW // 2), f"C{pitch // 12 - 1}", fill=TEXT, font=font, anchor="rm")
    bars = steps // STEPS_PER_BAR
    for bar in range(bars + 1):
        x = LEFT + bar * STEPS_PER_BAR * STEP
        canvas.line((x, TOP, x, bottom), fill=BAR)
        if bar < bars:
            canvas.text((x + 3, bottom + 4), str(bar + 1), fill=TEXT, font=font)
    for note in notes:
        wrong = allowed_pitches is not None and not allowed_pitches[note.pitch]
        left = LEFT + round(note.start * STEPS_PER_BEAT) * STEP
        end = LEFT + round(note.end * STEPS_PER_BEAT) * STEP
        canvas.rectangle(
            (left, y(note.pitch), end - 1, y(note.pitch) + ROW - 1),
            fill=WRONG if wrong else NOTE,
            outline=WRONG_EDGE if wrong else NOTE_EDGE,
        )
    canvas.text((LEFT, 7), title, fill=TEXT, font=font)
    return image


def save(
    path: str | os.PathLike[str], states: np.ndarray, allowed_pitches: np.ndarray | None = None, title: str = ""
) -> None:
    """Draw one melody into a PNG file; see `draw`."""
    with atomic_write(Path(path)) as beside:
        draw(states, allowed_pitches, title).save(beside, format="PNG")
