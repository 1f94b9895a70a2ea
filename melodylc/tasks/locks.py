"""What stays of each step of a melody when the rest is made anew, in numbers that page and server share."""

FREE, LOCKED, RHYTHM, PITCHES = range(4)  # nothing stays, all of it, its rhythm, its pitches
LAST = PITCHES
