"""Programs in several processes: started by torchrun, or by `forked.py` in a fraction of the time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def together(processes: int, *program: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Let torchrun run a program in so many processes: a script or `-m MODULE`, and its arguments.

    A single one is started as it is, which takes half as long.
    """
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return _run([*(launcher if processes > 1 else []), *program], folder)


def forked(processes: int, script: object, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in so many processes, each of which has nothing to import: where torchrun is not what is tested."""
    return _run([HERE / "forked.py", processes, script, *arguments])


def _run(program: Sequence[object], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of Python's whose processes have one thread each."""
    return subprocess.run(
        [sys.executable, *map(str, program)],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
