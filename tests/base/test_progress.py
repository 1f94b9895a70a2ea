"""Bars on a terminal, plain lines in a file."""

import io
import sys

import pytest

from melodylc.base import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def drawn(monkeypatch):
    """What a bar of five steps writes to a stream."""

    def draw(stream, **options):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.bar(5, unit="step", desc="work", **options) as bar:
            for step in range(5):
                bar.set_postfix({"at": step}, refresh=False)
                bar.update()
        return stream.getvalue()

    return draw


def test_a_terminal_gets_a_bar(drawn):
    shown = drawn(Terminal())
    assert "\r" in shown
    assert "5/5" in shown


def test_a_file_gets_one_plain_line_of_a_short_job(drawn):
    shown = drawn(io.StringIO())
    assert "\r" not in shown
    assert "\x1b" not in shown
    assert shown.startswith("work: 5/5 steps [")
    assert shown.endswith(", at=4]\n")
    assert shown.count("\n") == 1


def test_a_file_gets_a_line_every_now_and_then_of_a_long_one(drawn, monkeypatch):
    times = iter(range(0, 100_000, 25))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))  # 25 seconds pass with each look
    lines = progress.Lines(stream := io.StringIO())
    for step in range(1, 10):
        lines.write(f"\rwork: {step}/9")
    lines.write("\n")
    said = stream.getvalue().splitlines()
    assert 2 <= len(said) <= 5
    assert said[-1] == "work: 9/9"
    assert "\r" not in stream.getvalue()


def test_none_where_none_is_wanted_and_none_stays_that_is_not_to(drawn):
    assert drawn(io.StringIO(), show=False) == ""
    assert drawn(Terminal(), show=False) == ""
    assert drawn(io.StringIO(), leave=False) == ""


def test_it_wraps_what_is_iterated_over(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    assert list(progress.bar(3, iter("abc"), unit="part", desc="unique")) == ["a", "b", "c"]
    assert stream.getvalue().startswith("unique: 3/3 parts")
