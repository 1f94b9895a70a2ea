"""Melodies to draw from, and MIDI bytes made by hand."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def melodies(draw):
    """Canonical melodies (256,), from dense to empty."""
    from melodylc.melody import canonical

    onset, rest = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.integers(0, 127))
    high = draw(st.integers(low, 127))
    kinds = rng.random(256)
    states = np.full(256, 128, np.uint8)
    states[kinds < rest * 0.5] = 129
    at = kinds >= 1 - onset
    states[at] = rng.integers(low, high + 1, at.sum())
    return canonical(states)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def midi(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    """A MIDI file of raw track bodies."""
    head = kind.to_bytes(2, "big") + len(tracks).to_bytes(2, "big") + division.to_bytes(2, "big")
    return chunk(b"MThd", head) + b"".join(chunk(b"MTrk", track) for track in tracks)


END = b"\x00\xff\x2f\x00"


def melody_bytes(seed, bars=24, division=96):
    """A MIDI file of one line of random eighths: bars - 15 windows."""
    rng = np.random.default_rng(seed)
    body = b""
    for _ in range(bars * 8):
        pitch = int(rng.integers(55, 80))
        body += bytes([0, 0x90, pitch, 80, division // 2, 0x80, pitch, 0])
    return midi(body + END, division=division)


def contents(corpus):
    """The bytes of each file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(corpus.iterdir())}
