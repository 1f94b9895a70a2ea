"""A check of what this machine can do live, with a command for whatever is missing (`melodylc doctor`)."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from melodylc.base.extras import installed
from melodylc.live.hints import INSTALL, INSTALL_LINK, LINK_LICENCE, with_hint
from midi_io.link_transport import PACKAGE as LINK
from midi_io.ports import NoVirtualPortsError, problem_of
from midi_io.ports.rtmidi import WINDOWS
from midi_io.priority import priority_granted

SYSTEMS = {"linux": ("jack", "alsa"), "darwin": ("coremidi", "jack"), "win32": ("windows",)}
PACKAGES = {
    "python-rtmidi": "rtmidi",
    "JACK-Client": "jack",
    "python-osc": "pythonosc",
    "platformdirs": "platformdirs",
}
SERVE = "jackd -d alsa (or, without a sound card: jackd -d dummy)"
SEQUENCER = Path("/sys/module/snd_seq")  # there where the kernel has ALSA's sequencer


NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    name: str
    fine: bool
    says: str
    mend: str | None = None


def examine() -> Iterator[Finding]:
    """Look at everything a live session needs, in order; nothing here raises."""
    yield Finding("Python", True, sys.version.split()[0])
    yield _torch()
    yield _weights()
    missing = []
    for package, module in PACKAGES.items():
        finding = _package(package, module)
        missing += [package] if finding.says == NOT_INSTALLED else []
        yield finding
    works = []
    for backend in SYSTEMS.get(sys.platform, ("alsa", "jack")):
        problem = problem_of(backend)
        if problem is None:
            works.append(backend)
            yield Finding(backend, True, "answers" + ("" if backend != "windows" else "; it has no virtual ports"))
        else:
            why, _, mend = with_hint(problem).partition("; ")
            yield Finding(backend, False, why, _mend(backend, why) or mend.partition(" with: ")[2] or mend or None)
    yield _link()
    priority = priority_granted()
    yield Finding("priority", priority.best, priority.says, priority.mend)
    yield _verdict(works, missing)


def _mend(backend: str, why: str) -> str | None:
    """Return what mends a MIDI system of Linux; None where the reason has its own advice."""
    if sys.platform != "linux":
        return None
    if backend == "jack" and why.startswith("no JACK server"):
        if shutil.which("jackd"):
            return f"start it: {SERVE}"
        if shutil.which("pw-jack"):
            return "PipeWire stands in for it: pw-jack melodylc live"
        return f"apt-get install jackd2, then: {SERVE}"
    if backend == "alsa" and "no sequencer" in why:
        return (
            "give this container /dev/snd (docker run --device /dev/snd)" if SEQUENCER.exists() else "modprobe snd-seq"
        )
    return None


def _package(package: str, module: str) -> Finding:
    try:
        importlib.import_module(module)
        return Finding(package, True, importlib.metadata.version(package))
    except OSError:
        return Finding(package, False, "its library is missing", "apt-get install libjack-jackd2-0")
    except ImportError as error:
        if find_spec(module) is None:
            return Finding(package, False, NOT_INSTALLED, INSTALL)
        why = f"installed, but does not load ({str(error).splitlines()[0]})"
        return Finding(package, False, why, f"pip install --force-reinstall {package}")


def _link() -> Finding:
    """Say whether Ableton Link is there, which nothing else needs."""
    found = _package(LINK, "link")
    if found.says == NOT_INSTALLED:
        found = replace(found, says=f"not installed; only --sync link needs it ({LINK_LICENCE})", mend=INSTALL_LINK)
    return replace(found, name="Ableton Link")


def _torch() -> Finding:
    if not installed("torch"):
        return Finding(
            "torch", True, "not installed; learning, GPUs and several actors need it (pip install 'melodylc[train]')"
        )
    try:
        import torch
    except (ImportError, OSError) as error:
        why = f"does not load ({str(error).splitlines()[0]})"
        return Finding("torch", False, why, "pip install --force-reinstall torch")
    where = f"CUDA: {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "CPU only, which is enough"
    return Finding("torch", True, f"{torch.__version__}, {where}")


def _weights() -> Finding:
    folder = Path(__file__).parents[1] / "weights"
    missing = [name for name in ("model", "bank", "knobs") if not (folder / f"{name}.safetensors").exists()]
    if missing:
        return Finding("weights", False, f"missing: {', '.join(missing)}", "pip install --force-reinstall melodylc")
    return Finding("weights", True, f"{sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.1f} MB")


def _verdict(works: list[str], missing: list[str]) -> Finding:
    if missing:
        return Finding("live", False, "not yet", INSTALL)
    if not works:
        mends = {"win32": with_hint(NoVirtualPortsError(WINDOWS)), "linux": "any one of the above will do"}
        return Finding("live", False, "no MIDI system answers", mends.get(sys.platform))
    if works == ["windows"]:
        return Finding("live", True, with_hint(NoVirtualPortsError(WINDOWS)))
    return Finding("live", True, f"ready through {works[0]}: melodylc live --key 'C major'")


def report() -> bool:
    """Print the findings; return whether a live session can be played."""
    fine = False
    for finding in examine():
        print(f"{'ok ' if finding.fine else 'NO '} {finding.name:<15}{finding.says}", flush=True)
        if finding.mend and not finding.fine:
            print(f"    {'':<15}mend: {finding.mend}", flush=True)
        fine = finding.fine
    return fine
