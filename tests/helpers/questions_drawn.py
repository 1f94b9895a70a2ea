"""Well-formed questions to the bridge, drawn by hypothesis."""

from hypothesis import strategies as st

WISHES = {
    "key": st.sampled_from(["C major", "F# dorian", "0,2,4,7,9"]),
    "notes": st.integers(1, 256),
    "at_most": st.integers(1, 256),
    "range": st.sampled_from(["C4-G5", "60-79"]),
    "rules": st.lists(st.sampled_from(["syncopation", "leaps(5)"]), max_size=2),
    "chords": st.just("Am F C G"),
    "form": st.just("AABA"),
    "count": st.integers(1, 3),
    "seed": st.integers(0, 2**53 - 1),
    "temperature": st.floats(0, 10),
    "strict": st.booleans(),
    "tempo": st.floats(4, 1000),
}


@st.composite
def melodies(draw, bars):
    """Notes in so many bars: chords and overlaps among them, on the grid and off it."""
    times = st.integers(0, bars * 16 - 1).map(lambda step: step / 4) | st.floats(0, bars * 4, exclude_max=True)
    lengths = st.sampled_from([0.01, 0.25, 0.5, 1, 2.02, 5])
    notes = st.tuples(st.integers(0, 127), times, lengths, st.integers(1, 127))
    return [list(note) for note in draw(st.lists(notes, max_size=12))]


@st.composite
def questions(draw, kinds=("hello", "generate", "vary", "infill", "continue", "attributes")):
    """A question with any of its fields."""
    kind = draw(st.sampled_from(kinds))
    said = {"do": kind}
    if kind not in ("hello", "attributes"):
        said |= draw(st.fixed_dictionaries({}, optional=WISHES))
    if draw(st.booleans()):
        said["id"] = draw(st.integers(0, 2**53) | st.text(max_size=5) | st.none())
    if kind == "generate" and draw(st.booleans()):
        said["bars"] = draw(st.integers(1, 64))
    if kind in ("vary", "infill", "continue", "attributes"):
        bars = draw(st.integers(1, 8))
        said |= {"bars": bars, "melody": draw(melodies(bars))}
    if kind == "infill":
        begin = draw(st.integers(0, bars * 16 - 1))
        end = draw(st.integers(begin + 1, bars * 16))
        said["remake"] = [begin / 4, end / 4]
        if draw(st.booleans()):
            said["keep"] = draw(st.sampled_from(["rhythm", "pitches"]))
    if kind == "continue" and draw(st.booleans()):
        said["more"] = draw(st.integers(1, 16))
    return said
