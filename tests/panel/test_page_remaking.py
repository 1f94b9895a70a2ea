"""The melody in hand: notes changed by hand, locks painted, and the rest made again."""

import re

import numpy as np
import pytest

from melodylc.melody import to_notes

expect = pytest.importorskip("playwright.sync_api").expect


def notes(known):
    return to_notes(np.array(known.states, np.uint8))


def locked(known):
    """Return the bars of which something is locked, and how."""
    return {step // 16: lock for step, lock in enumerate(known.locks) if lock}


def test_bars_are_locked_by_painting_and_remake_keeps_them(panel):
    known = panel.melody
    panel.button("Lock").click()
    panel.drag(panel.place(34), panel.place(60))  # over the ruler: bars 3 and 4
    panel.until(lambda: locked(panel.melody) == {2: 1, 3: 1})
    expect(panel.roll).to_have_attribute("aria-label", re.compile("locked"))
    made = panel.new_set(lambda: panel.button("Remake").click())
    assert all(each.states[32:64] == known.states[32:64] for each in made)
    assert all(each.states[:32] != known.states[:32] for each in made)
    assert locked(panel.melody) == {2: 1, 3: 1}, "they stay locked: who is not content remakes once more"
    panel.button("Free").click()
    panel.drag(panel.place(34), panel.place(60))
    panel.until(lambda: locked(panel.melody) == {})


def test_rhythm_and_pitches_are_locked_by_keys_in_the_roll(panel):
    panel.page.keyboard.press("4")
    expect(panel.button("Rhythm")).to_have_attribute("aria-pressed", "true")
    panel.page.keyboard.press("e")
    expect(panel.roll).to_be_focused()
    panel.page.keyboard.press("Enter")
    panel.until(lambda: locked(panel.melody) == {0: 2})
    panel.page.keyboard.press("5")
    panel.page.keyboard.press("ArrowRight")
    panel.page.keyboard.press("l")
    panel.until(lambda: locked(panel.melody) == {0: 2, 1: 3})
    panel.new_set(lambda: panel.page.keyboard.press("r"))
    asked = panel.running.source.asked[-1].asked
    assert list(asked["locks"]) == [2] * 16 + [3] * 16 + [0] * 224


def test_everything_locked_is_said(panel):
    panel.button("Lock").click()
    panel.drag(panel.place(1), panel.place(254))
    panel.until(lambda: len(locked(panel.melody)) == 16)
    panel.button("Remake").click()
    expect(panel.toasts).to_contain_text("everything is locked")


def test_a_note_is_drawn_moved_and_removed_and_all_of_it_undone(panel):
    known = panel.melody

    def at(step, pitch):
        return panel.place(step, pitch, known)  # what was changed by hand is shown where it was

    panel.button("Draw").click()
    low = min(note.pitch for note in notes(known))
    high = max(note.pitch for note in notes(known))
    panel.page.mouse.click(*at(200.5, high + 2))
    drawn = panel.until(lambda: panel.melody if panel.melody.states != known.states else None)
    assert drawn.states[200] == high + 2
    undo, redo = panel.button("Undo"), panel.button("Redo")
    expect(undo).to_be_enabled()
    expect(redo).to_be_disabled()
    panel.drag(at(200.5, high + 2), at(216.5, high + 1))
    panel.until(lambda: panel.melody.states[216] == high + 1)
    panel.page.mouse.dblclick(*at(216.5, high + 1))
    panel.until(lambda: panel.melody.states[216] != high + 1)
    for _ in range(2):
        panel.page.keyboard.press("Control+z")
    panel.until(lambda: panel.melody.states == drawn.states)
    undo.click()
    panel.until(lambda: panel.melody.states == known.states)
    expect(undo).to_be_disabled()
    redo.click()
    panel.until(lambda: panel.melody.states == drawn.states)
    panel.page.keyboard.press("Control+y")
    panel.until(lambda: panel.melody.states[216] == high + 1)
    assert min(note.pitch for note in notes(panel.melody)) == low


def test_a_note_outside_the_key_is_judged_at_once(panel):
    """And shown in another way: what the roll draws of it is compared in tests of the roll."""
    known = panel.melody
    note = notes(known)[0]
    start = round(4 * note.start)
    up = 1 if (note.pitch + 1) % 12 in (1, 3, 6, 8, 10) else -1
    expect(panel.page.locator("#melody .facts .fails")).to_have_count(0)
    panel.page.keyboard.press("2")
    panel.page.mouse.click(*panel.place(start + 0.5, note.pitch))
    panel.page.keyboard.press("ArrowUp" if up > 0 else "ArrowDown")
    panel.until(lambda: panel.melody.states[start] == note.pitch + up)
    panel.until(lambda: panel.melody.facts["outside"] == [[start, "C major"]])
    expect(panel.page.locator("#melody .facts .fails")).to_contain_text("C major")
    expect(panel.roll).to_have_attribute("aria-label", re.compile("outside"))
    expect(panel.cards.first).to_contain_text("breaks C major")


def test_zoom_and_tools_by_keys(panel):
    before = panel.picture
    panel.page.keyboard.press("+")
    panel.wait_for(f"document.querySelector('#roll canvas').toDataURL() !== '{before}'")
    panel.page.keyboard.press("0")
    panel.wait_for(f"document.querySelector('#roll canvas').toDataURL() === '{before}'")
    for key, name in enumerate(("Select", "Draw", "Lock", "Rhythm", "Pitches", "Free"), 1):
        panel.page.keyboard.press(str(key))
        expect(panel.button(name, "#melody .tools")).to_have_attribute("aria-pressed", "true")
