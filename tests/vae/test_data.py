"""Which windows a model is trained on, and how often."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from melodylc.melody import repeated_bars
from melodylc.vae.data import TrainingWindows, ranks


class Corpus:
    """Windows of one repeated pitch, from (source, track, pitch) each, in the form of a corpus."""

    def __init__(self, *rows):
        self.rows = rows

    def states(self, split):
        return np.repeat(np.array([pitch for _, _, pitch in self.rows], np.uint8)[:, None], 256, axis=1)

    def sources(self, split):
        return np.array([source for source, _, _ in self.rows])

    def tracks(self, split):
        return np.array([track for _, track, _ in self.rows], np.int32)


def test_the_kth_highest_line_of_a_file_weighs_a_kth():
    rows = [("a/x.mid", 0, 50), ("a/x.mid", 2, 70), ("a/x.mid", 1, 60), ("a/y.mid", 5, 40)]
    windows = TrainingWindows(Corpus(*rows), "train")
    x = windows.weights[:3]
    assert np.allclose(x / x.sum(), np.array([1 / 3, 1, 1 / 2]) / (1 / 3 + 1 + 1 / 2))
    assert np.isclose(windows.weights[3] / x.sum(), 1 / np.sqrt(3))


def test_a_collection_weighs_the_cube_root_of_its_windows():
    rows = [("large/x.mid", 0, 60)] * 64 + [("small/x.mid", 0, 60)] * 8
    windows = TrainingWindows(Corpus(*rows), "train")
    assert np.isclose(windows.weights[:64].sum() / windows.weights[64:].sum(), 4 / 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 127)), min_size=1, max_size=30))
def test_ranks_agree_with_sorting_each_file(rows):
    file, track, pitch = (np.array(column) for column in zip(*rows))
    lines = {}
    for f, t, p in rows:
        lines.setdefault((f, t), []).append(p)
    mean = {line: np.mean(pitches) for line, pitches in lines.items()}
    found = ranks(np.repeat(pitch.astype(np.uint8)[:, None], 256, axis=1), file, track)
    for (f, t, _), rank in zip(rows, found):
        others = [m for line, m in mean.items() if line[0] == f]
        better = sum(m > mean[f, t] for m in others)
        equal = sum(m == mean[f, t] for m in others)
        assert better < rank <= better + equal


def test_bars_that_repeat():
    bar = [60, 128, 128, 128, 62, 128, 128, 128, 64, 128, 128, 128, 65, 128, 128, 128]
    other = [67] + [128] * 15
    rest = [129] * 16
    held = [128] * 16
    melody = np.array([*bar, *other, *bar, *bar, *rest, *rest, *other, *held, *held, *bar, *([71] * 96)], np.uint8)
    assert len(melody) == 256
    assert repeated_bars(melody[None]).tolist() == [4 + 5]  # bars 3, 4, 7, 10, and five of the last six
