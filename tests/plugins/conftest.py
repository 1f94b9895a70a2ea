"""What runs the scripts of the plug-ins outside their DAWs: Lua for Reaper's, node for Bitwig's.

Where a program is missing these tests are skipped, and say what to install; with MELODYLC_NEEDS_PLUGIN_TOOLS set, as in
CI, they fail instead.
"""

import os
import shutil

import pytest


def _program(*names, package):
    for name in names:
        if path := shutil.which(name):
            return path
    reason = f"no {' or '.join(names)}: apt-get install {package}"
    if os.environ.get("MELODYLC_NEEDS_PLUGIN_TOOLS"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def lua():
    return _program("lua5.4", "lua5.3", package="lua5.4")


@pytest.fixture(scope="session")
def luacheck():
    return _program("luacheck", package="lua-check")


@pytest.fixture(scope="session")
def node():
    return _program("node", "nodejs", package="nodejs")
