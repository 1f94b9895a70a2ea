"""Four melodies in E blues of at least 120 notes, as MIDI files: python examples/melodies_in_a_key.py"""

import melodylc
from melodylc import Attributes

model = melodylc.load()
made = melodylc.generate(model, Attributes(key="E blues", notes=120), count=4, seed=1)
for number, melody in enumerate(made.melodies, 1):
    melodylc.write_midi(f"blues-{number}.mid", melody, tempo=96)
print(made.summary)
