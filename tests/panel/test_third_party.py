"""The scripts of others: as published, with their licences, and nothing fetched from elsewhere."""

import hashlib
import json
import re
from pathlib import Path

import melodylc

PAGE = Path(melodylc.__file__).parent / "panel" / "page"
THIRD_PARTY = PAGE / "third_party"
# Addresses that the scripts of others name and the page never loads; third_party/README.md says what they are.
NAMED = re.compile(
    r"http://www\.w3\.org/|https://abcjs\.net\)|https://paulrosen\.github\.io/midi-js-soundfonts/|http://opensource\.org/"
)


def shipped():
    return {
        path.relative_to(THIRD_PARTY).as_posix(): path
        for path in THIRD_PARTY.rglob("*")
        if path.is_file() and path.parent != THIRD_PARTY
    }


def test_every_file_is_as_published():
    hashes = json.loads((THIRD_PARTY / "hashes.json").read_text())
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in shipped().items()} == hashes


def test_every_folder_has_its_licence_and_is_described():
    readme = (THIRD_PARTY / "README.md").read_text()
    for folder in THIRD_PARTY.iterdir():
        if folder.is_dir():
            licence = (folder / "LICENSE").read_text()
            assert "Apache License" in licence or "Permission is hereby granted" in licence
            assert f"`{folder.name}`" in readme
    for name in shipped():
        assert f"`{name}`" in readme


def test_nothing_is_loaded_from_elsewhere():
    for path in PAGE.rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            addresses = re.findall(r"https?://[^\s\"'`]*", path.read_text())
            assert [address for address in addresses if not NAMED.match(address)] == [], path


def test_the_page_is_small():
    files = [path for path in PAGE.rglob("*") if path.is_file() and "abcjs" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 1_000_000
