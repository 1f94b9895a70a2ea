"""How the page looks: light and dark, at several sizes; what axe-core finds wrong for those who see it otherwise."""

import io
import json
import re

import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api").expect

OPEN = "dialog[open], .menu:popover-open"
OVER_THE_PAGE = {
    "menu": lambda panel: panel.button("More", "#melody .exports").click(),
    "help": lambda panel: panel.page.keyboard.press("?"),
    "staff": lambda panel: (panel.page.keyboard.press("v"), panel.page.locator(".paper svg").wait_for()),
    "into the DAW": lambda panel: panel.page.keyboard.press("w"),
    "rules": lambda panel: panel.button("Add a rule…").click(),
}


@pytest.fixture(scope="session")
def axe():
    return pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT


def violations(panel, axe):
    """Return what axe-core finds wrong with the page as it is, each with where."""
    if not panel.page.evaluate("'axe' in window"):
        panel.page.evaluate(axe)
    found = panel.page.evaluate(
        """async () => {
          const within = document.querySelector("dialog[open], .menu:popover-open") ?? document;
          const { violations } = await axe.run(within, { resultTypes: ["violations"] });
          return JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.map(({ html, any }) =>
            [html.slice(0, 150), any.map(({ message }) => message).join("; ")])]));
        }"""
    )
    return json.loads(found)


def look(panel, axe, state):
    """Return what is wrong with the page in light and in dark, by the state that it is in."""
    found = {}
    for theme in ("light", "dark"):
        panel.page.emulate_media(color_scheme=theme)
        if wrong := violations(panel, axe):
            found[f"{state}, {theme}"] = wrong
        assert has_contents(panel.page.screenshot())
    return found


def test_axe_finds_nothing_in_the_page(panel, axe):
    found = look(panel, axe, "as it is opened")
    panel.new_set(lambda: panel.write("Chords", "Am F C G"))
    panel.cards.nth(1).locator(".choose").click()
    panel.button("I like 2").click()
    panel.button("Lock").click()
    panel.drag(panel.place(20), panel.place(60))
    panel.open_parts()
    panel.button("Play 2").click()
    found |= look(panel, axe, "in use")
    panel.write("Chords", "Am H7")
    panel.write("Lowest", "what")
    panel.button("Stop 2").click()
    found |= look(panel, axe, "with errors")
    assert found == {}


def test_axe_finds_nothing_in_what_opens_over_it(panel, axe):
    found = {}
    for name, open_it in OVER_THE_PAGE.items():
        open_it(panel)
        expect(panel.page.locator(OPEN)).to_have_count(1)
        found |= look(panel, axe, name)
        panel.page.keyboard.press("Escape")
        expect(panel.page.locator(OPEN)).to_have_count(0)
    assert found == {}


def has_contents(png):
    """Return whether a picture shows more than a few colours."""
    return len(Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)) > 50


def overflow(panel):
    """Return by how many pixels the page is wider and higher than the window."""
    return panel.page.evaluate(
        """() => {
          const page = document.scrollingElement;
          return [page.scrollWidth - innerWidth, page.scrollHeight - innerHeight];
        }"""
    )


def test_1280_by_720_needs_no_scrolling(panel):
    panel.new_set(lambda: panel.write("Chords", "Am F C G"))
    panel.open_parts()
    assert overflow(panel) == [0, 0]
    for place in ("#top", "#candidates", "#melody", "#roll", "#transport"):
        box = panel.page.locator(place).bounding_box()
        assert box["x"] >= 0, place
        assert box["x"] + box["width"] <= 1280, place
        assert box["y"] + box["height"] <= 720.5, place
    assert panel.roll.bounding_box()["height"] > 200
    for control in panel.page.locator("#top button:visible, main button:visible, #transport button:visible").all():
        box = control.bounding_box()
        assert box["y"] + box["height"] <= 720, control.inner_text()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (768, 1024), (390, 844)])
def test_narrower_pages_never_scroll_sideways(panel, width, height):
    panel.page.set_viewport_size({"width": width, "height": height})
    panel.new_set(lambda: panel.write("Chords", "Am F C G"))
    panel.open_parts()
    assert overflow(panel)[0] <= 0
    outside = panel.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input")].filter((one) => {
          const { right, left, width } = one.getBoundingClientRect();
          const scrolled = one.closest(".cards, .menu, dialog");
          const seen = one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && width > 1;
          return seen && !scrolled && (left < -1 || right > innerWidth + 1);
        }).map((one) => one.outerHTML.slice(0, 100))"""
    )
    assert outside == []
    panel.roll.scroll_into_view_if_needed()
    assert panel.roll.bounding_box()["height"] > 150
    assert has_contents(panel.page.screenshot(full_page=True))


def test_the_theme_is_chosen_and_remembered(panel):
    theme = panel.page.get_by_role("button", name=re.compile("^Theme"))
    colour = "getComputedStyle(document.body).backgroundColor"
    light = panel.page.evaluate(colour)
    before = panel.picture
    theme.click()  # light
    assert panel.page.evaluate(colour) == light
    theme.click()  # dark
    dark = panel.page.evaluate(colour)
    assert dark != light
    panel.wait_for(f"document.querySelector('#roll canvas').toDataURL() !== '{before}'")
    panel.page.reload()
    panel.cards.first.wait_for()
    assert panel.page.evaluate(colour) == dark


def test_colour_is_never_the_only_sign(panel):
    panel.cards.nth(1).locator(".choose").click()  # it has a note outside the key
    expect(panel.cards.nth(1)).to_contain_text("✗breaks C major")
    expect(panel.page.locator("#melody .facts .fails .sign")).to_have_attribute("aria-label", "not kept: ")
    expect(panel.roll).to_have_attribute("aria-label", re.compile("outside"))
