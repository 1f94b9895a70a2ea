"""The whole suite in several processes, through pytest-xdist: tests in real time have one of them to themselves.

That one goes before the others wherever a core is wanted, so tests in real time run nearly as they do alone. A test
file stays in one process, with what it shares. Where files or folders are named their tests run one after the other.
"""

import os

REAL_TIME = ("tests/live/jack/", "tests/midi_io/test_link_peers.py", "tests/midi_io/test_priority.py")
LONG = (  # begin first, so that none is left over at the end: what takes longest
    "tests/cli/test_cli.py",
    "tests/test_plausibility.py",
    "tests/test_docs.py",
    "tests/constraints/",
    "tests/vision/test_vision.py",
    "tests/vision/test_image_processes.py",
    "tests/vae/",
    "tests/extraction/test_ray.py",
    "tests/evaluation/",
    "tests/live/test_session.py",
    "tests/ableton/test_melodies.py",
    "tests/test_examples.py",
    "tests/test_golden.py",
    "tests/test_style.py",
    "tests/prior/",
    "tests/latent/test_adversarial.py",
    "tests/plugins/",
    "tests/tasks/",
    "tests/live/test_inference.py",
    "tests/panel/",
)
FIRST = "gw0"  # the process of real time, by its name in xdist
MOST = 6  # processes: each takes about a gigabyte of memory


def pytest_xdist_auto_num_workers(config):
    """Return one process for each core and two while others wait; none where only some tests are asked for.

    That of real time waits most of the time, and so does one that has a browser, a cluster or packets that are lost.
    """
    if config.args_source is not config.ArgsSource.TESTPATHS:
        return 0
    return min((os.cpu_count() or 1) + 2, MOST)


def pytest_configure(config):
    if hasattr(os, "nice") and os.environ.get("PYTEST_XDIST_WORKER", FIRST) != FIRST:
        os.nice(10)


def rank(path):
    """Return when the tests of a file begin: real time, long ones, then the others."""
    order = (REAL_TIME, *LONG)
    return next((place for place, start in enumerate(order) if path.startswith(start)), len(order))


def pytest_collection_modifyitems(config, items):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: rank(item.nodeid))


def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        """Give each process a file at a time, and the first one all files of real time to begin with."""

        def _split_scope(self, nodeid):
            return "real time" if nodeid.startswith(REAL_TIME) else nodeid.partition("::")[0]

        def schedule(self):
            if self.collection is None:
                by_name = sorted(self.assigned_work.items(), key=lambda node: node[0].gateway.id)
                self.assigned_work = dict(by_name)
            super().schedule()

    config.option.loadscopereorder = False  # but in the order above
    return ByFile(config, log)
