"""Run a script in several processes that find each other as those of torchrun do: COUNT SCRIPT ARGUMENTS.

What takes seconds to import is imported once, before they part; torchrun's processes each do it for themselves. So they
have one seed of hashes and one state of generators, which torchrun's have not: what depends on those is for torchrun.
"""

import os
import runpy
import signal
import socket
import sys
import traceback
from contextlib import closing
from pathlib import Path

import torch
import torch._dynamo  # noqa: F401 - which the first optimiser would import in each of them


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run(rank: int, script: str) -> int:
    """Run the script as one of the processes, and return its exit code."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        return int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> int:
    count, script = int(sys.argv[1]), sys.argv[2]
    sys.argv, sys.path[0] = sys.argv[2:], str(Path(script).parent)
    runpy.run_path(script)  # its imports too
    os.environ |= {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    children = []
    for rank in range(count):
        if (child := os.fork()) == 0:
            code = run(rank, script)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        children.append(child)
    failed = False
    while children:
        ended, status = os.wait()
        children.remove(ended)
        if status and not failed:  # the others would wait for it
            failed = True
            for child in children:
                os.kill(child, signal.SIGTERM)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
