"""The melody in the panel's roll, played into a real JACK server while it is worked on."""

import numpy as np
from jackd import Dump, eventually
from panel_twin import melody

from melodylc.panel.into_daw import IntoDaw
from midi_io.files import read


def test_what_is_shown_is_played_recorded_and_ended(server, tmp_path):
    now, said = {"states": np.array(melody(60), np.uint8)}, []
    daw = IntoDaw(lambda: now["states"], lambda kind, text: said.append((kind, text)))
    daw.start(tmp_path, 240, "internal", None, True)
    assert eventually(lambda: daw.status["state"] == "on"), said
    dump = Dump(server)
    assert eventually(lambda: len(dump.onsets) > 8)
    assert {each.message[1] for each in dump.onsets} <= set(range(60, 68))
    now["states"] = np.array(melody(72), np.uint8)
    assert eventually(lambda: dump.onsets[-1].message[1] >= 72)
    daw.set_tempo(120)
    assert eventually(lambda: "120 bpm" in daw.status["text"])
    daw.stop()
    assert daw.status["state"] == "off"
    assert eventually(lambda: dump.hanging == set())  # once the dump has read what was sent last
    dump.close()
    (recorded,) = tmp_path.glob("live *.mid")
    (notes,) = read(recorded).values()
    pitches = {note.pitch for note in notes}
    assert min(pitches) < 68
    assert max(pitches) >= 72
