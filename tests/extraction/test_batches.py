"""Files read many at a time give what each gives on its own."""

from collections import Counter

import numpy as np
import pytest

from melodylc.extraction.bars import states_of_windows
from melodylc.extraction.batches import FILE_REASONS, Reader
from melodylc.extraction.windows import FIRST, NO_NOTES, NO_WINDOWS, Filters, extract_windows
from midi_io import compiled, smf

LOOSE = Filters(min_notes=1, min_unique_pitches=1, max_rest_bars=16, pair_2_4=True)


def random_file(rng):
    """The bytes of a file of some tracks with notes, signatures out of order, percussion; one in three is damaged."""
    tracks = []
    for _ in range(rng.integers(1, 4)):
        body = b""
        for _ in range(rng.integers(0, 200)):
            channel, pitch = rng.choice([0, 0, 1, 9]), rng.integers(50, 70)
            if rng.random() < 0.01:
                body += bytes([rng.integers(100), 0xFF, 0x58, 4, rng.integers(0, 5), rng.integers(1, 4), 24, 8])
            delta, length = rng.integers(0, 30), rng.integers(1, 40)
            body += bytes([delta, 0x90 | channel, pitch, 80, length, 0x80 | channel, pitch, 0])
        body += b"\x00\xff\x2f\x00"
        tracks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    data = bytearray(b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + b"\0\x18" + b"".join(tracks))
    if rng.random() < 0.3:
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(256)
    return bytes(data[: rng.integers(len(data))] if rng.random() < 0.1 else data)


@pytest.mark.parametrize("filters", [Filters(), LOOSE])
@pytest.mark.parametrize("interpreted", [False, True])
def test_a_batch_gives_what_its_files_give(filters, interpreted):
    rng = np.random.default_rng(0)
    reader = Reader(filters)
    reader.found = reader.found[0][:1], reader.found[1][:1]  # has to be enlarged
    for count in (1, 40, 40) if not interpreted else (5,):
        files = [b"", *(random_file(rng) for _ in range(count))]
        if interpreted:
            with compiled.interpreted():
                found = reader.read(files)
        else:
            found = reader.read(files)
        states, places, lines, numbers, codes = [], [], [], [], []
        rejected, others, faults, signatures = np.zeros(3, int), 0, Counter(), Counter()
        for index, data in enumerate(files):
            numbers.append(0)
            try:
                parsed = smf.parse(data)
            except smf.BrokenFileError as error:
                codes.append(FILE_REASONS.index(str(error)))
                continue
            faults.update(dict.fromkeys(parsed.faults, 1))
            if not len(parsed.notes):
                codes.append(FILE_REASONS.index(NO_NOTES))
                continue
            alone = extract_windows(parsed, filters)
            codes.append(0 if len(alone.states) else FILE_REASONS.index(NO_WINDOWS))
            numbers[-1] = len(alone.states)
            states += alone.states.tolist()
            places += alone.places.tolist()
            lines += [[index, *line] for line in alone.rejected_lines.tolist()]
            rejected += alone.rejected_windows
            others += alone.other_stretches
            signatures.update({f"{n}/{d}" if n else "nonsense": k for (n, d), k in alone.signatures.items()})
        assert states_of_windows(found.bars, found.windows[:, FIRST]).tolist() == states
        assert found.windows[:, :FIRST].tolist() == places
        assert found.numbers.tolist() == numbers
        assert found.codes.tolist() == codes
        assert found.rejected_lines.tolist() == lines
        assert found.rejected_windows.tolist() == rejected.tolist()
        assert (found.other_stretches, found.faults, found.signatures) == (others, faults, signatures)
    assert len(states) > 20
    assert len(lines) > 2


@pytest.mark.parametrize("pad", [False, True])
def test_no_notes_give_no_windows(pad):
    none = smf.Parsed(24, np.empty((0, 7), np.int64), np.empty((0, 3), np.int64), np.empty((0, 2), np.int64), {})
    with compiled.interpreted():  # which finds what is read or written out of bounds
        found = extract_windows(none, LOOSE, pad)
    assert (len(found.states), len(found.places), len(found.rejected_lines)) == (0, 0, 0)
    assert (found.rejected_windows.tolist(), found.other_stretches, found.signatures) == ([0, 0, 0], 0, {})


def test_a_file_larger_than_all_before_finds_room():
    reader = Reader(LOOSE)
    reader.largest, reader.room = 1, smf.room_for(1)
    data = random_file(np.random.default_rng(9))
    found = reader.read([data])
    states = states_of_windows(found.bars, found.windows[:, FIRST])
    assert states.tolist() == extract_windows(smf.parse(data), LOOSE).states.tolist()
    assert len(states) > 100
    assert reader.largest == len(data)


def test_a_file_refused_in_the_middle_leaves_nothing_behind():
    crowded = b"\x00\x90\x37\x40" * (smf.MAX_NOTES + 1)
    refused = b"MThd\0\0\0\6\0\1\0\1\0\x18MTrk" + len(crowded).to_bytes(4, "big") + crowded
    good = random_file(np.random.default_rng(9))
    found = Reader(LOOSE).read([refused, good, refused, good])
    assert found.codes.tolist()[::2] == [FILE_REASONS.index(f"more than {smf.MAX_NOTES:,} notes")] * 2
    states = states_of_windows(found.bars, found.windows[:, FIRST]).tolist()
    assert states == 2 * extract_windows(smf.parse(good), LOOSE).states.tolist()
    assert len(states) > 100
