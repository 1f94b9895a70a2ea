"""Extraction on a Ray cluster of three nodes, all on this machine: the bytes of a run without it."""

import signal
import subprocess
import sys
import threading

import pytest
from generated import contents, melody_bytes
from ray_extra import need_ray

from melodylc import cli
from melodylc.base.errors import UserError
from melodylc.extraction import extract, plan, run, unique
from melodylc.extraction.ray_engine import on_ray

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
PARTS, FILES = 30, 2  # and the files of each
SETTINGS = {
    "USAGE_STATS_ENABLED": "0",
    "worker_niceness": "0",  # not below that of the other tests, which leave no core idle
    "health_check_initial_delay_ms": "500",
    "health_check_period_ms": "500",  # a node is lost when it has missed five
}


@pytest.fixture(scope="module")
def cluster():
    """A head that does no jobs, and three nodes that do."""
    need_ray()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(f"RAY_{name}", value)
        from ray.cluster_utils import Cluster

        before = signal.getsignal(signal.SIGTERM)
        made = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
        yield made
        made.shutdown()
        signal.signal(signal.SIGTERM, before)  # each node takes it for itself


@pytest.fixture
def nodes(cluster):
    """Three nodes, some perhaps left by the test before."""
    while len(cluster.worker_nodes) < 3:
        cluster.add_node(**NODE)
    return sorted(cluster.worker_nodes, key=lambda node: node.node_id)


@pytest.fixture
def joined(cluster):
    """A program that is on the cluster already: what runs there for one extraction does the next one too."""
    with on_ray(cluster.address, []):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of music, some of it twice; beside it, what an extraction without Ray makes of it."""
    root = tmp_path_factory.mktemp("midi") / "music"
    root.mkdir()
    for index in range(FILES * PARTS):
        (root / f"{index:03d}.mid").write_bytes(melody_bytes(index % 45))
    extract([root], root.with_name("alone"), workers=1, progress=False)
    return root


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(plan, "FILES_PER_CHUNK", FILES)
    monkeypatch.setattr(unique, "WINDOWS_PER_GROUP", 200)


def sleepy(item):
    """Tell who does which item; the node that is first will be lost, and never ends what it does."""
    import time
    from contextlib import suppress

    import ray

    folder, number = item
    node = ray.get_runtime_context().get_node_id()
    (folder / f"{number}-{node}").touch()
    with suppress(FileExistsError):
        (folder / "doomed").mkdir()
        (folder / "doomed" / node).touch()
    while not list((folder / "doomed").iterdir()) or (folder / "doomed" / node).exists():
        time.sleep(0.01)
    return 2 * number


def test_jobs_of_a_lost_node_are_done_on_another(cluster, nodes, tmp_path):
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])

    def kill():
        while not list(tmp_path.glob("doomed/*")) and not ended.wait(0.002):
            pass
        (node,) = (node for node in nodes if (tmp_path / "doomed" / node.node_id).exists())
        cluster.remove_node(node, allow_graceful=False)
        doomed.append(node.node_id)

    ended, done, doomed = threading.Event(), [], []
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with on_ray(cluster.address, [str(tmp_path)]) as run:
            run(sleepy, [(tmp_path, number) for number in range(9)], done.append)
    finally:
        ended.set()
        killer.join()
    assert sorted(done) == list(range(0, 18, 2))
    lost = [path.name.partition("-")[0] for path in tmp_path.glob(f"*-{doomed[0]}")]
    assert lost
    assert all(len(list(tmp_path.glob(f"{number}-*"))) == 2 for number in lost)


def test_a_node_is_killed_in_the_middle(cluster, nodes, folder, tmp_path):
    out, partial = tmp_path / "corpus", tmp_path / "corpus.partial"
    killed = []

    def kill():
        while not out.exists() and not list(partial.glob("part-*.arrow")):
            ended.wait(0.002)
        killed.append(len(list(partial.glob("part-*.arrow"))))
        cluster.remove_node(nodes[1], allow_graceful=False)

    ended = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        extract([folder], out, progress=False, engine="ray", address=cluster.address)
    finally:
        ended.set()
        killer.join()
    assert 0 < killed[0] < PARTS
    assert contents(out) == contents(folder.with_name("alone"))
    assert not partial.exists()


def test_a_folder_that_a_node_lacks_is_one_line(cluster, nodes, tmp_path):
    done = []
    why = r"^extract: expected /nowhere on every node, .* has nothing there"
    with pytest.raises(UserError, match=why), on_ray(cluster.address, [str(tmp_path), "/nowhere"]) as run:
        run(len, ["work"], done.append)
    assert not done


def test_another_version_on_a_node_is_one_line(cluster, nodes, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("melodylc.extraction.ray_engine.__version__", "0.0")
    with pytest.raises(UserError, match=r"expected melodylc 0\.0 on every node"):
        extract([folder], tmp_path / "corpus", progress=False, engine="ray", address=cluster.address)


def test_a_damaged_part_is_told_by_the_cluster(cluster, nodes, joined, folder, tmp_path, monkeypatch):
    out = tmp_path / "corpus"

    def damage(*arguments):
        next(out.with_name("corpus.partial").glob("part-000007-*.arrow")).write_bytes(b"")
        return read(*arguments)

    read = run.read_counts
    with monkeypatch.context() as patched:
        patched.setattr(run, "read_counts", damage)
        with pytest.raises(UserError, match=r"part-000007.* was damaged"):
            extract([folder], out, progress=False, engine="ray", address=cluster.address)
    extract([folder], out, progress=False, engine="ray", address=cluster.address)
    assert contents(out) == contents(folder.with_name("alone"))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_no_cluster_is_one_line(folder, tmp_path, capsys, address):
    need_ray()
    command = ["extract", str(folder), "--out", str(tmp_path / "corpus"), "--engine", "ray", "--address", address]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"melodylc: extract: no Ray cluster answers at {address}")
    assert said.count("\n") == 1


def test_an_address_without_the_engine_is_one_line(folder, tmp_path, capsys):
    assert cli.main(["extract", str(folder), "--out", str(tmp_path / "corpus"), "--address", "auto"]) == 2
    assert "name the engine too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("ray", ["{music}", "--engine", "ray"]), ("upath", ["s3://bucket/music"]), ("fsspec", ["s3://bucket/music"])],
)
def test_without_the_extra_a_line_says_how_to_get_it(folder, tmp_path, missing, arguments):
    code = f"import sys; sys.modules[{missing!r}] = None; from melodylc import cli; sys.exit(cli.main(sys.argv[1:]))"
    arguments = [each.format(music=folder) for each in arguments]
    command = [sys.executable, "-c", code, "extract", *arguments, "--out", str(tmp_path / "corpus")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'melodylc[ray]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_ray_and_fsspec_are_loaded_on_first_use(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.mid").write_bytes(melody_bytes(0))
    code = (
        "import sys; from melodylc import cli; print(cli.main(sys.argv[1:]), "
        "*sorted({'ray', 'fsspec', 'upath'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, "extract", str(tmp_path / "music"), "--out", str(tmp_path / "corpus")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0"
