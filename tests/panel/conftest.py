"""A real browser, and the page's files served as the panel serves them."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from panel_page import PATIENCE

import melodylc

PAGE = Path(melodylc.__file__).parent / "panel" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first takes a fifth less of the processor


def without_browser(reason):
    """Skip, or fail where a browser is expected to be there."""
    if os.environ.get("MELODYLC_NEEDS_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    """A browser, ended with the file: while playwright runs, no other test can run an event loop in this thread."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        without_browser("no chromium: apt-get install chromium-headless-shell")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        without_browser("no playwright: pip install playwright")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def policy():
    """The content security policy of the panel, for pages that a test makes."""
    return POLICY


class PageFiles(http.server.SimpleHTTPRequestHandler):
    """The files of the page, under the policy that the panel sends."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def page_files():
    """The address where the files of the page are served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(PageFiles, directory=str(PAGE)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


# --- the whole page, and a server for it ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A panel's server, with a twin of the inference process that makes melodies at once."""
    from panel_musician import Musician
    from panel_server import Running

    started = Running(tmp_path_factory.mktemp("panel") / "melodies", source=Musician())
    yield started
    started.stop()


@pytest.fixture
def opened(browser, running):
    """A function that opens the page, as often as is wanted; what goes wrong in any of them fails the test."""
    from panel_page import Opened

    pages = []

    def open_page(server=None, **looks):
        pages.append(Opened(browser, server or running, **looks))
        return pages[-1]

    yield open_page
    for each in pages:
        each.close()
    for each in pages:
        each.check()


@pytest.fixture(scope="module")
def page_of_module(browser, running):
    from panel_page import Opened

    opened = Opened(browser, running)
    yield opened
    opened.close()


@pytest.fixture
def panel(running, page_of_module):
    """The page as it is opened first: usual settings, and a new set of candidates."""
    begin_anew(running)
    page_of_module.reopen()
    yield page_of_module
    page_of_module.check()


def begin_anew(running):
    """Have the server ask for what it asks for at first."""
    from melodylc.panel.settings import Settings

    running.source.held = False
    with running.page() as page:
        before = page.state["at"]
        page.do("set", settings=Settings().as_json())
        page.do("again")
        page.until(lambda state: state["at"] not in (None, before) and state["busy"] is None)
