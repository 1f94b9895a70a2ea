"""Candidates on the page, what is asked for of them, and the history of their sets."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def states(candidates):
    return [each.states for each in candidates]


def test_candidates_say_what_they_keep_and_how_they_were_made(panel):
    expect(panel.cards).to_have_count(4)
    expect(panel.cards.nth(0)).to_contain_text("keeps its rule")
    expect(panel.cards.nth(1)).to_contain_text("breaks C major")
    expect(panel.cards.nth(2)).to_contain_text("unusual: too many leaps")
    expect(panel.cards.nth(0)).to_contain_text("freely made")
    expect(panel.cards.nth(0).locator("button.choose")).to_have_attribute("aria-pressed", "true")


def test_a_key_gives_new_candidates_in_it(panel):
    panel.new_set(lambda: panel.field("Tonic").select_option("E"))
    made = panel.new_set(lambda: panel.field("Scale").select_option("blues"))
    expect(panel.cards.first).to_contain_text("1. E blues")
    assert {state % 12 for state in made[0].states if state < 128} <= {4, 7, 9, 10, 11, 2}
    expect(panel.page.locator("#melody .facts")).to_contain_text("E blues")


def test_notes_range_length_and_number_give_new_candidates(panel):
    panel.open_parts()
    made = panel.new_set(lambda: panel.write("At least", "90"))
    assert sum(state < 128 for state in made[0].states) >= 90
    panel.new_set(lambda: panel.write("Lowest", "C5"))
    made = panel.new_set(lambda: panel.write("Highest", "C6"))
    assert all(72 <= state <= 84 for state in made[0].states if state < 128)
    made = panel.new_set(lambda: panel.write("Bars", "8"))
    assert {each.bars for each in made} == {8}
    made = panel.new_set(lambda: panel.write("Melodies", "2"))
    expect(panel.cards).to_have_count(2)
    panel.new_set(lambda: panel.button("Reset all").click())
    assert (panel.history.settings.notes, panel.history.settings.low) == (None, None)


def test_a_slider_that_is_dragged_gives_new_candidates(panel):
    slider = panel.page.get_by_label("At least: slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    panel.new_set(lambda: panel.drag((box["x"] + 8, middle), (box["x"] + box["width"] / 2, middle)))
    assert 80 < panel.history.settings.notes < 115
    expect(panel.field("At least")).to_have_value(str(panel.history.settings.notes))


def test_only_notes_of_the_key(panel):
    panel.new_set(lambda: panel.field("Only notes of key and range").check())
    expect(panel.cards.nth(1)).to_contain_text("keeps its rule")


def test_what_cannot_be_is_said_at_its_field(panel):
    panel.write("Chords", "Am H7")
    expect(panel.field("Chords")).to_have_attribute("aria-invalid", "true")
    expect(panel.page.locator(".field-error:visible")).to_contain_text("H7")
    panel.new_set(lambda: panel.write("Chords", "Am G7"))
    expect(panel.field("Chords")).not_to_have_attribute("aria-invalid", "true")


def test_arrows_choose_and_again_makes_more(panel):
    first = panel.candidates
    panel.page.keyboard.press("ArrowRight")
    panel.page.keyboard.press("ArrowRight")
    expect(panel.cards.nth(2)).to_have_class(re.compile("chosen"))
    panel.until(lambda: panel.melody.id == first[2].id)
    panel.page.keyboard.press("ArrowLeft")
    panel.until(lambda: panel.melody.id == first[1].id)
    expect(panel.page.locator("#melody .facts")).to_contain_text("C major: 9")  # per cent: one note is outside
    made = panel.new_set(lambda: panel.page.keyboard.press("n"))
    assert states(made) != states(first)


def test_more_like_this(panel):
    panel.cards.nth(1).locator(".choose").click()
    known = panel.until(lambda: panel.melody if panel.melody.id == panel.candidates[1].id else None)
    made = panel.new_set(lambda: panel.button("More like this", "#candidates .bar").click())
    assert all(each.states[:-16] == known.states[:-16] and each.states != known.states for each in made)
    panel.page.get_by_label("How different they may be").fill("0.9")
    panel.new_set(lambda: panel.button("More like 3").click())
    assert panel.running.source.asked[-1].asked["amount"] == 0.9


def test_between_two(panel):
    first, _, _, last = panel.candidates
    panel.page.get_by_label("The other melody of “Between”").select_option("and 4")
    made = panel.new_set(lambda: panel.button("Between", "#candidates .bar").click())
    assert made[0].states[:16] == first.states[:16]
    assert made[0].states[-16:] == last.states[-16:]


def test_longer_melodies(panel):
    panel.page.get_by_label("Bars to continue by").fill("8")
    panel.page.get_by_label("Bars to continue by").press("Tab")
    made = panel.new_set(lambda: panel.button("Continue").click())
    assert {each.bars for each in made} == {24}
    expect(panel.roll).to_have_attribute("aria-label", re.compile("24 bars"))


def test_back_and_forward_and_the_same_after_a_reload(panel):
    first = panel.history.at
    second = panel.new_set(lambda: panel.button("Again").click()) and panel.history.at
    panel.new_set(lambda: panel.field("Tonic").select_option("A"))
    panel.button("Back").click()
    expect(panel.page.get_by_label("Sets of melodies")).to_have_value(second)
    panel.page.keyboard.press("b")
    expect(panel.page.get_by_label("Sets of melodies")).to_have_value(first)
    titles = [f"{n}. {each.title.removesuffix(f' {n}')}" for n, each in enumerate(panel.candidates, 1)]
    expect(panel.cards.locator(".title")).to_have_text(titles)
    panel.page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.melody.id == panel.candidates[1].id)
    label, picture = panel.roll.get_attribute("aria-label"), panel.picture
    panel.page.reload()
    expect(panel.cards.nth(1)).to_have_class(re.compile("chosen"))
    expect(panel.roll).to_have_attribute("aria-label", label)
    panel.wait_for(f"document.querySelector('#roll canvas').toDataURL() === '{picture}'")
    expect(panel.page.get_by_label("Sets of melodies")).to_have_value(first)
    panel.page.keyboard.press("f")
    panel.until(lambda: panel.history.at == second)
    panel.page.get_by_label("Sets of melodies").select_option(index=0)
    panel.until(lambda: panel.history.at == panel.history.sets[-1].id)
    expect(panel.button("Forward")).to_be_disabled()


def test_what_is_worked_on_is_said_and_can_be_stopped(panel):
    source = panel.running.source
    source.held, stops = True, source.stops
    panel.button("Again").click()
    busy = panel.page.locator("#busy")
    expect(busy).to_contain_text("Making C major")
    panel.button("Stop", "#busy").click()
    panel.until(lambda: source.stops > stops)
    expect(busy).to_contain_text("Stopping")
    expect(panel.button("Stop", "#busy")).to_be_hidden()
    source.held = False
    expect(busy.locator(".text")).to_have_text("")
    source.held = True
    panel.page.keyboard.press("n")
    expect(panel.button("Stop", "#busy")).to_be_visible()
    panel.page.keyboard.press("Escape")
    panel.until(lambda: source.stops > stops + 1)
    source.held = False
    expect(busy.locator(".text")).to_have_text("")


def test_candidates_come_one_by_one(panel):
    source, known = panel.running.source, panel.candidates
    source.held = True
    panel.button("Again").click()
    panel.until(lambda: not source.free)
    made = source._made(source.asked[-1])["melodies"]
    source.tell(melodies=made[:1])
    source.wake()
    expect(panel.cards).to_have_count(1)
    panel.button("Play 1").click()  # the first is heard while the others are made
    panel.wait_for_sound()
    expect(panel.button("Stop", "#busy")).to_be_visible()
    source.tell(melodies=made[:3])
    source.wake()
    expect(panel.cards).to_have_count(3)
    expect(panel.cards.first).to_have_class(re.compile("playing"))
    source.held = False
    expect(panel.cards).to_have_count(4)
    assert states(panel.candidates) == [tuple(each["states"]) for each in made]
    assert panel.history.sets[-2].melodies == tuple(each.id for each in known)


def test_a_failure_is_said_and_nothing_is_lost(panel):
    known = states(panel.candidates)
    panel.running.source.failing = "nothing keeps all of that; <b>ask</b> for less"
    panel.button("Again").click()
    expect(panel.toasts).to_contain_text("Nothing keeps all of that; <b>ask</b> for less")
    panel.running.source.failing = None
    assert states(panel.candidates) == known
    expect(panel.cards).to_have_count(4)
    panel.button("Close", "#toasts").click()
    expect(panel.toasts).to_have_count(0)
    panel.new_set(lambda: panel.button("Again").click())
