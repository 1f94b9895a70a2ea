"""Melodies into the page and out of it: MIDI files dropped, dragged out, downloaded, saved, ABC, MusicXML, a staff."""

import io
import re

import numpy as np
import pytest
from panel_musician import compose

from melodylc.exchange import write_midi
from melodylc.extraction.selection import select_melody
from midi_io import files, recording
from midi_io.messages import note_off, note_on

expect = pytest.importorskip("playwright.sync_api").expect

DROP = """([name, numbers]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(numbers)], name, { type: "audio/midi" }));
  const tell = (kind) => document.body.dispatchEvent(
    new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  tell("dragenter");
  const shown = document.body.classList.contains("dropping");
  tell("dragover");
  tell("drop");
  return [shown, document.body.classList.contains("dropping")];
}"""
DRAG = """(element) => {
  const data = new DataTransfer();
  element.dispatchEvent(new DragEvent("dragstart", { dataTransfer: data, bubbles: true, cancelable: true }));
  const told = data.getData("DownloadURL");
  element.dispatchEvent(new DragEvent("dragend", { bubbles: true }));
  return told;
}"""
ANYTHING = {"attributes": {"key": "A minor"}, "bars": 16}


def drop(panel, name, data):
    """Drop a file on the page."""
    assert panel.page.evaluate(DROP, [name, list(data)]) == [True, False]


def read(tmp_path, data):
    """Return the melody of a MIDI file, given as bytes."""
    path = tmp_path / "read.mid"
    path.write_bytes(data)
    return tuple(select_melody(path).states.tolist())


def downloaded(panel, do):
    """Return the name and the bytes of the file that comes of what is done."""
    with panel.page.expect_download() as waited:
        do()
    return waited.value.suggested_filename, waited.value.path().read_bytes()


def test_a_dropped_file_comes_into_the_roll(panel, tmp_path):
    states = compose(ANYTHING, 16, 5)
    write_midi(tmp_path / "mine.mid", states)
    panel.new_set(lambda: drop(panel, "Ünser <i>Lied</i>.mid", (tmp_path / "mine.mid").read_bytes()))
    assert panel.melody.states == tuple(states.tolist())
    expect(panel.page.locator("#melody .facts")).to_contain_text("i>.mid 1")
    expect(panel.page.locator("dialog[open]")).to_have_count(0)  # there is one track: nothing to choose
    expect(panel.page.locator("#candidates i, #melody i, header i")).to_have_count(0)


def test_another_track_and_bar_of_a_file_are_chosen(panel, tmp_path):
    tunes = [np.concatenate([compose(ANYTHING, 16, seed), compose(ANYTHING, 16, seed + 1)]) for seed in (1, 11)]
    notes = [[files.Note(n.pitch, n.start, n.end) for n in notes_of(each)] for each in tunes]
    files.write(tmp_path / "two.mid", notes[0], beats=128, further={"second": notes[1]})
    panel.new_set(lambda: drop(panel, "two.mid", (tmp_path / "two.mid").read_bytes()))
    dialog = panel.page.locator("dialog#upload")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("radio")).to_have_count(2)
    dialog.get_by_role("radio").nth(1).check()
    dialog.get_by_label("Begin with bar").fill("17")
    panel.new_set(lambda: panel.button("Use it", "dialog#upload").click())
    expect(dialog).to_be_hidden()
    assert panel.melody.states == tuple(tunes[1][256:].tolist())
    panel.page.locator("#files").get_by_role("button", name="two.mid").click()
    expect(dialog.get_by_label("Begin with bar")).to_have_value("17")  # what is in the roll is what is chosen
    expect(dialog.get_by_role("radio").nth(1)).to_be_checked()
    panel.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_melody_of_a_recorded_session_is_chosen_by_its_marker(panel, tmp_path):
    tunes = [compose(ANYTHING, 16, seed) for seed in (1, 2, 3)]
    kept = recording.Recording(tmp_path / "take.mid")
    for number, states in enumerate(tunes):
        kept.mark(64 * number, 1, 120.0, 7 + number)
        for note in notes_of(states):
            for beat, message in ((note.start, note_on(0, note.pitch, 80)), (note.end, note_off(0, note.pitch))):
                kept.add(64 * number + beat, 1, 120.0, message)
    kept.close()
    panel.new_set(lambda: drop(panel, "take.mid", (tmp_path / "take.mid").read_bytes()))
    dialog = panel.page.locator("dialog#upload")
    expect(dialog).to_be_visible()
    expect(dialog.locator("option")).to_have_text(["…", "melody 7, bar 1", "melody 8, bar 17", "melody 9, bar 33"])
    dialog.get_by_label("Marker").select_option("melody 8, bar 17")
    expect(dialog.get_by_label("Begin with bar")).to_have_value("17")
    panel.new_set(lambda: panel.button("Use it", "dialog#upload").click())
    assert panel.melody.states == tuple(tunes[1].tolist())


def take_in(path, signature, bars):
    """Record a melody of quarters, bars of so many of them, in a time signature."""
    kept = recording.Recording(path)
    kept.count_bars(1, *signature)
    kept.mark(0, 1, 120.0, 1)
    for beat in range(round(bars * signature[0])):
        pitch = 60 + beat % 5
        kept.add(beat, 1, 120.0, note_on(0, pitch, 80))
        kept.add(beat + 1, 1, 120.0, note_off(0, pitch))
    kept.close()
    return path.read_bytes()


def test_a_session_recorded_in_three_says_why_it_is_not_taken_and_what_helps(panel, tmp_path):
    known = panel.history.chosen
    take = take_in(tmp_path / "waltz.mid", (3.0, 4.0), 24)
    drop(panel, "waltz.mid", take)
    expect(panel.toasts).to_contain_text("waltz.mid: expected notes in 4/4, all are in 3/4; call it 4/4 in your DAW")
    assert panel.history.chosen == known
    three, four = (bytes((0xFF, 0x58, 4, beats, 2)) for beats in (3, 4))
    assert take.count(three) == 1
    panel.new_set(lambda: drop(panel, "waltz.mid", take.replace(three, four)))  # what it says helps
    assert [state for state in panel.melody.states if state < 128] == [60 + beat % 5 for beat in range(64)]


def notes_of(states):
    from melodylc.melody import to_notes

    return to_notes(states)


def test_a_file_is_opened_by_its_button(panel, tmp_path):
    states = compose(ANYTHING, 16, 7)
    write_midi(tmp_path / "opened.mid", states)

    def choose():
        with panel.page.expect_file_chooser() as waited:
            panel.button("Open MIDI").click()
        waited.value.set_files(tmp_path / "opened.mid")

    panel.new_set(choose)
    assert panel.melody.states == tuple(states.tolist())


def test_what_is_no_midi_file_is_said(panel):
    known = panel.history.chosen
    drop(panel, "notes.mid", b"no MIDI at all")
    expect(panel.toasts).to_contain_text("notes.mid: expected a MIDI file")
    assert panel.history.chosen == known


def test_a_card_and_the_handle_are_dragged_out_as_a_file(panel, tmp_path):
    for element, known in (
        (panel.cards.nth(1), panel.candidates[1]),
        (panel.page.locator(".handle"), panel.candidates[0]),
    ):
        kind, name, url = element.evaluate(DRAG).split(":", 2)
        assert (kind, name) == ("audio/midi", f"{known.title}.mid")
        status, _, data = panel.running.get(url.removeprefix(panel.running.origin))
        assert status == 200
        assert read(tmp_path, data) == known.states


def test_what_is_dragged_out_is_not_taken_in_again(panel):
    asked = len(panel.running.source.asked)
    panel.page.locator(".handle").evaluate(
        """(element) => {
          const data = new DataTransfer();
          data.items.add(new File(["x"], "x.mid"));
          const tell = (at, kind) => at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true }));
          tell(element, "dragstart");
          tell(document.body, "drop");
          tell(element, "dragend");
        }"""
    )
    panel.page.keyboard.press("]")  # an action that comes after it
    panel.until(lambda: panel.history.settings.tempo == 125)
    assert len(panel.running.source.asked) == asked


def test_downloads(panel, tmp_path):
    panel.new_set(lambda: panel.write("Chords", "C G Am F"))
    name, data = downloaded(panel, lambda: panel.button("MIDI").click())
    assert name == "C major, over C G Am F 1.mid"
    assert read(tmp_path, data) == panel.melody.states
    panel.button("More", "#melody .exports").click()
    _, with_chords = downloaded(panel, lambda: panel.button("MIDI with its chords").click())
    assert len(with_chords) > len(data)
    name, xml = downloaded(panel, lambda: panel.page.keyboard.press("x"))
    assert name.endswith(".musicxml")
    music21 = pytest.importorskip("music21")
    score = music21.converter.parse(xml.decode(), format="musicxml")
    notes = [note for note in score.flatten().notes if isinstance(note, music21.note.Note) and not tied(note)]
    assert [note.pitch.midi for note in notes] == [state for state in panel.melody.states if state < 128]


def tied(note):
    return note.tie is not None and note.tie.type != "start"


def test_a_melody_is_saved_to_the_folder(panel, tmp_path):
    panel.button("Save", "#melody .exports").click()
    expect(panel.button("Saved")).to_be_visible()
    expect(panel.toasts.first).to_contain_text("Saved as C-major-1-01.mid")
    path = panel.running.panel.folder / panel.melody.saved
    assert tuple(select_melody(path).states.tolist()) == panel.melody.states
    panel.page.keyboard.press("s")
    panel.until(lambda: panel.melody.saved == "C-major-1-02.mid")


def test_abc_is_copied(panel):
    panel.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=panel.running.origin)
    panel.page.keyboard.press("a")
    expect(panel.toasts).to_contain_text("copied as ABC")
    copied = panel.page.evaluate("navigator.clipboard.readText()")
    assert copied.encode() == panel.running.get(f"/melodies/{panel.melody.id}.abc")[2]
    assert re.search(r"^K:\s*C", copied, re.MULTILINE)


def test_the_staff_shows_every_note(panel):
    panel.button("Staff").click()
    dialog = panel.page.locator("dialog#staff")
    expect(dialog.locator(".paper svg")).to_be_visible()
    onsets = sum(state < 128 for state in panel.melody.states)
    assert dialog.locator(".paper .abcjs-notehead").count() >= onsets
    dialog.get_by_text("As ABC").click()
    expect(dialog.locator("pre")).to_contain_text("X:1")
    image = io.BytesIO(dialog.screenshot())
    from PIL import Image

    assert len(set(Image.open(image).convert("L").getdata())) > 2
    panel.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    panel.page.keyboard.press("v")
    expect(dialog).to_be_visible()
    panel.button("Close", "dialog#staff").click()
    expect(dialog).to_be_hidden()
