"""A run of the extraction as a process: stopped, killed, started twice, gone on with; and what it leaves."""

import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from generated import contents, melody_bytes

from melodylc import cli
from melodylc.base import signals
from melodylc.base.errors import UserError
from melodylc.extraction import Filters, compiling, discovery, engines, extract, plan, run
from melodylc.extraction import parts as making
from melodylc.extraction.rejected import COLUMNS, Rejected
from midi_io import compiled
from midi_io.files import SPECIAL

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and forks")
# small parts, so that there is time to stop between them; workers however little there is to do; SIGINT, which a
# shell's background jobs ignore, and SIGHUP, which nohup ignores
CODE = """
import multiprocessing, signal, sys
from melodylc import cli
from melodylc.extraction import compiling, plan
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
compiling.COLD_BYTES = compiling.WARM_BYTES = 0
plan.FILES_PER_CHUNK = 10
if sys.argv[1] != "default":
    multiprocessing.set_start_method(sys.argv[1])
sys.exit(cli.main(sys.argv[2:]))
"""


def command(folder, out, workers, method="default"):
    return [sys.executable, "-c", CODE, method, "extract", str(folder), "--out", str(out), "--workers", str(workers)]


def at_work(started, partial):
    """A process, started and waited for until its first part is there; its output is a pipe its workers hold too."""
    process = subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while process.poll() is None and not list(partial.glob("part-*.arrow")):
        time.sleep(0.002)
    return process


def said(process):
    """All that the process and its workers write, until the last of them is gone."""
    return process.communicate(timeout=60)[0].decode()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "music"
    root.mkdir()
    for index in range(40):
        (root / f"{index:03d}.mid").write_bytes(melody_bytes(index % 35))
    (root / "empty.mid").write_bytes(b"")
    (root / "gone.mid").symlink_to(root / "nowhere.mid")
    (root / "a\ttab.mid").write_bytes(b"no music")
    (root / "short.mid").write_bytes(melody_bytes(1, bars=3))
    return root


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(plan, "FILES_PER_CHUNK", 10)


@pytest.fixture
def compiling_always(monkeypatch):
    monkeypatch.setattr(compiling, "COLD_BYTES", 0)
    monkeypatch.setattr(compiling, "WARM_BYTES", 0)


@POSIX
@pytest.mark.parametrize(
    ("name", "code", "workers"),
    [("SIGINT", 130, 1), ("SIGINT", 130, 2), ("SIGTERM", 143, 2), ("SIGHUP", 129, 2), ("SIGKILL", -9, 2)],
)
def test_a_stopped_run_goes_on_without_losing_or_doubling(folder, tmp_path, name, code, workers):
    for index in range(1500):
        (folder / f"more{index:04d}.mid").write_bytes(melody_bytes(1000 + index))
    extract([folder], tmp_path / "whole", workers=1, progress=False)
    out, partial = tmp_path / "stopped", tmp_path / "stopped.partial"
    process = at_work(command(folder, out, workers), partial)
    process.send_signal(getattr(signal, name))
    text = said(process)
    assert process.returncode == code, text
    assert code < 0 or "stopped; the same command goes on from here" in text
    assert "Traceback" not in text
    assert not out.exists()
    assert list(partial.glob("part-*.arrow"))
    again = subprocess.run(command(folder, out, workers), check=False, capture_output=True)
    assert again.returncode == 0, again.stderr
    assert contents(out) == contents(tmp_path / "whole")
    assert not partial.exists()


@POSIX
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_end_with_a_killed_parent(folder, tmp_path, method):
    for index in range(400):
        (folder / f"more{index:04d}.mid").write_bytes(melody_bytes(1000 + index))
    process = at_work(command(folder, tmp_path / "corpus", 2, method), tmp_path / "corpus.partial")
    process.kill()
    said(process)  # raises if anyone still holds the pipe
    assert process.returncode == -signal.SIGKILL


def stopped_after(parts, monkeypatch):
    """Let runs in this process make so many parts and stop; returns the parts they made."""
    made = []
    make = making.extract_chunk

    def some(chunk, filters, work, number):
        if len(made) == parts:
            raise KeyboardInterrupt
        made.append(work.part(number).name)
        return make(chunk, filters, work, number)

    monkeypatch.setattr(making, "extract_chunk", some)
    return made


def stopped_run(folder, out, parts, monkeypatch):
    """Extract a folder, and be stopped after so many parts."""
    with monkeypatch.context() as patched:
        stopped_after(parts, patched)
        with pytest.raises(KeyboardInterrupt):
            extract([folder], out, workers=1, progress=False)


@pytest.mark.usefixtures("small_parts")
def test_finished_parts_are_not_made_again(folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        first = stopped_after(2, patched)
        with pytest.raises(KeyboardInterrupt):
            extract([folder], tmp_path / "corpus", workers=1)
    then = stopped_after(1000, monkeypatch)
    extract([folder], tmp_path / "corpus", workers=1)  # with its progress bar, which draws
    assert len(first) == 2
    assert len(then) == 3
    assert not set(first) & set(then)


@pytest.mark.usefixtures("small_parts")
def test_a_part_of_a_run_with_other_filters_never_enters(folder, tmp_path, monkeypatch):
    strict = Filters(min_notes=256)
    with monkeypatch.context() as patched:
        stopped_after(1, patched)
        with pytest.raises(KeyboardInterrupt):
            extract([folder], tmp_path / "corpus", filters=strict, workers=1, progress=False)
    (late,) = (tmp_path / "corpus.partial").glob("part-*.arrow")
    data, make = late.read_bytes(), run.make_plan

    def and_an_old_worker_ends(*arguments):
        made = make(*arguments)
        late.write_bytes(data)
        return made

    with monkeypatch.context() as patched:
        patched.setattr(run, "make_plan", and_an_old_worker_ends)
        extract([folder], tmp_path / "corpus", workers=1, progress=False)
    extract([folder], tmp_path / "clean", progress=False)
    assert contents(tmp_path / "corpus") == contents(tmp_path / "clean")


@pytest.mark.usefixtures("small_parts")
def test_what_a_killed_run_left_is_swept(folder, tmp_path, monkeypatch):
    stopped_run(folder, tmp_path / "corpus", 2, monkeypatch)
    partial = tmp_path / "corpus.partial"
    for name in ("files.new", "part-000003.77.tmp", "part-000000-0123456789abcdef.arrow"):
        (partial / name).write_text("half written")
    (partial / "corpus").mkdir()
    stopped_run(folder, tmp_path / "corpus", 0, monkeypatch)
    left = Counter(path.name.partition("-")[0] + path.suffix for path in partial.iterdir())
    kinds = ("part.arrow", "part.bars", "part.hashes", "part.json", "part.tsv")
    assert left == {"files": 1, "lock": 1, **dict.fromkeys(kinds, 2)}


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("suffix", ["arrow", "bars", "hashes", "json"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[:-16], lambda data: bytes(len(data)), lambda data: b""], ids=["cut", "zeros", "empty"]
)
def test_a_damaged_part_is_made_anew(folder, tmp_path, monkeypatch, suffix, damage):
    extract([folder], tmp_path / "whole", workers=1, progress=False)
    stopped_run(folder, tmp_path / "corpus", 2, monkeypatch)
    file = min((tmp_path / "corpus.partial").glob(f"part-*.{suffix}"))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UserError, match=re.escape(f"{file} was damaged; run the same command again")):
        extract([folder], tmp_path / "corpus", workers=1, progress=False)
    assert extract([folder], tmp_path / "corpus", workers=1, progress=False)["windows"] == 35 * 9
    assert contents(tmp_path / "corpus") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("suffix", ["arrow", "bars", "hashes", "json", "tsv"])
def test_a_part_of_which_a_file_was_deleted_is_made_anew(folder, tmp_path, monkeypatch, suffix):
    extract([folder], tmp_path / "whole", workers=1, progress=False)
    stopped_run(folder, tmp_path / "corpus", 2, monkeypatch)
    file = min((tmp_path / "corpus.partial").glob(f"part-*.{suffix}"))
    file.unlink()
    made = stopped_after(1000, monkeypatch)
    extract([folder], tmp_path / "corpus", workers=1, progress=False)
    assert made[0] == file.with_suffix(".arrow").name
    assert len(made) == 4  # of 5
    assert contents(tmp_path / "corpus") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("suffix", ["arrow", "bars", "hashes", "json", "tsv"])
def test_a_file_deleted_while_a_run_is_at_work_is_told_and_made_anew(folder, tmp_path, monkeypatch, suffix):
    extract([folder], tmp_path / "whole", workers=1, progress=False, rejected=tmp_path / "whole.tsv")
    deleted = []

    def and_a_file_goes(plan, *others, **named):
        make(plan, *others, **named)
        deleted.append(min(plan.work.folder.glob(f"part-*.{suffix}")))
        deleted[0].unlink()

    with monkeypatch.context() as patched:
        make = run._make_parts
        patched.setattr(run, "_make_parts", and_a_file_goes)
        with pytest.raises(UserError, match=r"is missing; run the same command again") as told:
            extract([folder], tmp_path / "corpus", workers=1, progress=False, rejected=tmp_path / "corpus.tsv")
    assert str(deleted[0]) in str(told.value)
    assert not (tmp_path / "corpus.tsv").exists()
    made = stopped_after(1000, monkeypatch)
    extract([folder], tmp_path / "corpus", workers=1, progress=False, rejected=tmp_path / "corpus.tsv")
    assert made == [deleted[0].with_suffix(".arrow").name]
    assert contents(tmp_path / "corpus") == contents(tmp_path / "whole")
    assert (tmp_path / "corpus.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()


@pytest.mark.usefixtures("small_parts")
def test_where_the_folder_of_a_run_is_gone_no_file_is_said_to_be_missing(folder, tmp_path, monkeypatch):
    def and_the_folder_goes(plan, *others, **named):
        make(plan, *others, **named)
        plan.work.folder.rename(tmp_path / "elsewhere")

    make = run._make_parts
    monkeypatch.setattr(run, "_make_parts", and_the_folder_goes)
    with pytest.raises(FileNotFoundError):
        extract([folder], tmp_path / "corpus", workers=1, progress=False)


def test_a_second_run_into_a_folder_ends_in_one_line(folder, tmp_path, capsys):
    with plan.locked(tmp_path / "corpus.partial"):
        assert cli.main(["extract", str(folder), "--out", str(tmp_path / "corpus")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.main(["extract", str(folder), "--out", str(tmp_path / "corpus")]) == 0


def test_a_folder_of_someone_else_is_left_alone(folder, tmp_path):
    partial = tmp_path / "corpus.partial"
    partial.mkdir()
    (partial / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        extract([folder], tmp_path / "corpus", workers=1, progress=False)
    assert [path.name for path in partial.iterdir()] == ["thesis.tex"]


@pytest.mark.usefixtures("small_parts", "compiling_always")
def test_no_more_workers_than_parts_or_twice_the_cores(folder, tmp_path, monkeypatch):
    started = []

    def run_here(job, items, processes, done):
        started.append(processes)
        for item in items:
            done(job(item))

    monkeypatch.setattr(engines, "run_in_processes", run_here)
    monkeypatch.setattr(engines, "available_cores", lambda: 2)
    extract([folder], tmp_path / "a", workers=9999, progress=False)
    monkeypatch.setattr(engines, "available_cores", lambda: 64)
    extract([folder], tmp_path / "b", workers=9999, progress=False)
    assert started == [4, 5]


@pytest.mark.usefixtures("small_parts", "compiling_always")
def test_every_rejected_file_is_listed_in_order(folder, tmp_path, capsys):
    lists = [tmp_path / "rejected1.tsv", tmp_path / "rejected2.tsv"]
    for workers, to in enumerate(lists, 1):
        options = ["--out", str(tmp_path / f"corpus{workers}"), "--workers", str(workers), "--rejected", str(to)]
        assert cli.main(["extract", str(folder), *options]) == 0
    assert lists[0].read_bytes() == lists[1].read_bytes()
    header, *rows = (line.split("\t") for line in lists[0].read_text().removesuffix("\n").split("\n"))
    assert tuple(header) == COLUMNS
    assert [(source, reason) for source, track, channel, reason in rows if track == channel == ""] == [
        ("music/a\\ttab.mid", "not a MIDI file (no MThd header)"),
        ("music/empty.mid", "empty file"),
        ("music/gone.mid", "unreadable"),
        ("music/short.mid", "no window kept"),
    ]
    assert str(lists[1]) in capsys.readouterr().out


def test_tracks_and_channels_are_listed_from_1():
    assert str(Rejected("a.mid", "percussion", track=0, channel=9)) == "a.mid\t1\t10\tpercussion"


@pytest.mark.parametrize("name", [".", "nowhere/rejected.tsv"])
def test_a_list_that_could_not_be_written_is_refused_first(folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--rejected expected a file"):
        extract([folder], tmp_path / "corpus", progress=False, rejected=name)
    assert not (tmp_path / "corpus.partial").exists()


@POSIX
def test_a_file_that_became_a_pipe_is_counted(folder, tmp_path, monkeypatch):
    """After the search saw it: opening it to read would wait for ever."""
    make = run.make_plan

    def and_then(*arguments):
        made = make(*arguments)
        (folder / "000.mid").unlink()
        os.mkfifo(folder / "000.mid")
        return made

    monkeypatch.setattr(run, "make_plan", and_then)
    card = extract([folder], tmp_path / "corpus", workers=1, progress=False)
    assert card["rejected"]["files"][SPECIAL] == 1


def test_a_stop_within_a_kernel_is_a_stop(monkeypatch):
    """numba makes a SystemError of it, caused by another, caused by the KeyboardInterrupt."""

    def stopped(*_):
        try:
            try:
                raise signals.Stopped(signal.SIGTERM)
            except KeyboardInterrupt as stop:
                raise SystemError from stop
        except SystemError as error:
            raise SystemError from error

    kernel = compiled.Kernel(stopped)
    monkeypatch.setattr(kernel, "compiled", stopped)
    with pytest.raises(signals.Stopped):
        kernel()


@POSIX
def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals.on_signals():
            signal.raise_signal(signal.SIGHUP)
            with pytest.raises(signals.Stopped) as stop:
                signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)  # a second does not disturb the end
        assert signals.exit_code(stop.value) == 143
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_rmi_files_are_found(tmp_path):
    (tmp_path / "a.RMI").write_bytes(melody_bytes(0))
    assert [found.size > 0 for found in discovery.find_midi_files([tmp_path])] == [True]


def test_more_folders_in_each_other_than_python_nests_calls(tmp_path):
    deepest = tmp_path.joinpath(*["d"] * 250)
    deepest.mkdir(parents=True)
    (deepest / "a.mid").write_bytes(melody_bytes(0))
    here = len(inspect.stack())
    usual = sys.getrecursionlimit()  # 1000; but pytest could not clear away so many
    try:
        sys.setrecursionlimit(here + 150)
        (found,) = discovery.find_midi_files([tmp_path])
    finally:
        sys.setrecursionlimit(usual)
    assert found.source.endswith("/d/d/a.mid")


def test_a_first_run_on_a_small_folder_does_not_load_the_compiler(folder, tmp_path):
    code = "import sys; from melodylc import cli; print(cli.main(sys.argv[1:]), 'numba' in sys.modules)"
    options = ["extract", str(folder), "--out", str(tmp_path / "corpus")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": ""}
    done = subprocess.run([sys.executable, "-c", code, *options], check=True, capture_output=True, env=environment)
    assert done.stdout.decode().splitlines()[-1] == "0 False"
    assert not (tmp_path / "cache").exists()
    extract([folder], tmp_path / "compiled", progress=False)
    assert contents(tmp_path / "corpus") == contents(tmp_path / "compiled")


def test_whether_compiling_is_worthwhile_depends_on_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "_ready", False)
    compiles = []
    monkeypatch.setattr(compiling, "_compile", lambda: compiles.append(1))
    between = (compiling.WARM_BYTES + compiling.COLD_BYTES) // 2

    def chosen(size):
        with compiling.compiled_if_worthwhile(size) as is_compiled:
            assert compiled.interpreting() != is_compiled
            return is_compiled

    assert [chosen(size) for size in (0, between, 2 * compiling.COLD_BYTES)] == [False, False, True]
    compiling._marker().touch()
    assert [chosen(size) for size in (0, between, 2 * compiling.COLD_BYTES)] == [False, True, True]
    monkeypatch.setattr(compiling, "_ready", True)
    assert chosen(1)  # nothing to load


def test_workers_see_the_cores_they_may_use():
    assert 1 <= engines.available_cores() <= (os.cpu_count() or 1)


def test_a_list_of_the_rejected_that_cannot_be_is_known_before_the_run(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    (tmp_path / "device.tsv").symlink_to("/dev/null")
    for name, why in {
        "missing/list.tsv": "a folder that does not exist",
        "music": "is a folder",
        "device.tsv": "no regular file",
        "corpus": "in the way of --out",
        "corpus.partial": "in the way of --out",
        "corpus.partial/list.tsv": "does not exist|in the way of --out",
    }.items():
        with pytest.raises(UserError, match=why):
            extract([music], tmp_path / "corpus", rejected=tmp_path / name, progress=False)
        assert not (tmp_path / "corpus.partial").exists()
        assert not (tmp_path / "corpus").exists()


def test_an_empty_path_is_no_folder_to_search(tmp_path):
    with pytest.raises(UserError, match="empty path"):
        extract([""], tmp_path / "corpus", progress=False)


def test_a_folder_of_ones_own_is_not_swept(tmp_path):
    (tmp_path / "music").mkdir()
    for name in ("corpus-backup", "files of mine"):
        own = tmp_path / "corpus.partial" / name
        own.mkdir(parents=True)
        with pytest.raises(UserError, match="holds other files"):
            extract([tmp_path / "music"], tmp_path / "corpus", progress=False)
        assert own.exists()
        own.rmdir()
