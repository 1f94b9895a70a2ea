"""The smallest SoundFont: one sine, looped, on all keys of every program of bank 0."""

import struct

import numpy as np

RATE = 44100
PERIOD = 100  # samples: 441 Hz, about A4


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def listed(name, *chunks):
    return chunk(b"LIST", name + b"".join(chunks))


def soundfont(programs=(0,)):
    """Return the bytes of an SF2 file."""
    wave = (20000 * np.sin(2 * np.pi * np.arange(20 * PERIOD) / PERIOD)).astype("<i2")
    samples = wave.tobytes() + bytes(2 * 46)  # the 46 zeros that the format asks for
    headers = [struct.pack("<20sHHHIII", b"Sine", program, 0, i, 0, 0, 0) for i, program in enumerate(programs)] + [
        struct.pack("<20sHHHIII", b"EOP", 0, 0, len(programs), 0, 0, 0)
    ]
    bags = [struct.pack("<HH", i, 0) for i in range(len(programs) + 1)]
    instrument, sample, modes = 41, 53, 54  # generators
    return chunk(
        b"RIFF",
        b"sfbk"
        + listed(
            b"INFO", chunk(b"ifil", struct.pack("<HH", 2, 1)), chunk(b"isng", b"EMU8000\0"), chunk(b"INAM", b"Sine\0\0")
        )
        + listed(b"sdta", chunk(b"smpl", samples))
        + listed(
            b"pdta",
            chunk(b"phdr", b"".join(headers)),
            chunk(b"pbag", b"".join(bags)),
            chunk(b"pmod", bytes(10)),
            chunk(b"pgen", struct.pack("<HH", instrument, 0) * len(programs) + bytes(4)),
            chunk(b"inst", struct.pack("<20sH", b"Sine", 0) + struct.pack("<20sH", b"EOI", 1)),
            chunk(b"ibag", struct.pack("<HHHH", 0, 0, 2, 0)),
            chunk(b"imod", bytes(10)),
            chunk(b"igen", struct.pack("<HHHH", modes, 1, sample, 0) + bytes(4)),
            chunk(
                b"shdr",
                struct.pack("<20sIIIIIBbHH", b"Sine", 0, len(wave), 4 * PERIOD, 16 * PERIOD, RATE, 69, 0, 0, 1)
                + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
            ),
        ),
    )
