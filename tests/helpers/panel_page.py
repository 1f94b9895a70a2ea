"""The panel as a musician has it: the page in a browser, what is seen and heard of it, and what went wrong in it."""

import json
import time
from urllib.parse import urlparse

import numpy as np

from melodylc.melody import to_notes

KEYS, RULER, CHORDS, LANE = 44, 20, 18, 12  # pixels of the roll: its keyboard, and what is above its rows
SIZE = {"width": 1280, "height": 720}
PATIENCE = 60_000  # milliseconds that anything may take on a busy machine

# What goes to the loudspeaker goes to an analyser too, of two thirds of a second: too long for a poll to miss a note.
LISTENING = """
const connect = AudioNode.prototype.connect;
window.analysers = [];
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && to.context instanceof AudioContext) {
    const analyser = new AnalyserNode(to.context, { fftSize: 32768 });
    connect.call(this, analyser);
    window.analysers.push(analyser);
  }
  return connect.call(this, to, ...rest);
};
window.loudness = () => Math.max(0, ...window.analysers.map((analyser) => {
  const heard = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(heard);
  return heard.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
}));
"""


class Opened:
    """A page of a panel that runs. What goes wrong in it is in `wrong`, what it asked for in `asked`."""

    def __init__(self, browser, running, opened=True, **looks):
        self.running = running
        self.context = browser.new_context(**{"viewport": SIZE, **looks})
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(LISTENING)
        self.wrong, self.asked, self._told = [], [], []
        self.expected = None  # what the browser may tell of as an error
        self.context.on("page", self._watch)
        self.page = self.context.new_page()
        if opened:
            self.open()

    def _watch(self, page):
        page.on("console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", self._watch_socket)

    def _watch_socket(self, socket):
        self.asked.append(socket.url)
        socket.on("framereceived", lambda text: self._told.append(text))

    def told(self):
        """Return the melodies that the server has told, each as it was told last; what changes them comes last."""
        known = {}
        for text in self._told:
            known |= json.loads(text).get("state", {}).get("melodies", {})
        return list(known.values())

    def open(self, page=None):
        """Go to the address that the command prints, until melodies are there."""
        page = page or self.page
        page.goto(self.running.address)
        page.locator(".card").first.wait_for()
        return page

    def reopen(self):
        """Open the page as one does who was never here."""
        self.page.evaluate("localStorage.clear()")
        self.page.set_viewport_size(SIZE)
        self.page.emulate_media(color_scheme="light")
        self.page.mouse.move(0, 0)
        self.page.reload()
        self.cards.first.wait_for()

    def close(self):
        self.context.close()

    def check(self):
        """Assert that nothing went wrong in the page, and that it asked nobody but its own server."""
        own = {self.running.origin, self.running.origin.replace("http", "ws")}
        wrong, self.wrong = [text for text in self.wrong if not self.expected or self.expected not in text], []
        assert wrong == []
        assert [url for url in self.asked if not url.startswith(("data:", "blob:")) and _origin(url) not in own] == []

    # --- what is seen -------------------------------------------------------------------------------------------------

    @property
    def cards(self):
        return self.page.locator("#candidates .card")

    def button(self, name, inside="body"):
        return self.page.locator(inside).get_by_role("button", name=name, exact=True)

    def field(self, label):
        return self.page.get_by_label(label, exact=True)

    def write(self, label, text):
        self.field(label).fill(text)
        self.field(label).press("Enter")

    def open_parts(self):
        """Open what is folded at the left."""
        self.page.evaluate("document.querySelectorAll('#asked details.part').forEach((part) => { part.open = true; })")

    @property
    def banner(self):
        return self.page.locator("#banner")

    @property
    def toasts(self):
        return self.page.locator("#toasts .toast")

    def close_toasts(self):
        while self.toasts.count():
            self.toasts.first.get_by_role("button").click()

    @property
    def picture(self):
        """Return what the roll shows, to be compared."""
        return self.page.locator("#roll canvas").evaluate("(canvas) => canvas.toDataURL()")

    # --- what is heard ------------------------------------------------------------------------------------------------

    def wait_for_sound(self):
        self.wait_for("loudness() > 0.003")

    def wait_for_silence(self):
        self.wait_for("loudness() < 0.0003")

    def wait_for(self, true, page=None):
        """Wait until an expression of the page is true; the policy of the page forbids what playwright has for that."""
        (page or self.page).evaluate(
            """(patience) => new Promise((done, fail) => {
              const late = performance.now() + patience;
              const look = () => {
                if (TRUE) done();
                else if (performance.now() > late) fail(new Error(`not yet after ${patience} ms: TRUE`));
                else setTimeout(look, 10);
              };
              look();
            })""".replace("TRUE", true),
            PATIENCE,
        )

    # --- what the server has ------------------------------------------------------------------------------------------

    @property
    def history(self):
        return self.running.panel.history

    @property
    def melody(self):
        """Return the melody in the roll."""
        return self.history.melodies[self.history.chosen]

    @property
    def candidates(self):
        """Return the melodies of the set that is shown."""
        at = next(each for each in self.history.sets if each.id == self.history.at)
        return [self.history.melodies[id] for id in at.melodies]

    def until(self, true):
        """Wait until something holds of what the server has, which tells no events here."""
        late = time.monotonic() + PATIENCE / 1000
        while not (found := true()):
            assert time.monotonic() < late
            self.page.wait_for_timeout(10)
        return found

    def new_set(self, do):
        """Do something, wait until it has made another set and that is shown, and return its melodies."""
        count = self.history.sets[-1].id
        do()
        self.until(lambda: self.history.sets[-1].id != count)
        self.page.locator(f".card[data-melody='{self.candidates[0].id}']").wait_for()
        self.wait_for(f"document.querySelector('#history select').value === '{self.history.at}'")
        return self.candidates

    # --- the roll -----------------------------------------------------------------------------------------------------

    @property
    def roll(self):
        return self.page.locator("#roll")

    def place(self, step, pitch=None, known=None):
        """Return where a step and a pitch are on the page, without a pitch in the ruler.

        It is of the melody in the roll as it was shown first: what is changed by hand is shown where it was.
        """
        box = self.roll.bounding_box()
        known = known or self.melody
        x = box["x"] + KEYS + step * (box["width"] - KEYS) / len(known.states)
        if pitch is None:
            return x, box["y"] + RULER / 2
        pitches = [note.pitch for note in to_notes(np.array(known.states, np.uint8))]
        low, high = min(pitches), max(pitches)
        top = RULER + LANE + (CHORDS if known.facts.get("chords") else 0)
        height = box["height"] - top
        row = min(max(min(height / max(high - low + 5, 20), 18), 5), 26)
        return x, box["y"] + top + height / 2 + ((low + high) / 2 - pitch) * row

    def drag(self, begin, end):
        """Drag from a place to another."""
        self.page.mouse.move(*begin)
        self.page.mouse.down()
        self.page.mouse.move((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()


def _origin(url):
    parts = urlparse(url)
    return f"{parts.scheme}://{parts.netloc}"
