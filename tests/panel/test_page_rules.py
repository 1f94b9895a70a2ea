"""Rules, learning and likes on the page, from the list of rules to melodies that are to one's taste."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect


def tasks(panel, name):
    return [task for task in panel.running.source.asked if task.name == name]


def add_rule(panel, word):
    """Find a rule in the list and add it."""
    panel.button("Add a rule…").click()
    panel.page.get_by_label("Find").fill(word)
    panel.page.keyboard.press("Enter")


def test_a_rule_is_found_added_changed_switched_off_and_removed(panel):
    add_rule(panel, "stepw")
    panel.until(lambda: [rule.name for rule in panel.history.settings.rules] == ["stepwise"])
    panel.until(lambda: tasks(panel, "generate")[-1].asked["rules"] == ["stepwise"])
    row = panel.page.locator("li.rule")
    expect(row).to_contain_text("stepwise")
    expect(panel.page.locator("#melody .facts")).to_contain_text("stepwise")
    expect(row.locator(".reward")).to_be_visible()  # how far the melody in the roll keeps it
    share = row.get_by_label("share of intervals")
    panel.new_set(lambda: (share.fill("0.9"), share.press("Enter")))
    assert tasks(panel, "generate")[-1].asked["rules"] == ["stepwise(at_least=0.9)"]
    panel.new_set(lambda: row.get_by_label("stepwise", exact=True).uncheck())
    assert tasks(panel, "generate")[-1].asked["rules"] == []
    row.get_by_role("button", name="Remove stepwise").click()
    expect(row).to_have_count(0)


def test_what_a_rule_needs_is_said_at_it(panel):
    add_rule(panel, "leaps")
    row = panel.page.locator("li.rule")
    expect(row.locator(".field-error")).to_be_visible()
    panel.new_set(lambda: (row.get_by_label("semitones").fill("5"), row.get_by_label("semitones").press("Enter")))
    expect(row.locator(".field-error")).to_be_hidden()


def test_rules_are_learned_and_the_curve_is_seen_meanwhile(panel):
    source = panel.running.source
    panel.new_set(lambda: add_rule(panel, "stepwise"))
    panel.open_parts()
    source.held = True
    panel.button("Learn these rules").click()
    panel.until(lambda: source.asked[-1].name == "learn")
    source.tell(curve=[[1, 0.1, 0.2], [2, 0.4, 0.5]])
    source.wake()
    part = panel.page.locator("#learning")
    expect(part.locator("svg").first).to_be_visible()
    expect(part.get_by_role("status")).to_contain_text("40")
    stops = source.stops
    panel.button("Stop", "#learning").click()
    panel.until(lambda: source.stops > stops)
    source.held = False
    expect(panel.button("Learn these rules")).to_be_visible()
    expect(panel.toasts).to_contain_text("Learned")


def test_thumbs_teach_the_taste(panel):
    panel.open_parts()
    asked = len(tasks(panel, "taste"))
    panel.button("I like 1").click()
    panel.button("I do not like 2").click()
    expect(panel.button("I like 1")).to_have_attribute("aria-pressed", "true")
    panel.until(lambda: [each.mark for each in panel.candidates] == [1, -1, 0, 0])
    panel.until(lambda: len(tasks(panel, "taste")) >= asked + 2)
    expect(panel.page.locator("#taste")).to_contain_text("25% of known melodies are to your taste")
    panel.page.keyboard.press("u")
    panel.until(lambda: panel.melody.mark == 0)
    panel.page.keyboard.press("d")
    panel.until(lambda: panel.melody.mark == -1)


def test_it_asks_and_more_to_my_taste_is_a_rule(panel):
    panel.open_parts()
    panel.new_set(lambda: panel.button("Ask me").click())
    expect(panel.cards).to_have_count(2)
    panel.button("I like 2").click()
    panel.until(lambda: panel.candidates[1].mark == 1)
    (panel.running.panel.folder / "taste.safetensors").touch()  # as the inference process writes it
    panel.new_set(lambda: panel.field("More to my taste").check())
    assert tasks(panel, "generate")[-1].asked["taste"].endswith("taste.safetensors")
