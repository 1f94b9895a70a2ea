"""The shuffle by hash against a dictionary, in any order of its jobs."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray_extra import need_ray

from melodylc.extraction import checked, storage, unique
from melodylc.extraction.plan import Work
from melodylc.extraction.sections import read_section, write_sections


def shuffled(sizes, values, per_group, seed=0):
    """Which windows are first in the opinion of the shuffle, (N,) bool; its groups, and its buckets' entries."""
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(unique, "WINDOWS_PER_GROUP", per_group)
        work = Work(Path(scratch), "key")
        hashes = np.stack([values, values * 7], axis=1).astype("<u8")
        begin = 0
        for part, size in enumerate(sizes):
            with checked.writing(work.hashes(part)) as file:
                file.write(hashes[begin : begin + size].tobytes())
            begin += size
        groups, buckets = unique.groups_of(sizes), unique.number_of_buckets(sizes)
        order = random.Random(seed)
        for group in order.sample(groups, len(groups)):
            unique.scatter((work, group, buckets))
        counts = np.zeros(len(groups), int)
        for bucket in order.sample(range(buckets), buckets):
            counts += unique.find_firsts((work, bucket, len(groups)))
        paths = [work.buckets(group.number) for group in groups]
        entries = [sum(map(len, read_section(paths, bucket, unique.ENTRY))) for bucket in range(buckets)]
        first = []
        for group in groups:
            rows = unique.rows_of_firsts(work, group, buckets)
            assert len(rows) == counts[group.number]
            for size, chosen in zip(group.sizes, unique.rows_by_part(rows, group), strict=True):
                of_part = np.zeros(size, bool)
                of_part[chosen] = True
                first.append(of_part)
        return np.concatenate([np.empty(0, bool), *first]), groups, entries


@given(
    sizes=st.lists(st.integers(0, 12), max_size=12),
    different=st.integers(1, 40),
    per_group=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_first_of_equal_windows_whatever_the_groups_and_the_order(sizes, different, per_group, seed):
    values = np.random.default_rng(seed).integers(0, different, sum(sizes))
    found, groups, _ = shuffled(sizes, values, per_group, seed)
    seen = {}
    for row, value in enumerate(values.tolist()):
        seen.setdefault(value, row)
    assert np.flatnonzero(found).tolist() == sorted(seen.values())
    assert [size for group in groups for size in group.sizes] == sizes


def test_a_window_that_comes_everywhere_makes_no_bucket_large():
    sizes = [100] * 50
    _, groups, entries = shuffled(sizes, np.zeros(5000, int), 250)
    assert len(entries) == 20
    assert sum(entries) == max(entries) == len(groups) == 17  # three parts each


def test_buckets_and_groups_stay_small_however_many_windows():
    """Four billion windows: today's limit was 256 passes over all of them."""
    sizes = [40_000] * 100_000
    groups, buckets = unique.groups_of(sizes), unique.number_of_buckets(sizes)
    assert max(sum(group.sizes) for group in groups) < unique.WINDOWS_PER_GROUP + 40_000
    assert sum(sizes) / buckets <= unique.WINDOWS_PER_GROUP
    assert sum(len(group.sizes) for group in groups) == len(sizes)
    assert max(len(group.sizes) for group in unique.groups_of([0] * 5000)) == unique.PARTS_PER_GROUP


@pytest.mark.parametrize("url", [False, True])
def test_one_section_is_read_without_the_others(tmp_path, url):
    if url:
        need_ray()
    folder = storage.path_of("memory://sections") if url else tmp_path
    entries = np.arange(20, dtype="<u4")
    bounds = np.array([0, 0, 7, 7, 20])
    write_sections(folder / "a", entries, bounds)
    write_sections(folder / "b", entries[:0], np.zeros(5, int))
    for section, expected in enumerate([[], range(7), [], range(7, 20)]):
        of_a, of_b = read_section([folder / "a", folder / "b"], section, entries.dtype)
        assert of_a.tolist() == list(expected)
        assert of_b.tolist() == []
