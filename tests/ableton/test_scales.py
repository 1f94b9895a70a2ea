"""The key of a Live set, in melodylc's words."""

import pytest

from melodylc.ableton.scales import LIVE_SCALES, key_of
from melodylc.base.errors import UserError
from melodylc.rules.key import Key


@pytest.mark.parametrize("scale", LIVE_SCALES)
def test_every_scale_of_live_on_every_root_has_its_pitch_classes(scale):
    for root in range(12):
        key = Key.parse(key_of(root, scale))
        assert key.classes == {(root + step) % 12 for step in LIVE_SCALES[scale]}
        assert key.tonic in (root, None)


@pytest.mark.parametrize(
    ("root", "scale", "name"),
    [
        (9, "Minor", "A minor"),
        (0, "Major", "C major"),
        (6, "Dorian", "F# dorian"),
        (10, "Minor Blues", "Bb minor blues"),
        (2, "Super Locrian", "D altered"),  # the same scale by another name
        (4, "Bhairav", "E double harmonic"),
        (0, "Pelog Tembung", "C in"),  # which melodylc calls so, while its pelog is Live's Pelog Selisir
        (0, "Pelog Selisir", "C pelog"),
        (7, "Half-whole Dim.", "G half-whole"),
        (0, "8-Tone Spanish", "0,1,3,4,5,6,8,10"),  # which has no name here
        (11, "Messiaen 5", "0,4,5,6,10,11"),
        (3, "Bebop", "Eb bebop dominant"),  # not Live's, but known here
    ],
)
def test_names(root, scale, name):
    assert key_of(root, scale) == name


def test_what_is_no_key_is_said():
    with pytest.raises(UserError, match=r"scale 'Slendro' is not known; give the key"):
        key_of(0, "Slendro")
    with pytest.raises(UserError, match=r"root note from 0 \(C\) to 11 \(B\), got 12"):
        key_of(12, "Major")
