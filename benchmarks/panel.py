"""Measure how soon the panel answers, and how smoothly it moves: python benchmarks/panel.py [--starts 3] [--repeats 10]

In a real browser, Debian's chromium driven by playwright. Sound is measured where it goes to the loudspeaker, frames in
the browser's own tracing. Needs melodylc[test] and, from Debian: chromium.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from panel_musician import Musician
from panel_page import KEYS, LISTENING
from panel_server import Running

import melodylc

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COMMAND = (sys.executable, "-c", "from melodylc.cli import entry; entry()", "panel", "--no-open")
PAGE = Path(melodylc.__file__).parent / "panel" / "page"
CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline.frame", "cc", "benchmark"]
BARS = 64
LOUD = 0.003
PATIENCE = 120_000  # milliseconds

# What is measured in the page is timed by the page. A field is found by its label, as by a musician.
TIMING = """
window.field = (label) => document.querySelector(`[aria-label="${label}"]`)
  ?? [...document.querySelectorAll("label")].find((one) => one.textContent === label).control;
window.soon = (true_) => new Promise((done) => {
  const look = () => (true_() ? done(performance.now()) : setTimeout(look, 4));
  look();
});
window.idle = () => document.querySelector("#busy .text").textContent === "";
window.turned = async (label, value) => {
  await soon(idle);
  await soon(() => loudness() < 0.0003);
  const one = field(label);
  const set = document.querySelector("#history select");
  const before = set.value;
  const began = performance.now();
  if (value === null) one.click();
  else {
    one.value = value;
    one.dispatchEvent(new Event("input", { bubbles: true }));
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const made = await soon(() => set.value !== before);
  document.querySelector(".card .play").click();
  const heard = await soon(() => loudness() > LOUD);
  document.querySelector("#transport .round").click();
  return [made - began, heard - began];
};
""".replace("LOUD", str(LOUD))

KNOBS: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "key": ("Tonic", ("D", "E", "F", "G", "A")),
    "notes": ("At least", ("60", "100", "48")),
    "chords": ("Chords", ("Am F C G", "C G Am F", "Dm G C C")),
    "form": ("Form", ("AABA", "ABAC", "AABB")),
    "rule": ("leaps", (None,)),  # switched on and off
}


@contextmanager
def command(folder: Path) -> Iterator[str]:
    """Run the panel, and yield its address."""
    process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def opened(browser: Browser) -> Page:
    """Return a page that listens to itself."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(LISTENING + TIMING)
    return context.new_page()


def start(browser: Browser) -> dict[str, float]:
    """Return the seconds from the command to each of what follows it."""
    page = opened(browser)
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with command(Path(folder)) as address:
            took["address"] = time.monotonic() - began
            page.goto(address)
            page.locator("#asked select").first.wait_for()
            took["page"] = time.monotonic() - began
            page.locator(".card").first.wait_for()
            took["first candidate"] = time.monotonic() - began
            page.locator(".card .play").first.click()
            page.evaluate(f"soon(() => loudness() > {LOUD})")
            took["first sound"] = time.monotonic() - began
            page.context.close()
    return took


def knobs(browser: Browser, repeats: int) -> dict[str, np.ndarray]:
    """Return (N, 2) seconds from each knob that is turned to the first new candidate, and to its sound."""
    page = opened(browser)
    found = {}
    with tempfile.TemporaryDirectory() as folder, command(Path(folder)) as address:
        page.goto(address)
        page.locator(".card").first.wait_for()
        page.locator(".card .play").first.click()  # the synthesizer is there from here on
        page.evaluate(f"soon(() => loudness() > {LOUD})")
        page.locator("#transport .round").click()
        for name, (label, values) in KNOBS.items():
            if name == "rule":
                add_rule(page, label)
            took = []
            for number in range(repeats):
                value = values[number % len(values)]
                took.append(page.evaluate("([label, value]) => turned(label, value)", [label, value]))
            found[name] = np.array(took) / 1000
            page.evaluate("soon(idle)")
            if name != "rule":  # which is no part of what is reset
                page.get_by_role("button", name="Reset all").click()
                page.evaluate("soon(idle)")
        page.context.close()
    return found


def add_rule(page: Page, name: str) -> None:
    """Add a rule, which says at once that it needs a number, and give it one."""
    page.get_by_role("button", name="Add a rule…").click()
    page.get_by_label("Find").fill(name)
    page.keyboard.press("Enter")
    argument = page.locator("li.rule").get_by_label("at most")
    argument.fill("5")
    argument.press("Enter")
    page.evaluate("soon(idle)")


def frames(browser: Browser, seconds: float) -> dict[str, dict[str, float]]:
    """Return what the tracing says of the frames, while 64 bars play and while their notes are dragged, too."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder) / "melodies", source=Musician())
        page = opened(browser)
        page.goto(running.address)
        page.locator(".card").first.wait_for()
        page.get_by_text("More", exact=True).first.click()
        page.get_by_label("Bars", exact=True).fill(str(BARS))
        page.get_by_label("Bars", exact=True).press("Enter")
        page.locator(f"#roll[aria-label*='{BARS} bars']").wait_for()
        page.locator("#transport .round").click()
        page.evaluate(f"soon(() => loudness() > {LOUD})")
        found = {"playing": traced(browser, page, seconds, dragging=False)}
        page.keyboard.press("2")
        found["playing, dragging"] = traced(browser, page, seconds, dragging=True)
        page.context.close()
        running.stop()
    return found


def traced(browser: Browser, page: Page, seconds: float, dragging: bool) -> dict[str, float]:
    """Return frames a second that were shown, the share that was dropped, and the longest time without one."""
    box = page.locator("#roll").bounding_box()
    assert box is not None
    x, y = box["x"] + KEYS + 0.4 * box["width"], box["y"] + 0.6 * box["height"]
    if dragging:
        page.mouse.move(x, y)
        page.mouse.down()
    browser.start_tracing(page=page, categories=CATEGORIES)
    began, turn = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        if dragging:
            turn += 1
            page.mouse.move(x + 200 * np.sin(turn / 20), y + 60 * np.sin(turn / 33))
        page.wait_for_timeout(8)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    if dragging:
        page.mouse.up()
    return counted(events)


def counted(events: list[dict[str, Any]]) -> dict[str, float]:
    """Return what the events of a trace say of its frames: when the page drew, when it was shown, what was dropped."""
    drawn = np.sort([event["ts"] / 1e6 for event in events if event["name"] == "BeginMainThreadFrame"])
    shown = np.sort([event["ts"] / 1e6 for event in events if event["name"] == "DrawFrame"])
    reports = [event for event in events if event["name"] == "PipelineReporter" and event["ph"] == "b"]
    states = [event["args"]["frame_reporter"]["state"] for event in reports]
    return {
        "drawn/s": (len(drawn) - 1) / (drawn[-1] - drawn[0]),
        "shown/s": (len(shown) - 1) / (shown[-1] - shown[0]),
        "dropped": states.count("STATE_DROPPED"),
        "of": len(shown),
        "longest ms": 1000 * np.diff(shown).max(),
    }


def sizes() -> dict[str, int]:
    """Return the bytes of the page's files, without those of the staff and with them."""
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    with_all = sum(path.stat().st_size for path in files)
    return {
        "without abcjs": with_all - sum(path.stat().st_size for path in files if "abcjs" in path.parts),
        "with abcjs": with_all,
    }


def main() -> None:
    """Print all measurements as tables."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=3, help="of the command")
    parser.add_argument("--repeats", type=int, default=10, help="of each knob")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each trace")
    parser.add_argument("--only", choices=("start", "knobs", "frames", "sizes"))
    options = parser.parse_args()
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        if options.only in (None, "start"):
            starts = [start(browser) for _ in range(options.starts)]
            print(f"{'seconds from the command':<28}{'median':>9}{'max':>9}")
            for name in starts[0]:
                took = [each[name] for each in starts]
                print(f"{name:<28}{np.median(took):>9.2f}{max(took):>9.2f}", flush=True)
        if options.only in (None, "knobs"):
            print(f"{'seconds from a knob':<28}{'candidate':>9}{'max':>9}{'sound':>9}{'max':>9}")
            for name, row in knobs(browser, options.repeats).items():
                middle, most = np.median(row, axis=0), row.max(axis=0)
                print(f"{name:<28}{middle[0]:>9.2f}{most[0]:>9.2f}{middle[1]:>9.2f}{most[1]:>9.2f}", flush=True)
        if options.only in (None, "frames"):
            found = frames(browser, options.seconds)
            print(f"{f'{BARS} bars':<28}" + "".join(f"{name:>12}" for name in found["playing"]))
            for name, figures in found.items():
                print(f"{name:<28}" + "".join(f"{value:>12.1f}" for value in figures.values()), flush=True)
        if options.only in (None, "sizes"):
            for name, size in sizes().items():
                print(f"page {name:<23}{size / 1000:>7.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
