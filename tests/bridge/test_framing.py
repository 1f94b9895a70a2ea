"""Messages in two framings, in whatever pieces they come."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.bridge.framing import LENGTH, MOST_BYTES, FramingError, Reader, framed

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
messages = st.dictionaries(st.text(), values, max_size=4)


def pieces(data, cuts):
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(st.lists(messages, min_size=1, max_size=4), st.booleans(), st.lists(st.integers(0, 10**6), max_size=6))
def test_what_is_framed_is_read_again_however_it_is_cut(sent, lengths, cuts):
    reader = Reader()
    data = b"".join(framed(each, lengths) for each in sent)
    read = [message for piece in pieces(data, cuts) for message in reader.feed(piece)]
    assert [json.loads(message) for message in read] == sent
    assert reader.lengths == lengths
    assert reader.rest() == []


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_are_read_the_same_however_they_are_cut(data, cuts):
    def read(parts):
        reader, found = Reader(), []
        try:
            for part in parts:
                found += reader.feed(part)
            return found + reader.rest(), None
        except FramingError as error:
            return None, str(error)

    assert read(pieces(data, cuts)) == read([data])


@pytest.mark.parametrize("begins", [b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"\n{}\n", b"\x16\x03\x01", b"\x01\0\0\0"])
def test_who_speaks_otherwise_is_told_nothing(begins):
    with pytest.raises(FramingError) as error:
        Reader().feed(begins)
    assert str(error.value) == ""


def test_a_line_without_its_end_is_read_when_nothing_follows_and_empty_ones_are_none():
    reader = Reader()
    assert reader.feed(b'{"a":1}\r\n\n \n{"b":2} ') == [b'{"a":1}']
    assert reader.rest() == [b'{"b":2}']


def test_messages_have_a_length_at_most():
    whole = b"{" + b" " * (MOST_BYTES - 2) + b"}"
    assert Reader().feed(whole + b"\n") == [whole]
    assert Reader().feed(len(whole).to_bytes(LENGTH, "big") + whole) == [whole]
    for too_long in (
        b"{" + b" " * (MOST_BYTES + 1),
        b"{" + b"x" * MOST_BYTES + b"\n",
        (MOST_BYTES + 1).to_bytes(4, "big"),
    ):
        with pytest.raises(FramingError, match=f"at most {MOST_BYTES} bytes"):
            Reader().feed(too_long)
