"""Whether the extra `ray` is there: its tests are skipped without it, or fail with MELODYLC_NEEDS_RAY set, as in CI."""

import os
from importlib.util import find_spec

import pytest


def need_ray():
    missing = [name for name in ("ray", "fsspec", "upath") if find_spec(name) is None]
    if missing and os.environ.get("MELODYLC_NEEDS_RAY"):
        pytest.fail(f"needs the extra ray, missing {missing}")
    if missing:
        pytest.skip(f"needs the extra ray, missing {missing}")
