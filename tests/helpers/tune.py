"""A melody for the tests of plug-ins. It is no pattern: a model would go on with one, and make the same notes anew."""

PITCHES = [60, 64, 67, 65, 64, 62, 60, 59, 60, 62, 64, 69, 67, 64, 62, 62]
PITCHES += [65, 69, 72, 71, 69, 67, 65, 64, 62, 67, 65, 62, 60, 60, 67, 60]
TUNE = [[pitch, index / 2, 0.5, 70 + index % 20] for index, pitch in enumerate(PITCHES)]  # four bars
