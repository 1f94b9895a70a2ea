"""Changes of one attribute: which there are, what they exclude, and what they weigh."""

from dataclasses import replace

import drawn
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vision.changes import apply_changes, changes_of, draw_changes
from vision.data import celeba, mnist

HAIR = ("bald", "black hair", "blond hair", "brown hair")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return celeba.load(drawn.celeba(tmp_path_factory.mktemp("faces") / "celeba"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return mnist.load(drawn.mnist(tmp_path_factory.mktemp("digits")))


def test_faces_are_changed_as_in_the_authors_notebook(faces):
    """Three colours of hair, glasses, female and male, facial hair, smile and age both ways."""
    assert [change.name for change in changes_of(faces)] == [
        "black hair",
        "blond hair",
        "brown hair",
        "eyeglasses",
        "not male",
        "male",
        "facial hair",
        "not smiling",
        "smiling",
        "not young",
        "young",
    ]


@given(labels=st.lists(st.lists(st.integers(0, 1), min_size=10, max_size=10), min_size=1, max_size=8))
def test_a_change_leaves_one_colour_of_hair_and_nothing_else_changed(faces, labels):
    labels = torch.tensor(labels).float()
    hair = [faces.attributes.index(name) for name in HAIR]
    others = [place for place in range(10) if place not in hair]
    before = labels.clone()
    for change in changes_of(faces):
        wanted = change.applied(labels, faces)
        assert change.is_in(wanted).all()
        differ = wanted != labels
        if change.place in hair:
            assert (wanted[:, hair].sum(dim=1) == 1).all()
            assert not differ[:, others].any()
        else:
            assert (differ.sum(dim=1) == (~change.is_in(labels)).long()).all()
        assert change.weights(faces).tolist() == [float(place == change.place) for place in range(10)]
    assert torch.equal(labels, before)


@given(seed=st.integers(0, 1000), labels=st.lists(st.integers(0, 1023), min_size=1, max_size=30))
def test_drawn_changes_are_new_to_each_image(faces, seed, labels):
    labels = torch.tensor([[float(bits >> place & 1) for place in range(10)] for bits in labels])
    changes = draw_changes(faces, labels, seed)
    wanted, weights = apply_changes(faces, labels, changes)
    for row, change, after, weight in zip(labels, changes, wanted, weights, strict=True):
        assert row[change.place] != after[change.place] == change.value
        assert weight.argmax() == change.place
        assert weight.sum() == 1


def test_every_change_is_drawn_at_some_time(faces):
    drawn_changes = {change.name for change in draw_changes(faces, torch.zeros(500, 10), 0)}
    assert drawn_changes == {change.name for change in changes_of(faces) if change.value}


def test_digits_change_to_every_other_class_and_all_classes_count(digits):
    labels = torch.eye(10)
    changes = draw_changes(digits, labels.repeat(40, 1), 0)
    wanted, weights = apply_changes(digits, labels.repeat(40, 1), changes)
    assert (wanted.sum(dim=1) == 1).all()
    assert len({(at % 10, change.name) for at, change in enumerate(changes)}) > 80  # of the 90 there are
    assert all(change.place != at % 10 for at, change in enumerate(changes))
    assert (weights == 1).all()


def test_other_attributes_are_changed_both_ways(faces):
    few = replace(faces, names=replace(faces.names, attributes=("hat", "pale"), alternatives=()))
    assert [change.name for change in changes_of(few)] == ["not hat", "hat", "not pale", "pale"]
