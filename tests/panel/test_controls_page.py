"""The left side of the panel in a browser: which actions are sent, and what is shown of the state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from panel_page import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route, expect
else:
    expect = pytest.importorskip("playwright.sync_api").expect

SCRIPT = Path(__file__).with_name("asked_page.js")
MARKUP = '<img src="x" onerror="window.broken = true"><b>bold</b>'
BODY = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Asked</title>
<link rel="stylesheet" href="BASE/style.css"><link rel="stylesheet" href="BASE/controls.css">
<script type="module" src="BASE/asked_page.js"></script></head><body>
<header id="top"><h1>Asked</h1></header>
<aside id="asked" aria-label="What melodies are asked for"><section id="attributes"></section>
<section id="rules"></section><section id="learning"></section><section id="taste"></section></aside>
<main></main></body></html>"""
SHAPES = ["rising", "arch"]
CATALOGUE: list[dict[str, Any]] = [
    {
        "name": "leaps",
        "summary": "Reward small intervals.",
        "doc": "Reward small intervals.\n\nThe reward is 0 with fewer than two notes.",
        "parameters": [
            {"name": "at_most", "kind": "int", "default": None, "choices": None, "doc": "semitones", "required": True},
            {"name": "at_least", "kind": "float", "default": 1.0, "choices": None, "doc": "", "required": False},
        ],
        "file": None,
        "error": None,
    },
    {
        "name": "contour",
        "summary": "Reward a shape.",
        "doc": "Reward a shape.",
        "parameters": [
            {
                "name": "shape",
                "kind": "choice",
                "default": None,
                "choices": ["rising", "arch"],
                "doc": "",
                "required": True,
            },
        ],
        "file": None,
        "error": None,
    },
    {
        "name": "chord_tones",
        "summary": "Reward tones of chords.",
        "doc": "",
        "parameters": [
            {"name": "progression", "kind": "text", "default": None, "choices": None, "doc": "", "required": True},
            {"name": "strong", "kind": "bool", "default": True, "choices": None, "doc": "", "required": False},
        ],
        "file": None,
        "error": None,
    },
    {
        "name": "/home/me/mine.py:no_low_notes",
        "summary": MARKUP,
        "doc": MARKUP + "\n\nAnd more.",
        "parameters": [],
        "file": "/home/me/mine.py",
        "error": None,
    },
    {
        "name": "/home/me/broken.py",
        "summary": "",
        "doc": "",
        "parameters": [],
        "file": "/home/me/broken.py",
        "error": "line 3: invalid syntax",
    },
]
STATE: dict[str, Any] = {
    "tonics": ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"],
    "scales": ["major", "minor", "dorian", "harmonic minor"],
    "forms": ["AABA", "AABB", "ABAB"],
    "worker": {"state": "ready", "text": ""},
    "busy": None,
    "settings": {
        "tonic": "C",
        "scale": "major",
        "notes": 48,
        "at_most": None,
        "low": 60,
        "high": 79,
        "temperature": None,
        "strict": False,
        "form": None,
        "chords": None,
        "bars": 16,
        "count": 6,
        "tempo": 120,
        "taste": False,
        "rules": [
            {"name": "leaps", "arguments": {"at_most": 5}, "on": True},
            {"name": "contour", "arguments": {"shape": "arch"}, "on": True},
        ],
    },
    "catalogue": CATALOGUE,
    "rule_errors": {},
    "key_error": None,
    "chords_error": None,
    "form_error": None,
    "melodies": {
        "m1": {
            "rules": [
                {"name": "C major", "reward": 0.5},
                {"name": "leaps of at most 5", "rule": "leaps", "reward": 1.0},
                {"name": "contour", "reward": 0.829},
            ],
            "chords": None,
            "progression": None,
        }
    },
    "sets": [],
    "at": None,
    "chosen": "m1",
    "taste": {"liked": 5, "disliked": 2, "share": 0.31, "text": "31% of known melodies are to your taste"},
    "learned": [{"rules": "leaps of at most 4", "report": "83 of 100 melodies keep it"}],
}


@pytest.fixture(scope="module")
def page_of_all(browser: Browser, page_files: str) -> Iterator[Page]:
    page = page_of_its_own(browser, page_files)
    yield page
    page.context.close()


def page_of_its_own(browser: Browser, base: str) -> Page:
    """Return a page with nothing but the left side, under the server's content security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()

    def answer(route: Route) -> None:
        policy = route.fetch(url=f"{base}/controls.js").headers["content-security-policy"]
        headers = {"content-security-policy": policy, "content-type": "text/html"}
        route.fulfill(headers=headers, body=BODY.replace("BASE", base))

    page.route("**/asked.html", answer)
    page.route("**/asked_page.js", lambda route: route.fulfill(path=SCRIPT, content_type="text/javascript"))
    page.goto(f"{base}/asked.html")
    page.wait_for_selector("html[data-loaded]")
    return page


@pytest.fixture
def asked(page_of_all: Page) -> Iterator[Page]:
    """The left side as it was opened, with a state; what goes wrong in the page fails the test."""
    page = page_of_all
    wrong: list[str] = []

    def note_error(error: Any) -> None:
        wrong.append(str(error))

    def note_console(message: Any) -> None:
        wrong.extend([message.text] if message.type == "error" else [])

    page.on("pageerror", note_error)
    page.on("console", note_console)
    page.evaluate("mountAnew()")
    receive(page, **copy.deepcopy(STATE))
    yield page
    page.remove_listener("pageerror", note_error)
    page.remove_listener("console", note_console)
    assert wrong == []


@pytest.fixture
def still(browser: Browser, page_files: str) -> Iterator[Page]:
    """Another such page, whose clock stands still until a test moves it."""
    page = page_of_its_own(browser, page_files)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.evaluate("mountAnew()")
    receive(page, **copy.deepcopy(STATE))
    yield page
    page.context.close()


def receive(page: Page, **change: Any) -> None:
    page.evaluate("change => session.receive(change)", change)


def receive_settings(page: Page, **settings: Any) -> None:
    page.evaluate("settings => session.receive({ settings: { ...session.state.settings, ...settings } })", settings)


def sent(page: Page) -> list[dict[str, Any]]:
    """Return the actions since the last call."""
    actions: list[dict[str, Any]] = page.evaluate("session.sent.splice(0)")
    return actions


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('#asked details.part').forEach((part) => { part.open = true; })")


def write(page: Page, label: str, text: str) -> None:
    field(page, label).fill(text)
    field(page, label).press("Enter")


def test_each_field_shows_the_state(asked: Page) -> None:
    open_all(asked)
    shown = {label: field(asked, label).input_value() for label in ("Tonic", "Scale", "At least", "Lowest", "Highest")}
    assert shown == {"Tonic": "C", "Scale": "major", "At least": "48", "Lowest": "C4", "Highest": "G5"}
    assert field(asked, "At most").input_value() == ""
    expect(asked.get_by_role("button", name="At most: any")).to_be_hidden()
    expect(asked.get_by_role("button", name="At least: any")).to_be_visible()
    assert field(asked, "Bars").input_value() == "16"
    receive_settings(asked, tonic=None, notes=None, low=61, strict=True, form="AB", bars=32)
    shown = {label: field(asked, label).input_value() for label in ("Tonic", "At least", "Lowest", "Form", "Your form")}
    assert shown == {"Tonic": "", "At least": "", "Lowest": "C#4", "Form": "other", "Your form": "AB"}
    expect(field(asked, "Only notes of key and range")).to_be_checked()
    assert sent(asked) == []


WRITTEN: list[tuple[str, str, dict[str, Any]]] = [
    ("At least", "60", {"notes": 60}),
    ("At least", "", {"notes": None}),
    ("At most", "90", {"at_most": 90}),
    ("At most", "40", {"at_most": 40, "notes": 40}),
    ("Lowest", "Eb4", {"low": 63}),
    ("Lowest", "c3", {"low": 48}),
    ("Lowest", "C7", {"low": 79}),
    ("Highest", "G♯5", {"high": 80}),
    ("Chords", "Am F C G", {"chords": "Am F C G"}),
    ("Bars", "32", {"bars": 32}),
    ("Melodies", "3", {"count": 3}),
    ("Freedom", "0,8", {"temperature": 0.8}),
]


def test_what_is_written_is_sent(asked: Page) -> None:
    open_all(asked)
    for label, text, settings in WRITTEN:
        receive(asked, **copy.deepcopy(STATE))
        write(asked, label, text)
        assert sent(asked) == [{"do": "set", "settings": settings}], label


def test_choices_and_switches_are_sent(asked: Page) -> None:
    open_all(asked)
    field(asked, "Tonic").select_option("Eb")
    field(asked, "Tonic").select_option("")
    expect(field(asked, "Scale")).to_be_disabled()
    field(asked, "Tonic").select_option("D")
    field(asked, "Scale").select_option("dorian")
    field(asked, "Only notes of key and range").check()
    field(asked, "Form").select_option("AABB")
    asked.get_by_role("button", name="At least: any").click()
    settings = [action["settings"] for action in sent(asked)]
    wanted = [{"tonic": "Eb"}, {"tonic": None}, {"tonic": "D"}, {"scale": "dorian"}, {"strict": True}, {"form": "AABB"}]
    assert settings == [*wanted, {"notes": None}]


def test_what_is_no_number_and_no_note_is_said_and_not_sent(asked: Page) -> None:
    write(asked, "At least", "many")
    expect(field(asked, "At least")).to_have_accessible_description("expected a number from 1 to 256")
    write(asked, "Lowest", "H4")
    expect(field(asked, "Lowest")).to_have_accessible_description("expected a note with its octave, such as C4 or Eb5")
    assert field(asked, "Lowest").input_value() == "H4"
    assert sent(asked) == []
    write(asked, "Lowest", "B4")
    expect(field(asked, "Lowest")).not_to_have_attribute("aria-invalid", "true")
    assert sent(asked) == [{"do": "set", "settings": {"low": 71}}]


def test_a_slider_sends_when_the_hand_rests_and_at_once_when_it_leaves(still: Page) -> None:
    slider = still.get_by_label("At least: slider")
    for value in (50, 51, 52):
        slider.evaluate("(at, value) => { at.value = value; at.dispatchEvent(new Event('input')); }", value)
    assert field(still, "At least").input_value() == "52"
    still.clock.run_for(100)
    assert sent(still) == []
    still.clock.run_for(60)
    assert sent(still) == [{"do": "set", "settings": {"notes": 52}}]
    slider.evaluate(
        "(at) => { at.value = 70; at.dispatchEvent(new Event('input')); at.dispatchEvent(new Event('change')); }"
    )
    assert sent(still) == [{"do": "set", "settings": {"notes": 70}}]
    still.clock.run_for(1000)
    assert sent(still) == []


def test_sliders_of_the_range_do_not_cross(asked: Page) -> None:
    lowest = asked.get_by_label("Lowest: slider")
    lowest.focus()
    asked.keyboard.press("End")
    assert (lowest.input_value(), field(asked, "Lowest").input_value()) == ("79", "G5")
    asked.get_by_label("Highest: slider").focus()
    asked.keyboard.press("Home")
    assert field(asked, "Highest").input_value() == "G5"
    assert lowest.get_attribute("aria-valuetext") == "G5"


def test_keys_of_the_range(asked: Page) -> None:
    asked.locator(".range-keys [data-pitch='84']").click(position={"x": 3, "y": 18})
    asked.locator(".range-keys [data-pitch='54']").click(position={"x": 1, "y": 5})
    assert [action["settings"] for action in sent(asked)] == [{"high": 84}, {"low": 54}]
    assert asked.evaluate("heard") == [[84], [54]]
    assert field(asked, "Lowest").input_value() == "F#3"


def test_nothing_can_be_changed_before_the_first_state(asked: Page) -> None:
    asked.evaluate("mountAnew()")
    assert asked.locator("#asked > section").evaluate_all("all => all.every((one) => one.inert)")
    receive(asked, **copy.deepcopy(STATE))
    assert not asked.locator("#asked > section").evaluate_all("all => all.some((one) => one.inert)")


def test_a_field_is_left_alone_while_it_is_written_in(asked: Page) -> None:
    chords = field(asked, "Chords")
    chords.click()
    chords.press_sequentially("Am F")
    receive_settings(asked, chords="C G", notes=30)
    assert chords.input_value() == "Am F"
    assert field(asked, "At least").input_value() == "30"
    chords.press("Enter")
    assert sent(asked) == [{"do": "set", "settings": {"chords": "Am F"}}]
    receive_settings(asked, chords="C G")  # another tab
    assert chords.input_value() == "C G"


def test_a_value_under_way_is_not_replaced_by_an_older_one(still: Page) -> None:
    still.evaluate("window.answers = false")
    write(still, "At least", "70")
    receive_settings(still, notes=55)
    assert field(still, "At least").input_value() == "70"
    still.clock.run_for(3000)  # the server has another view
    assert field(still, "At least").input_value() == "55"


def test_what_the_server_does_not_take_goes_back_at_once(asked: Page) -> None:
    asked.evaluate("window.answers = false")
    write(asked, "At least", "70")
    error = "{ detail: { text: 'notes: expected fewer', do: 'set' } }"
    asked.evaluate(f"session.dispatchEvent(new CustomEvent('error', {error}))")
    assert field(asked, "At least").input_value() == "48"


def test_switches_clicked_faster_than_the_server_answers_are_all_kept(asked: Page) -> None:
    asked.evaluate("window.answers = false")
    field(asked, "leaps").uncheck()
    field(asked, "contour").uncheck()
    assert [rule["on"] for rule in sent(asked)[-1]["settings"]["rules"]] == [False, False]


def test_errors_show_at_their_field(asked: Page) -> None:
    open_all(asked)
    receive(
        asked, key_error="key: expected a tonic", chords_error="chords: got 'H'", form_error="form: expected letters"
    )
    expect(field(asked, "Tonic")).to_have_accessible_description("key: expected a tonic")
    expect(field(asked, "Chords")).to_have_accessible_description("chords: got 'H'")
    expect(field(asked, "Form")).to_have_accessible_description("form: expected letters")
    expect(field(asked, "Chords")).to_have_attribute("aria-invalid", "true")
    receive(
        asked, key_error="no pitch of C major lies in 61 to 61; widen the range", chords_error=None, form_error=None
    )
    expect(field(asked, "Tonic")).not_to_have_attribute("aria-invalid", "true")
    expect(field(asked, "Lowest")).to_have_accessible_description(
        "no pitch of C major lies in 61 to 61; widen the range"
    )
    assert asked.get_by_text("chords: got").count() == 0
    receive(asked, key_error=None, rule_errors={"0": "leaps: at_most: expected 0 to 127"})
    expect(field(asked, "semitones")).to_have_accessible_description("semitones: expected 0 to 127")
    expect(field(asked, "shape")).not_to_have_attribute("aria-invalid", "true")


def test_a_form_of_ones_own(asked: Page) -> None:
    open_all(asked)
    field(asked, "Form").select_option("other")
    expect(field(asked, "Your form")).to_be_focused()
    asked.evaluate("window.answers = false")
    write(asked, "Your form", "A'B")
    assert sent(asked) == [{"do": "set", "settings": {"form": "A'B"}}]
    error = "form: A' varies a phrase A that does not come before it"
    receive(asked, form_error=error)
    assert field(asked, "Your form").input_value() == "A'B"
    expect(field(asked, "Your form")).to_have_accessible_description(
        "form: A' varies a phrase A that does not come before it"
    )


def test_reset_and_take_back(asked: Page) -> None:
    asked.get_by_role("button", name="Reset all").click()
    (action,) = sent(asked)
    assert action["settings"]["tonic"] is None
    assert action["settings"]["low"] is None
    assert "rules" not in action["settings"]
    assert field(asked, "Lowest").input_value() == ""
    asked.get_by_role("button", name="Take back").click()
    assert sent(asked)[0]["settings"]["low"] == 60
    asked.get_by_role("button", name="Reset all").click()
    write(asked, "At least", "20")  # something new: there is no way back to what was before it
    expect(asked.get_by_role("button", name="Reset all")).to_be_visible()


def test_chords_are_heard_one_by_one(asked: Page) -> None:
    chords = [
        {"start": 32 * bar, "end": 32 * bar + 16, "name": name, "pitches": pitches}
        for bar in range(8)
        for name, pitches in (("Am", [57, 60, 64]),)
    ] + [{"start": 16 + 32 * bar, "end": 32 + 32 * bar, "name": MARKUP, "pitches": [53]} for bar in range(8)]
    melody = {"rules": [], "progression": "Am | F", "chords": sorted(chords, key=lambda chord: chord["start"])}
    receive_settings(asked, chords="Am  F")
    assert asked.get_by_role("group", name="Hear the chords").count() == 0
    receive(asked, melodies={"m1": melody})
    buttons = asked.get_by_role("group", name="Hear the chords").get_by_role("button")
    assert buttons.all_text_contents() == ["Am", MARKUP]
    buttons.first.click()
    buttons.nth(1).press("Enter")
    assert asked.evaluate("heard") == [[57, 60, 64], [53]]
    assert sent(asked) == []
    asked.get_by_role("button", name="Chords: none").click()
    assert sent(asked) == [{"do": "set", "settings": {"chords": None}}]
    assert buttons.count() == 0


def test_well_known_progressions_come_in_the_key(asked: Page) -> None:
    receive_settings(asked, tonic="Eb", scale="major")
    asked.get_by_label("Well-known progressions").select_option(label="Four chords: Eb Bb Cm Ab")
    assert sent(asked) == [{"do": "set", "settings": {"chords": "Eb Bb Cm Ab"}}]
    receive_settings(asked, tonic="E", scale="harmonic minor")
    asked.get_by_label("Well-known progressions").select_option(label="Minor two five one: F#m7b5 B7 Em Em")


def rules_sent(page: Page) -> list[dict[str, Any]]:
    (action,) = sent(page)
    rules: list[dict[str, Any]] = action["settings"]["rules"]
    return rules


def test_arguments_of_a_rule(asked: Page) -> None:
    write(asked, "semitones", "7")
    assert rules_sent(asked)[0]["arguments"] == {"at_most": 7}
    write(asked, "share of intervals", "0.8")
    assert rules_sent(asked)[0]["arguments"] == {"at_most": 7, "at_least": 0.8}
    write(asked, "share of intervals", "")  # its own default
    assert rules_sent(asked)[0]["arguments"] == {"at_most": 7}
    field(asked, "shape").select_option("rising")
    assert rules_sent(asked)[1]["arguments"] == {"shape": "rising"}
    field(asked, "contour").uncheck()
    assert [rule["on"] for rule in rules_sent(asked)] == [True, False]


def test_rules_say_how_far_the_melody_keeps_them(asked: Page) -> None:
    assert asked.locator(".rule .reward").all_text_contents() == ["✓ kept", "82 %"]
    receive(asked, chosen=None)
    expect(asked.locator(".rule .reward").first).to_be_hidden()


def test_a_rule_is_added_by_the_keyboard_alone(asked: Page) -> None:
    asked.get_by_role("button", name="Add a rule").focus()
    asked.keyboard.press("Enter")
    dialog = asked.get_by_role("dialog", name="Add a rule")
    expect(dialog.get_by_label("Find")).to_be_focused()
    assert dialog.locator(".add-rule").all_text_contents() == ["leaps", "contour", "chord tones", "no low notes"]
    assert dialog.get_by_role("heading", level=3).all_text_contents() == ["Built in", "mine.py", "broken.py"]
    expect(dialog.get_by_text("line 3: invalid syntax")).to_be_visible()
    asked.keyboard.type("chord")
    expect(dialog.locator(".add-rule:visible")).to_have_text(["chord tones"])
    expect(dialog.get_by_role("status")).to_have_text("1 rule; Enter adds chord tones")
    asked.keyboard.press("ArrowDown")
    asked.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert rules_sent(asked)[2] == {"name": "chord_tones", "arguments": {}, "on": True}
    expect(field(asked, "chords")).to_be_focused()
    receive(asked, rule_errors={"2": "TypeError: chord_tones() missing 1 required positional argument: 'progression'"})
    expect(field(asked, "chords")).to_have_accessible_description("still needed: chords")
    expect(field(asked, "only on beats")).not_to_have_attribute("aria-invalid", "true")
    asked.keyboard.type("C | G")
    asked.keyboard.press("Enter")
    assert rules_sent(asked)[2]["arguments"] == {"progression": "C | G"}
    asked.get_by_role("button", name="Add a rule").press("Enter")
    asked.keyboard.type("shape")
    asked.keyboard.press("Enter")  # the first that is found
    assert rules_sent(asked)[3] == {"name": "contour", "arguments": {"shape": "rising"}, "on": True}
    asked.get_by_role("button", name="Add a rule").press("Enter")
    asked.keyboard.press("Escape")
    expect(asked.get_by_role("button", name="Add a rule")).to_be_focused()


def test_the_rule_that_is_called_so_comes_first(asked: Page) -> None:
    asked.get_by_role("button", name="Add a rule").click()
    asked.keyboard.type("no low")
    expect(asked.locator(".add-rule:visible")).to_have_text(["no low notes"])
    asked.get_by_label("Find").fill("reward")
    assert asked.locator(".add-rule:visible").all_text_contents() == ["leaps", "contour", "chord tones"]
    asked.get_by_label("Find").fill("chord")
    asked.get_by_label("Find").fill("")
    assert asked.locator(".add-rule:visible").all_text_contents() == ["leaps", "contour", "chord tones", "no low notes"]
    asked.get_by_label("Find").fill("no")  # "The reward is 0 with fewer than two notes" is not of the name
    expect(asked.locator(".best .add-rule")).to_have_text("no low notes")
    asked.keyboard.press("Enter")
    assert rules_sent(asked)[2]["name"] == "/home/me/mine.py:no_low_notes"


def test_a_rule_is_removed(asked: Page) -> None:
    asked.get_by_role("button", name="Remove leaps").click()
    assert [rule["name"] for rule in rules_sent(asked)] == ["contour"]
    expect(asked.get_by_role("button", name="Remove contour")).to_be_focused()
    asked.keyboard.press("Enter")
    assert rules_sent(asked) == []
    expect(asked.get_by_role("button", name="Add a rule")).to_be_focused()


def test_two_of_a_rule_and_one_that_is_not_there(asked: Page) -> None:
    two = [{"name": "leaps", "arguments": {"at_most": number}, "on": True} for number in (3, 9)]
    receive_settings(asked, rules=[*two, {"name": "gone.py:mine", "arguments": {"a": 1}, "on": True}])
    assert [one.input_value() for one in field(asked, "semitones").all()] == ["3", "9"]
    expect(asked.get_by_text("a 1 (this rule is not there now)")).to_be_visible()
    asked.get_by_role("button", name="Remove leaps").first.click()
    assert [one.input_value() for one in field(asked, "semitones").all()] == ["9"]


def test_a_saved_file_of_rules_changes_its_fields(asked: Page) -> None:
    changed = copy.deepcopy(CATALOGUE)
    changed[1]["parameters"].append(
        {"name": "width", "kind": "int", "default": 3, "choices": None, "doc": "", "required": False}
    )
    receive(asked, catalogue=changed)
    expect(field(asked, "width")).to_have_attribute("placeholder", "3")
    assert field(asked, "shape").input_value() == "arch"
    expect(asked.get_by_text("broken.py: line 3: invalid syntax")).to_be_visible()


def test_markup_is_shown_as_text(asked: Page) -> None:
    rules = [{"name": MARKUP, "arguments": {MARKUP: MARKUP}, "on": True}]
    taste = {"liked": 1, "disliked": 0, "share": None, "text": MARKUP}
    learned = [{"rules": MARKUP, "report": MARKUP}]
    receive(asked, key_error=MARKUP, chords_error=MARKUP, rule_errors={"0": MARKUP}, taste=taste, learned=learned)
    receive(
        asked, busy={"what": "learn", "text": MARKUP, "stoppable": True, "curve": []}, forms=[MARKUP], scales=[MARKUP]
    )
    receive_settings(asked, rules=rules, form=MARKUP, chords=MARKUP)
    open_all(asked)
    asked.get_by_role("button", name="Add a rule").click()
    assert asked.locator("#asked img, #asked b").count() == 0
    assert asked.evaluate("window.broken") is None
    expect(asked.get_by_role("dialog").get_by_text(MARKUP).first).to_be_visible()


def test_learning_starts_shows_its_curve_and_stops(asked: Page) -> None:
    asked.locator("summary", has_text="Learning").click()
    asked.get_by_role("button", name="Learn these rules").click()
    assert sent(asked) == [{"do": "learn"}]
    busy = {"what": "learn", "text": "Learning two rules", "stoppable": True, "curve": []}
    receive(asked, busy=busy)
    expect(asked.get_by_role("button", name="Stop")).to_be_focused()
    receive(asked, busy={**busy, "curve": [[1, 0.1, 0.2], [2, 0.4, 0.5], [3, 0.62, 0.71]]})
    curve = asked.get_by_role("img", name="Learning: round 3: 71 % keep the rules, 62 % sound natural too")
    expect(curve).to_be_visible()
    points = curve.locator("polyline.kept").get_attribute("points").split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(points) == 3
    assert heights == sorted(heights, reverse=True)
    assert curve.locator("polyline.satisfied").evaluate("line => getComputedStyle(line).strokeDasharray") != "none"
    assert curve.locator("polyline.kept").evaluate("line => getComputedStyle(line).strokeDasharray") == "none"
    expect(asked.get_by_text("Round 3: 71 % keep the rules, 62 % sound natural too")).to_be_visible()
    asked.keyboard.press("Enter")
    assert sent(asked) == [{"do": "stop"}]
    receive(asked, busy=None)
    expect(asked.get_by_text("Ended after round 3")).to_be_visible()
    expect(asked.get_by_text("Learned: leaps of at most 4")).to_be_visible()


def test_without_rules_nothing_is_learned(asked: Page) -> None:
    asked.locator("summary", has_text="Learning").click()
    receive_settings(asked, rules=[])
    expect(asked.get_by_role("button", name="Learn these rules")).to_be_disabled()
    receive_settings(asked, chords="Am F")
    expect(asked.get_by_role("button", name="Learn these rules")).to_be_enabled()
    receive_settings(asked, chords=None)
    expect(asked.get_by_text("Key, notes and range need no learning")).to_be_visible()


def test_taste(asked: Page) -> None:
    asked.locator("summary", has_text="Taste").click()
    expect(asked.get_by_text("5 liked, 2 not")).to_be_visible()
    expect(asked.get_by_text("31% of known melodies are to your taste")).to_be_visible()
    expect(asked.get_by_role("meter", name="Known melodies that are to your taste")).to_have_js_property("value", 0.31)
    asked.get_by_role("button", name="Ask me").click()
    field(asked, "More to my taste").check()
    assert sent(asked) == [{"do": "ask"}, {"do": "set", "settings": {"taste": True}}]
    receive(asked, taste={"liked": 0, "disliked": 0, "share": None, "text": ""})
    expect(asked.get_by_text("Give melodies a thumb up or down")).to_be_visible()
    expect(asked.get_by_role("meter")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(asked: Page, scheme: Any) -> None:
    asked.emulate_media(color_scheme=scheme)
    asked.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)
    open_all(asked)
    curve = [[1, 0.1, 0.2], [2, 0.4, 0.5]]
    receive(asked, key_error="key: wrong", rule_errors={"0": "leaps: wrong"})
    receive(asked, busy={"what": "learn", "text": "Learning", "stoppable": True, "curve": curve})
    rules = [
        {"name": name, "arguments": {}, "on": name != "contour"} for name in ("leaps", "contour", "chord_tones", "gone")
    ]
    receive_settings(asked, rules=rules, tonic=None)
    found = run_axe(asked)
    asked.get_by_role("button", name="Add a rule").click()
    assert found + run_axe(asked) == []


def run_axe(page: Page) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    report = axe.run(page)  # its script goes in through the debugger, which the policy does not keep out
    return [f"{each['id']}: {node['html']}" for each in report.response["violations"] for node in each["nodes"]]
