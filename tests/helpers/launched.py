"""Programs that torchrun starts in several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def together(processes: int, *program: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in so many processes, each with one thread: a script or `-m MODULE`, and its arguments.

    A single one is started as it is, which takes half as long.
    """
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), *map(str, program)],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
