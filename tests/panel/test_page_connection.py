"""Several pages of a panel, pages without a server, and keys: what the page does whatever happens around it."""

import re

import pytest
from panel_musician import Musician
from panel_server import Running

expect = pytest.importorskip("playwright.sync_api").expect


def test_two_tabs_agree(panel, opened):
    other = opened()
    panel.new_set(lambda: panel.field("Tonic").select_option("G"))
    expect(other.field("Tonic")).to_have_value("G")
    expect(other.cards.first).to_contain_text("G major")
    other.cards.nth(2).locator(".choose").click()
    expect(panel.cards.nth(2)).to_have_class(re.compile("chosen"))
    other.button("Lock").click()
    other.drag(other.place(1), other.place(14))
    expect(panel.roll).to_have_attribute("aria-label", re.compile("locked"))
    panel.page.keyboard.press("u")
    expect(other.button("I like 3")).to_have_attribute("aria-pressed", "true")
    assert panel.roll.get_attribute("aria-label") == other.roll.get_attribute("aria-label")


def test_a_server_that_stops_is_said_and_reconnected_to_and_nothing_done_meanwhile_is_lost(tmp_path, opened):
    server = Running(tmp_path / "melodies", source=Musician())
    panel = opened(server)
    panel.button("I like 2").click()
    panel.until(lambda: panel.candidates[1].mark == 1)
    known = [each.id for each in panel.candidates]
    panel.button("Play 1").click()
    panel.wait_for_sound()
    server.stop()
    expect(panel.banner).to_have_text("The server has stopped; reconnecting …")
    panel.cards.nth(3).locator(".choose").click()  # it can be gone on with
    expect(panel.cards.nth(3)).to_have_class(re.compile("chosen"))
    panel.wait_for_sound()  # and goes on
    panel.page.keyboard.press("Space")
    expect(panel.page.locator(".card.playing")).to_have_count(0)
    panel.page.keyboard.press("]")
    again = Running(tmp_path / "melodies", port=server.port, source=Musician())
    panel.running = again
    try:
        expect(panel.banner).to_have_text("")
        panel.until(lambda: again.panel.history.settings.tempo == 125)
        panel.until(lambda: panel.melody.id == known[3])
        assert [each.id for each in panel.candidates] == known
        assert panel.candidates[1].mark == 1
        panel.new_set(lambda: panel.button("Again").click())
        failed = [text for text in panel.wrong if "WebSocket" in text]
        panel.wrong = [text for text in panel.wrong if text not in failed]
        panel.check()
    finally:
        panel.close()
        again.stop()


def test_a_page_without_the_token_says_where_to_go(running, opened):
    panel = opened(opened=False)
    panel.page.goto(running.origin)
    expect(panel.page.locator("body")).to_contain_text("open the address that melodylc panel printed")
    panel.wrong = [text for text in panel.wrong if "403" not in text]


def test_an_inference_process_that_is_gone_is_said(tmp_path, opened):
    server = Running(tmp_path / "melodies", source=Musician())
    try:
        panel = opened(server)
        server.source.fatal, server.source.ready = "there is no model; <img src=x>", False
        expect(panel.banner).to_have_text("No melodies can be made: there is no model; <img src=x>")
        expect(panel.button("Again")).to_be_disabled()
        panel.button("Play 1").click()  # what is there can be heard
        panel.wait_for_sound()
        panel.close()
    finally:
        server.stop()


def test_text_of_others_is_shown_as_text(tmp_path, opened):
    """Wherever it comes from: titles of melodies, how a set was made, features, names of rules."""
    markup = '<img src="x" onerror="window.broken = true"><b>bold</b>'

    class Hostile(Musician):
        def _made(self, task):
            made = super()._made(task)
            for melody in made.get("melodies", []):
                melody |= {"way": markup, "implausible": [markup], "rules": [{"name": markup, "reward": 0.5}]}
            return made | {"summary": markup}

    server = Running(tmp_path / "melodies", source=Hostile())
    try:
        panel = opened(server)
        expect(panel.cards.first).to_contain_text(markup)
        expect(panel.page.locator("#melody .facts")).to_contain_text(markup)
        panel.page.evaluate(
            """async (name) => {
              await fetch("/midi", { method: "POST", body: "x", headers: { "X-Name": encodeURIComponent(name) } });
            }""",
            "<b>bold.mid",
        )
        expect(panel.toasts).to_contain_text("<b>bold.mid")
        assert panel.page.evaluate("window.broken") is None
        expect(panel.page.locator("main img:not([role]), #toasts img, header img, b")).to_have_count(0)
        panel.close()
    finally:
        server.stop()


def test_keys_do_nothing_while_something_is_typed(panel):
    known = panel.history.at
    panel.field("Chords").focus()
    panel.page.keyboard.type("nub d")
    expect(panel.field("Chords")).to_have_value("nub d")
    panel.field("Chords").fill("")
    assert panel.page.locator(".card.playing").count() == 0
    assert [each.mark for each in panel.candidates] == [0, 0, 0, 0]
    panel.field("Tempo").focus()
    panel.page.keyboard.type("n")
    panel.page.keyboard.press("]")
    panel.page.locator("#roll").focus()
    panel.page.keyboard.press("u")  # this one is not typed: what came before it would have been there by now
    panel.until(lambda: panel.melody.mark == 1)
    assert panel.history.at == known
    assert panel.history.settings.tempo == 120


def test_help_has_all_keys(panel):
    panel.page.keyboard.press("?")
    dialog = panel.page.locator("dialog#help")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Remake what is not locked")
    panel.page.keyboard.press("n")  # a dialog is open: its keys are its own
    panel.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    panel.button("Help").click()
    expect(dialog).to_be_visible()
    panel.page.mouse.click(5, 5)  # beside it
    expect(dialog).to_be_hidden()


CONTROLS = """() => [...document.querySelectorAll("button, select, input, summary, [tabindex='0']")].filter((one) =>
  !one.disabled && one.tabIndex >= 0 && !one.closest("[inert]") && one.checkVisibility({ visibilityProperty: true }))"""
FOCUSED = """() => {
  const at = document.activeElement;
  const { outlineStyle, boxShadow } = getComputedStyle(at);
  at.dataset.reached = "yes";
  return at === document.body || outlineStyle !== "none" || boxShadow !== "none" ? "" : at.outerHTML.slice(0, 120);
}"""


def test_everything_is_reached_by_tab(panel):
    """Each button, list and field that can be seen gets the focus, and shows that it has it."""
    panel.page.keyboard.press("Tab")
    expect(panel.page.locator(".skip")).to_be_focused()
    unseen = set()
    for _ in range(panel.page.evaluate(f"({CONTROLS})().length") + 5):
        unseen.add(panel.page.evaluate(FOCUSED))
        panel.page.keyboard.press("Tab")
    assert unseen == {""}
    missed = f"({CONTROLS})().filter((one) => !one.dataset.reached).map((one) => one.outerHTML.slice(0, 120))"
    assert panel.page.evaluate(missed) == []
