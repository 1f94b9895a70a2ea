"""Seven melodies from one to another, all in D dorian, as one MIDI file each: python examples/from_one_to_another.py"""

import melodylc
from melodylc import Attributes

model = melodylc.load()
dorian = Attributes(key="D dorian")
first, last = melodylc.generate(model, dorian, count=2, seed=3).melodies
path = melodylc.interpolate(model, first, last, 7, dorian, seed=0)
for number, melody in enumerate(path.melodies, 1):
    melodylc.write_midi(f"step-{number}.mid", melody)
    print(f"{number}: {(melody == first).mean():4.0%} of the steps as in the first, by {path.ways[number - 1]}")
