"""What texts of --ask mean."""

import drawn
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from vision.asking import AskedLabels
from vision.data import celeba, mnist
from vision.data.celeba_attributes import ALTERNATIVES, ATTRIBUTES, label_names

NAMES = [name for name, _ in ATTRIBUTES]
HAIR = [NAMES.index(name) for name in ALTERNATIVES[0]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return celeba.load(drawn.celeba(tmp_path_factory.mktemp("faces") / "celeba", count=60))


def named(data, text):
    """The labels of a text by name."""
    return {data.attributes[place]: value for place, value in AskedLabels.of(data.names, text).named.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smiling, hat", {"smiling": 1, "hat": 1}),
        ("not young", {"young": 0}),
        ("SMILING,  Wearing_Hat ", {"smiling": 1, "hat": 1}),
        ("No_Beard", {"facial hair": 0}),
        ("not no beard", {"facial hair": 1}),
        ("Blond_Hair", {"blond hair": 1, "bald": 0, "black hair": 0, "brown hair": 0}),
        ("not bald", {"bald": 0}),
        ("none", dict.fromkeys(NAMES, 0)),
    ],
)
def test_names_of_the_paper_and_of_celeba_in_any_case(faces, text, expected):
    assert named(faces, text) == expected


def test_a_digit(tmp_path):
    data = mnist.load(drawn.mnist(tmp_path))
    assert named(data, "7") == {str(digit): float(digit == 7) for digit in range(10)}
    drawn_labels = AskedLabels.of(data.names, "7").drawn(data, 5, 0)
    assert drawn_labels.argmax(dim=1).tolist() == [7] * 5
    for text in ("1, 2", "not 3", "none", "ten"):
        with pytest.raises(UserError, match="--ask: expected one of 0, 1"):
            AskedLabels.of(data.names, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hat, shoes", "expected some, between commas and with or without not, or none, of bald"),
        ("young, not young", "young is asked for and excluded"),
        ("black hair, Blond_Hair", "black hair and blond hair exclude each other"),
        ("", "expected some"),
        ("not", "expected some"),
    ],
)
def test_what_cannot_be_asked(faces, text, message):
    with pytest.raises(UserError, match=message):
        AskedLabels.of(faces.names, text)


@given(wishes=st.dictionaries(st.sampled_from(NAMES), st.booleans(), min_size=1, max_size=4), seed=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_free_labels_are_those_of_images_that_have_the_named_ones(faces, wishes, seed):
    if sum(wishes.get(name, False) for name in ALTERNATIVES[0]) > 1:
        return
    asked = AskedLabels.of(faces.names, ", ".join(name if has else f"not {name}" for name, has in wishes.items()))
    labels = asked.drawn(faces, 20, seed)
    for name, has in wishes.items():
        assert (labels[:, NAMES.index(name)] == float(has)).all()
    if any(wishes.get(name) for name in ALTERNATIVES[0]):
        assert (labels[:, HAIR].sum(dim=1) == 1).all()
    known = {tuple(row) for row in faces.train.labels.tolist()}
    places = list(asked.named)
    possible = any(all(row[place] == asked.named[place] for place in places) for row in known)
    assert not possible or {tuple(row) for row in labels.tolist()} <= known
    assert torch.equal(labels, asked.drawn(faces, 20, seed))


def test_the_ten_are_the_papers_and_all_forty_can_be_chosen():
    assert label_names() == label_names(", ".join(name for name, _ in ATTRIBUTES))
    assert label_names().alternatives == (("bald", "black hair", "blond hair", "brown hair"),)
    every = label_names(",".join(drawn.NAMES))
    assert len(every.attributes) == 40
    assert every.alternatives == ALTERNATIVES
    assert every.attributes[:2] == ("5 o clock shadow", "arched eyebrows")
    assert label_names("Gray_Hair, Bald").alternatives == ()  # a quarter of the bald have gray hair
    assert label_names("hat").figure_labels == (("hat", (1,)),)


@given(st.permutations(drawn.NAMES), st.integers(1, 40), st.sampled_from([str.lower, str.upper, str.title]))
@settings(max_examples=50, deadline=None)
def test_chosen_attributes_mean_the_same_by_either_name(names, count, case):
    names = names[:count]
    chosen = label_names(", ".join(case(name) for name in names))
    ours = label_names(",".join(case(name) for name in chosen.attributes))
    assert ours == chosen
    for name, attribute in zip(names, chosen.attributes, strict=True):
        assert chosen.aliases[name] == (attribute, name != "No_Beard")


def test_chosen_labels_are_read_from_the_list(tmp_path):
    names = label_names("Pale_Skin, No_Beard, Gray_Hair")
    data = celeba.load(drawn.celeba(tmp_path / "faces", count=12), names)
    rows = drawn.attributes(12)[2::3]  # image n is in part n % 3, training is 0
    assert data.train.labels.tolist() == [[row["Pale_Skin"], not row["No_Beard"], row["Gray_Hair"]] for row in rows]
    assert data.fingerprint() != celeba.load(tmp_path / "faces").fingerprint()
