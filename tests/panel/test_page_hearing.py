"""Hearing melodies on the page: playing, its playhead, loops, chords, tempo, by mouse and by keys."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def test_play_is_heard_and_the_playhead_moves(panel):
    panel.button("Play 1").click()
    expect(panel.cards.first).to_have_class(re.compile(r"\bplaying\b"))
    panel.wait_for_sound()
    before = panel.picture
    expect(panel.page.locator("output.time")).not_to_have_text("1.1")
    line = panel.cards.first.locator(".line")
    expect(line).to_have_attribute("style", re.compile(r"translateX\(\d"))
    assert panel.picture != before
    expect(panel.button("Stop", "#transport")).to_be_visible()
    panel.button("Stop 1").click()
    expect(panel.cards.first).not_to_have_class(re.compile(r"\bplaying\b"))
    expect(line).to_be_hidden()
    panel.wait_for_silence()


def test_another_card_is_chosen_and_played(panel):
    panel.page.keyboard.press("Space")
    expect(panel.cards.first).to_have_class(re.compile(r"\bplaying\b"))
    panel.button("Play 3").click()
    expect(panel.cards.nth(2)).to_have_class(re.compile(r"\bplaying\b.*\bchosen\b|\bchosen\b.*\bplaying\b"))
    expect(panel.cards.first).not_to_have_class(re.compile("playing"))
    panel.until(lambda: panel.melody.title == panel.candidates[2].title)
    panel.page.keyboard.press("Space")
    expect(panel.cards.nth(2)).not_to_have_class(re.compile("playing"))


def test_a_stretch_is_marked_by_dragging_and_looped(panel):
    loop = panel.button("Loop")
    expect(loop).to_be_disabled()
    panel.field("Tempo").fill("300")
    panel.field("Tempo").press("Enter")
    panel.drag(panel.place(66), panel.place(72))
    expect(loop).to_have_attribute("aria-pressed", "true")
    panel.button("Play", "#transport").click()
    panel.page.evaluate(
        """() => {
          window.times = [];
          const time = document.querySelector("output.time");
          new MutationObserver(() => times.push(time.textContent)).observe(time, { childList: true, subtree: true });
        }"""
    )
    panel.wait_for("times.filter((time) => time === '5.1').length > 1")  # it came back to where it began
    assert set(panel.page.evaluate("times")) <= {"5.1", "5.2", "5.3", "5.4"}
    panel.page.keyboard.press("k")
    expect(loop).to_have_attribute("aria-pressed", "false")
    panel.wait_for("times.at(-1) >= '6'")  # and it leaves the stretch
    panel.button("Stop", "#transport").click()


def test_a_click_in_the_roll_goes_there(panel):
    panel.page.mouse.click(*panel.place(128.5))
    expect(panel.page.locator("output.time")).to_have_text("9.1")


def test_chords_are_shown_heard_one_by_one_and_along(panel):
    panel.new_set(lambda: panel.write("Chords", "Am F C G"))
    chords = panel.page.get_by_role("group", name="Hear the chords").get_by_role("button")
    expect(chords).to_have_text(["Am", "F", "C", "G"])
    chords.nth(1).click()
    panel.wait_for_sound()
    panel.wait_for_silence()
    along = panel.button("Chords", "#transport")
    expect(along).to_be_enabled()
    expect(along).to_have_attribute("aria-pressed", "true")
    expect(panel.page.locator("#melody .facts")).to_contain_text("chord tones of Am | F | C | G")
    assert {each.facts["progression"] for each in panel.candidates} == {"Am F C G"}


def test_tempo_metronome_volume_and_instrument(panel):
    panel.page.keyboard.press("]")
    expect(panel.field("Tempo")).to_have_value("125")
    panel.until(lambda: panel.history.settings.tempo == 125)
    panel.page.keyboard.press("m")
    expect(panel.button("Click")).to_have_attribute("aria-pressed", "true")
    panel.page.keyboard.press("p")
    expect(panel.button("Repeat")).to_have_attribute("aria-pressed", "true")
    before = float(panel.field("Volume").input_value())
    panel.page.keyboard.press(",")
    assert float(panel.field("Volume").input_value()) < before
    panel.field("Instrument").select_option(label="Violin")
    panel.page.reload()
    panel.cards.first.wait_for()
    expect(panel.field("Instrument")).to_have_value("40")  # this browser remembers
    expect(panel.field("Tempo")).to_have_value("125")  # and the server does
    expect(panel.button("Click")).to_have_attribute("aria-pressed", "true")


def test_a_melody_that_comes_while_another_plays_is_played_on(panel):
    panel.button("Play 1").click()
    panel.wait_for_sound()
    panel.new_set(lambda: panel.button("Again").click())
    expect(panel.cards.first).to_have_class(re.compile(r"\bplaying\b"))
    panel.page.keyboard.press("Space")
    expect(panel.page.locator(".card.playing")).to_have_count(0)
