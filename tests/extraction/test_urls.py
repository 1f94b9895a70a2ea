"""Extraction from and to URLs, on the storage that fsspec keeps in memory."""

from contextlib import contextmanager

import pytest
from generated import contents, melody_bytes
from ray_extra import need_ray

from melodylc import cli
from melodylc.base.errors import UserError
from melodylc.extraction import Corpus, discovery, engines, extract, parts, plan, storage

try:
    import fsspec
except ImportError:  # then `installed` says so
    fsspec = None


@pytest.fixture(autouse=True)
def installed():
    need_ray()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Music on this machine, the same at memory://music, and parts of ten files."""
    monkeypatch.setattr(plan, "FILES_PER_CHUNK", 10)
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    root = tmp_path / "music"
    names = [f"{seed:02d}.mid" for seed in range(30)]
    names += ["a/1.mid", "a-b/1.mid", "a.b/[x] *.mid", "a/deeper/1.MID", "Ü/ü.mid", "named.mid/inside.mid", "read.me"]
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(melody_bytes(seed % 33) if seed else b"")
        fs.pipe_file(f"/music/{name}", path.read_bytes())
    yield root
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def stored(url):
    fs = fsspec.filesystem("memory")
    return {path.rpartition("/")[2]: fs.cat_file(path) for path in fs.find(url.removeprefix("memory:/"))}


def test_the_same_bytes_from_and_to_a_url(folder, tmp_path):
    card = extract([folder], tmp_path / "corpus", workers=1, progress=False, rejected=tmp_path / "here.tsv")
    there = extract(
        ["memory://music/"], "memory://data/corpus", workers=1, progress=False, rejected=tmp_path / "there.tsv"
    )
    assert card == there
    assert card["files"] == 37
    assert stored("memory://data") == contents(tmp_path / "corpus")  # and nothing of the run is left
    assert (tmp_path / "here.tsv").read_bytes() == (tmp_path / "there.tsv").read_bytes()
    corpus = Corpus("memory://data/corpus")
    assert corpus.card == card
    assert (corpus.states("valid") == Corpus(tmp_path / "corpus").states("valid")).all()


def test_a_cluster_is_told_which_paths_all_nodes_need(folder, tmp_path, monkeypatch):
    told = []

    @contextmanager
    def here(address, paths):
        told.append((address, paths))
        yield engines.in_this_process

    monkeypatch.setattr("melodylc.extraction.ray_engine.on_ray", here)
    more = tmp_path / "more.mid"
    more.write_bytes(melody_bytes(50))
    extract(["memory://music", more], "memory://corpus", progress=False, engine="ray", address="auto")
    extract([more], tmp_path / "corpus", progress=False, engine="ray")
    assert told == [("auto", [str(more)]), (None, [str(more), f"{tmp_path}/corpus.partial"])]


def test_files_are_found_in_the_order_of_those_on_disk(folder):
    here = [file.source for file in discovery.find_midi_files([folder])]
    assert [file.source for file in discovery.find_midi_files(["memory://music"])] == here
    assert [file.source for file in discovery.find_midi_files(["memory://music/a/1.mid"])] == ["1.mid"]


def test_files_at_file_urls_are_those_on_disk(folder, tmp_path):
    found = list(discovery.find_midi_files([folder]))
    assert list(discovery.find_midi_files([folder.as_uri()])) == found
    assert storage.path_of(tmp_path.as_uri()) == tmp_path


def test_a_stopped_run_goes_on(folder, tmp_path, monkeypatch):
    made = []
    make = parts.extract_chunk

    def some(chunk, filters, work, number):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(number)
        return make(chunk, filters, work, number)

    with monkeypatch.context() as patched:
        patched.setattr(parts, "extract_chunk", some)
        with pytest.raises(KeyboardInterrupt):
            extract(["memory://music"], "memory://corpus", workers=1, progress=False)
    first, made[:] = list(made), []
    monkeypatch.setattr(parts, "extract_chunk", lambda *job: made.append(job[3]) or make(*job))
    extract(["memory://music"], "memory://corpus", workers=1, progress=False)
    assert (first, made) == ([0, 1], [2, 3])
    extract([folder], tmp_path / "corpus", workers=1, progress=False)
    assert stored("memory://corpus") == contents(tmp_path / "corpus")


def test_a_changed_file_makes_another_run(folder):
    (before,) = discovery.find_midi_files(["memory://music/a/1.mid"])
    (again,) = discovery.find_midi_files(["memory://music/a/1.mid"])
    fsspec.filesystem("memory").pipe_file("/music/a/1.mid", melody_bytes(99))
    (after,) = discovery.find_midi_files(["memory://music/a/1.mid"])
    assert before == again != after


def test_a_file_that_is_gone_since_it_was_found_is_counted(folder, monkeypatch):
    listed = list(discovery.find_midi_files(["memory://music"]))
    fsspec.filesystem("memory").rm("/music/05.mid")
    reasons = {file.source: str(data) for file, data in parts._contents(listed) if isinstance(data, Exception)}
    assert reasons == {"music/05.mid": discovery.UNREADABLE, "music/named.mid": discovery.FOLDER}


def test_what_is_at_out_is_left_alone(folder):
    extract(["memory://music"], "memory://corpus", workers=1, progress=False)
    with pytest.raises(UserError, match="memory://corpus exists already"):
        extract(["memory://music"], "memory://corpus", workers=1, progress=False)
    with pytest.raises(UserError, match="holds other files"):
        extract(["memory://music"], "memory://music", workers=1, progress=False)
    with pytest.raises(UserError, match="without"):
        extract(["memory://music"], "memory://[mc]*", workers=1, progress=False)


@pytest.mark.parametrize(
    ("url", "why"),
    [("memory://nowhere", "found nothing at memory://nowhere"), ("nonsense://a", "a URL that fsspec opens")],
)
def test_a_url_that_cannot_be_read_is_one_line(tmp_path, capsys, url, why):
    assert cli.main(["extract", url, "--out", str(tmp_path / "corpus")]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1
    assert not (tmp_path / "corpus.partial").exists()


def test_a_list_of_the_rejected_stays_here(folder):
    with pytest.raises(UserError, match="is a URL"):
        extract(["memory://music"], "memory://corpus", progress=False, rejected="memory://list.tsv")


def test_what_a_storage_remembers_of_a_folder_is_not_trusted(monkeypatch):
    """s3fs and gcsfs remember what was in a folder, and would not find what a node wrote since."""
    from fsspec.implementations.memory import MemoryFileSystem

    folder, remembered = storage.path_of("memory://written"), {}
    find = MemoryFileSystem.ls

    def ls(self, path, detail=True, **options):
        if path not in remembered:
            remembered[path] = find(self, path, detail, **options)
        return remembered[path]

    def cat_file(self, path, *bounds, **options):
        if path.rpartition("/")[0] in remembered and path not in remembered[path.rpartition("/")[0]]:
            raise FileNotFoundError(path)
        return read(self, path, *bounds, **options)

    read = MemoryFileSystem.cat_file
    monkeypatch.setattr(MemoryFileSystem, "ls", ls)
    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda self, path=None: remembered.clear())
    folder.fs.pipe_file("/written/a", b"a")
    assert storage.names(folder) == {"a"}
    folder.fs.store["/written/b"] = folder.fs.store["/written/a"]
    assert storage.read_whole([folder / "b"]) == [b"a"]
    folder.fs.store["/written/c"] = folder.fs.store["/written/a"]
    assert storage.names(folder) == {"a", "b", "c"}
