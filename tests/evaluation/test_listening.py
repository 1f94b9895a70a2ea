"""The page to listen to: it tells nothing and needs nothing; and the scores of its answers, worked out by hand."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.cli import main
from melodylc.evaluation import listening
from melodylc.evaluation.listening import Candidate, write_listening
from melodylc.evaluation.listening_score import Answer, Key, read_answers, read_key, score, score_text, wilson
from melodylc.evaluation.real_melodies import RealMelodies
from melodylc.melody import from_notes
from midi_io.files import Note


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a page of four melodies of each kind, as the command writes it."""
    folder = tmp_path_factory.mktemp("listening")
    assert main(["evaluate", "--listening", "--each", "4", "--seed", "3", "--out", str(folder)]) == 0
    return folder


def page_of(folder):
    return (folder / "listening.html").read_text(encoding="utf-8")


def content_of(folder):
    return json.loads(re.search(r"const page = (\{.*\});\n", page_of(folder))[1])


def key_of(folder):
    return json.loads((folder / "listening-key.json").read_text())


def test_the_page_needs_nothing_from_elsewhere(written):
    page = page_of(written)
    for reference in (
        r"https?:",
        r"\bsrc\s*=",
        r"<link",
        r"<iframe",
        r"\bimport\b",
        r"\burl\(",
        r"\bfetch\b",
        r"//[a-z]",
    ):
        assert not re.search(reference, page, re.IGNORECASE), reference
    assert "default-src 'none'" in page  # and a browser would refuse it
    assert not re.search(r"<[^>]*\bhref\b", page)


def test_the_page_says_nothing_of_what_is_what(written):
    page, key = json.dumps(content_of(written)).lower(), key_of(written)
    for word in ("real", "drawn", "controlled", "seed", "model", "request", "major", "corpus"):
        assert word not in page.replace("melodylc.listening.answers", ""), word
    assert [melody["id"] for melody in content_of(written)["melodies"]] == list(key["melodies"])
    assert {tuple(melody) for melody in content_of(written)["melodies"]} == {("id", "notes")}


def test_the_page_has_every_kind_in_random_order(written):
    kinds = [melody["kind"] for melody in key_of(written)["melodies"].values()]
    assert sorted(kinds) == ["controlled"] * 4 + ["drawn"] * 4 + ["real"] * 4
    changes = sum(before != after for before, after in pairwise(kinds))
    assert changes > 3
    requests = [melody["request"] for melody in key_of(written)["melodies"].values() if melody["kind"] == "controlled"]
    assert len(set(requests)) == 4


def test_the_melodies_of_the_page_are_those_chosen(tiny_model, tmp_path, monkeypatch):
    states = tiny_model.bank.states[:5]
    chosen = [Candidate(melody, kind) for melody, kind in zip(states, ("real", "real", "drawn", "drawn", "controlled"))]
    monkeypatch.setattr(listening, "candidates", lambda *_: chosen)
    real = RealMelodies.of_model(tiny_model)
    write_listening(tiny_model, real, tmp_path, seed=1)
    kinds = {name: melody["kind"] for name, melody in key_of(tmp_path)["melodies"].items()}
    expected = {melody.states.tobytes(): melody.kind for melody in chosen}
    for melody in content_of(tmp_path)["melodies"]:
        notes = [Note(pitch, start, start + length) for pitch, start, length in melody["notes"]]
        assert expected[from_notes(notes).tobytes()] == kinds[melody["id"]]
    first = page_of(tmp_path), key_of(tmp_path)
    write_listening(tiny_model, real, tmp_path, seed=1)
    assert (page_of(tmp_path), key_of(tmp_path)) == first
    write_listening(tiny_model, real, tmp_path, seed=2)
    assert content_of(tmp_path)["page"] != json.loads(re.search(r"const page = (\{.*\});\n", first[0])[1])["page"]


def without_texts(script):
    """A script without its comments, texts and regular expressions."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`|\(/[^/\n]+/g", " ", script, flags=re.DOTALL)


def test_the_script_of_the_page_is_whole(written):
    """No browser is needed to see that brackets close, that elements exist, and that functions are declared."""
    page = page_of(written)
    (script,) = re.findall(r"<script>\n(.*?)</script>", page, re.DOTALL)
    opened = []
    for character in without_texts(script).replace("replace ,", "replace("):
        if character in "([{":
            opened.append(character)
        elif character in ")]}":
            assert opened.pop() + character in ("()", "[]", "{}")
    assert opened == []
    for name in re.findall(r"getElementById\(\"(\w+)\"\)", script):
        assert f'id="{name}"' in page
    declared = set(re.findall(r"function (\w+)\(|const (\w+) = \(", script))
    declared = {name for pair in declared for name in pair if name}
    called = set(re.findall(r"(?<![.\w])([a-z]\w*)\(", without_texts(script)))
    built_in = {"if", "for", "while", "catch", "function", "return"}
    built_in |= {"setInterval", "clearInterval", "setTimeout", "requestAnimationFrame", "getComputedStyle"}
    assert called - built_in <= declared


def test_wilson_s_interval_by_hand():
    # from the tables of Newcombe (1998): 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(20, 20) == pytest.approx((1 - 0.1611, 1), abs=5e-5)


KEY = Key("p", {"a": "real", "b": "real", "c": "drawn", "d": "controlled"})


def test_scores_by_hand():
    said = [
        Answer("a", 5, "person"), Answer("b", 4, "machine"), Answer("a", None, "person"), Answer("b", 3, None),
        Answer("c", 1, "machine"),
    ]  # fmt: skip
    real, drawn, controlled = score(KEY, said)
    assert (real.kind, real.ratings, real.rating, real.guesses) == ("real", 3, 4.0, 3)
    assert real.for_human == pytest.approx(2 / 3)
    assert (real.low, real.high) == pytest.approx((0.2077, 0.9385), abs=5e-5)
    assert (drawn.ratings, drawn.rating, drawn.for_human) == (1, 1.0, 0.0)
    assert (controlled.ratings, controlled.rating, controlled.for_human, controlled.low) == (0, None, None, None)
    text = score_text([real, drawn, controlled])
    assert re.search(r"real +3 +4\.00 +3 +66\.7 % +20\.8 to 93\.9 %", text)
    assert re.search(r"controlled +0 +- +0 +- +-", text)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 5), st.booleans()), max_size=40))
def test_scores_are_means(said):
    answers = [Answer(name, rating, "person" if human else "machine") for name, rating, human in said]
    for row in score(KEY, answers):
        of_kind = [(rating, human) for name, rating, human in said if KEY.kinds[name] == row.kind]
        assert row.ratings == row.guesses == len(of_kind)
        if of_kind:
            assert row.rating == pytest.approx(np.mean([rating for rating, _ in of_kind]))
            assert row.for_human == pytest.approx(np.mean([human for _, human in of_kind]))
            assert 0 <= row.low <= row.for_human <= row.high <= 1


def answers_to(folder, **changes):
    """The file that the page would save, with every melody answered."""
    kinds = {name: melody["kind"] for name, melody in key_of(folder)["melodies"].items()}
    said = {
        name: {"rating": 5 if kind == "real" else 2, "made_by": "person" if kind == "real" else "machine"}
        for name, kind in kinds.items()
    }
    content = {
        "kind": "melodylc.listening.answers", "version": 1, "page": content_of(folder)["page"], "sitting": "s",
        "listener": "", "answers": said,
    }  # fmt: skip
    return content | changes


def test_the_page_saves_what_is_scored(written):
    """The names in the script are those that the score reads."""
    script = page_of(written)
    for name in ("kind: page.kind", "version: page.version", "page: page.page", "sitting", "listener", "answers"):
        assert name in re.search(r"const content = (\{.*?\});", script)[1]
    assert '"rating", "How musical is it?"' in script
    assert '"made_by", "Made by", [["person", "a person"], ["machine", "a machine"]]' in script
    assert {content_of(written)[name] for name in ("kind", "version")} == {"melodylc.listening.answers", 1}


def test_the_command_scores_answers(written, tmp_path, capsys):
    (tmp_path / "one.json").write_text(json.dumps(answers_to(written)))
    (tmp_path / "two.json").write_text(json.dumps(answers_to(written, sitting="t", answers={})))
    given_files = [str(tmp_path / name) for name in ("one.json", "two.json")]
    command = ["evaluate", "--score-listening", *given_files, "--out", str(written), "--json", str(tmp_path / "s.json")]
    assert main(command) == 0
    assert re.search(r"real +4 +5\.00 +4 +100\.0 % +51\.0 to 100\.0 %", capsys.readouterr().out)
    rows = {row["kind"]: row for row in json.loads((tmp_path / "s.json").read_text())["rows"]}
    assert (rows["drawn"]["rating"], rows["drawn"]["for_human"], rows["controlled"]["guesses"]) == (2, 0, 4)


def one_answer(folder, answer):
    name = next(iter(key_of(folder)["melodies"]))
    return json.dumps(answers_to(folder, answers={name: answer}))


DOCTORED = {
    "not JSON": lambda folder: "{",
    "not UTF-8": lambda folder: b"\xff\xfe",
    "too deep": lambda folder: "[" * 100_000,
    "a list": lambda folder: "[]",
    "another kind": lambda folder: json.dumps(answers_to(folder, kind="melodylc.listening.key")),
    "a later version": lambda folder: json.dumps(answers_to(folder, version=2)),
    "another page": lambda folder: json.dumps(answers_to(folder, page="0123")),
    "no page": lambda folder: json.dumps(answers_to(folder, page=None)),
    "no sitting": lambda folder: json.dumps(answers_to(folder, sitting=3)),
    "answers in a list": lambda folder: json.dumps(answers_to(folder, answers=[])),
    "an unknown melody": lambda folder: json.dumps(answers_to(folder, answers={"m": {"rating": 3}})),
    "a rating of 6": lambda folder: one_answer(folder, {"rating": 6}),
    "a rating of 0": lambda folder: one_answer(folder, {"rating": 0}),
    "a rating of true": lambda folder: one_answer(folder, {"rating": True}),
    "a rating in words": lambda folder: one_answer(folder, {"rating": "5"}),
    "a rating of half a point": lambda folder: one_answer(folder, {"rating": 2.5}),
    "another maker": lambda folder: one_answer(folder, {"made_by": "a\nghost"}),
    "makers": lambda folder: one_answer(folder, {"made_by": ["person"]}),
    "no object": lambda folder: one_answer(folder, 5),
    "a melody twice": lambda folder: one_answer(folder, {"rating": 1}).replace(
        '"rating": 1', '"rating": 1, "rating": 5'
    ),
}


@pytest.mark.parametrize("fault", DOCTORED)
def test_doctored_answers_are_one_line(written, tmp_path, capsys, fault):
    content = DOCTORED[fault](written)
    path = tmp_path / "answers.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    capsys.readouterr()
    assert main(["evaluate", "--score-listening", str(path), "--out", str(written)]) == 2
    found = capsys.readouterr()
    (line,) = found.err.splitlines()
    assert re.match(r"melodylc: listening: expected .* got .*", line)
    assert str(path) in line
    assert found.out == ""


def test_answers_of_one_sitting_count_once(written, tmp_path, capsys):
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps(answers_to(written)))
    assert main(["evaluate", "--score-listening", *map(str, tmp_path.glob("*.json")), "--out", str(written)]) == 2
    assert "are of one listener" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [{"melodies": None}, {"melodies": {"m": "real"}}, {"melodies": {"m": {"kind": "ours"}}}, {"page": 3}, {"kind": 1}],
)
def test_a_doctored_key_is_one_line(written, tmp_path, capsys, change):
    (tmp_path / "listening-key.json").write_text(json.dumps(key_of(written) | change))
    (tmp_path / "answers.json").write_text(json.dumps(answers_to(written)))
    capsys.readouterr()
    assert main(["evaluate", "--score-listening", str(tmp_path / "answers.json"), "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_missing_files_are_one_line(written, tmp_path, capsys):
    capsys.readouterr()
    for answers, out in (("none.json", written), ("none.json", tmp_path)):
        assert main(["evaluate", "--score-listening", str(tmp_path / answers), "--out", str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "No such file" in line


def test_the_key_reads_back(written):
    key = read_key(written)
    assert len(key.kinds) == 12
    assert read_answers([], key) == []
