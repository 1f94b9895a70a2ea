"""What a notebook shows of melodies, in a real browser: nothing but the text of the cell's output is there."""

import html
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import melodylc
from melodylc.base.errors import UserError
from melodylc.generated import Generated
from melodylc.inlining import as_function, one_script
from melodylc.melody import HOLD, REST
from melodylc.notebook import PAGE, show


def melody(bars, pitch=60):
    states = np.full(16 * bars, HOLD, np.uint8)
    states[::4] = pitch + np.arange(4 * bars) % 7
    return states


@pytest.fixture
def cell(browser):
    """Put an output into a page of its own; return its frame. Afterwards: nothing went wrong, nothing was fetched."""
    page = browser.new_page(viewport={"width": 900, "height": 420})
    said, fetched = [], []
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))

    def output(shown):
        page.set_content(f"<!doctype html><html><body>{shown._repr_html_()}</body></html>")
        frame = page.frames[-1]
        frame.wait_for_selector("#roll canvas", state="attached")
        return frame

    yield output
    page.close()
    assert said == []
    assert [url for url in fetched if not url.startswith(("data:", "about:"))] == []


COLOURS = """() => {
  const canvas = document.querySelector("#roll canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
PIXELS = "() => document.querySelector('#roll canvas').toDataURL()"


def test_the_roll_is_drawn_and_plays(cell):
    frame = cell(melodylc.show(melody(4), chords="C | F", tempo=240))
    frame.wait_for_function(f"({COLOURS})() > 8")
    assert "4 bars" in frame.get_attribute("#roll", "aria-label")
    assert not frame.is_visible("#melodies")
    assert frame.is_checked("#chords")
    assert frame.input_value("#tempo") == "240"
    still = frame.evaluate(PIXELS)
    frame.click("#play")
    frame.wait_for_function("document.getElementById('play').textContent === 'Stop'")
    frame.wait_for_function("(before) => document.querySelector('#roll canvas').toDataURL() !== before", arg=still)
    moved = frame.evaluate(PIXELS)
    frame.wait_for_function("(before) => document.querySelector('#roll canvas').toDataURL() !== before", arg=moved)
    frame.wait_for_function("document.getElementById('play').textContent === 'Play'")  # four seconds later, by itself
    assert frame.inner_text("#error") == ""


def test_several_melodies_and_what_is_turned(cell):
    frame = cell(show([melody(2), melody(16, 70)], names=["one", "</script><b>two"]))
    assert frame.locator("#which option").all_inner_texts() == ["one", "</script><b>two"]
    assert not frame.is_visible("#with-chords")
    assert "2 bars" in frame.get_attribute("#roll", "aria-label")
    frame.click("#after")
    assert "16 bars" in frame.get_attribute("#roll", "aria-label")
    assert frame.locator("#which").evaluate("(which) => which.selectedIndex") == 1
    frame.click("#after")
    assert "2 bars" in frame.get_attribute("#roll", "aria-label")
    frame.fill("#tempo", "1000")
    frame.press("#tempo", "Enter")
    assert frame.input_value("#tempo") == "400"
    frame.focus("#roll")
    frame.page.keyboard.press("Space")
    frame.wait_for_function("document.getElementById('play').textContent === 'Stop'")
    frame.page.keyboard.press("Space")
    frame.wait_for_function("document.getElementById('play').textContent === 'Play'")


def test_what_is_taken():
    batch = np.stack([melody(16), melody(16, 50)])
    assert show(batch[0]).titles == ("Melody 1",)
    assert show(batch).titles == ("Melody 1", "Melody 2")
    made = Generated(batch, [1, 2], ["prior", "masked"], [(), ()])
    assert show(made).titles == ("Melody 1, prior", "Melody 2, masked")
    assert show([melody(1), melody(8)], names="ab").titles == ("a", "b")
    assert repr(show(batch)) == "<2 melodies, shown by a notebook>"
    assert '"states": [129, 60, 128, 60, ' in show(np.array([HOLD, 60, HOLD, 60] * 4)).page
    for wrong in (np.zeros((2, 2, 16), np.uint8), np.zeros(5, np.uint8), np.full(16, 200)):
        with pytest.raises(ValueError, match="melody: expected"):
            show(wrong)
    for words, said in (
        ({"names": ["one"]}, "expected 2 names, got 1"),
        ({"tempo": 5}, "tempo: expected"),
        ({"chords": "H"}, "chords: expected"),
    ):
        with pytest.raises(UserError, match=said):
            show(batch, **words)
    with pytest.raises(UserError, match="expected melodies, got none"):
        show(batch[:0])


@given(st.text(max_size=30))
def test_a_title_stays_a_text(title):
    page = show(np.full(16, REST), names=[title]).page
    assert page.count("</script>") == 2
    output = show(np.full(16, REST), names=[title])._repr_html_()
    found = re.fullmatch(r'<iframe title="([^"]*)" sandbox="allow-scripts" [^<>]*? srcdoc="([^"]*)"></iframe>', output)
    assert html.unescape(found[2]) == page
    assert "<" not in found[1]


def test_modules_become_functions(tmp_path):
    (tmp_path / "one.js").write_text(
        'import {\n  two, three as third,\n} from "./two.js";\nexport { four as fourth } from "./two.js";\n'
        "const x = 1;\nexport const here = x;\nexport async function later() {}\nexport class Thing {}\n"
        "export { x, third as y };\n"
        'const F = "./file.js";\nconst f = new URL(F, import.meta.url);\n'
        'const h = new URL("./file.js", import.meta.url);\nconst g = () => import("./more.js");\n'
    )
    (tmp_path / "two.js").write_text("export function two() {}\nexport const three = 3;\nexport const four = 4;\n")
    (tmp_path / "file.js").write_text("1")
    assert as_function((tmp_path / "one.js").read_text(), tmp_path) == (
        "const { two: two, three: third } = $modules['two.js'];\n\nconst x = 1;\nconst here = x;\n"
        "async function later() {}\n"
        'class Thing {}\n\nconst F = "./file.js";\n'
        'const f = new URL("data:text/javascript;base64,MQ==");\n'
        'const h = new URL("data:text/javascript;base64,MQ==");\n'
        'const g = () => Promise.reject(new Error("This page does not have it."));\n\n'
        "return { fourth: $modules['two.js'].four, x: x, y: third, here, later, Thing };"
    )
    script = one_script(tmp_path / "one.js")
    assert script.index('$modules["two.js"] = ') < script.index('$modules["one.js"] = ')


@pytest.mark.parametrize(
    "line",
    [
        'import one from "./two.js";',
        'import * as all from "./two.js";',
        'import "./two.js";',
        'import { x } from "other";',
        "export default 3;",
        "export let x = 3;",
        'export * from "./two.js";',
        "const here = import.meta.url;",
        "const here = new URL(other, import.meta.url);",
        "import(name);",
    ],
)
def test_other_forms_of_import_are_refused(line, tmp_path):
    with pytest.raises(ValueError, match="a module cannot be put into a page"):
        as_function(f"const a = 1;\n{line}\n", tmp_path)


def test_modules_that_import_each_other_are_refused(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";')
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js: modules import each other"):
        one_script(tmp_path / "a.js")


def test_every_module_of_the_page_can_be_put_into_one():
    assert one_script(PAGE / "notebook.js").count("$modules[") > 30
    assert len(show(melody(64)).page) < 250_000
