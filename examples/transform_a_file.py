"""A melody of a MIDI file, changed just enough to be in C minor: python examples/transform_a_file.py IN.mid OUT.mid"""

import sys

import melodylc
from melodylc import Attributes

source, target = sys.argv[1:]
mine = melodylc.select_melody(source)
print(f"taken: {mine}")
changed = melodylc.transform(melodylc.load(), mine.states, Attributes(key="C minor"), seed=0)
melodylc.write_midi(target, changed.melodies[0])
print(f"{(changed.melodies[0] == mine.states).mean():.0%} of the steps stayed; {changed.summary}")
