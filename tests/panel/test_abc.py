"""ABC as abcjs reads it, by which the panel shows melodies as staff notation."""

import numpy as np
import pytest

from melodylc.melody import canonical, to_notes
from melodylc.notation import to_abc
from melodylc.notebook import PAGE

READ = """(text) => {
  const tune = ABCJS.renderAbc("staff", text)[0];
  const [track = []] = tune.setUpAudio({ chordsOff: true }).tracks;
  const notes = track.filter(({ cmd }) => cmd === "note").map(({ pitch, start }) => [pitch, Math.round(16 * start)]);
  return { warnings: tune.warnings ?? [], notes, lines: tune.lines.length };
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.set_content("<div id='staff'></div>")
    page.add_script_tag(path=PAGE / "third_party" / "abcjs" / "abcjs-basic-min.js")
    yield page
    page.close()


@pytest.mark.parametrize("key", [None, "C", "Bb minor", "F# dorian", "A locrian", "E blues"])
@pytest.mark.parametrize("chords", [None, "Am | F C"])
def test_abcjs_reads_the_notes_that_were_written(page, key, chords):
    rng = np.random.default_rng(len(f"{key}{chords}"))
    for low, high in ((24, 110), (60, 72), (40, 60), (60, 63)):
        kinds = rng.random(5 * 16)
        states = np.where(kinds < 0.1, 129, np.where(kinds > 0.65, rng.integers(low, high, 5 * 16), 128))
        states = canonical(states.astype(np.uint8))
        read = page.evaluate(READ, to_abc(states, key=key, chords=chords))
        assert read["warnings"] == []
        assert read["notes"] == [[note.pitch, round(4 * note.start)] for note in to_notes(states)]
        assert read["lines"] == 2
